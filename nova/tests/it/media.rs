//! Uploads, voice messages and pictures, as a client goes about them. Every story runs where media are in a folder, and (in
//! a build with the distributed profile) where they are on a real S3 server: the same answers, and nothing left behind.

mod bucket;
pub(crate) mod bytes;
mod place;
mod refused;
mod swept;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, User};
use bytes::{File, ogg};
use place::Place;

/// Each story in both places.
macro_rules! in_both_places {
    ($( $name:ident; )*) => {
        mod in_a_folder { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::Place::folder().await).await; }
        )* }

        #[cfg(feature = "distributed")]
        mod on_s3 { $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() { super::$name(super::Place::s3().await).await; }
        )* }
    };
}

pub(crate) use in_both_places;

in_both_places! {
    a_voice_message_is_reserved_put_sent_and_heard;
    a_picture_is_published_and_goes_with_its_post;
    metadata_is_taken_out_of_what_is_served;
}

/// What was put to a presigned address came to this status.
pub(crate) async fn put(user: &User, reserved: &Value, file: &File) -> u16 {
    put_with(user, reserved["presigned_url"].as_str().unwrap(), &reserved["headers"], file).await
}

pub(crate) async fn put_with(user: &User, url: &str, headers: &Value, file: &File) -> u16 {
    file.put(&user.api, url, headers).await
}

pub(crate) async fn reserve(user: &User, file: &File) -> Value {
    user.post("/uploads", file.body()).await.ok()
}

pub(crate) async fn complete(user: &User, upload: &Value) -> Answer {
    let path = format!("/uploads/{}/complete", upload["upload_id"].as_str().unwrap());
    user.post(&path, json!({})).await
}

/// Uploaded and completed; its id.
pub(crate) async fn uploaded(user: &User, file: &File) -> Uuid {
    let upload = reserve(user, file).await;
    assert_eq!(put(user, &upload, file).await, 200);
    complete(user, &upload).await.id()
}

async fn a_voice_message_is_reserved_put_sent_and_heard(place: Place) {
    let world = &place.world;
    let [ann, bob, other] = world.someones(["ann", "bob", "other"]).await;
    let conversation = ann.starts_group("us", &[&bob]).await;
    let path = format!("/conversations/{conversation}/messages/audio");
    let voice = ogg(12_480);

    other.post(&format!("{path}/presigned-url"), voice.body()).await.problem(404, "not_found");
    let reserved = ann.post(&format!("{path}/presigned-url"), voice.body()).await;
    assert_eq!(reserved.status, 201);
    let reserved = reserved.ok();
    assert!((3_595..=3_600).contains(&reserved["expires_in"].as_u64().unwrap()), "{reserved}");
    assert!(reserved["s3_key"].as_str().unwrap().starts_with("staging/"));
    assert_eq!(reserved["headers"]["content-type"], "audio/ogg");
    assert_eq!(reserved["headers"]["content-length"], voice.bytes.len().to_string());
    assert_eq!(put(&ann, &reserved, &voice).await, 200);

    let id = reserved["upload_id"].as_str().unwrap();
    let waveform: Vec<u8> = (0..100).collect();
    let body = json!({"upload_id": id, "duration_ms": 12_500, "waveform": waveform});
    // Completed on the way; and again, it is the same message.
    let key = Uuid::now_v7().to_string();
    let say = || ann.ask("POST", &path).header("idempotency-key", &key).json(&body).send();
    let sent = say().await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    assert_eq!(say().await.id(), sent.id());

    let heard = bob.items(&format!("/conversations/{conversation}/messages")).await;
    let message = heard.last().unwrap();
    assert_eq!((&message["message_type"], &message["text"]), (&json!("audio"), &Value::Null));
    assert_eq!(message["media"], json!({"id": id, "kind": "audio", "url": format!("/api/v1/media/{id}")}));
    assert_eq!(heard.len(), 1);

    for user in [&ann, &bob] {
        let medium = user.see(&format!("/media/{id}")).await;
        assert_eq!((&medium["kind"], &medium["duration_ms"]), (&json!("audio"), &json!(12_480)));
        assert_eq!(medium["waveform"], json!(waveform));
        let url = medium["url"].as_str().unwrap();
        assert_eq!(user.api.bytes_at(url).await, voice.bytes);
    }
    other.look(&format!("/media/{id}")).await.problem(404, "not_found");

    let message = message["id"].as_str().unwrap();
    ann.delete(&format!("/conversations/{conversation}/messages/{message}")).await.ok();
    bob.look(&format!("/media/{id}")).await.problem(410, "gone");
    let heard = bob.items(&format!("/conversations/{conversation}/messages")).await;
    assert_eq!((&heard[0]["deleted"], &heard[0]["media"]), (&json!(true), &Value::Null));
    place.is_empty_soon().await;
}

