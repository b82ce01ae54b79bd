//! The examples of the document are recorded from a server. `NOVA_BLESS=1` records them again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{JSON, operations};
use crate::authorization::cast::{Cast, PEOPLE};
use crate::authorization::table::{self, Line};
use crate::authorization::things::Request;
use crate::media::bytes::ogg;
use crate::media::uploaded;
use crate::world::World;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/document/examples.json");
const TIME: &str = "2026-01-31T12:00:00.000Z";
/// Items of a list that are kept.
const ITEMS_MAX: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_what_a_server_answers() {
    let world = World::start().await;
    let recorded = record(&world).await;
    let text = serde_json::to_string_pretty(&recorded).unwrap() + "\n";
    if std::env::var_os("NOVA_BLESS").is_some() {
        std::fs::write(FILE, text).unwrap();
        return;
    }
    let committed: Value = serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap();
    let mut differences = Vec::new();
    compare("", &committed, &recorded, &mut differences);
    assert!(differences.is_empty(), "NOVA_BLESS=1 records these again:\n{}", differences.join("\n"));
}

/// By operation, the request and the answer: of a command the first that succeeded, of a query the longest.
async fn record(world: &World) -> Value {
    let document = super::document();
    let mut recorded = Map::new();
    let mut casts = 0;
    for operation in operations(&document) {
        let path = operation.path.strip_prefix("/api/v1").unwrap();
        let mut best = Map::new();
        let lines = table::lines();
        let about_it = lines.iter().filter(|line| line.method == operation.method && line.path == path);
        for line in about_it.filter(|line| !is_live(line)) {
            let cast = Cast::of(world, casts).await;
            casts += 1;
            for person in PEOPLE.into_iter().filter(|person| line.expected(person).starts_with('2')) {
                if operation.method != "GET" && !best.is_empty() {
                    break;
                }
                let exchanged = exchange(&cast, line, person).await;
                if size(&exchanged) > size(&best) {
                    best = exchanged;
                }
            }
        }
        if !best.is_empty() {
            recorded.insert(operation.id.to_owned(), Value::Object(best));
        }
    }
    // The table has no upload that succeeds.
    recorded.extend(uploads(&Cast::of(world, casts).await).await);
    let mut recorded = Value::Object(recorded);
    Pseudonyms::default().put_into("", &mut recorded);
    // A part of the log goes on behind its last event.
    let page = &mut recorded["events_list"]["200"];
    page["position"] = page["items"][ITEMS_MAX - 1]["position"].clone();
    page["next_cursor"] = json!(page["position"].to_string());
    recorded
}

async fn uploads(cast: &Cast) -> Map<String, Value> {
    let (group, _) = cast.group().await;
    let upload = uploaded(cast.owner(), &ogg(1_000)).await;
    // Again is no error.
    let completed = cast.owner().ask("POST", &format!("/uploads/{upload}/complete")).send().await.ok();
    let body = json!({"upload_id": upload, "duration_ms": 1_000, "waveform": [0, 128, 255, 64]});
    let sent = cast.owner().post(&format!("/conversations/{group}/messages/audio"), body.clone()).await.ok();
    Map::from_iter([
        ("media_complete".to_owned(), json!({"200": completed})),
        ("messages_send_voice".to_owned(), json!({"request": body, "201": sent})),
    ])
}

async fn exchange(cast: &Cast, line: &Line, person: &str) -> Map<String, Value> {
    if line.path == "/conversations" {
        cast.group().await;
    }
    let request = Request::of(cast, line, person).await;
    let answer = request.send(cast, person).await;
    let is_json = answer.headers.get("content-type").is_some_and(|kind| kind == JSON);
    let mut exchanged = Map::new();
    if is_json && answer.status.is_success() {
        exchanged.insert(answer.status.as_str().to_owned(), shortened(answer.body));
    }
    if let Some(body) = request.body() {
        exchanged.insert("request".to_owned(), body.clone());
    }
    exchanged
}

fn is_live(line: &Line) -> bool {
    ["/ws", "/stream"].contains(&line.path)
}

fn size(exchanged: &Map<String, Value>) -> usize {
    exchanged.values().map(|body| body.to_string().len()).sum()
}

