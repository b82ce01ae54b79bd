//! What stands in Kafka: one topic for each category of streams, `{prefix}.{category}`.
//!
//! * A record is an event or a watermark. An event's key is its stream, its value is the event's data as it stands in
//!   the log (its personal part sealed), everything else is in headers, as text.
//! * The partition is `murmur2(stream) & 0x7fffffff % partitions`, which is what Kafka's own default partitioner makes
//!   of the key, so other producers and joins agree. The number of partitions of a topic never changes: a stream would
//!   come out of order.
//! * A watermark says: every event up to this position that belongs here stands before me. It has no key and no value. It names
//!   the event at that position, which may stand in another partition, by id and time.
//! * Every record names the session of the relay that wrote it, see [`crate::relay::Sessions`]: what was published of a history
//!   that the log lost afterwards is known by it.
//! * Beside them stands `{prefix}.client-events`, which is not of the log: see [`crate::client_events`].
//! * Records may repeat after a crash of the relay: positions tell. An event marked `late` had been parked and comes
//!   behind watermarks that passed it.

use bytes::Bytes;
use nova_eventlog::{EventMark, Kind, Recorded, StreamId};
use nova_events::Meta;
use nova_events::client_events::ClientEventBatch;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use uuid::Uuid;

use crate::shard::Shard;

/// Every category of streams that [`nova_events::streams`] makes names of.
pub const CATEGORIES: [&str; 15] = [
    "user",
    "handle",
    "post",
    "comment",
    "like",
    "follow",
    "block",
    "dismissal",
    "conversation",
    "messages",
    "message",
    "nonce",
    "read",
    "delivered",
    "media",
];

mod header {
    pub(super) const POSITION: &str = "nova-position";
    pub(super) const REVISION: &str = "nova-revision";
    pub(super) const ID: &str = "nova-id";
    pub(super) const ORDINAL: &str = "nova-ordinal";
    pub(super) const KIND: &str = "nova-type";
    pub(super) const RECORDED_AT: &str = "nova-recorded-at";
    pub(super) const META: &str = "nova-meta";
    pub(super) const LATE: &str = "nova-late";
    pub(super) const WATERMARK: &str = "nova-watermark";
    pub(super) const SESSION: &str = "nova-session";
    /// For whoever reads the topics without knowing Nova; also in the meta.
    pub(super) const CORRELATION_ID: &str = "correlation_id";
    pub(super) const TRACEPARENT: &str = "traceparent";
}

/// The topics of an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    pub prefix: String,
    /// Of each topic; at least 1.
    pub partitions: i32,
}

impl Topics {
    pub fn name(&self, category: &str) -> String {
        format!("{}.{category}", self.prefix)
    }

    /// The topic of client events.
    pub fn client_events(&self) -> String {
        self.name("client-events")
    }

    /// The name of every topic.
    pub fn names(&self) -> Vec<String> {
        let categories = CATEGORIES.into_iter().map(|category| self.name(category));
        categories.chain([self.client_events()]).collect()
    }

    /// The category whose topic this is.
    pub fn category_of(&self, topic: &str) -> Option<&'static str> {
        let category = topic.strip_prefix(&self.prefix)?.strip_prefix('.')?;
        CATEGORIES.into_iter().find(|known| *known == category)
    }

    pub fn partition_of(&self, stream: &StreamId) -> i32 {
        self.partition_of_key(stream.as_str())
    }

    /// Of records with this key.
    pub fn partition_of_key(&self, key: &str) -> i32 {
        let hash = (murmur2(key.as_bytes()) & 0x7fff_ffff).cast_signed();
        hash % self.partitions.max(1)
    }

    pub fn shard_of(&self, stream: &StreamId) -> Shard {
        Shard::of_partition(stream.category(), self.partition_of(stream))
    }

    /// The shards of these categories.
    pub fn shards<'a>(&self, categories: impl IntoIterator<Item = &'a str>) -> Vec<Shard> {
        let partitions = 0..self.partitions.max(1);
        categories
            .into_iter()
            .flat_map(|category| partitions.clone().map(move |n| Shard::of_partition(category, n)))
            .collect()
    }
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    Event {
        event: Recorded,
        /// It had been parked: watermarks may have passed its position.
        late: bool,
    },
    Watermark {
        position: u64,
        /// Of the event there. `None`: the relay did not know it.
        mark: Option<EventMark>,
    },
}

