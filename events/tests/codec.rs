//! What the codec does with records that it cannot read: an error that says where and of what sort, and never quotes
//! what may be personal.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/keys.rs"]
mod keys;

use bytes::Bytes;
use keys::{codec, decode, holds, recorded};
use nova_eventlog::{Kind, Recorded};
use nova_events::codec::{clear_part, sealed_part};
use nova_events::seal::SealError;
use nova_events::upcast::UpcastError;
use nova_events::{Class, Codec, CodecError, Event, Meta, samples};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &str = "Quillfeather grows heathland orchids";

fn sample(kind: &str) -> Event {
    samples::all().into_iter().find(|sample| sample.kind() == kind).unwrap()
}

fn post(codec: &Codec) -> Recorded {
    recorded(codec, &sample("PostPublished"))
}

fn with_version(recorded: Recorded, version: u16) -> Recorded {
    let meta: Meta = serde_json::from_slice(&recorded.meta).unwrap();
    let meta = serde_json::to_vec(&Meta { schema_version: version, ..meta }).unwrap();
    Recorded { meta: Bytes::from(meta), ..recorded }
}

/// A record with `personal` as its personal part, sealed as it should be.
fn with_personal(codec: &Codec, recorded: Recorded, personal: &[u8]) -> Recorded {
    let key = keys::key(codec, samples::ADA, Class::Content);
    let place = keys::place(&recorded, sample("PostPublished").version());
    let sealed = key.seal(samples::ADA, Class::Content, &place, personal).unwrap();
    let data = [clear_part(&recorded.data), &[0], &sealed].concat();
    Recorded { data: Bytes::from(data), ..recorded }
}

fn refused(codec: &Codec, recorded: &Recorded) -> CodecError {
    let error = decode(codec, recorded).expect_err("a record that no one wrote");
    for shown in [error.to_string(), format!("{error:?}")] {
        for word in ["Quillfeather", "heathland", "orchid"] {
            assert!(!shown.contains(word), "{shown}");
        }
    }
    error
}

#[test]
fn an_unknown_kind_is_refused() {
    let codec = codec();
    let recorded = Recorded { kind: Kind::new("PostPainted").unwrap(), ..post(&codec) };
    let error = refused(&codec, &recorded);
    assert!(matches!(&error, CodecError::UnknownKind(kind) if kind == "PostPainted"), "{error}");
}

#[test]
fn a_version_from_the_future_is_refused() {
    let codec = codec();
    for kind in ["PostPublished", "Followed"] {
        let event = sample(kind);
        let version = event.version() + 1;
        let error = refused(&codec, &with_version(recorded(&codec, &event), version));
        let expected =
            UpcastError::FromTheFuture { kind: kind.to_owned(), stored: version, known: version - 1 };
        assert!(matches!(&error, CodecError::Upcast(found) if *found == expected), "{error}");
    }
    assert!(matches!(
        refused(&codec, &with_version(post(&codec), 0)),
        CodecError::Upcast(UpcastError::NoStep { from: 0, .. })
    ));
}

#[test]
fn data_cut_anywhere_is_refused() {
    let codec = codec();
    for whole in samples::all().iter().map(|sample| recorded(&codec, sample)) {
        let clear = clear_part(&whole.data).len();
        for length in 0..whole.data.len() {
            let cut = Recorded { data: whole.data.slice(..length), ..whole.clone() };
            if length == clear {
                // Exactly the clear part: an event without a personal part, which many may be. That a log keeps its
                // records whole is the log's own promise.
                assert!(decode(&codec, &cut).is_ok());
                continue;
            }
            let error = refused(&codec, &cut);
            match error {
                CodecError::Shape { .. } => assert!(length < clear, "{error}"),
                CodecError::Seal { .. } => assert!(length > clear, "{error}"),
                other => panic!("{} cut to {length} bytes: {other}", whole.kind),
            }
        }
    }
}

#[test]
fn meta_cut_anywhere_is_refused() {
    let codec = codec();
    let whole = post(&codec);
    for length in 0..whole.meta.len() {
        let cut = Recorded { meta: whole.meta.slice(..length), ..whole.clone() };
        assert!(matches!(refused(&codec, &cut), CodecError::Shape { .. }), "{length}");
    }
}

#[test]
fn sealed_parts_cannot_be_swapped() {
    let codec = codec();
    let sealed: Vec<Recorded> = samples::all()
        .iter()
        .map(|sample| recorded(&codec, sample))
        .filter(|recorded| sealed_part(&recorded.data).is_some())
        .collect();
    let mut swapped = 0;
    for one in &sealed {
        for other in &sealed {
            if (&one.kind, &one.stream) == (&other.kind, &other.stream) {
                continue;
            }
            swapped += 1;
            let data = [clear_part(&one.data), &[0], sealed_part(&other.data).unwrap()].concat();
            let error = refused(&codec, &Recorded { data: Bytes::from(data), ..one.clone() });
            assert!(matches!(error, CodecError::Seal { problem: SealError::Altered, .. }), "{error}");
        }
    }
    assert!(swapped > 50, "{swapped}");
}

