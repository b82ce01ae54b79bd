//! The BYU Chit-Chat dataset: one JSON object, `{conversation: {"messages": [[{text, timestamp, sender} ..] ..], ..} ..}`,
//! plain or gzipped (told by its first bytes, not by its name).
//!
//! The file is read as it is imported, a conversation at a time: at most `AHEAD_MAX` wait and
//! `IN_FLIGHT_MAX` are being imported, each at most `CONVERSATION_BYTES_MAX`
//! bytes. The people seen so far are remembered by their ids, 20 bytes each. What one conversation says keeps its order;
//! conversations go beside each other.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::DateTime;
use nova_command_api::{Context, Executor};
use nova_domain::conversation::StartConversation;
use nova_domain::message::SendMessage;
use nova_domain::user::Register;
use nova_events::conversation::ConversationKind;
use nova_events::message::Body;
use nova_events::{ConversationId, UserId};
use tokio::sync::mpsc;

use super::crew::{Crew, Done, Job, attempt, carry_out};
use super::report::{Kind, Place, Report};
use super::{id_of, user_of};

mod stream;
#[cfg(test)]
mod tests;

use stream::{RawConversation, RawText};

/// Conversations that have been read and wait.
const AHEAD_MAX: usize = 64;

/// Imports a file. The report tells what became of each text.
pub async fn import(executor: Executor, path: &Path) -> anyhow::Result<Arc<Report>> {
    let report = Report::begin(std::fs::metadata(path).map_or(0, |metadata| metadata.len()));
    report.phase(Kind::Message);
    let (sender, mut receiver) = mpsc::channel(AHEAD_MAX);
    let reading = {
        let (path, report): (PathBuf, _) = (path.to_owned(), Arc::clone(&report));
        tokio::task::spawn_blocking(move || stream::read(&path, &report, &sender))
    };
    let mut crew = Crew::new(executor.clone(), Arc::clone(&report));
    let (mut people, mut waiting) = (HashSet::new(), Vec::with_capacity(AHEAD_MAX));
    while receiver.recv_many(&mut waiting, AHEAD_MAX).await > 0 {
        let talks: Vec<_> = waiting.drain(..).map(|raw| Talk::of(raw, &report)).collect();
        register_new(&executor, &report, &talks, &mut people).await?;
        for talk in talks {
            let (executor, report) = (executor.clone(), Arc::clone(&report));
            crew.spawn(async move { talk.import(&executor, &report).await }).await?;
        }
    }
    crew.rest().await?;
    reading.await??;
    report.finish();
    Ok(report)
}

/// Registers those who have not been seen yet, before anything they say.
async fn register_new(
    executor: &Executor,
    report: &Arc<Report>,
    talks: &[Talk],
    seen: &mut HashSet<UserId>,
) -> anyhow::Result<()> {
    let mut crew = Crew::new(executor.clone(), Arc::clone(report));
    for talk in talks {
        for person in &talk.people {
            if seen.insert(person.user) {
                let context = Context::imported(person.user, person.command_id(), talk.begins_ms);
                let (place, command) = (talk.place(None), person.register(executor).into());
                crew.give(vec![Job { place, kind: Kind::Person, context, command }]).await?;
            }
        }
    }
    crew.rest().await
}

#[derive(Debug)]
struct Person {
    id: String,
    user: UserId,
}

impl Person {
    fn of(id: &str) -> Self {
        Self { id: id.to_owned(), user: user_of(&format!("chitchat:person:{id}")) }
    }

    fn command_id(&self) -> uuid::Uuid {
        id_of(&format!("chitchat:person:{}:register", self.id))
    }

    /// The data has no names: the handle is made of the id's first 12 hexadecimal digits.
    fn register(&self, executor: &Executor) -> Register {
        let digits: String = self.id.chars().filter(char::is_ascii_hexdigit).take(12).collect();
        let handle = format!("chat_{}", digits.to_ascii_lowercase());
        Register {
            handle_key: executor.handle_key(&handle),
            display_name: format!("Chatter {}", digits.get(..6).unwrap_or(&digits)),
            handle,
            bio: None,
        }
    }
}

