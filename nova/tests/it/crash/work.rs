//! What the clients do, what they were told, and what they expect to see.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;

use nova_command_api::scoped_command_id;
use nova_events::UserId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::log::Replay;
use super::random;
use super::server::token;
use crate::client::{Answer as Response, Api};
use crate::document::truth;

pub(super) const CLIENTS: usize = 8;

/// People, one group of all of them, and everything that was acknowledged.
pub(super) struct Town {
    people: Vec<(UserId, String)>,
    group: Uuid,
    told: Mutex<Vec<(Asked, Answer)>>,
}

/// A command, as it is sent, perhaps more than once.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    person: usize,
    user: UserId,
    key: Uuid,
    method: &'static str,
    path: String,
    body: Value,
    kind: &'static str,
}

impl Asked {
    pub(super) fn command_id(&self) -> Uuid {
        scoped_command_id(self.user, self.key)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Answer {
    id: Uuid,
    revision: u64,
    pub(super) position: u64,
}

impl Answer {
    fn of(response: &Response) -> Self {
        assert!(response.status.is_success(), "{} {}", response.status, response.body);
        Self {
            id: response.body["id"].as_str().unwrap().parse().unwrap(),
            revision: response.body["revision"].as_u64().unwrap(),
            position: response.body["position"].as_u64().unwrap(),
        }
    }
}

impl Town {
    pub(super) async fn found(data: &Path, address: SocketAddr) -> Self {
        let api = truth::client(address);
        let mut people = Vec::new();
        for n in 0..CLIENTS {
            let user = UserId::make();
            let token = token(data, user);
            let body = json!({"handle": format!("person_{n}"), "display_name": "Somebody"});
            api.as_user(user, token.clone()).post("/users", body).await.ok();
            people.push((user, token));
        }
        let members: Vec<_> = people.iter().map(|(user, _)| user).collect();
        let start = json!({"kind": "group", "title": "all of us", "members": members});
        let group = api.as_user(people[0].0, people[0].1.clone()).post("/conversations", start).await.id();
        Self { people, group, told: Mutex::default() }
    }

    pub(super) fn acknowledge(&self, asked: Asked, answer: Answer) {
        self.told.lock().unwrap().push((asked, answer));
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    async fn send(&self, asked: &Asked, api: &Api) -> Option<Response> {
        let ask = api.ask(asked.method, &asked.path).token(&self.people[asked.person].1);
        let ask = ask.header("idempotency-key", asked.key.to_string());
        if asked.body.is_null() { ask.try_send().await } else { ask.json(&asked.body).try_send().await }
    }

    /// Sends an unanswered command again, twice.
    pub(super) async fn again(&self, asked: &Asked, address: SocketAddr) -> Answer {
        let api = truth::client(address);
        let answer = Answer::of(&self.send(asked, &api).await.expect("an answer"));
        let once_more = Answer::of(&self.send(asked, &api).await.expect("an answer"));
        assert_eq!((answer.id, answer.position), (once_more.id, once_more.position));
        answer
    }

    pub(super) fn holds_what_it_acknowledged(&self, log: &Replay) {
        log.holds_whole_commands();
        for (asked, answer) in &*self.told.lock().unwrap() {
            let found = log.of(asked.command_id());
            assert_eq!(found, Some(answer.position), "acknowledged and not there: {asked:?}");
            let first = log.first_of(asked.command_id()).unwrap();
            assert_eq!((first.kind.as_str(), first.revision), (asked.kind, answer.revision), "{asked:?}");
        }
    }

    /// The views against a replay, done here by counting.
    pub(super) async fn sees_what_the_log_says(&self, log: &Replay, address: SocketAddr) {
        let api = truth::client(address);
        let person = random(CLIENTS as u64) as usize;
        let (user, token) = &self.people[person];
        let viewer = api.as_user(*user, token.clone());
        let after = log.head();
        let mine = |value: &Value, field: &str| value[field].as_str() == Some(&user.to_string());

        let published: Vec<_> = log.kind("PostPublished").filter(|(_, post)| mine(post, "author")).collect();
        let profile = viewer.get(&format!("/users/{user}?after={after}")).await.ok();
        assert_eq!(profile["post_count"], published.len());

        let length = log.kind("MessageSent").count() + log.kind("MessageEdited").count();
        let conversation = viewer.get(&format!("/conversations/{}?after={after}", self.group)).await.ok();
        assert_eq!(conversation["last_seq"].as_u64(), (length as u64).checked_sub(1));
        let theirs = log.kind("MessageSent").filter(|(_, message)| !mine(message, "sender"));
        assert_eq!(conversation["unread_count"], theirs.count());

        // One post of theirs, drawn, with its likes and comments.
        if !published.is_empty() {
            let (_, post) = published[random(published.len() as u64) as usize];
            let id = post["post_id"].as_str().unwrap();
            let card = viewer.get(&format!("/posts/{id}?after={after}")).await.ok();
            let likes = log.kind("Liked").filter(|(_, like)| like["post_id"] == id).count();
            let comments = log.kind("CommentAdded").filter(|(_, comment)| comment["post_id"] == id).count();
            assert_eq!((&card["like_count"], &card["comment_count"]), (&json!(likes), &json!(comments)));
        }
    }

    /// Long lists as everybody sees them.
    pub(super) async fn everything(&self, address: SocketAddr) -> Vec<Value> {
        let api = truth::client(address);
        let mut all = Vec::new();
        for (user, token) in &self.people {
            let viewer = api.as_user(*user, token.clone());
            // The position of the last answer: everything is in the views.
            let after =
                self.told.lock().unwrap().iter().map(|(_, answer)| answer.position).max().unwrap_or(0);
            viewer.get(&format!("/users/{user}?after={after}")).await.ok();
            for path in [format!("/users/{user}/posts"), "/conversations".to_owned()] {
                all.extend(viewer.items(&format!("{path}?limit=100")).await);
            }
            let posts = viewer.all(&format!("/users/{user}/posts"), "id").await;
            for post in posts.iter().take(20) {
                all.extend(viewer.items(&format!("/posts/{post}/comments")).await);
            }
        }
        let (user, token) = &self.people[0];
        let viewer = api.as_user(*user, token.clone());
        let mut seq = -1;
        loop {
            let path = format!("/conversations/{}/messages?limit=100&after_seq={seq}", self.group);
            let messages = viewer.items(&path).await;
            let Some(last) = messages.last() else { return all };
            seq = last["seq"].as_i64().unwrap();
            all.extend(messages);
        }
    }
}

/// One client: it does one thing after the other until the server is gone.
pub(super) struct Task {
    town: Arc<Town>,
    person: usize,
    api: Api,
}

impl Task {
    pub(super) fn new(town: &Arc<Town>, person: usize, address: SocketAddr) -> Self {
        Self { town: town.clone(), person, api: truth::client(address) }
    }

    /// The command, if any, that was not answered.
    pub(super) async fn run(self) -> Option<Asked> {
        loop {
            let asked = self.next();
            match self.town.send(&asked, &self.api).await {
                Some(response) => {
                    let answer = Answer::of(&response);
                    let sees = self.sees(&asked, &answer).await;
                    self.town.acknowledge(asked, answer);
                    sees?;
                }
                None => return Some(asked),
            }
        }
    }

    /// `None`: the server has gone. Whoever was told that something is done sees it.
    async fn sees(&self, asked: &Asked, answer: &Answer) -> Option<()> {
        if asked.kind != "PostPublished" {
            return Some(());
        }
        let path = format!("/posts/{}?after={}", answer.id, answer.position);
        let seen = self.api.ask("GET", &path).token(&self.town.people[self.person].1).try_send().await?;
        assert_eq!((seen.status.as_u16(), &seen.body["text"]), (200, &asked.body["text"]), "{}", seen.body);
        Some(())
    }

    fn next(&self) -> Asked {
        let told = self.town.told.lock().unwrap();
        let made = |kind: &str| -> Vec<(usize, Uuid)> {
            let all = told.iter().filter(|(asked, _)| asked.kind == kind);
            all.map(|(asked, answer)| (asked.person, answer.id)).collect()
        };
        let posts = made("PostPublished");
        let liked: HashSet<Uuid> = made("Liked")
            .into_iter()
            .filter(|(person, _)| *person == self.person)
            .map(|(_, id)| id)
            .collect();
        let unliked = posts.iter().map(|(_, id)| *id).find(|id| !liked.contains(id));
        let mine = made("MessageSent").into_iter().rfind(|(person, _)| *person == self.person);
        let text = format!("text {}", random(1_000_000));
        let (method, path, body, kind) = match (random(10), posts.is_empty(), unliked, mine) {
            (0..=1, false, _, _) => {
                let (_, post) = posts[random(posts.len() as u64) as usize];
                ("POST", format!("/posts/{post}/comments"), json!({"text": text}), "CommentAdded")
            }
            (2..=3, _, Some(post), _) => ("PUT", format!("/posts/{post}/like"), Value::Null, "Liked"),
            (4, _, _, Some((_, message))) => {
                let path = format!("/conversations/{}/messages/{message}", self.town.group);
                ("PATCH", path, json!({"text": text}), "MessageEdited")
            }
            (5..=7, _, _, _) => {
                let path = format!("/conversations/{}/messages", self.town.group);
                ("POST", path, json!({"text": text}), "MessageSent")
            }
            _ => ("POST", "/posts".to_owned(), json!({"text": text}), "PostPublished"),
        };
        let user = self.town.people[self.person].0;
        Asked { person: self.person, user, key: Uuid::new_v4(), method, path, body, kind }
    }
}
