//! From a row to the command that it means.

use chrono::DateTime;
use nova_command_api::{Context, Executor};
use nova_domain::Command;
use nova_domain::follow::Follow;
use nova_domain::like::Like;
use nova_domain::post::PublishPost;
use nova_domain::user::Register;
use nova_events::like::Target;
use nova_events::post::Visibility;
use nova_events::{CommentId, PostId, UserId};

use crate::import::{id_of, user_of};

/// A command, who gives it, when, and the name that its command id is the hash of.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) name: String,
    pub(super) user: UserId,
    pub(super) at_ms: i64,
    pub(super) command: Command,
}

impl Made {
    pub(super) fn context(&self, shift_ms: i64) -> Context {
        Context::imported(self.user, id_of(&self.name), self.at_ms.saturating_add(shift_ms))
    }
}

pub(super) fn person(row: &[&str], executor: &Executor) -> Result<Vec<Made>, String> {
    let id = number("id", row[0])?;
    let handle = format!("ldbc_{id}");
    let command = Register {
        handle_key: executor.handle_key(&handle),
        handle,
        display_name: format!("{} {}", row[1], row[2]),
        bio: None,
    };
    one(format!("ldbc:person:{id}:register"), person_id(id), time_of("creationDate", row[5])?, command)
}

/// Knowing is mutual; following is not: one each way.
pub(super) fn knows(row: &[&str]) -> Result<Vec<Made>, String> {
    let (a, b) = (number("the first Person.id", row[0])?, number("the second Person.id", row[1])?);
    let at_ms = time_of("creationDate", row[2])?;
    let follow = |from: u64, to: u64| Made {
        name: format!("ldbc:knows:{from}:{to}"),
        user: person_id(from),
        at_ms,
        command: Follow { user: person_id(to) }.into(),
    };
    Ok(vec![follow(a, b), follow(b, a)])
}

pub(super) fn post(row: &[&str]) -> Result<Vec<Made>, String> {
    let (id, creator) = (number("id", row[0])?, number("creator", row[8])?);
    let (image, content) = (row[1], row[6]);
    let command = PublishPost {
        post: post_id(id),
        text: if content.is_empty() { image } else { content }.to_owned(),
        media: Vec::new(),
        visibility: Visibility::Public,
    };
    one(format!("ldbc:post:{id}:publish"), person_id(creator), time_of("creationDate", row[2])?, command)
}

pub(super) fn likes_post(row: &[&str]) -> Result<Vec<Made>, String> {
    let (person, post) = (number("Person.id", row[0])?, number("Post.id", row[1])?);
    let command = Like { target: Target::Post(post_id(post)) };
    let name = format!("ldbc:like:post:{person}:{post}");
    one(name, person_id(person), time_of("creationDate", row[2])?, command)
}

pub(super) fn likes_comment(row: &[&str]) -> Result<Vec<Made>, String> {
    let (person, comment) = (number("Person.id", row[0])?, number("Comment.id", row[1])?);
    let command = Like { target: Target::Comment(comment_id(comment)) };
    let name = format!("ldbc:like:comment:{person}:{comment}");
    one(name, person_id(person), time_of("creationDate", row[2])?, command)
}

fn one(name: String, user: UserId, at_ms: i64, command: impl Into<Command>) -> Result<Vec<Made>, String> {
    Ok(vec![Made { name, user, at_ms, command: command.into() }])
}

pub(super) fn person_id(id: u64) -> UserId {
    user_of(&format!("ldbc:person:{id}"))
}

pub(super) fn post_id(id: u64) -> PostId {
    PostId(id_of(&format!("ldbc:post:{id}")))
}

pub(super) fn comment_id(id: u64) -> CommentId {
    CommentId(id_of(&format!("ldbc:comment:{id}")))
}

pub(super) fn number(column: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{column} is not a number"))
}

pub(super) fn time_of(column: &str, text: &str) -> Result<i64, String> {
    time_ms(text).ok_or_else(|| format!("{column} is not a time such as 2010-06-27T23:36:57.962+0000"))
}

/// Milliseconds since the Unix epoch.
pub(super) fn time_ms(text: &str) -> Option<i64> {
    let time = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok()?;
    Some(time.timestamp_millis())
}
