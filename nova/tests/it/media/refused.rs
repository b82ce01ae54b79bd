//! What is not as it was reserved is refused: when it is reserved, when it is put, when it is completed, when it is sent.

use serde_json::{Value, json};
use uuid::Uuid;

use super::bytes::{File, mp4, ogg, png, sha256};
use super::place::Place;
use super::{complete, in_both_places, put, put_with, reserve, uploaded};

in_both_places! {
    what_is_not_taken_is_not_reserved;
    only_what_was_signed_can_be_put;
    what_was_put_has_to_be_what_it_says;
    a_medium_is_sent_once_by_its_owner_as_what_it_is;
}

async fn what_is_not_taken_is_not_reserved(place: Place) {
    let world = &place.world;
    let ann = world.someone("ann").await;
    let conversation = ann.starts_group("us", &[]).await;
    let voice = format!("/conversations/{conversation}/messages/audio/presigned-url");
    let digest = sha256(b"x");
    let body = |content_type: &str, content_length: u64, sha256: &str| json!({"content_type": content_type, "content_length": content_length, "sha256": sha256});
    for (path, body, field) in [
        ("/uploads", body("text/html", 10, &digest), "content_type"),
        ("/uploads", body("image/svg+xml", 10, &digest), "content_type"),
        ("/uploads", body("image/png", 0, &digest), "content_length"),
        ("/uploads", body("image/png", (10 << 20) + 1, &digest), "content_length"),
        ("/uploads", body("video/mp4", (100 << 20) + 1, &digest), "content_length"),
        ("/uploads", body("image/png", 10, "abc"), "sha256"),
        (voice.as_str(), body("audio/ogg", (5 << 20) + 1, &digest), "content_length"),
        (voice.as_str(), body("image/png", 10, &digest), "content_type"),
    ] {
        let told = ann.post(path, body.clone()).await.problem(422, "validation_failed");
        assert_eq!(told, [field], "{body}");
    }
    let with_kind =
        json!({"kind": "video", "content_type": "image/png", "content_length": 5, "sha256": digest});
    ann.post("/uploads", with_kind).await.problem(422, "validation_failed");
    place.holds_only(&[]).await;

    // The same request again is the same reservation.
    let key = Uuid::now_v7().to_string();
    let ask = || ann.ask("POST", "/uploads").header("idempotency-key", &key).json(&png().body()).send();
    let (first, again) = (ask().await.ok(), ask().await.ok());
    assert_eq!((&first["upload_id"], &first["s3_key"]), (&again["upload_id"], &again["s3_key"]));
    assert_eq!(place.keys().await.len(), 1);
    ann.delete(&format!("/media/{}", first["upload_id"].as_str().unwrap())).await.ok();
    place.holds_only(&[]).await;
}