impl Record {
    pub fn position(&self) -> u64 {
        match self {
            Self::Event { event, .. } => event.position,
            Self::Watermark { position, .. } => *position,
        }
    }

    /// The position that its partition reaches with it; `None` for a late event, which does not move the partition.
    pub fn moves_to(&self) -> Option<u64> {
        match self {
            Self::Event { late: true, .. } => None,
            Self::Event { late: false, .. } | Self::Watermark { .. } => Some(self.position()),
        }
    }

    /// Of the event at its position.
    pub fn mark(&self) -> Option<EventMark> {
        match self {
            Self::Event { event, .. } => Some(event.mark()),
            Self::Watermark { mark, .. } => *mark,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the record has no header {0}")]
    Missing(&'static str),
    #[error("the record's header {0} is not what it should be")]
    Malformed(&'static str),
    #[error("the record's key is not the name of a stream")]
    Key,
}

/// The headers of an event's record. Its key is the stream's name, its value the event's data.
pub fn event_headers(event: &Recorded, late: bool) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(10)
        .insert(in_text(header::POSITION, &event.position.to_string()))
        .insert(in_text(header::REVISION, &event.revision.to_string()))
        .insert(in_text(header::ID, &event.id.to_string()))
        .insert(in_text(header::ORDINAL, &event.ordinal.to_string()))
        .insert(in_text(header::KIND, event.kind.as_str()))
        .insert(in_text(header::RECORDED_AT, &event.recorded_at_ms.to_string()))
        .insert(Header { key: header::META, value: Some(event.meta.as_ref()) });
    if let Ok(meta) = serde_json::from_slice::<Meta>(&event.meta) {
        headers = headers.insert(in_text(header::CORRELATION_ID, &meta.correlation_id.to_string()));
        if let Some(traceparent) = &meta.traceparent {
            headers = headers.insert(in_text(header::TRACEPARENT, traceparent));
        }
    }
    if late {
        headers = headers.insert(in_text(header::LATE, "1"));
    }
    headers
}

/// The headers of a client event's record.
pub(crate) fn client_event_headers(batch: &ClientEventBatch, id: Uuid) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(3)
        .insert(in_text(header::ID, &id.to_string()))
        .insert(in_text(header::CORRELATION_ID, &batch.correlation_id.to_string()));
    match &batch.traceparent {
        Some(traceparent) => headers.insert(in_text(header::TRACEPARENT, traceparent)),
        None => headers,
    }
}

/// `mark` is of the event at `position`.
pub fn watermark_headers(position: u64, mark: Option<EventMark>) -> OwnedHeaders {
    let headers = OwnedHeaders::new_with_capacity(4);
    let headers = headers.insert(in_text(header::WATERMARK, &position.to_string()));
    match mark {
        Some(mark) => headers
            .insert(in_text(header::ID, &mark.event_id.to_string()))
            .insert(in_text(header::RECORDED_AT, &mark.recorded_at_ms.to_string())),
        None => headers,
    }
}

/// Names the session that a record is of.
pub fn of_session(headers: OwnedHeaders, session: i64) -> OwnedHeaders {
    headers.insert(in_text(header::SESSION, &session.to_string()))
}

/// The session that a record is of. `None`: it names none.
pub fn session_of<M: Message>(record: &M) -> Option<i64> {
    let headers = record.headers()?;
    let one = headers.iter().find(|one| one.key == header::SESSION)?;
    one.value.and_then(text)?.parse().ok()
}

fn in_text<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header { key, value: Some(value) }
}

/// Reads a record. What was not written by a relay is an error.
pub fn decode<M: Message>(record: &M) -> Result<Record, RecordError> {
    let headers = record.headers().ok_or(RecordError::Missing(header::POSITION))?;
    let mut fields = Fields::default();
    for one in headers.iter() {
        let Some(value) = one.value else { continue };
        match one.key {
            header::POSITION => fields.position = Some(value),
            header::REVISION => fields.revision = Some(value),
            header::ID => fields.id = Some(value),
            header::ORDINAL => fields.ordinal = Some(value),
            header::KIND => fields.kind = Some(value),
            header::RECORDED_AT => fields.recorded_at = Some(value),
            header::META => fields.meta = Some(value),
            header::LATE => fields.late = true,
            header::WATERMARK => fields.watermark = Some(value),
            _ => {}
        }
    }
    if let Some(watermark) = fields.watermark {
        let position = number(header::WATERMARK, Some(watermark))?;
        let mark = fields.id.map(|id| {
            let event_id = uuid_of(id).ok_or(RecordError::Malformed(header::ID))?;
            let recorded_at_ms = number(header::RECORDED_AT, fields.recorded_at)?;
            Ok(EventMark { position, event_id, recorded_at_ms })
        });
        return Ok(Record::Watermark { position, mark: mark.transpose()? });
    }
    let key = record.key().ok_or(RecordError::Key)?;
    let stream = text(key).ok_or(RecordError::Key)?;
    let kind = fields.kind.ok_or(RecordError::Missing(header::KIND))?;
    let id = fields.id.ok_or(RecordError::Missing(header::ID))?;
    let event = Recorded {
        position: number(header::POSITION, fields.position)?,
        stream: StreamId::new(stream).map_err(|_| RecordError::Key)?,
        revision: number(header::REVISION, fields.revision)?,
        id: uuid_of(id).ok_or(RecordError::Malformed(header::ID))?,
        ordinal: number(header::ORDINAL, fields.ordinal)?,
        kind: text(kind).and_then(Kind::new).ok_or(RecordError::Malformed(header::KIND))?,
        recorded_at_ms: number(header::RECORDED_AT, fields.recorded_at)?,
        data: Bytes::copy_from_slice(record.payload().unwrap_or_default()),
        meta: Bytes::copy_from_slice(fields.meta.ok_or(RecordError::Missing(header::META))?),
    };
    Ok(Record::Event { event, late: fields.late })
}

#[derive(Default)]
struct Fields<'a> {
    position: Option<&'a [u8]>,
    revision: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    ordinal: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
    recorded_at: Option<&'a [u8]>,
    meta: Option<&'a [u8]>,
    late: bool,
    watermark: Option<&'a [u8]>,
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn uuid_of(bytes: &[u8]) -> Option<Uuid> {
    Uuid::try_parse(text(bytes)?).ok()
}

fn number<T: std::str::FromStr>(name: &'static str, value: Option<&[u8]>) -> Result<T, RecordError> {
    let value = value.ok_or(RecordError::Missing(name))?;
    text(value).and_then(|value| value.parse().ok()).ok_or(RecordError::Malformed(name))
}

/// MurmurHash2, 32 bits, with the seed of Kafka's clients
/// (`org.apache.kafka.common.utils.Utils.murmur2`).
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = 0x9747_b28c ^ length;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        for (at, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * at);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use nova_eventlog::event_id;
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;

