//! Checks permissions. `authorization/table.txt` is the written expectation: every operation of the OpenAPI document, by each of
//! twelve people. An operation without a line there fails, so a new one has to say who may do it.

pub(crate) mod cast;
pub(crate) mod table;
pub(crate) mod things;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use futures::StreamExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Answer;
use crate::world::World;
use cast::{Cast, PEOPLE};
use table::Line;
use things::Request;

/// Lines that are tried at once.
const LINES_AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_an_expectation() {
    let written: BTreeSet<String> = table::lines().iter().map(Line::operation).collect();
    assert_eq!(written, operations(), "left: authorization/table.txt, right: the OpenAPI document");
}

/// The operations of the document, as `METHOD PATH` below `/api/v1`.
fn operations() -> BTreeSet<String> {
    let document = crate::document::document();
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.strip_prefix("/api/v1").unwrap_or(path);
        let methods = item.as_object().unwrap().keys().filter(|name| {
            ["get", "put", "post", "patch", "delete", "head", "options"].contains(&name.as_str())
        });
        operations.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_is_written_and_hidden_is_unknown() {
    let world = World::with(|config| config.live.connections_per_user_max = 100).await;
    let began = Instant::now();
    let lines = table::lines();
    let tried = futures::stream::iter(lines.iter().enumerate())
        .map(|(n, line)| differences(&world, n, line))
        .buffer_unordered(LINES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let differences: Vec<String> = tried.into_iter().flatten().collect();
    println!("{} lines x {} people in {:.1?}", lines.len(), PEOPLE.len(), began.elapsed());
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

async fn differences(world: &World, n: usize, line: &Line) -> Vec<String> {
    let cast = Cast::of(world, n).await;
    let mut differences = Vec::new();
    let mut actual = BTreeMap::new();
    for person in PEOPLE {
        let request = Request::of(&cast, line, person).await;
        let answer = request.send(&cast, person).await;
        let outcome = table::outcome(&answer);
        if outcome == "404" {
            let unknown = request.about_the_unknown();
            let of_unknown = unknown.send(&cast, person).await;
            if let Some(difference) = told_apart(&request, &answer, &unknown, &of_unknown) {
                differences
                    .push(format!("{} as {person}: hidden and unknown differ: {difference}", line.text));
            }
        }
        if outcome != line.expected(person) {
            differences.push(format!("{} as {person}: {outcome}: {}", line.text, answer.body));
        }
        actual.insert(person, outcome);
    }
    if !differences.is_empty() {
        differences.push(format!("  {} is, all in all: {actual:?}", line.operation()));
    }
    differences
}

/// What tells a hidden thing from an unknown one, but for its own id and what names the one request.
fn told_apart(asked: &Request, hidden: &Answer, asked_unknown: &Request, unknown: &Answer) -> Option<String> {
    let one = |request: &Request, answer: &Answer| {
        let mut headers: HeaderMap = answer.headers.clone();
        let own = ["x-correlation-id", "date"].map(|name| headers.remove(name));
        assert!(own.iter().all(Option::is_some), "{:?}", answer.headers);
        let mut body = answer.body.clone();
        body["correlation_id"] = Value::Null;
        let body = body.to_string().replace(&request.hidden.to_string(), "{id}");
        (answer.status, format!("{headers:?}"), body)
    };
    let (hidden, unknown) = (one(asked, hidden), one(asked_unknown, unknown));
    (hidden != unknown).then(|| format!("{hidden:?} and {unknown:?}"))
}

/// Three writes and a read on a post that is hidden, and on one that never was, in turn: neither takes noticeably longer.
#[tokio::test(flavor = "multi_thread")]
async fn hidden_takes_as_long_as_unknown() {
    const TIMES: usize = 150;
    let world = World::start().await;
    let [ada, bob] = world.someones(["ada", "bob"]).await;
    let private = ada.post("/posts", json!({"text": "mine", "visibility": "private"})).await.id();
    bob.look(&format!("/posts/{private}")).await.problem(404, "not_found");
    for (method, suffix) in [("PUT", "/like"), ("DELETE", "/like"), ("DELETE", ""), ("GET", "")] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..TIMES {
            for (times, post) in times.iter_mut().zip([private, Uuid::now_v7()]) {
                let began = Instant::now();
                bob.ask(method, &format!("/posts/{post}{suffix}")).send().await.problem(404, "not_found");
                times.push(began.elapsed());
            }
        }
        let [hidden, unknown] = times.map(|mut times| {
            times.sort_unstable();
            // Not the median: of a machine that does other things too, the quickest answers say most.
            times[TIMES / 10]
        });
        println!("{method} {suffix}: hidden {hidden:?}, unknown {unknown:?} (lowest tenth of {TIMES})");
        let apart = hidden.abs_diff(unknown);
        assert!(apart < Duration::from_millis(2), "{method} {suffix}: {hidden:?} and {unknown:?}");
    }
}
