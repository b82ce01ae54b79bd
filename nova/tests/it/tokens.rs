//! Who may come in.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use nova_events::UserId;
use nova_http::{Issuer, Role};
use serde_json::{Value, json};

use crate::world::World;

/// Signs what Nova's own issuer would not.
fn signed(world: &World, change: impl FnOnce(&mut Value)) -> String {
    let key = std::fs::read(world.data.path().join("keys/token.pkcs8")).unwrap();
    let proper = world.issuer.issue(UserId::make(), Role::User, Duration::from_secs(60)).unwrap();
    let now = chrono::Utc::now().timestamp();
    let mut claims = json!({"iss": "nova", "aud": "nova", "sub": UserId::make(), "role": "user",
        "iat": now, "exp": now + 60});
    change(&mut claims);
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = jsonwebtoken::decode_header(proper).unwrap().kid;
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&key)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_token_is_refused_by_its_name() {
    let world = World::start().await;
    let now = chrono::Utc::now().timestamp();
    let good = signed(&world, |_| {});
    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = Issuer::open_or_create(&elsewhere.path().join("key")).unwrap();
    let cut = good.len() - 20;
    let tampered = format!("{}AAAA{}", &good[..cut], &good[cut + 4..]);
    let cases = [
        (signed(&world, |c| c["exp"] = json!(now - 1)), "expired_token"),
        (world.issuer.issue(UserId::make(), Role::User, Duration::ZERO).unwrap(), "expired_token"),
        (signed(&world, |c| c["iat"] = json!(now + 600)), "token_not_yet_valid"),
        (signed(&world, |c| c["nbf"] = json!(now + 600)), "token_not_yet_valid"),
        (signed(&world, |c| c["exp"] = json!(now + 100 * 366 * 86_400)), "token_lifetime_too_long"),
        (signed(&world, |c| c["exp"] = json!(u64::MAX)), "token_lifetime_too_long"),
        (signed(&world, |c| c["iss"] = json!("other")), "wrong_issuer"),
        (signed(&world, |c| c["aud"] = json!("other")), "wrong_audience"),
        (signed(&world, |c| c["sub"] = json!("ada")), "invalid_subject"),
        (signed(&world, |c| c["role"] = json!("king")), "unknown_role"),
        (stranger.issue(UserId::make(), Role::User, Duration::from_secs(60)).unwrap(), "unknown_key"),
        (tampered, "bad_signature"),
        ("x".to_owned(), "malformed_token"),
        ("x".repeat(9000), "token_too_long"),
    ];
    for (token, code) in &cases {
        let answer = world.api.ask("GET", "/timeline").token(token).send().await;
        assert!(answer.headers.contains_key("www-authenticate"), "{code}");
        answer.problem(401, code);
        let posting = world.api.ask("POST", "/posts").token(token).json(&json!({"text": "x"})).send().await;
        posting.problem(401, code);
    }
    world.api.ask("GET", "/timeline").send().await.problem(401, "missing_token");
    let basic = world.api.ask("GET", "/timeline").header("authorization", "Basic YWRhOng=").send().await;
    basic.problem(401, "missing_token");
    assert_eq!(world.head().await, 0);
    let answer = world.api.ask("GET", "/timeline").token(&good).send().await;
    assert_eq!(answer.status, 200, "and a good one is let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_asks_too_much_is_told_to_wait_and_others_are_not() {
    let world = World::with(|config| {
        config.http.requests_per_second_per_user = 1;
        config.http.requests_burst_per_user = 5;
    })
    .await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let mut refused = 0;
    for _ in 0..10 {
        let answer = ada.get("/timeline").await;
        if answer.status == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            answer.problem(429, "too_many_requests");
            refused += 1;
        }
    }
    assert!(refused >= 4, "{refused}");
    assert_eq!(bob.get("/timeline").await.status, 200);
}