/// A conversation, ready to be imported.
#[derive(Debug)]
struct Talk {
    file: Arc<str>,
    line: u64,
    id: String,
    /// In the order of their first text. The first one starts the conversation.
    people: Vec<Person>,
    begins_ms: i64,
    texts: Vec<Said>,
}

#[derive(Debug)]
struct Said {
    /// Its place among the conversation's texts, bad ones counted: part of its name.
    number: usize,
    line: u64,
    by: UserId,
    at_ms: i64,
    text: String,
}

impl Talk {
    /// Takes over what is good and reports the rest.
    fn of(raw: RawConversation, report: &Report) -> Self {
        let mut talk = Self {
            file: raw.place.file,
            line: raw.place.line,
            id: raw.id,
            people: Vec::new(),
            begins_ms: 0,
            texts: Vec::with_capacity(raw.texts.len()),
        };
        for (number, (line, text)) in raw.texts.into_iter().enumerate() {
            match text.and_then(|text| talk.said(number, line, text)) {
                Ok(said) => talk.texts.push(said),
                Err(reason) => report.bad(&talk.place(Some((number, line))), &reason),
            }
        }
        talk.begins_ms = talk.texts.first().map_or(0, |said| said.at_ms);
        talk
    }

    fn said(&mut self, number: usize, line: u64, raw: RawText) -> Result<Said, String> {
        let time = DateTime::parse_from_rfc3339(&raw.timestamp);
        let at_ms = time.map_err(|_| "timestamp is not a time such as 2018-05-02T19:38:15Z".to_owned())?;
        let known = self.people.iter().find(|person| person.id == raw.sender).map(|person| person.user);
        let by = known.unwrap_or_else(|| {
            let person = Person::of(&raw.sender);
            let user = person.user;
            self.people.push(person);
            user
        });
        Ok(Said { number, line, by, at_ms: at_ms.timestamp_millis(), text: raw.text })
    }

    fn place(&self, text: Option<(usize, u64)>) -> Place {
        let (line, within) = match text {
            Some((number, line)) => (line, format!("conversation {}: text {number}", self.id)),
            None => (self.line, format!("conversation {}", self.id)),
        };
        Place { file: Arc::clone(&self.file), line, within: Some(within) }
    }

    fn conversation(&self) -> ConversationId {
        ConversationId(id_of(&format!("chitchat:conversation:{}", self.id)))
    }

    async fn import(self, executor: &Executor, report: &Report) -> anyhow::Result<()> {
        let Some((starter, others)) = self.people.split_first() else {
            return Ok(());
        };
        let command_id = id_of(&format!("chitchat:conversation:{}:start", self.id));
        let start = StartConversation {
            conversation: self.conversation(),
            kind: if others.len() == 1 { ConversationKind::Direct } else { ConversationKind::Group },
            title: None,
            members: others.iter().map(|person| person.user).collect(),
        };
        let context = Context::imported(starter.user, command_id, report.time_of(self.begins_ms));
        match attempt(executor, context, start.into()).await? {
            Done::Refused(reason) => {
                report.bad_lines(self.texts.len() as u64, &self.place(None), &format!("{reason}: left out"));
                return Ok(());
            }
            done => report.count(Kind::Conversation, done == Done::New),
        }
        for said in &self.texts {
            carry_out(executor, report, self.message(said)).await?;
        }
        Ok(())
    }

    fn message(&self, said: &Said) -> Job {
        let command_id = id_of(&format!("chitchat:conversation:{}:message:{}", self.id, said.number));
        let command = SendMessage {
            conversation: self.conversation(),
            message_type: None,
            body: Body { text: Some(said.text.clone()), ..Body::default() },
            reply_to: None,
            media: None,
        };
        Job {
            place: self.place(Some((said.number, said.line))),
            kind: Kind::Message,
            context: Context::imported(said.by, command_id, said.at_ms),
            command: command.into(),
        }
    }
}
