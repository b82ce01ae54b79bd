//! Requests that wait for their clients or for something else, and what they hold meanwhile.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::ConnectInfo;
use futures::StreamExt as _;
use futures::future::join_all;

use super::tests::{Site, code, get_it, request, send, site};
use super::*;
use crate::auth::Role;

/// A body of so many pieces, one each time.
fn dripping(pieces: usize, piece: &'static str, every: Duration) -> Body {
    let drip = futures::stream::iter(0..pieces).then(move |index| async move {
        if index > 0 {
            tokio::time::sleep(every).await;
        }
        Ok::<_, Infallible>(piece)
    });
    Body::from_stream(drip)
}

fn post(body: Body) -> axum::http::Request<Body> {
    request("POST", "/words").header("content-type", "application/json").body(body).unwrap()
}

fn from(mut request: axum::http::Request<Body>, address: &str) -> axum::http::Request<Body> {
    let peer = SocketAddr::new(address.parse().unwrap(), 4711);
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

fn held(site: &Site) -> (usize, usize) {
    (site.shared.in_flight.load(Ordering::Relaxed), site.shared.body_bytes.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn request_that_waits_for_its_body_holds_no_place() {
    let one = AdaptiveOptions::new(1, 1);
    let site = site(&HttpLimits { in_flight_max: 1, adaptive: Some(one), ..HttpLimits::default() });
    let slow = || send(&site, post(dripping(3_000, " ", Duration::from_millis(500))));
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for _ in 0..10 {
            let whole = send(&site, post(Body::from(r#"{"text":"hi"}"#))).await;
            assert_eq!(whole.2, "hi");
        }
        assert_eq!(held(&site).0, 0);
    };
    let began = tokio::time::Instant::now();
    let (answers, ()) = tokio::join!(join_all((0..20).map(|_| slow())), others);
    for answer in answers {
        assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (408, "body_timeout"));
        assert_eq!(answer.1["connection"], "close");
    }
    let grace = HttpLimits::default().body_grace_ms;
    assert!((grace..grace + 1_000).contains(&(began.elapsed().as_millis() as u64)));
    assert_eq!(held(&site), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn slow_but_steady_body_is_taken_within_its_time() {
    let site = site(&HttpLimits { body_bytes_max: 1 << 20, ..HttpLimits::default() });
    let kilobyte: &'static str = Box::leak(" ".repeat(1_200).into_boxed_str());
    let steady = |seconds| {
        let body = dripping(seconds, kilobyte, Duration::from_secs(1));
        let rest = Body::from(r#"{"text":"hi"}"#).into_data_stream();
        Body::from_stream(body.into_data_stream().chain(rest))
    };
    assert_eq!(send(&site, post(steady(15))).await.2, "hi");
    let began = tokio::time::Instant::now();
    let answer = send(&site, post(steady(60))).await;
    assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (408, "body_timeout"));
    assert!((20_000..20_100).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn whole_body_finds_no_place_and_is_refused_before_its_handler_begins() {
    let site = site(&HttpLimits { in_flight_max: 1, ..HttpLimits::default() });
    let late = send(&site, post(dripping(2, r#"{"text":"#, Duration::from_secs(2))));
    let other = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        get_it(&site, "/slow").await
    };
    let (answer, _) = tokio::join!(late, other);
    assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (503, "overloaded"));
    assert_eq!(answer.1["retry-after"], "1");
    assert_eq!(held(&site), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn memory_of_bodies_is_bounded_in_all_and_for_each_client() {
    let site = site(&HttpLimits {
        bodies_bytes_max: 100,
        bodies_bytes_per_client_max: 60,
        body_bytes_max: 1_000,
        ..HttpLimits::default()
    });
    let forty: &'static str = Box::leak(" ".repeat(40).into_boxed_str());
    let holding = |address| send(&site, from(post(dripping(2, forty, Duration::from_millis(900))), address));
    // Bytes come at 0 and 900 ms.
    let (first, second, third) = tokio::join!(
        holding("198.51.100.1"),
        async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(held(&site).1, 40);
            holding("198.51.100.1").await
        },
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(held(&site).1, 40, "what was refused gave back what it had");
            holding("198.51.100.2").await
        }
    );
    let told = |answer: &(StatusCode, HeaderMap, String)| (code(answer), answer.0.as_u16());
    assert_eq!(told(&second), ("too_many_requests".to_owned(), 429), "one address");
    assert_eq!(told(&first), ("too_many_requests".to_owned(), 429), "80 bytes of one");
    assert_eq!(told(&third), ("too_many_requests".to_owned(), 429));
    let thirty: &'static str = Box::leak(" ".repeat(30).into_boxed_str());
    let addresses: Vec<_> = (1..=4).map(|last| format!("198.51.100.{last}")).collect();
    let four = addresses
        .iter()
        .map(|address| send(&site, from(post(dripping(2, thirty, Duration::from_millis(10))), address)));
    let answers = join_all(four).await;
    let overloaded = answers.iter().filter(|answer| answer.0.as_u16() == 503).count();
    assert!(overloaded >= 1, "120 bytes of all");
    assert_eq!(held(&site), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn no_address_has_more_than_its_share_under_way() {
    let site = site(&HttpLimits { in_flight_per_address_max: 2, ..HttpLimits::default() });
    let ask =
        |path: &str, address| send(&site, from(request("GET", path).body(Body::empty()).unwrap(), address));
    let slow = async { tokio::join!(ask("/slow", "2001:db8::1"), ask("/slow", "2001:db8::2")) };
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let refused = ask("/list", "2001:db8::3").await;
        assert_eq!((refused.0.as_u16(), code(&refused).as_str()), (429, "too_many_requests"));
        assert_eq!(refused.1["retry-after"], "1");
        assert_eq!(ask("/list", "198.51.100.1").await.0.as_u16(), 200, "another address");
        assert_eq!(ask("/health/live", "2001:db8::3").await.0.as_u16(), 200, "a probe");
    };
    tokio::join!(slow, others);
    assert_eq!(ask("/list", "2001:db8::3").await.0.as_u16(), 200, "the share is free again");
}

#[tokio::test(start_paused = true)]
async fn no_user_has_more_than_their_share_under_way() {
    let site = site(&HttpLimits { in_flight_per_user_max: 2, ..HttpLimits::default() });
    let token = || site.issuer.issue(UserId::make(), Role::User, Duration::from_secs(600)).unwrap();
    let (busy, quiet) = (token(), token());
    let ask = |path: &str, token: &str| {
        let request = request("GET", path).header("authorization", format!("Bearer {token}"));
        send(&site, request.body(Body::empty()).unwrap())
    };
    let slow = async { tokio::join!(ask("/wait", &busy), ask("/wait", &busy)) };
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let refused = ask("/me", &busy).await;
        assert_eq!((refused.0.as_u16(), code(&refused).as_str()), (429, "too_many_requests"));
        assert_eq!(ask("/me", &quiet).await.0.as_u16(), 200);
    };
    tokio::join!(slow, others);
    assert_eq!(ask("/me", &busy).await.0.as_u16(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_something_else_holds_no_place_and_needs_one_afterwards() {
    let site = site(&HttpLimits { in_flight_max: 1, ..HttpLimits::default() });
    let token = site.issuer.issue(UserId::make(), Role::User, Duration::from_secs(600)).unwrap();
    let wait = || {
        let request = request("GET", "/wait").header("authorization", format!("Bearer {token}"));
        send(&site, request.body(Body::empty()).unwrap())
    };
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(get_it(&site, "/list").await.0.as_u16(), 200);
    };
    let (waited, ()) = tokio::join!(wait(), others);
    assert_eq!(waited.0.as_u16(), 200);
    let (waited, _) = tokio::join!(wait(), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        get_it(&site, "/slow").await
    });
    assert_eq!((waited.0.as_u16(), code(&waited).as_str()), (503, "overloaded"));
    assert_eq!(held(&site), (0, 0));
}