async fn only_what_was_signed_can_be_put(place: Place) {
    let world = &place.world;
    let ann = world.someone("ann").await;
    let file = png();
    let upload = reserve(&ann, &file).await;
    let other = reserve(&ann, &file).await;
    let (url, headers) = (upload["presigned_url"].as_str().unwrap(), &upload["headers"]);
    let nothing_came = complete(&ann, &upload).await;
    nothing_came.problem(409, "not_uploaded");

    let longer = File { content_type: "image/png", bytes: [file.bytes.clone(), vec![0; 5]].concat() };
    assert_eq!(put(&ann, &upload, &longer).await, 403, "another length");
    let shorter = File { content_type: "image/png", bytes: file.bytes[..file.bytes.len() - 1].to_vec() };
    assert_eq!(put(&ann, &upload, &shorter).await, 403, "another length");
    let with = |name: &str, value: &str| {
        let mut headers = headers.clone();
        headers[name] = json!(value);
        headers
    };
    assert_eq!(put_with(&ann, url, &with("content-type", "text/html"), &file).await, 403, "another type");
    let checksum = other["headers"]["x-amz-checksum-sha256"].as_str().unwrap();
    let reversed: String = checksum.chars().rev().collect();
    let altered = with("x-amz-checksum-sha256", &reversed);
    assert!([400, 403].contains(&put_with(&ann, url, &altered, &file).await), "another checksum");
    let mut bytes = file.bytes.clone();
    bytes[500] ^= 1;
    let altered = File { content_type: "image/png", bytes };
    let third = reserve(&ann, &file).await;
    assert_eq!(put(&ann, &third, &altered).await, 400, "other bytes of the same length");
    // A server may say so and keep them all the same: they are not believed.
    let completed = complete(&ann, &third).await;
    assert_eq!(completed.status, 409);
    assert!(["not_uploaded", "upload_rejected"].contains(&completed.body["code"].as_str().unwrap()));
    ann.delete(&format!("/media/{}", third["upload_id"].as_str().unwrap())).await.ok();
    let key = |upload: &Value| upload["s3_key"].as_str().unwrap().to_owned();
    let elsewhere = url.replace(&key(&upload), &key(&other));
    assert_eq!(put_with(&ann, &elsewhere, headers, &file).await, 403, "another key");
    let onto_media = url.replace(&key(&upload), &format!("media/{}", upload["upload_id"].as_str().unwrap()));
    assert_eq!(put_with(&ann, &onto_media, headers, &file).await, 403, "where clients do not write");
    let (start, signature) = url.split_at(url.len() - 1);
    let flipped = format!("{start}{}", if signature == "0" { "1" } else { "0" });
    assert_eq!(put_with(&ann, &flipped, headers, &file).await, 403, "another signature");

    let pending = |upload: &Value| format!("pending/{}", upload["upload_id"].as_str().unwrap());
    place.holds_only(&[pending(&upload), pending(&other)]).await;
    assert_eq!(put(&ann, &upload, &file).await, 200);
    let id: Uuid = complete(&ann, &upload).await.id();
    let medium = ann.see(&format!("/media/{id}")).await;
    let got = medium["url"].as_str().unwrap();
    assert_eq!(ann.api.bytes_at(got).await, file.bytes);
    let other_id = other["upload_id"].as_str().unwrap();
    let of_another = got.replace(&id.to_string(), other_id);
    assert_eq!(ann.api.ask_at("GET", &of_another).send().await.status, 403);
    // What is completed stays as it is, whatever is put to the address again.
    let _ = put(&ann, &upload, &file).await;
    let part = ann.api.ask_at("GET", got).header("range", "bytes=1-3").send().await;
    assert_eq!((part.status.as_u16(), part.body), (206, json!("PNG")));
    ann.delete(&format!("/media/{other_id}")).await.ok();
    ann.delete(&format!("/media/{id}")).await.ok();
    ann.look(&format!("/media/{id}")).await.problem(410, "gone");
    // What was put once more is left to the sweeper, until it is old.
    let left = place.keys().await;
    assert!(left.iter().all(|left| *left == key(&upload)), "{left:?}");
}

async fn what_was_put_has_to_be_what_it_says(place: Place) {
    let world = &place.world;
    let [ann, bob] = world.someones(["ann", "bob"]).await;
    let page = b"<html><script>alert(1)</script></html>".repeat(9);
    for file in [
        File { content_type: "image/png", bytes: page.clone() },
        File { content_type: "audio/webm", bytes: page.clone() },
        // It begins as it should, and cannot be played.
        File { content_type: "audio/ogg", bytes: [&b"OggS"[..], &page].concat() },
        // Longer than five minutes.
        ogg(300_001),
    ] {
        let upload = reserve(&ann, &file).await;
        assert_eq!(put(&ann, &upload, &file).await, 200);
        complete(&ann, &upload).await.problem(409, "upload_rejected");
        complete(&ann, &upload).await.problem(409, "upload_rejected");
        let id = upload["upload_id"].as_str().unwrap();
        ann.look(&format!("/media/{id}")).await.problem(409, "media_not_ready");
        place.holds_only(&[]).await;
    }
    let file = ogg(299_000);
    let upload = reserve(&ann, &file).await;
    assert_eq!(put(&ann, &upload, &file).await, 200);
    complete(&bob, &upload).await.problem(404, "not_found");
    bob.post(&format!("/uploads/{}/complete", Uuid::now_v7()), json!({})).await.problem(404, "not_found");
    let (first, second) = tokio::join!(complete(&ann, &upload), complete(&ann, &upload));
    assert_eq!(first.id(), second.id());
    let id = complete(&ann, &upload).await.id();
    bob.delete(&format!("/media/{id}")).await.problem(404, "not_found");
    place.holds_soon(&[format!("media/{id}")]).await;
}