    use super::*;

    fn event() -> Recorded {
        Recorded {
            position: 42,
            stream: StreamId::new("post-0123").unwrap(),
            revision: 7,
            id: event_id(Uuid::from_u128(9), 2),
            ordinal: 2,
            kind: Kind::new("PostEdited").unwrap(),
            recorded_at_ms: 1_700_000_000_123,
            data: Bytes::from_static(b"{\"a\":1}\0sealed"),
            meta: Bytes::from_static(b"{\"by\":1}"),
        }
    }

    fn record(key: Option<&str>, payload: Option<&[u8]>, headers: Option<OwnedHeaders>) -> OwnedMessage {
        OwnedMessage::new(
            payload.map(<[u8]>::to_vec),
            key.map(|key| key.as_bytes().to_vec()),
            "nova.post".to_owned(),
            Timestamp::NotAvailable,
            0,
            0,
            headers,
        )
    }

    #[test]
    fn an_event_comes_back_as_it_was() {
        for late in [false, true] {
            let event = event();
            let record =
                record(Some(event.stream.as_str()), Some(&event.data), Some(event_headers(&event, late)));
            assert_eq!(decode(&record), Ok(Record::Event { event, late }));
        }
    }

    #[test]
    fn a_watermark_comes_back_as_it_was() {
        for mark in [None, Some(EventMark { position: 77, ..event().mark() })] {
            let record = record(None, None, Some(watermark_headers(77, mark)));
            assert_eq!(decode(&record), Ok(Record::Watermark { position: 77, mark }));
            assert_eq!(session_of(&record), None);
        }
        let headers = of_session(watermark_headers(77, None), -9);
        assert_eq!(session_of(&record(None, None, Some(headers))), Some(-9));
    }

