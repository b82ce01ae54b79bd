//! What people asked for, and what they were told. The judge of everything else.

use nova_command_api::scoped_command_id;
use nova_events::UserId;
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Answer, Api, Ask};

/// What someone does.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    Register(String),
    StartGroup(Vec<UserId>),
    Publish(String),
    Edit(Uuid, String),
    Delete(Uuid),
    Restore(Uuid),
    Like(Uuid),
    Unlike(Uuid),
    Comment(Uuid, String),
    Follow(UserId),
    Unfollow(UserId),
    Say(Uuid, String),
}

impl Deed {
    /// The kinds of the events that it makes.
    pub(crate) fn events(&self) -> &'static [&'static str] {
        match self {
            Self::Register(_) => &["UserRegistered", "HandleClaimed"],
            Self::StartGroup(_) => &["ConversationStarted"],
            Self::Publish(_) => &["PostPublished"],
            Self::Edit(..) => &["PostEdited"],
            Self::Delete(_) => &["PostDeleted"],
            Self::Restore(_) => &["PostRestored"],
            Self::Like(_) => &["Liked"],
            Self::Unlike(_) => &["Unliked"],
            Self::Comment(..) => &["CommentAdded"],
            Self::Follow(_) => &["Followed"],
            Self::Unfollow(_) => &["Unfollowed"],
            Self::Say(..) => &["MessageSent"],
        }
    }

    fn request(&self) -> (&'static str, String, Option<Value>) {
        match self {
            Self::Register(handle) => {
                ("POST", "/users".into(), Some(json!({"handle": handle, "display_name": handle})))
            }
            Self::StartGroup(members) => {
                let body = json!({"kind": "group", "title": "all of us", "members": members});
                ("POST", "/conversations".into(), Some(body))
            }
            Self::Publish(text) => ("POST", "/posts".into(), Some(json!({"text": text}))),
            Self::Edit(post, text) => ("PATCH", format!("/posts/{post}"), Some(json!({"text": text}))),
            Self::Delete(post) => ("DELETE", format!("/posts/{post}"), None),
            Self::Restore(post) => ("POST", format!("/posts/{post}/restore"), None),
            Self::Like(post) => ("PUT", format!("/posts/{post}/like"), None),
            Self::Unlike(post) => ("DELETE", format!("/posts/{post}/like"), None),
            Self::Comment(post, text) => {
                ("POST", format!("/posts/{post}/comments"), Some(json!({"text": text})))
            }
            Self::Follow(user) => ("PUT", format!("/users/{user}/follow"), None),
            Self::Unfollow(user) => ("DELETE", format!("/users/{user}/follow"), None),
            Self::Say(group, text) => {
                ("POST", format!("/conversations/{group}/messages"), Some(json!({"text": text})))
            }
        }
    }
}

/// A command, as it is sent, perhaps more than once.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) user: UserId,
    pub(crate) key: Uuid,
    pub(crate) deed: Deed,
}

impl Asked {
    pub(crate) fn new(user: UserId, deed: Deed) -> Self {
        Self { user, key: Uuid::new_v4(), deed }
    }

    pub(crate) fn command_id(&self) -> Uuid {
        scoped_command_id(self.user, self.key)
    }

    pub(crate) fn ask(&self, api: &Api, token: &str) -> Ask {
        let (method, path, body) = self.deed.request();
        let ask = api.ask(method, &path).token(token).header("idempotency-key", self.key.to_string());
        match body {
            Some(body) => ask.json(&body),
            None => ask,
        }
    }
}

/// What came of a command.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    Done {
        id: Uuid,
        position: u64,
    },
    /// It may not be: a status and a code.
    Refused(String),
    /// No answer: done whole, or not at all.
    Maybe,
}

impl Told {
    pub(crate) fn of(answer: Option<&Answer>) -> Self {
        let Some(answer) = answer else { return Self::Maybe };
        if answer.status.is_success() {
            let id = answer.body["id"].as_str().unwrap().parse().unwrap();
            Self::Done { id, position: answer.body["position"].as_u64().unwrap() }
        } else {
            Self::Refused(format!("{} {}", answer.status, answer.body["code"]))
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    lines: Mutex<Vec<(Asked, Told)>>,
}

impl Ledger {
    pub(crate) fn write(&self, asked: Asked, told: Told) {
        self.lines.lock().push((asked, told));
    }

    pub(crate) fn lines(&self) -> Vec<(Asked, Told)> {
        self.lines.lock().clone()
    }

    /// Done, refused, maybe.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let lines = self.lines.lock();
        let count = |wanted: fn(&Told) -> bool| lines.iter().filter(|(_, told)| wanted(told)).count();
        (
            count(|told| matches!(told, Told::Done { .. })),
            count(|told| matches!(told, Told::Refused(_))),
            count(|told| matches!(told, Told::Maybe)),
        )
    }
}
