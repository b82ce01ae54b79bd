//! Nothing personal reaches the log in clear, and what is sealed opens only with its key.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/keys.rs"]
mod keys;

use futures::executor::block_on;
use keys::{codec, decode, holds, recorded};
use nova_events::codec::{clear_part, sealed_part};
use nova_events::conversation::{ConversationKind, ConversationStarted, Role, Title};
use nova_events::message::{Body, MessageSent, MessageType};
use nova_events::post::{PostPublished, Text, Visibility};
use nova_events::user::{Profile, ProfileChanged};
use nova_events::{Class, CodecError, Event, KeyError, Personal, UserId, samples, seal};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

/// Clear texts that are not of a fixed set, each with the reason why it is not personal.
const FREE_TEXTS: [(&str, &str); 5] = [
    // The keyed hash of the handle: unreadable without the installation's key.
    ("UserRegistered", "/handle_key"),
    ("ProfileChanged", "/handle_key"),
    // One of the few types that the domain takes.
    ("UploadReserved", "/content_type"),
    // Of the bytes: whoever does not have them learns nothing from it.
    ("UploadReserved", "/sha256"),
    // Made by Nova, at random.
    ("UploadReserved", "/staging_key"),
];

/// Where a value of `schema` may hold any text, or anything at all.
fn free_texts(at: &str, schema: &Value, root: &Value) -> Vec<String> {
    let Some(fields) = schema.as_object() else {
        return if schema == &json!(true) { vec![at.to_owned()] } else { Vec::new() };
    };
    if fields.contains_key("const") || fields.contains_key("enum") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut described = false;
    if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
        described = true;
        let target = root.pointer(target.trim_start_matches('#')).expect("a reference within the schema");
        found.extend(free_texts(at, target, root));
    }
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        for alternative in fields.get(alternatives).and_then(Value::as_array).into_iter().flatten() {
            described = true;
            found.extend(free_texts(at, alternative, root));
        }
    }
    let types = match fields.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if described => Vec::new(),
        _ => return vec![at.to_owned()],
    };
    for one in types {
        match one {
            "string" if fields.get("format") == Some(&json!("uuid")) => {}
            "string" => found.push(at.to_owned()),
            "object" => {
                for (name, schema) in
                    fields.get("properties").and_then(Value::as_object).into_iter().flatten()
                {
                    found.extend(free_texts(&format!("{at}/{name}"), schema, root));
                }
                // A map: its keys are texts too.
                if fields.get("additionalProperties").is_some_and(|rest| rest != &json!(false)) {
                    found.push(format!("{at}/*"));
                }
                if !fields.contains_key("properties") && !fields.contains_key("additionalProperties") {
                    found.push(format!("{at}/*"));
                }
            }
            "array" => {
                let first = fields.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
                let every = fields.get("items");
                if every.is_none() && !fields.contains_key("prefixItems") {
                    found.push(format!("{at}[]"));
                }
                for schema in first.chain(every) {
                    found.extend(free_texts(&format!("{at}[]"), schema, root));
                }
            }
            _ => {}
        }
    }
    found
}

#[test]
fn clear_parts_have_no_free_text() {
    let mut found = Vec::new();
    for (kind, _, clear, _) in Event::schemas() {
        let clear = clear.to_value();
        found.extend(free_texts("", &clear, &clear).into_iter().map(|at| (kind, at)));
    }
    for (kind, at) in &found {
        assert!(
            FREE_TEXTS.contains(&(*kind, at.as_str())),
            "{kind}{at} can hold any text in clear: move it to the personal part, or say in FREE_TEXTS why not"
        );
    }
    for (kind, at) in FREE_TEXTS {
        assert!(found.contains(&(kind, at.to_owned())), "{kind}{at} is let through but not there");
    }
}

