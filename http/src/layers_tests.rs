use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::auth::{Caller, OperatorCaller, Role};
use crate::issuer::Issuer;
use crate::json::{OptionalJson, ValidJson};
use crate::params::{IdempotencyKey, ValidPath, ValidQuery};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    limit: Option<u8>,
}

pub(super) struct Site {
    router: Router,
    pub(super) shared: Arc<Shared>,
    pub(super) issuer: Issuer,
    _folder: tempfile::TempDir,
}

pub(super) fn site(limits: &HttpLimits) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let issuer = Issuer::open_or_create(&folder.path().join("key")).unwrap();
    let router = Router::new()
        .route("/words", post(async |ValidJson(words): ValidJson<Words>| words.text))
        .route(
            "/maybe",
            post(async |OptionalJson(words): OptionalJson<Words>| {
                words.map_or("nothing".to_owned(), |words| words.text)
            }),
        )
        .route("/me", get(async |caller: Caller| format!("{} {:?}", caller.user, caller.traceparent)))
        .route("/operate", get(async |_: OperatorCaller| "done"))
        .route("/things/{thing}", get(async |ValidPath(thing): ValidPath<UserId>| thing.to_string()))
        .route("/pairs/{left}/{right}", get(async |ValidPath(_): ValidPath<(UserId, UserId)>| "pair"))
        .route("/list", get(async |ValidQuery(paging): ValidQuery<Paging>| format!("{:?}", paging.limit)))
        .route("/key", get(async |IdempotencyKey(key): IdempotencyKey| format!("{key:?}")))
        .route("/panic", get(async || -> &'static str { panic!("the cat is out") }))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(60)).await))
        .route(
            "/wait",
            get(async |_: Caller| {
                crate::without_place(tokio::time::sleep(Duration::from_secs(5))).await.map(|()| "waited")
            }),
        )
        .route(
            "/left",
            get(async || {
                Deadline::current().map_or_else(String::new, |all| all.left().as_millis().to_string())
            }),
        )
        .route("/health/live", get(async || "up"))
        .route("/bare", get(async || (StatusCode::IM_A_TEAPOT, "secret of a library")));
    let shared = Shared::new(Arc::new(issuer.verifier()), limits);
    let router = router.layer(Front { shared: Arc::clone(&shared) });
    Site { router, shared, issuer, _folder: folder }
}

pub(super) fn request(method: &str, path: &str) -> axum::http::request::Builder {
    axum::http::Request::builder().method(method).uri(path).header("host", "nova.test")
}

pub(super) async fn send(site: &Site, request: axum::http::Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = site.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

pub(super) async fn get_it(site: &Site, path: &str) -> (StatusCode, HeaderMap, String) {
    send(site, request("GET", path).body(Body::empty()).unwrap()).await
}

async fn post_json(site: &Site, path: &str, body: impl Into<Body>) -> (StatusCode, String) {
    let request = request("POST", path).header("content-type", "application/json");
    let (status, _, body) = send(site, request.body(body.into()).unwrap()).await;
    (status, body)
}

/// The problem's code, after checking that it is a problem at all.
pub(super) fn code(answer: &(StatusCode, HeaderMap, String)) -> String {
    let (status, headers, body) = answer;
    assert_eq!(headers["content-type"], "application/problem+json", "{body}");
    let problem: Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], status.as_u16());
    assert_eq!(problem["correlation_id"], headers["x-correlation-id"].to_str().unwrap());
    problem["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_correlation_id_is_taken_or_made_and_returned() {
    let site = site(&HttpLimits::default());
    let (_, headers, _) = get_it(&site, "/health/live").await;
    let made = headers["x-correlation-id"].to_str().unwrap();
    assert!(Uuid::try_parse(made).is_ok());
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");

    let given = "0190C4A2-0000-7000-8000-000000000001";
    let with = |value: &str| request("GET", "/health/live").header("x-correlation-id", value);
    let (_, headers, _) = send(&site, with(given).body(Body::empty()).unwrap()).await;
    assert_eq!(headers["x-correlation-id"], given.to_lowercase());

    let answer = send(&site, with("me; DROP").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (400, "invalid_header"));
}

#[tokio::test]
async fn every_error_is_a_problem() {
    let site = site(&HttpLimits::default());
    for (path, status, expected) in [
        ("/nowhere", 404, "not_found"),
        ("/words", 405, "method_not_allowed"),
        ("/panic", 500, "internal"),
        ("/bare", 418, "refused"),
        ("/me", 401, "missing_token"),
        ("/things/7", 422, "validation_failed"),
    ] {
        let answer = get_it(&site, path).await;
        assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (status, expected), "{path}");
        assert!(!answer.2.contains("the cat is out") && !answer.2.contains("secret"), "{}", answer.2);
    }
    let (_, headers, _) = get_it(&site, "/words").await;
    assert_eq!(headers["allow"], "POST");
}

