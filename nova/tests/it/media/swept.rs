//! What uploads leave behind is swept, and nothing else; and what happens while the place for media is away.

use std::time::{Duration, Instant};

use nova::config::Config;
use serde_json::{Value, json};
use uuid::Uuid;

use super::bytes::{ogg, png};
use super::place::Place;
use super::{complete, put, reserve};
use crate::client::User;

const PATIENCE: Duration = Duration::from_secs(60);

/// Addresses are good for three seconds, and everything older is swept.
fn soon_over(config: &mut Config) {
    config.media.voice_ttl_s = 3;
    config.media.upload_ttl_s = 3;
    config.media.upload_grace_s = 0;
    config.media.sweep_margin_s = 0;
    config.media.sweep_interval_s = 1;
    config.media.sweep_batch_objects = 2;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_in_a_folder_is_swept() {
    let place = Place::folder_with(soon_over).await;
    let objects = place.world.data.path().join("media").join("objects");
    let write = async |key: &str| {
        let path = objects.join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"left behind").unwrap();
    };
    what_is_left_is_swept(&place, write).await;
    let incoming = place.world.data.path().join("media").join("incoming");
    assert_eq!(std::fs::read_dir(incoming).unwrap().count(), 0, "nothing is half written");
}

#[cfg(feature = "distributed")]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_on_s3_is_swept() {
    use super::place::Look;
    let place = Place::s3_with(soon_over).await;
    let write = async |key: &str| {
        let Look::Through(store) = &place.store else { panic!("it is on S3") };
        store.write(key, b"left behind").await.unwrap();
    };
    what_is_left_is_swept(&place, write).await;
}

async fn what_is_left_is_swept(place: &Place, write: impl AsyncFn(&str)) {
    let ann = place.world.someone("ann").await;
    let (never_put, never_completed) = (reserve(&ann, &png()).await, reserve(&ann, &ogg(1_000)).await);
    // In time or too late: it goes either way.
    let _ = put(&ann, &never_completed, &ogg(1_000)).await;
    let kept = [format!("media/{}", uploaded_in_time(&ann).await)];
    write(&format!("media/{}", Uuid::now_v7())).await;
    write("staging/0d5f3c1e7b9a48620d5f3c1e7b9a4862").await;
    place.holds_soon(&kept).await;

    for upload in [&never_put, &never_completed] {
        assert_eq!(put(&ann, upload, &png()).await, 403, "the address has expired");
        complete(&ann, upload).await.problem(409, "upload_expired");
    }
    // A slow one lands late; a later round finds it.
    write(never_completed["s3_key"].as_str().unwrap()).await;
    place.holds_soon(&kept).await;
    let id = kept[0].strip_prefix("media/").unwrap();
    ann.see(&format!("/media/{id}")).await;
}

/// On a busy machine it may take several attempts; what is left of them is to be swept, too.
async fn uploaded_in_time(user: &User) -> Uuid {
    let began = Instant::now();
    loop {
        let upload = reserve(user, &png()).await;
        if put(user, &upload, &png()).await == 200 {
            let answer = complete(user, &upload).await;
            if answer.status.is_success() {
                return answer.id();
            }
        }
        assert!(began.elapsed() < PATIENCE, "no upload was in time");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sweeps_by_hand() {
    let place = Place::folder().await;
    let ann = place.world.someone("ann").await;
    let pending = reserve(&ann, &png()).await;
    let data = place.world.stop().await;
    let store = super::place::folder_of(data.path());
    store.write(&format!("media/{}", Uuid::now_v7()), b"orphan").await.unwrap();
    let sweep = |ttl_s: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_nova"));
        command.arg("--data").arg(data.path()).args(["media", "sweep"]);
        for key in ["VOICE_TTL_S", "UPLOAD_TTL_S", "UPLOAD_GRACE_S", "SWEEP_MARGIN_S"] {
            command.env(format!("NOVA__MEDIA__{key}"), ttl_s);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let swept = sweep("0");
    assert_eq!((&swept["media"], &swept["rejected"]), (&json!(1), &json!(0)), "{swept}");
    // What is pending is not over because a file of it is old.
    let mark = format!("pending/{}", pending["upload_id"].as_str().unwrap());
    assert!(store.exists(&mark).await.unwrap());
}

#[cfg(feature = "distributed")]
#[tokio::test(flavor = "multi_thread")]
async fn without_s3_uploads_wait_and_everything_else_goes_on() {
    use nova_media::s3::open;
    use nova_testkit::fault_proxy::{FaultProxy, Faults};

    use super::place::{Look, s3};
    use crate::world::World;

    let real = s3::options().await;
    let place_of = |url: &str| url.trim_start_matches("http://").to_owned();
    let proxy = FaultProxy::start(place_of(&real.endpoint)).await.unwrap();
    let away = || {
        proxy.set(Faults::refuse());
        proxy.reset_open();
    };
    away();
    // It starts without.
    let world = World::with(|config| {
        s3::use_it(config, &real);
        config.media.s3_endpoint = format!("http://{}", proxy.address());
        config.media.s3_failures = 2;
        config.media.s3_open_ms = 200;
    });
    let place = Place { world: world.await, store: Look::Through(Box::new(open(&real).unwrap())) };
    let ann = place.world.someone("ann").await;
    let conversation = ann.starts_group("me", &[]).await;
    for _ in 0..4 {
        let answer = ann.post("/uploads", png().body()).await;
        assert!(answer.headers.contains_key("retry-after"), "{:?}", answer.headers);
        answer.problem(503, "media_unavailable");
        ann.says(conversation, "still here").await;
        ann.publishes("still here").await;
    }
    let health = place.world.api.ask("GET", "/health/dependencies").send().await.body;
    let all = health["dependencies"].as_array().unwrap();
    let s3 = all.iter().find(|one| one["name"] == "s3").unwrap_or_else(|| panic!("no s3 in {health}"));
    assert_ne!(s3["status"], "up", "{s3}");
    assert_eq!(place.world.api.ask("GET", "/health/ready").send().await.status, 200);

    proxy.heal();
    let upload = soon(async || ann.post("/uploads", ogg(2_000).body()).await).await;
    assert_eq!(soon_put(&ann, &upload).await, 200);
    // Away between the upload and its completion.
    away();
    complete(&ann, &upload).await.problem(503, "media_unavailable");
    proxy.heal();
    let id = soon(async || complete(&ann, &upload).await).await["id"].as_str().unwrap().to_owned();
    let messages = format!("/conversations/{conversation}/messages");
    let message = ann.post(&messages, json!({"media_id": id})).await.id();
    place.holds_soon(&[format!("media/{id}")]).await;

    // Its message is deleted while its bytes cannot be; the sweeper finds them.
    away();
    ann.delete(&format!("{messages}/{message}")).await.ok();
    ann.look(&format!("/media/{id}")).await.problem(410, "gone");
    proxy.heal();
    let data = place.world.stop().await;
    let again = World::in_folder(data, |config| {
        s3::use_it(config, &real);
        config.media.sweep_interval_s = 1;
    });
    let place = Place { world: again.await, store: place.store };
    place.is_empty_soon().await;
}

#[cfg(feature = "distributed")]
async fn soon(ask: impl AsyncFn() -> crate::client::Answer) -> Value {
    let began = Instant::now();
    loop {
        let answer = ask().await;
        if answer.status.is_success() {
            return answer.body;
        }
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(began.elapsed() < PATIENCE, "it does not come back: {}", answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[cfg(feature = "distributed")]
async fn soon_put(user: &User, upload: &Value) -> u16 {
    put(user, upload, &ogg(2_000)).await
}