#[test]
fn a_free_text_is_found_wherever_it_hides() {
    let with = |field: Value| json!({ "type": "object", "properties": { "a": field }, "$defs": { "Text": { "type": "string" } } });
    for (field, at) in [
        (json!({ "type": "string" }), "/a"),
        (json!({ "type": ["string", "null"] }), "/a"),
        (json!({ "type": "string", "format": "date" }), "/a"),
        (json!({ "$ref": "#/$defs/Text" }), "/a"),
        (json!({ "anyOf": [{ "$ref": "#/$defs/Text" }, { "type": "null" }] }), "/a"),
        (json!({ "type": "array", "items": { "type": "string" } }), "/a[]"),
        (json!({ "type": "array", "prefixItems": [{ "type": "integer" }, { "type": "string" }] }), "/a[]"),
        (json!({ "type": "array" }), "/a[]"),
        (json!({ "type": "object", "additionalProperties": { "type": "integer" } }), "/a/*"),
        (json!({ "type": "object" }), "/a/*"),
        (json!({ "type": "object", "properties": { "b": { "type": "string" } } }), "/a/b"),
        (json!({ "description": "anything" }), "/a"),
        (json!(true), "/a"),
    ] {
        let schema = with(field);
        assert_eq!(free_texts("", &schema, &schema), [at], "{schema}");
    }
    for field in [
        json!({ "type": "integer" }),
        json!({ "type": ["string", "null"], "format": "uuid" }),
        json!({ "type": "string", "enum": ["a", "b"] }),
        json!({ "oneOf": [{ "const": "a" }, { "type": "string", "enum": ["b"] }] }),
    ] {
        let schema = with(field);
        assert_eq!(free_texts("", &schema, &schema), [""; 0], "{schema}");
    }
}

#[test]
fn every_sample_comes_back_as_it_was() {
    let codec = codec();
    for sample in samples::all() {
        let recorded = recorded(&codec, &sample);
        let envelope = decode(&codec, &recorded).unwrap();
        assert_eq!(envelope.event, sample);
        assert_eq!(envelope.meta.schema_version, sample.version());
        assert_eq!((envelope.stream, envelope.command_id), (recorded.stream, keys::COMMAND));
    }
}

#[test]
fn what_reaches_the_log_holds_no_personal_text() {
    let mut looked_for = 0;
    for sample in samples::all() {
        let (_, personal) = keys::parts(&sample);
        let recorded = recorded(&codec(), &sample);
        for text in personal.iter().flat_map(keys::texts) {
            looked_for += 1;
            for place in [&recorded.data[..], &recorded.meta, recorded.stream.as_str().as_bytes()] {
                for text in [text.as_str(), text.to_lowercase().as_str()] {
                    assert!(!holds(place, text), "{} shows {text:?}", sample.kind());
                }
            }
            assert!(!format!("{sample:?}").contains(&text), "{} shows {text:?} when printed", sample.kind());
        }
    }
    assert!(looked_for > 20, "the samples hold {looked_for} personal texts");
}

/// Personal fields print what state they are in, and nothing else does: so the states of any event can be read off.
fn states(event: &Event) -> Vec<&'static str> {
    let printed = format!("{event:?}");
    ["<absent>", "<personal>", "<redacted>"].into_iter().filter(|state| printed.contains(state)).collect()
}

#[test]
fn after_its_keys_are_destroyed_every_event_is_redacted() {
    let codec = codec();
    let before: Vec<_> =
        samples::all().into_iter().map(|sample| (recorded(&codec, &sample), sample)).collect();
    for subject in [samples::ADA, samples::BEN, samples::CLEO] {
        block_on(codec.keyring().destroy(subject)).unwrap();
    }
    for (recorded, sample) in before {
        let event = decode(&codec, &recorded).unwrap().event;
        assert_eq!(event.kind(), sample.kind());
        match states(&sample)[..] {
            ["<personal>"] => assert_eq!(states(&event), ["<redacted>"], "{event:?}"),
            // Without a personal part there is nothing to lose.
            _ => assert_eq!(event, sample),
        }
    }
}

#[test]
fn destroying_one_persons_keys_leaves_everyone_elses_words() {
    let codec = codec();
    let said: Vec<_> = samples::all()
        .into_iter()
        .map(|sample| recorded(&codec, &sample))
        .filter_map(|recorded| Some((seal::owner(sealed_part(&recorded.data)?).unwrap().0, recorded)))
        .collect();
    block_on(codec.keyring().destroy(samples::ADA)).unwrap();
    let state_of = |recorded| states(&decode(&codec, recorded).unwrap().event)[0];
    for (owner, recorded) in &said {
        let expected = if *owner == samples::ADA { "<redacted>" } else { "<personal>" };
        assert_eq!(state_of(recorded), expected, "{}", recorded.kind);
    }
    assert!(said.iter().any(|(owner, _)| *owner != samples::ADA));
}