#[test]
fn a_sealed_part_belongs_to_its_event_alone() {
    let codec = codec();
    let one = post(&codec);
    let elsewhere = [
        Recorded { id: keys::COMMAND, ..one.clone() },
        Recorded { stream: recorded(&codec, &sample("CommentAdded")).stream, ..one },
    ];
    for moved in elsewhere {
        let error = refused(&codec, &moved);
        assert!(matches!(error, CodecError::Seal { problem: SealError::Altered, .. }), "{error}");
    }
}

#[test]
fn another_installations_events_are_refused() {
    let (ours, theirs) = (codec(), codec());
    let event = sample("PostPublished");
    let foreign = recorded(&theirs, &event);
    // A key that never was here is not one that was destroyed.
    assert!(matches!(refused(&ours, &foreign), CodecError::Keys(nova_events::KeyError::Missing(_))));
    // As soon as we have a key of our own for that person, it is told apart from theirs.
    recorded(&ours, &event);
    assert!(matches!(refused(&ours, &foreign), CodecError::Seal { problem: SealError::OtherKey, .. }));
}

#[test]
fn personal_text_where_none_belongs_is_not_quoted() {
    let codec = codec();
    let post = post(&codec);
    let clear: Value = serde_json::from_slice(clear_part(&post.data)).unwrap();
    let mut misplaced: Vec<Vec<u8>> = Vec::new();
    for field in ["post_id", "author", "visibility", "media"] {
        let mut clear = clear.clone();
        clear[field] = json!(SECRET);
        misplaced.push(clear.to_string().into_bytes());
    }
    misplaced.push(json!(SECRET).to_string().into_bytes());
    misplaced.push(SECRET.as_bytes().to_vec());
    misplaced.push(json!({ SECRET: SECRET }).to_string().into_bytes());
    for data in misplaced {
        let error = refused(&codec, &Recorded { data: Bytes::from(data), ..post.clone() });
        assert!(matches!(error, CodecError::Shape { .. }), "{error}");
    }
    for meta in [json!(SECRET), json!({ "v": SECRET }), json!({ "v": 1, "at": 0, "actor": SECRET })] {
        let error = refused(&codec, &Recorded { meta: Bytes::from(meta.to_string()), ..post.clone() });
        assert!(matches!(error, CodecError::Shape { .. }), "{error}");
    }
    for personal in [json!(SECRET), json!({ "text": [SECRET] }), json!({ SECRET: SECRET }), Value::Null] {
        let error = refused(&codec, &with_personal(&codec, post.clone(), personal.to_string().as_bytes()));
        assert!(matches!(error, CodecError::Shape { .. }), "{error}");
    }
    refused(&codec, &with_personal(&codec, post, SECRET.as_bytes()));
}

#[test]
fn a_property_that_is_not_known_yet_is_skipped() {
    let codec = codec();
    let followed = recorded(&codec, &sample("Followed"));
    let mut clear: Value = serde_json::from_slice(&followed.data).unwrap();
    clear["weather"] = json!("fog");
    let envelope = decode(&codec, &Recorded { data: Bytes::from(clear.to_string()), ..followed }).unwrap();
    assert_eq!(envelope.event, sample("Followed"));
}

proptest! {
    #[test]
    fn no_data_makes_it_panic(index in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), byte: u8) {
        let codec = codec();
        let samples = samples::all();
        let sample = &samples[index.index(samples.len())];
        let good = recorded(&codec, sample);
        let mut data = good.data.to_vec();
        let at = at.index(data.len());
        data[at] = byte;
        let personal = keys::parts(sample).1.unwrap_or(Value::Null);
        if let Err(error) = decode(&codec, &Recorded { data: Bytes::from(data), ..good }) {
            for text in keys::texts(&personal) {
                prop_assert!(!holds(error.to_string().as_bytes(), &text), "{error}");
            }
        }
    }
}

/// What lies in a log is decoded whatever it is, also what was sealed with a key that is there.
#[test]
fn whatever_a_record_holds_the_codec_answers() {
    let codec = codec();
    let records: Vec<Recorded> = samples::all().iter().map(|sample| recorded(&codec, sample)).collect();
    // The first byte says which kind it claims to be, the second how much of the rest is meta.
    let sound = records.iter().enumerate().map(|(number, record)| {
        let meta = u8::try_from(record.meta.len()).unwrap_or(u8::MAX);
        [&[u8::try_from(number).unwrap(), meta][..], &record.meta, &record.data].concat()
    });
    nova_testkit::fuzz::fuzz("codec", sound.collect(), |input| {
        let (Some(number), Some(meta)) = (input.first(), input.get(1)) else { return String::new() };
        let rest = input.get(2..).unwrap_or_default();
        let (meta, data) = rest.split_at(usize::from(*meta).min(rest.len()));
        let of = &records[usize::from(*number) % records.len()];
        let record =
            Recorded { meta: Bytes::copy_from_slice(meta), data: Bytes::copy_from_slice(data), ..of.clone() };
        match decode(&codec, &record) {
            Ok(envelope) => envelope.event.kind().to_owned(),
            Err(error) => error.to_string(),
        }
    });
}