fn shortened(mut body: Value) -> Value {
    for name in ["items", "dependencies", "checks"] {
        if let Some(items) = body.get_mut(name).and_then(Value::as_array_mut) {
            items.truncate(ITEMS_MAX);
        }
    }
    body
}

/// Replaces ids, times and other values that differ in every run.
#[derive(Default)]
struct Pseudonyms(BTreeMap<String, String>);

impl Pseudonyms {
    fn put_into(&mut self, name: &str, value: &mut Value) {
        match value {
            Value::Object(all) => all.iter_mut().for_each(|(name, value)| self.put_into(name, value)),
            Value::Array(all) => {
                for (n, one) in all.iter_mut().enumerate() {
                    self.put_into(name, one);
                    if let Some(position) = one.get_mut("position") {
                        *position = json!(n + 1);
                    }
                }
            }
            Value::String(text) => *text = self.of(name, text),
            Value::Number(_) => match name {
                "position" | "head" | "applied" => *value = json!(1_042),
                "latency_ms" => *value = json!(0.4),
                "score" => *value = json!(0.25),
                "for_ms" => *value = json!(60_000),
                _ => {}
            },
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn of(&mut self, name: &str, text: &str) -> String {
        match name {
            "presigned_url" | "url" => "https://media.example.org/the-address-that-was-given".to_owned(),
            "next_cursor" => "eyJvcGFxdWUiOnRydWV9".to_owned(),
            "sha256" => text.to_owned(),
            "detail" => text.split(' ').map(without_number).collect::<Vec<_>>().join(" "),
            "address" if text.starts_with('/') => "/var/lib/nova".to_owned(),
            "display_name" => self.next(text, |n| format!("Person {n}")),
            "handle" => self.next(text, |n| format!("person_{n}")),
            _ if chrono::DateTime::parse_from_rfc3339(text).is_ok() => TIME.to_owned(),
            _ => self.ids_in(text),
        }
    }

    fn ids_in(&mut self, text: &str) -> String {
        let mut named = String::new();
        let mut rest = text;
        while let Some(place) = (0..rest.len()).find(|at| id_at(rest, *at).is_some()) {
            let id = id_at(rest, place).unwrap_or_default();
            named.push_str(&rest[..place]);
            // One id, with hyphens and without.
            let hyphenated = uuid::Uuid::try_parse(id).map_or_else(|_| id.to_owned(), |id| id.to_string());
            let short = self.next(&hyphenated, |n| format!("019c1400-7000-7000-8000-{n:012}"));
            named.push_str(&if id.contains('-') { short } else { short.replace('-', "") });
            rest = &rest[place + id.len()..];
        }
        named + rest
    }

    fn next(&mut self, text: &str, name: impl Fn(usize) -> String) -> String {
        let n = self.0.len() + 1;
        self.0.entry(text.to_owned()).or_insert_with(|| name(n)).clone()
    }
}

/// A position in a text.
fn without_number(word: &str) -> String {
    let number = word.trim_end_matches(',');
    if number.parse::<u64>().is_ok_and(|number| number > 99) {
        word.replace(number, "1042")
    } else {
        word.to_owned()
    }
}

/// With hyphens or without.
fn id_at(text: &str, at: usize) -> Option<&str> {
    let is_id = |length| text.get(at..at + length).filter(|part| uuid::Uuid::try_parse(part).is_ok());
    is_id(36).or_else(|| is_id(32))
}

/// Where two recordings have another shape. Null, and a list without items, go with any other value.
fn compare(place: &str, one: &Value, other: &Value, differences: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let names: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
            for name in names {
                let place = format!("{place}/{name}");
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => compare(&place, one, other, differences),
                    (None, Some(_)) => differences.push(format!("{place} is new")),
                    (Some(_), None) => differences.push(format!("{place} is gone")),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(one), Value::Array(other)) => {
            if let (Some(one), Some(other)) = (one.first(), other.first()) {
                compare(&format!("{place}[]"), one, other, differences);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (one, other) => {
            if std::mem::discriminant(one) != std::mem::discriminant(other) {
                differences.push(format!("{place}: {one} and {other}"));
            }
        }
    }
}
