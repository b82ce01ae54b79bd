//! A naive log in memory and the file log, on the same random history: the same answers, also after opening again.

use std::collections::HashMap;

use futures::executor::block_on;
use nova_eventlog::{
    Append, Direction, EventLog, Expected, FileLog, FileLogOptions, Filter, Kind, LogError, NewEvent,
    StreamId, Write, event_id,
};
use proptest::prelude::*;
use uuid::Uuid;

use super::stream;

#[derive(Debug, Clone, PartialEq, Eq)]
struct ModelEvent {
    stream: StreamId,
    revision: u64,
    id: Uuid,
    kind: String,
    data: Vec<u8>,
}

#[derive(Default)]
struct Model {
    events: Vec<ModelEvent>,
    commands: HashMap<Uuid, (u64, u64)>,
}

/// First and last position and whether it is a duplicate; or the stream that conflicted and its head.
type Outcome = Result<(u64, u64, bool), (StreamId, Option<u64>)>;

impl Model {
    fn head_of(events: &[ModelEvent], stream: &StreamId) -> Option<u64> {
        (events.iter().filter(|event| event.stream == *stream).count() as u64).checked_sub(1)
    }

    fn append(&mut self, append: &Append) -> Outcome {
        if let Some((first, last)) = self.commands.get(&append.command_id) {
            return Ok((*first, *last, true));
        }
        let mut events = self.events.clone();
        let mut ordinal = 0;
        for write in &append.writes {
            let head = Self::head_of(&events, &write.stream);
            if !write.expected.holds(head) {
                return Err((write.stream.clone(), head));
            }
            for (revision, event) in (head.map_or(0, |head| head + 1)..).zip(&write.events) {
                events.push(ModelEvent {
                    stream: write.stream.clone(),
                    revision,
                    id: event_id(append.command_id, ordinal),
                    kind: event.kind.to_string(),
                    data: event.data.to_vec(),
                });
                ordinal += 1;
            }
        }
        let (before, after) = (self.events.len() as u64, events.len() as u64);
        self.events = events;
        if before == after {
            return Ok((after, after, false));
        }
        self.commands.insert(append.command_id, (before + 1, after));
        Ok((before + 1, after, false))
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Queued together, awaited together.
    Appends(Vec<Append>),
    Reopen,
    ReadStream(usize, u64, bool, usize),
    ReadAll(u64, Vec<usize>, Vec<usize>, usize),
    Find(u8, u16),
}

const KINDS: [&str; 3] = ["Made", "Changed", "Gone"];
const CATEGORIES: [&str; 3] = ["post", "like", "follow"];

fn name(n: usize) -> StreamId {
    stream(&format!("{}-{n}", CATEGORIES[n % 3]))
}

/// Few ids, so that commands are repeated; some that share all but the last bytes.
fn command(n: u8) -> Uuid {
    Uuid::from_u128(
        0x1000_0000_0000_0000_0000_0000_0000_0000 + (u128::from(n / 8) << 64) + u128::from(n % 8 * 16),
    )
}

fn an_append() -> impl Strategy<Value = Append> {
    let expected = prop_oneof![
        4 => Just(Expected::Any),
        1 => Just(Expected::NoStream),
        1 => Just(Expected::StreamExists),
        2 => (0u64..6).prop_map(Expected::Exact),
    ];
    let event = (0usize..3, 0usize..900).prop_map(|(kind, size)| NewEvent {
        kind: Kind::new(KINDS[kind]).unwrap(),
        data: vec![size as u8; size].into(),
        meta: bytes::Bytes::new(),
    });
    let write = (0usize..12, expected, prop::collection::vec(event, 0..4))
        .prop_map(|(n, expected, events)| Write { stream: name(n), expected, events });
    (1u8..250, prop::collection::vec(write, 0..4))
        .prop_map(|(id, writes)| Append { command_id: command(id), writes })
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop::collection::vec(an_append(), 1..6).prop_map(Step::Appends),
        1 => Just(Step::Reopen),
        3 => (0usize..13, 0u64..12, any::<bool>(), 0usize..9)
            .prop_map(|(n, from, back, limit)| Step::ReadStream(n, from, back, limit)),
        3 => (0u64..120, prop::collection::vec(0usize..3, 0..3), prop::collection::vec(0usize..3, 0..3), 1usize..9)
            .prop_map(|(after, categories, kinds, limit)| Step::ReadAll(after, categories, kinds, limit)),
        1 => (1u8..250, 0u16..9).prop_map(|(id, ordinal)| Step::Find(id, ordinal)),
    ]
}

