//! A keyring that lives as long as a test, and an event's way to the log and back through the real codec.
#![allow(dead_code, reason = "each test binary that includes this file uses a part of it")]

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use futures::executor::block_on;
use nova_eventlog::{Recorded, event_id};
use nova_events::codec::{clear_part, sealed_part};
use nova_events::seal::{self, DataKey, Place, random_key_bytes};
use nova_events::{Class, Codec, CodecError, Envelope, Event, KeyError, Keyring, UserId, samples};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const COMMAND: Uuid = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_cccc);
const ORDINAL: u16 = 3;

/// Keeps the promises of [`Keyring`] for one process without a disk.
#[derive(Default)]
pub(crate) struct MemoryKeyring(Mutex<Keys>);

#[derive(Default)]
struct Keys {
    made: HashMap<(UserId, Class), Arc<DataKey>>,
    destroyed: HashSet<UserId>,
}

impl MemoryKeyring {
    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().expect("no test panics with the keys in hand")
    }
}

#[async_trait::async_trait]
impl Keyring for MemoryKeyring {
    fn cached(&self, _: UserId, _: Class) -> Option<Arc<DataKey>> {
        None
    }

    async fn key_to_seal(&self, subject: UserId, class: Class) -> Result<Arc<DataKey>, KeyError> {
        let mut keys = self.keys();
        if keys.destroyed.contains(&subject) {
            return Err(KeyError::Destroyed(subject));
        }
        let fresh = || {
            let bytes = random_key_bytes().expect("randomness");
            Arc::new(DataKey::new(&bytes).expect("a key of 32 bytes"))
        };
        Ok(keys.made.entry((subject, class)).or_insert_with(fresh).clone())
    }

    async fn key_to_open(&self, subject: UserId, class: Class) -> Result<Option<Arc<DataKey>>, KeyError> {
        let keys = self.keys();
        match keys.made.get(&(subject, class)) {
            Some(key) => Ok(Some(key.clone())),
            None if keys.destroyed.contains(&subject) => Ok(None),
            None => Err(KeyError::Missing(subject)),
        }
    }

    async fn destroy(&self, subject: UserId) -> Result<(), KeyError> {
        let mut keys = self.keys();
        keys.destroyed.insert(subject);
        keys.made.retain(|(owner, _), _| *owner != subject);
        Ok(())
    }

    fn name_hash(&self, name: &str) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).simple().to_string()
    }
}

pub(crate) fn codec() -> Codec {
    Codec::new(Arc::new(MemoryKeyring::default()))
}

/// Encodes an event as the log would hold it.
pub(crate) fn recorded(codec: &Codec, event: &Event) -> Recorded {
    let stream = samples::stream_of(event);
    let encoded = block_on(codec.encode(event, &samples::meta(), &stream, COMMAND, ORDINAL)).unwrap();
    Recorded {
        position: 12,
        stream,
        revision: 4,
        id: event_id(COMMAND, ORDINAL),
        ordinal: ORDINAL,
        kind: encoded.kind,
        recorded_at_ms: 1_780_000_000_250,
        data: encoded.data,
        meta: encoded.meta,
    }
}

pub(crate) fn decode(codec: &Codec, recorded: &Recorded) -> Result<Envelope, CodecError> {
    block_on(codec.decode(recorded))
}

/// The key that a sealed part was, or is to be, sealed under.
pub(crate) fn key(codec: &Codec, subject: UserId, class: Class) -> Arc<DataKey> {
    block_on(codec.keyring().key_to_seal(subject, class)).unwrap()
}

/// Where a record is, as its sealed part must have it.
pub(crate) fn place(recorded: &Recorded, version: u16) -> Place<'_> {
    Place { stream: recorded.stream.as_str(), event_id: recorded.id, kind: recorded.kind.as_str(), version }
}

/// The clear and the personal JSON of an event, as they went into the log.
pub(crate) fn parts(event: &Event) -> (Value, Option<Value>) {
    let codec = codec();
    let recorded = recorded(&codec, event);
    let clear = serde_json::from_slice(clear_part(&recorded.data)).unwrap();
    let personal = sealed_part(&recorded.data).map(|sealed| {
        let (subject, class) = seal::owner(sealed).unwrap();
        let json = key(&codec, subject, class).open(&place(&recorded, event.version()), sealed).unwrap();
        serde_json::from_slice(&json).unwrap()
    });
    (clear, personal)
}

/// Every text in a JSON value.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Whether `text` stands somewhere in `bytes`.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