async fn a_medium_is_sent_once_by_its_owner_as_what_it_is(place: Place) {
    let world = &place.world;
    let [ann, bob] = world.someones(["ann", "bob"]).await;
    let conversation = ann.starts_group("us", &[&bob]).await;
    let messages = format!("/conversations/{conversation}/messages");
    let with = |id: Uuid, message_type: Value| json!({"media_id": id, "message_type": message_type});
    let (picture, voice, film) =
        (uploaded(&ann, &png()).await, uploaded(&ann, &ogg(2_000)).await, uploaded(&ann, &mp4()).await);

    ann.post(&messages, with(Uuid::now_v7(), Value::Null)).await.problem(404, "not_found");
    bob.post(&messages, with(picture, Value::Null)).await.problem(404, "not_found");
    ann.post(&messages, with(picture, json!("audio"))).await.problem(422, "validation_failed");
    let pending: Uuid = reserve(&ann, &png()).await["upload_id"].as_str().unwrap().parse().unwrap();
    ann.post(&messages, with(pending, Value::Null)).await.problem(409, "media_not_ready");
    ann.post("/posts", json!({"text": "a", "media_ids": [pending]})).await.problem(409, "media_not_ready");
    ann.delete(&format!("/media/{pending}")).await.ok();
    ann.post(&messages, with(pending, Value::Null)).await.problem(410, "gone");

    let audio = format!("{messages}/audio");
    let say = |id: Uuid, duration_ms: u64, samples: usize| json!({"upload_id": id, "duration_ms": duration_ms, "waveform": vec![0.5; samples]});
    let told = ann.post(&audio, say(voice, 2_000, 101)).await.problem(422, "validation_failed");
    assert_eq!(told, ["waveform"]);
    let told = ann.post(&audio, say(voice, 60_000, 5)).await.problem(422, "validation_failed");
    assert_eq!(told, ["duration_ms"]);
    ann.post(&audio, say(picture, 2_000, 5)).await.problem(422, "validation_failed");
    ann.post(&audio, say(voice, 2_000, 5)).await.ok();
    ann.post(&audio, say(voice, 2_000, 5)).await.problem(409, "media_in_use");

    // One of two that are sent at once.
    let body = json!({"text": "look", "media_id": picture, "message_type": "image"});
    let (one, other) = tokio::join!(ann.post(&messages, body.clone()), ann.post(&messages, body.clone()));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    ann.post("/posts", json!({"text": "a", "media_ids": [picture]})).await.problem(409, "media_in_use");
    let told = ann.post("/posts", json!({"text": "a", "media_ids": [film, film]})).await;
    assert_eq!(told.problem(422, "validation_failed"), ["media_ids"]);
    ann.post("/posts", json!({"text": "a", "media_ids": [film]})).await.ok();

    let heard = bob.items(&messages).await;
    let types: Vec<_> = heard.iter().map(|message| message["media"]["kind"].clone()).collect();
    assert_eq!(types, [json!("audio"), json!("image")]);
    assert_eq!(heard[1]["text"], "look");
    let kept = [voice, picture, film].map(|id| format!("media/{id}"));
    place.holds_soon(&kept).await;
}