fn run(steps: &[Step]) {
    let dir = tempfile::tempdir().unwrap();
    let options = FileLogOptions {
        segment_bytes: 8192,
        heads_cached_max: 3,
        open_files_max: 8,
        batch_events_max: 7,
        page_bytes_max: 2000,
        ..FileLogOptions::default()
    };
    let mut log = FileLog::open(dir.path(), options.clone()).unwrap();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Appends(appends) => {
                let calls: Vec<_> = appends.iter().map(|append| log.append(append.clone())).collect();
                for (append, call) in appends.iter().zip(calls) {
                    let outcome = match block_on(call) {
                        Ok(done) => Ok((done.first_position, done.last_position, done.duplicate)),
                        Err(LogError::Conflict { stream, actual, .. }) => Err((stream, actual)),
                        Err(error) => panic!("{error}"),
                    };
                    assert_eq!(outcome, model.append(append), "{append:?}");
                }
            }
            Step::Reopen => {
                drop(log);
                FileLog::verify(dir.path(), |_, _| ()).unwrap();
                log = FileLog::open(dir.path(), options.clone()).unwrap();
            }
            Step::ReadStream(n, from, back, limit) => {
                let mut own: Vec<_> = model.events.iter().filter(|event| event.stream == name(*n)).collect();
                let direction = if *back { Direction::Backwards } else { Direction::Forwards };
                own.retain(|event| if *back { event.revision <= *from } else { event.revision >= *from });
                if *back {
                    own.reverse();
                }
                own.truncate(*limit);
                let read = block_on(log.read_stream(&name(*n), *from, direction, *limit)).unwrap();
                let read: Vec<_> =
                    read.iter().map(|event| (event.revision, event.id, event.data.to_vec())).collect();
                let own: Vec<_> =
                    own.iter().map(|event| (event.revision, event.id, event.data.clone())).collect();
                // A page may end early for its bytes, but not before its first event.
                assert!(own.starts_with(&read) && read.is_empty() == own.is_empty());
                assert_eq!(
                    block_on(log.stream_head(&name(*n))).unwrap(),
                    Model::head_of(&model.events, &name(*n))
                );
            }
            Step::ReadAll(after, categories, kinds, limit) => {
                let filter = Filter {
                    categories: categories.iter().map(|&n| CATEGORIES[n].to_owned()).collect(),
                    kinds: kinds.iter().map(|&n| KINDS[n].to_owned()).collect(),
                };
                let (mut read, mut position) = (Vec::new(), *after);
                while position < log.head() {
                    let page = block_on(log.read_all(position, &filter, *limit)).unwrap();
                    assert!(page.events.len() <= *limit && page.position > position);
                    position = page.position;
                    read.extend(page.events.into_iter().map(|event| (event.position, event.id)));
                }
                let expected: Vec<_> = (1u64..)
                    .zip(&model.events)
                    .filter(|(at, event)| at > after && filter.admits(event.stream.category(), &event.kind))
                    .map(|(at, event)| (at, event.id))
                    .collect();
                assert_eq!(read, expected);
            }
            Step::Find(id, ordinal) => {
                let id = event_id(command(*id), *ordinal);
                let found = block_on(log.find(id)).unwrap().map(|event| event.position);
                let expected = model.events.iter().position(|event| event.id == id).map(|at| at as u64 + 1);
                assert_eq!(found, expected);
            }
        }
    }
    assert_eq!(log.head(), model.events.len() as u64);
    let stats = log.stats();
    let streams = model.events.iter().filter(|event| event.revision == 0).count() as u64;
    assert_eq!((stats.events, stats.streams), (model.events.len() as u64, streams));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_file_log_answers_like_the_model(steps in prop::collection::vec(a_step(), 1..60)) {
        run(&steps);
    }
}