async fn metadata_is_taken_out_of_what_is_served(place: Place) {
    let world = &place.world;
    let ann = world.someone("ann").await;
    let served = async |file: &File| {
        let id = uploaded(&ann, file).await;
        let medium = ann.see(&format!("/media/{id}")).await;
        ann.api.bytes_at(medium["url"].as_str().unwrap()).await
    };
    let holds = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    let picture = bytes::jpeg_with_position();
    let shown = served(&picture).await;
    assert!(holds(&picture.bytes, bytes::POSITION) && !holds(&shown, bytes::POSITION));
    assert!(
        holds(&shown, b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06"),
        "how it is turned is kept"
    );
    assert!(shown.ends_with(b"pixels\xff\xd9"));
    let film = bytes::film_with_position();
    let shown = served(&film).await;
    assert_eq!(shown.len(), film.bytes.len(), "the index of a film holds offsets into it");
    assert!(holds(&film.bytes[..200], bytes::POSITION) && !holds(&shown[..200], bytes::POSITION));
    assert_eq!(shown[200..], film.bytes[200..]);
}

async fn a_picture_is_published_and_goes_with_its_post(place: Place) {
    let world = &place.world;
    let [ann, bob, blocked] = world.someones(["ann", "bob", "blocked"]).await;
    ann.blocks(&blocked).await;
    let (picture, film) = (uploaded(&ann, &bytes::png()).await, uploaded(&ann, &bytes::mp4()).await);
    ann.see(&format!("/media/{picture}")).await;
    bob.look(&format!("/media/{picture}")).await.problem(404, "not_found");

    let post = ann.post("/posts", json!({"text": "", "media_ids": [picture, film]})).await.id();
    let card = bob.see(&format!("/posts/{post}")).await;
    let shown = |id: Uuid, kind: &str| json!({"id": id, "kind": kind, "url": format!("/api/v1/media/{id}")});
    assert_eq!(card["media"], json!([shown(picture, "image"), shown(film, "video")]));
    assert_eq!(bob.see(&format!("/media/{film}")).await["kind"], "video");
    blocked.look(&format!("/media/{film}")).await.problem(404, "not_found");
    ann.delete(&format!("/media/{picture}")).await.problem(409, "media_in_use");

    ann.delete(&format!("/posts/{post}")).await.ok();
    bob.look(&format!("/media/{picture}")).await.problem(410, "gone");
    ann.post(&format!("/posts/{post}/restore"), json!({})).await.ok();
    let medium = bob.see(&format!("/media/{picture}")).await;
    assert_eq!(bob.api.bytes_at(medium["url"].as_str().unwrap()).await, bytes::png().bytes);
    let redirect = bob.look(&format!("/media/{picture}?redirect=true")).await;
    assert_eq!(redirect.status, 307);
    let location = redirect.headers["location"].to_str().unwrap();
    assert_eq!(bob.api.bytes_at(location).await, bytes::png().bytes);
    let kept = [format!("media/{picture}"), format!("media/{film}")];
    place.holds_only(&kept).await;
}

/// A kept address leads to nothing, for its owner too, until the post is restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_signed_address_ends_with_what_it_shows() {
    let place = Place::folder().await;
    let [ann, bob] = place.world.someones(["ann", "bob"]).await;
    let picture = uploaded(&ann, &bytes::png()).await;
    let post = ann.post("/posts", json!({"text": "", "media_ids": [picture]})).await.id();
    let url = bob.see(&format!("/media/{picture}")).await["url"].as_str().unwrap().to_owned();
    let get = async || bob.api.ask_at("GET", &url).send().await;
    assert_eq!(get().await.status, 200);

    ann.delete(&format!("/posts/{post}")).await.ok();
    get().await.problem(410, "gone");
    for user in [&ann, &bob] {
        user.look(&format!("/media/{picture}")).await.problem(410, "gone");
    }
    ann.post(&format!("/posts/{post}/restore"), json!({})).await.ok();
    assert_eq!(get().await.status, 200);
    ann.delete("/users/me").await.ok();
    get().await.problem(410, "gone");
    ann.post("/users", json!({"handle": "ann", "display_name": "ANN"})).await.ok();
    assert_eq!(get().await.status, 200);

    let group = ann.starts_group("us", &[&bob]).await;
    let picture = uploaded(&ann, &bytes::png()).await;
    let said = ann.post(&format!("/conversations/{group}/messages"), json!({"media_id": picture})).await.id();
    let url = bob.see(&format!("/media/{picture}")).await["url"].as_str().unwrap().to_owned();
    ann.delete(&format!("/conversations/{group}/messages/{said}")).await.ok();
    bob.api.ask_at("GET", &url).send().await.problem(410, "gone");
}