    #[test]
    fn what_no_relay_wrote_is_refused() {
        assert_eq!(
            decode(&record(Some("post-1"), Some(b"x"), None)),
            Err(RecordError::Missing("nova-position"))
        );
        let headers = || event_headers(&event(), false);
        assert_eq!(decode(&record(None, None, Some(headers()))), Err(RecordError::Key));
        assert_eq!(decode(&record(Some("no stream"), None, Some(headers()))), Err(RecordError::Key));
        let bad = headers().insert(Header { key: "nova-position", value: Some("minus one") });
        assert_eq!(
            decode(&record(Some("post-1"), None, Some(bad))),
            Err(RecordError::Malformed("nova-position"))
        );
    }

    /// Values of Kafka's own tests of its hash (`UtilsTest.testMurmur2`).
    #[test]
    fn the_hash_is_kafkas() {
        for (text, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(text.as_bytes()).cast_signed(), hash, "{text}");
        }
    }

    #[test]
    fn topics_are_named_by_category() {
        let topics = Topics { prefix: "nova".to_owned(), partitions: 4 };
        assert_eq!(topics.name("post"), "nova.post");
        assert_eq!(topics.category_of("nova.messages"), Some("messages"));
        for other in ["nova.", "nova.unknown", "novapost", "other.post"] {
            assert_eq!(topics.category_of(other), None, "{other}");
        }
        assert_eq!(topics.shards(["post", "like"]).len(), 8);
        let stream = StreamId::new("post-0123").unwrap();
        assert!(topics.shards(["post"]).contains(&topics.shard_of(&stream)));
    }

    #[test]
    fn every_stream_has_a_topic() {
        use nova_events::{
            CommentId, ConversationId, MediaId, MessageId, PostId, UserId, like::Target, streams,
        };
        let id = Uuid::from_u128(1);
        let (user, conversation) = (UserId(id), ConversationId(id));
        let made = [
            streams::user(user),
            streams::handle("00").unwrap(),
            streams::post(PostId(id)),
            streams::comment(CommentId(id)),
            streams::like(Target::Post(PostId(id)), user),
            streams::follow(user, user),
            streams::block(user, user),
            streams::dismissal(user, user),
            streams::conversation(conversation),
            streams::messages(conversation),
            streams::message(MessageId(id)),
            streams::read(conversation, user),
            streams::delivered(conversation, id),
            streams::nonce(conversation, id),
            streams::media(MediaId(id)),
        ];
        let mut categories: Vec<_> = made.iter().map(|stream| stream.category().to_owned()).collect();
        categories.sort_unstable();
        let mut known = CATEGORIES.map(str::to_owned).to_vec();
        known.sort_unstable();
        assert_eq!(categories, known);
    }
}