#[test]
fn a_destroyed_key_is_never_made_anew() {
    let codec = codec();
    block_on(codec.keyring().destroy(samples::ADA)).unwrap();
    let post = samples::all().into_iter().find(|sample| sample.kind() == "PostPublished").unwrap();
    let stream = samples::stream_of(&post);
    let refused = block_on(codec.encode(&post, &samples::meta(), &stream, keys::COMMAND, 0));
    assert!(matches!(refused, Err(CodecError::Keys(KeyError::Destroyed(samples::ADA)))), "{refused:?}");
}

#[test]
fn a_sealed_part_says_whose_it_is_and_of_which_class() {
    let class_of = |kind: &str| match kind {
        kind if kind.starts_with("User") || kind.starts_with("Profile") => Class::Identity,
        kind if kind.starts_with("Post") || kind.starts_with("Comment") => Class::Content,
        _ => Class::Messages,
    };
    let codec = codec();
    for sample in samples::all() {
        let recorded = recorded(&codec, &sample);
        let Some(sealed) = sealed_part(&recorded.data) else { continue };
        let (owner, class) = seal::owner(sealed).unwrap();
        assert_eq!(class, class_of(sample.kind()), "{}", sample.kind());
        assert!(
            holds(clear_part(&recorded.data), &owner.to_string()),
            "{}: its owner stands in the clear part, so an erasure can find it",
            sample.kind()
        );
    }
}

fn user() -> impl Strategy<Value = UserId> {
    any::<u128>().prop_map(|id| UserId(Uuid::from_u128(id)))
}

fn id<T: From<Uuid> + std::fmt::Debug>() -> impl Strategy<Value = T> {
    any::<u128>().prop_map(|id| T::from(Uuid::from_u128(id)))
}

/// Any text: every character that there is, zero among them.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..40).prop_map(String::from_iter)
}

prop_compose! {
    fn post()(post_id in id(), author in user(), media in prop::collection::vec(id(), 0..4), text in text()) -> Event {
        let personal = Personal::Clear(Text { text });
        PostPublished { post_id, author, visibility: Visibility::Followers, media, media_kinds: Vec::new(), personal }.into()
    }
}

prop_compose! {
    fn profile()(
        user_id in user(), handle_key in text(), handle in text(), display_name in text(), bio in option::of(text()),
    ) -> Event {
        let personal = Personal::Clear(Profile { handle, display_name, bio });
        ProfileChanged { user_id, handle_key, personal }.into()
    }
}

prop_compose! {
    fn conversation()(
        conversation_id in id(), started_by in user(),
        others in prop::collection::vec((user(), any::<bool>()), 0..20), title in option::of(text()),
    ) -> Event {
        let role = |admin| if admin { Role::Admin } else { Role::Member };
        let members = others.into_iter().map(|(user, admin)| (user, role(admin))).collect();
        let personal = title.map(|title| Title { title }).into();
        ConversationStarted { conversation_id, kind: ConversationKind::Group, started_by, members, personal }.into()
    }
}

prop_compose! {
    fn message()(
        message_id in id(), conversation_id in id(), sender in user(),
        reply_to in option::of(id()), media_id in option::of(id()),
        text in option::of(text()), encrypted_content in option::of(text()), nonce in option::of(text()),
        device_id in option::of(text()), client_message_id in option::of(text()),
    ) -> Event {
        let personal = Personal::Clear(Body { text, encrypted_content, nonce, device_id, client_message_id });
        let message_type = MessageType::Text;
        MessageSent { message_id, conversation_id, sender, message_type, reply_to, media_id, personal }.into()
    }
}

proptest! {
    #[test]
    fn any_event_comes_back_as_it_was(
        events in prop::collection::vec(prop_oneof![post(), profile(), conversation(), message()], 1..8)
    ) {
        let codec = codec();
        for event in events {
            let recorded = recorded(&codec, &event);
            prop_assert!(serde_json::from_slice::<Value>(clear_part(&recorded.data)).is_ok());
            prop_assert_eq!(decode(&codec, &recorded).unwrap().event, event);
        }
    }
}
