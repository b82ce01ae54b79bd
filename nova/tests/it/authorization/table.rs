//! The written expectation, read.

use std::collections::BTreeMap;

use crate::authorization::cast::PEOPLE;
use crate::client::Answer;

const TABLE: &str = include_str!("table.txt");
const STAFF: [&str; 3] = ["moderator", "auditor", "operator"];

/// An operation on a thing, and what each person's request for it comes to.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// Empty: the usual one of the operation.
    pub(crate) thing: &'static str,
    expected: BTreeMap<&'static str, String>,
}

pub(crate) fn lines() -> Vec<Line> {
    let lines = TABLE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(Line::read).collect()
}

impl Line {
    fn read(text: &'static str) -> Self {
        let mut words = text.split_whitespace().peekable();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let thing = words.next_if(|word| !word.contains('=')).unwrap_or_default();
        let mut expected =
            BTreeMap::from([("anonymous", full("401")), ("deactivated", full("403:account_deactivated"))]);
        let mut rest = None;
        for word in words {
            let (people, outcome) = word.split_once('=').unwrap_or_else(|| panic!("{text}: {word}"));
            for name in people.split(',') {
                match name {
                    "*" => rest = Some(full(outcome)),
                    "staff" => expected.extend(STAFF.map(|role| (role, full(outcome)))),
                    name => {
                        assert!(PEOPLE.contains(&name), "{text}: there is nobody called {name}");
                        expected.insert(name, full(outcome));
                    }
                }
            }
        }
        for person in PEOPLE {
            let outcome =
                rest.as_ref().unwrap_or_else(|| panic!("{text}: nothing is said of everybody else"));
            expected.entry(person).or_insert_with(|| outcome.clone());
        }
        let name = text.split_whitespace().take_while(|word| !word.contains('=')).collect::<Vec<_>>();
        Self { text: name.join(" "), method, path, thing, expected }
    }

    pub(crate) fn operation(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(crate) fn expected(&self, person: &str) -> &str {
        &self.expected[person]
    }
}

fn full(outcome: &str) -> String {
    if outcome == "nr" { "403:not_registered" } else { outcome }.to_owned()
}

/// What an answer is, as the table writes it.
pub(crate) fn outcome(answer: &Answer) -> String {
    let status = answer.status.as_u16();
    match (status, answer.body["code"].as_str()) {
        (404, Some("not_found")) | (410, Some("gone")) | (401, Some("missing_token")) => status.to_string(),
        (400.., code) => format!("{status}:{}", code.unwrap_or("without a code")),
        _ => status.to_string(),
    }
}
