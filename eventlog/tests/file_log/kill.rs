//! A process that is killed with SIGKILL while it appends: whatever it had been answered is there, once and whole.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use nova_eventlog::{Append, EventLog, Expected, FileLog, FileLogOptions, Write};
use uuid::Uuid;

use super::{append, events, read_everything, stream};

const DIR: &str = "NOVA_TEST_KILL_DIR";

fn options() -> FileLogOptions {
    FileLogOptions { segment_bytes: 64 << 10, ..FileLogOptions::default() }
}

/// The process that is killed: this test again, with the folder in its environment.
#[test]
fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let log = Arc::new(FileLog::open(dir, options()).unwrap());
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let log = log.clone();
            scope.spawn(move || {
                for n in 0.. {
                    let own = stream(&format!("own-{}", Uuid::new_v4()));
                    let mut command = append(&format!("shared-{}", n % 3), &[40, 200][..1 + n % 2]);
                    command.writes.push(Write {
                        stream: own,
                        expected: Expected::NoStream,
                        events: events("Own", &[100, 0, 2000][..1 + (n + writer) % 3]),
                    });
                    let command_id = command.command_id;
                    let done = block_on(log.append(command)).unwrap();
                    // One write call, so that lines of several threads do not mix.
                    let line = format!("\nack {command_id} {} {}\n", done.first_position, done.last_position);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

/// The last bytes of the newest segment are gone, as after damage to the disk.
fn zeroed_end_is_noticed(dir: &std::path::Path) {
    let path = super::files(dir, "events").pop().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    if end < 4096 {
        return; // It has just been begun.
    }
    bytes[(end - 300).max(4096)..=end].fill(0);
    std::fs::write(&path, bytes).unwrap();
    let error = FileLog::open(dir, options()).unwrap_err().to_string();
    assert!(error.contains("are missing"), "{error}");
}

#[test]
fn whatever_was_acknowledged_survives_kill_nine() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    for round in 0u64..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--nocapture", "--test-threads=1"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let reader = std::thread::spawn(move || {
            let first = lines.find(|line| line.starts_with("ack "));
            (first, lines)
        });
        let (first, lines) = reader.join().unwrap();
        // The pipe must be drained meanwhile, or the child would wait for it.
        let rest = std::thread::spawn(move || lines.collect::<Vec<_>>());
        std::thread::sleep(Duration::from_micros(round * round * 1_700 + 300));
        child.kill().unwrap();
        child.wait().unwrap();
        let before = acknowledged.len();
        for line in first.into_iter().chain(rest.join().unwrap()) {
            let words: Vec<&str> = line.split(' ').collect();
            let ["ack", id, first, last] = words[..] else { continue };
            let range = (first.parse::<u64>().unwrap(), last.parse::<u64>().unwrap());
            assert!(acknowledged.insert(id.parse::<Uuid>().unwrap(), range).is_none());
        }
        assert!(acknowledged.len() > before, "round {round} acknowledged nothing");

        FileLog::verify(dir.path(), |_, _| ()).unwrap();
        let log = FileLog::open(dir.path(), options()).unwrap();
        let events = read_everything(&log).unwrap();
        assert_eq!(events.len() as u64, log.head());
        let mut commands = HashMap::new();
        for (position, event) in (1..).zip(&events) {
            assert_eq!(event.position, position);
            let range = commands.entry(event.command_id()).or_insert((position, position - 1));
            assert_eq!((event.position, u64::from(event.ordinal)), (range.1 + 1, position - range.0));
            range.1 = position;
        }
        for (id, range) in &acknowledged {
            assert_eq!(commands.get(id), Some(range), "{id}");
        }
        // What was not acknowledged is there whole or not at all: a command's own stream ends its events.
        for (_, last) in commands.values() {
            assert_eq!(events[*last as usize - 1].stream.category(), "own");
        }
        // And asking again tells which.
        let id = *acknowledged.keys().next().unwrap();
        let again = block_on(log.append(Append { command_id: id, writes: Vec::new() })).unwrap();
        assert!(again.duplicate && (again.first_position, again.last_position) == acknowledged[&id]);
    }
    let report = FileLog::verify(dir.path(), |_, _| ()).unwrap();
    zeroed_end_is_noticed(dir.path());
    assert!(report.segments > 5 && report.indexes > 4, "{report:?}");
}