#[tokio::test]
async fn the_caller_is_the_tokens() {
    let site = site(&HttpLimits::default());
    let user = UserId::make();
    let token = site.issuer.issue(user, Role::User, Duration::from_secs(60)).unwrap();
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let ask = |path: &str, trace: &str| {
        let with_token = request("GET", path).header("authorization", format!("Bearer {token}"));
        with_token.header("traceparent", trace).body(Body::empty()).unwrap()
    };
    let (status, _, body) = send(&site, ask("/me", trace)).await;
    assert_eq!((status.as_u16(), body), (200, format!("{user} Some({trace:?})")));
    let (_, _, body) = send(&site, ask("/me", "00-nonsense")).await;
    assert_eq!(body, format!("{user} None"));
    let answer = send(&site, ask("/operate", trace)).await;
    assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (403, "role_required"));
    let answer = send(
        &site,
        request("GET", "/me").header("authorization", "Bearer a.b.c").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (401, "malformed_token"));
    assert!(answer.1.contains_key("www-authenticate"));
}

#[tokio::test]
async fn bodies_are_checked_before_they_are_read() {
    let site = site(&HttpLimits { body_bytes_max: 64, ..HttpLimits::default() });
    assert_eq!(post_json(&site, "/words", r#"{"text":"hi"}"#).await, (StatusCode::OK, "hi".to_owned()));
    assert_eq!(post_json(&site, "/words", r#"{"text":7}"#).await.0.as_u16(), 422);
    assert_eq!(post_json(&site, "/words", r#"{"text":"#).await.0.as_u16(), 400);
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(100));
    assert_eq!(post_json(&site, "/words", large.clone()).await.0.as_u16(), 413);
    // In pieces, without a length that could be believed.
    let pieces: Vec<Result<String, Infallible>> = large.chars().map(|c| Ok(c.to_string())).collect();
    let body = Body::from_stream(futures::stream::iter(pieces));
    assert_eq!(post_json(&site, "/words", body).await.0.as_u16(), 413);
    let plain = request("POST", "/words").body(Body::from(r#"{"text":"hi"}"#)).unwrap();
    assert_eq!(code(&send(&site, plain).await), "unsupported_media_type");
}

#[tokio::test]
async fn an_optional_body_may_be_missing_but_not_wrong() {
    let site = site(&HttpLimits::default());
    let empty = request("POST", "/maybe").body(Body::empty()).unwrap();
    assert_eq!(send(&site, empty).await.2, "nothing");
    assert_eq!(post_json(&site, "/maybe", r#"{"text":"hi"}"#).await.1, "hi");
    assert_eq!(post_json(&site, "/maybe", "{}").await.0.as_u16(), 422);
    let plain = request("POST", "/maybe").body(Body::from("{}")).unwrap();
    assert_eq!(send(&site, plain).await.0.as_u16(), 415);
}

#[tokio::test]
async fn parameters_are_refused_by_name() {
    let site = site(&HttpLimits::default());
    let good = UserId::make();
    assert_eq!(get_it(&site, &format!("/things/{good}")).await.2, good.to_string());
    for (path, field) in [
        ("/things/7".to_owned(), "thing"),
        ("/things/%ff".to_owned(), "thing"),
        (format!("/pairs/{good}/x"), "right"),
        ("/list?limit=300".to_owned(), "limit"),
        ("/list?lmit=3".to_owned(), "lmit"),
    ] {
        let answer = get_it(&site, &path).await;
        assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (422, "validation_failed"), "{path}");
        let problem: Value = serde_json::from_str(&answer.2).unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{path}");
    }
    let keyed =
        |key: &str| request("GET", "/key").header("idempotency-key", key).body(Body::empty()).unwrap();
    assert_eq!(send(&site, keyed(&good.to_string())).await.0.as_u16(), 200);
    assert_eq!(code(&send(&site, keyed("again")).await), "invalid_header");
    assert_eq!(get_it(&site, "/key").await.2, "None");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_cut() {
    let site = site(&HttpLimits::default());
    let answer = get_it(&site, "/slow").await;
    assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (504, "timeout"));
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_requests_are_refused_at_once_but_probes_are_not() {
    let site = site(&HttpLimits { in_flight_max: 1, ..HttpLimits::default() });
    let slow = get_it(&site, "/slow");
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = get_it(&site, "/list").await;
        assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (503, "overloaded"));
        assert_eq!(answer.1["retry-after"], "1");
        assert_eq!(get_it(&site, "/health/live").await.0.as_u16(), 200);
    };
    tokio::join!(slow, others);
    assert_eq!(get_it(&site, "/list").await.0.as_u16(), 200, "the slot is free again");
}

#[tokio::test]
async fn a_dropped_request_frees_its_slot() {
    let site = site(&HttpLimits { in_flight_max: 1, ..HttpLimits::default() });
    for _ in 0..3 {
        let slow = get_it(&site, "/slow");
        assert!(tokio::time::timeout(Duration::from_millis(5), slow).await.is_err());
    }
    assert_eq!(get_it(&site, "/list").await.0.as_u16(), 200);
}

#[tokio::test]
async fn one_user_cannot_take_the_share_of_another() {
    let limits =
        HttpLimits { requests_per_second_per_user: 1, requests_burst_per_user: 2, ..HttpLimits::default() };
    let site = site(&limits);
    let token = || site.issuer.issue(UserId::make(), Role::User, Duration::from_secs(60)).unwrap();
    let (busy, quiet) = (token(), token());
    let me = |token: &str| {
        let request = request("GET", "/me").header("authorization", format!("Bearer {token}"));
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(send(&site, me(&busy)).await.0.as_u16(), 200);
    assert_eq!(send(&site, me(&busy)).await.0.as_u16(), 200);
    let answer = send(&site, me(&busy)).await;
    assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (429, "too_many_requests"));
    assert!(answer.1.contains_key("retry-after"));
    assert_eq!(send(&site, me(&quiet)).await.0.as_u16(), 200);
}

#[test]
fn a_traceparent_is_taken_only_when_it_is_one() {
    assert!(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    for text in [
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
    ] {
        assert!(!is_traceparent(text), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn queries_that_fill_their_limit_do_not_shut_out_commands() {
    let one = AdaptiveOptions::new(1, 1);
    let site = site(&HttpLimits { adaptive: Some(one), ..HttpLimits::default() });
    let slow = get_it(&site, "/slow");
    let others = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = get_it(&site, "/list").await;
        assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (503, "overloaded"));
        assert_eq!(answer.1["retry-after"], "1");
        assert_eq!(get_it(&site, "/health/live").await.0.as_u16(), 200);
        let command = request("POST", "/maybe").body(Body::empty()).unwrap();
        assert_eq!(send(&site, command).await.0.as_u16(), 200);
    };
    tokio::join!(slow, others);
    assert_eq!(get_it(&site, "/list").await.0.as_u16(), 200, "the place is free again");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_refusal_takes_no_place_and_many_refusals_come_one_after_the_other() {
    let site = site(&HttpLimits { in_flight_max: 1, ..HttpLimits::default() });
    let slow = get_it(&site, "/slow");
    let others = async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let began = tokio::time::Instant::now();
        let refused = futures::future::join_all((0..1_500).map(|_| get_it(&site, "/list"))).await;
        assert!(refused.iter().all(|answer| answer.0.as_u16() == 503 && answer.1["retry-after"] == "1"));
        let took = began.elapsed();
        assert!((990..=1_010).contains(&took.as_millis()), "{took:?}");
    };
    let held = async {
        tokio::join!(slow, others);
    };
    held.await;
    let answers = tokio::join!(get_it(&site, "/slow"), async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        for _ in 0..1_500 {
            let gone = get_it(&site, "/list");
            drop(tokio::time::timeout(Duration::ZERO, gone).await);
        }
    });
    assert_eq!(answers.0.0.as_u16(), 504, "it was under way all the time");
    assert_eq!(get_it(&site, "/list").await.0.as_u16(), 200, "those who went away left nothing behind");
}

#[tokio::test(start_paused = true)]
async fn a_client_may_shorten_its_time_and_the_handler_knows() {
    let site = site(&HttpLimits { request_timeout_ms: 5_000, ..HttpLimits::default() });
    let timed = |path: &str, ms: &str| {
        request("GET", path).header("nova-timeout-ms", ms).body(Body::empty()).unwrap()
    };
    for bad in ["0", "-1", "soon", ""] {
        let answer = send(&site, timed("/left", bad)).await;
        assert_eq!((answer.0.as_u16(), code(&answer).as_str()), (400, "invalid_header"), "{bad:?}");
    }
    let began = tokio::time::Instant::now();
    assert_eq!(send(&site, timed("/slow", "700")).await.0.as_u16(), 504);
    assert_eq!(began.elapsed(), Duration::from_millis(700));
    assert_eq!(send(&site, timed("/left", "700")).await.2, "700");
    assert_eq!(send(&site, timed("/left", "5001")).await.2, "5000", "no more than Nova allows");
    assert_eq!(get_it(&site, "/left").await.2, "5000");
}
