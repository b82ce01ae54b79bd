//! The same question to both, and what must be the same in the answers.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nova_events::UserId;
use nova_http::Role;
use serde_json::{Value, json};

use crate::PATIENCE;
use crate::client::{Api, User};
use crate::installations::{Distributed, Embedded, Installation};

/// What depends on who answers and when.
const DIFFERENT: [&str; 7] =
    ["source", "as_of", "degraded", "next_cursor", "position", "correlation_id", "causation_id"];

const PAGES_MAX: usize = 40;

/// What ranks as of the moment it is asked: two posts may change places between the two questions, but not every time.
const RANKED: [&str; 2] = ["/feed", "/trending"];
const RANKED_ATTEMPTS: usize = 5;

pub(crate) struct Both {
    embedded: Embedded,
    distributed: Distributed,
    here: Api,
    there: Vec<Api>,
    turn: AtomicUsize,
    compared: AtomicUsize,
}

/// Someone, as each of the two knows them.
struct Someone {
    here: User,
    there: Vec<User>,
}

impl Both {
    pub(crate) fn new(embedded: Embedded, distributed: Distributed) -> Self {
        let here = Api::new(embedded.addresses()[0]);
        let there = distributed.addresses().into_iter().map(Api::new).collect();
        Self { embedded, distributed, here, there, turn: AtomicUsize::new(0), compared: AtomicUsize::new(0) }
    }

    /// Waits until every view has seen everything, as each reader tells itself: a query with `after=` is answered.
    pub(crate) async fn catch_up(&self) {
        let began = Instant::now();
        let someone = self.someone(UserId::make(), Role::User);
        let asked = [(&someone.here, self.embedded.writer().log().head())];
        let head = self.distributed.writer().log().head();
        for (user, head) in asked.into_iter().chain(someone.there.iter().map(|user| (user, head))) {
            while !user.get(&format!("/trending?after={head}")).await.status.is_success() {
                assert!(began.elapsed() < PATIENCE, "the views do not get to position {head}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        println!("the views are at their logs' heads after {:.1?}", began.elapsed());
    }

    /// Everyone whom the views know of, in order of their ids.
    pub(crate) async fn everyone(&self) -> Vec<UserId> {
        let mut people = BTreeSet::new();
        let mut after = 0;
        let log = self.embedded.writer().log();
        loop {
            let page =
                log.read_all(after, &nova_eventlog::Filter::categories(["user"]), 1_000).await.unwrap();
            people.extend(page.events.iter().map(|event| event.stream.id().parse::<uuid::Uuid>().unwrap()));
            after = page.position;
            if after >= page.head {
                return people.into_iter().map(UserId).collect();
            }
        }
    }

    fn someone(&self, id: UserId, role: Role) -> Someone {
        let token = |product: &nova::compose::Product| {
            product.issuer().issue(id, role, Duration::from_secs(3_600)).unwrap()
        };
        let there = token(self.distributed.writer());
        Someone {
            here: self.here.as_user(id, token(self.embedded.writer())),
            there: self.there.iter().map(|api| api.as_user(id, there.clone())).collect(),
        }
    }

    /// Every question, as these people would ask it.
    pub(crate) async fn agree_for(&self, people: &[UserId]) {
        for (n, id) in people.iter().enumerate() {
            let me = self.someone(*id, Role::User);
            let other = people[(n + 1) % people.len()];
            let mut posts = Vec::new();
            for list in ["/timeline?limit=7", "/feed?limit=20", "/trending?limit=9"] {
                posts.extend(ids(&self.list(&me, list).await));
            }
            self.list(&me, "/discover?limit=11").await;
            self.list(&me, "/users/me/blocks?limit=5").await;
            for user in [*id, other] {
                let profile = self.one(&me, &format!("/users/{user}")).await;
                if let Some(handle) = profile["handle"].as_str() {
                    self.one(&me, &format!("/users/@{handle}")).await;
                }
                for list in ["posts", "followers", "following"] {
                    self.list(&me, &format!("/users/{user}/{list}?limit=6")).await;
                }
            }
            posts.truncate(40);
            for post in posts.iter().step_by(5) {
                self.one(&me, &format!("/posts/{post}")).await;
                self.list(&me, &format!("/posts/{post}/comments?limit=4")).await;
            }
            self.list(&me, "/search?q=the&limit=50").await;
            self.list(&me, "/search?q=about%20a&limit=50").await;
            self.conversations(&me).await;
        }
        self.what_is_wrong(&self.someone(people[0], Role::User)).await;
        let auditor = self.someone(UserId::make(), Role::Auditor);
        self.list(&auditor, "/audit/deletions?limit=10").await;
        self.list(&auditor, "/audit/deletions?entity=post&limit=3").await;
        println!("{} answers compared", self.compared.load(Ordering::Relaxed));
    }

    async fn conversations(&self, me: &Someone) {
        for conversation in ids(&self.list(me, "/conversations?limit=5").await).into_iter().take(6) {
            let path = format!("/conversations/{conversation}");
            let head = self.one(me, &path).await["last_seq"].as_i64().unwrap_or(0);
            for range in ["after_seq=-1&limit=50".to_owned(), format!("before_seq={}&limit=5", head + 1)] {
                self.one(me, &format!("{path}/messages?{range}")).await;
            }
            self.list(me, &format!("{path}/search?q=you&limit=4")).await;
        }
    }

    /// Refusals are part of the answers.
    async fn what_is_wrong(&self, me: &Someone) {
        let nobody = uuid::Uuid::from_u128(1);
        for path in [
            format!("/posts/{nobody}"),
            format!("/users/{nobody}"),
            "/users/@no_such_handle".to_owned(),
            format!("/conversations/{nobody}"),
            "/posts/x".to_owned(),
            "/timeline?cursor=nonsense".to_owned(),
            "/feed?limit=0".to_owned(),
            "/audit/deletions".to_owned(),
        ] {
            self.one(me, &path).await;
        }
    }

    fn there<'a>(&self, me: &'a Someone) -> &'a User {
        &me.there[self.turn.fetch_add(1, Ordering::Relaxed) % me.there.len()]
    }

    async fn one(&self, me: &Someone, path: &str) -> Value {
        let (here, there) = (me.here.get(path).await, self.there(me).get(path).await);
        let told = |answer: &crate::client::Answer| (answer.status, same_part(answer.body.clone()));
        self.same(
            path,
            me,
            &json!([told(&here).0.as_u16(), told(&here).1]),
            &json!([told(&there).0.as_u16(), told(&there).1]),
        );
        here.body
    }

    /// A list, through all of its pages. Each side goes through its own cursors.
    async fn list(&self, me: &Someone, path: &str) -> Vec<Value> {
        let is_ranked = RANKED.iter().any(|list| path.starts_with(list));
        let mut again = if is_ranked { RANKED_ATTEMPTS - 1 } else { 0 };
        loop {
            let here = all_pages(|_| &me.here, path).await;
            let (told, there) = (json!(here), json!(all_pages(|_| self.there(me), path).await));
            if again == 0 || difference("", &told, &there).is_none() {
                self.same(path, me, &told, &there);
                return here;
            }
            again -= 1;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    #[track_caller]
    fn same(&self, path: &str, me: &Someone, here: &Value, there: &Value) {
        self.compared.fetch_add(1, Ordering::Relaxed);
        if let Some(at) = difference("", here, there) {
            panic!("{path} as {}: embedded and distributed differ at {at}", me.here.id);
        }
    }

    pub(crate) async fn end(self) {
        self.embedded.end().await;
        self.distributed.end().await;
    }
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect()
}

async fn all_pages<'a>(whom: impl Fn(usize) -> &'a User, path: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    for page in 0..PAGES_MAX {
        let answer = whom(page).get(&format!("{path}{cursor}")).await;
        assert!(answer.status.is_success(), "{path}: {} {}", answer.status, answer.body);
        items.extend(answer.body["items"].as_array().into_iter().flatten().cloned().map(same_part));
        match answer.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    items
}

/// The answer without what may differ.
fn same_part(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(name, _)| !DIFFERENT.contains(&name.as_str()))
                .map(|(name, value)| (name, same_part(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(same_part).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Where two answers differ first, and how. Scores sink with time: they were asked for one after the other.
fn difference(at: &str, here: &Value, there: &Value) -> Option<String> {
    match (here, there) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().find_map(|name| {
                let of = |fields: &serde_json::Map<String, Value>| {
                    fields.get(name).cloned().unwrap_or(Value::Null)
                };
                difference(&format!("{at}.{name}"), &of(a), &of(b))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(n, (a, b))| difference(&format!("{at}[{n}]"), a, b))
        }
        (Value::Array(a), Value::Array(b)) => {
            Some(format!("{at}: {} and {} items: {:?} and {:?}", a.len(), b.len(), ids(a), ids(b)))
        }
        (Value::Number(a), Value::Number(b)) if at.ends_with(".score") => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            ((a - b).abs() > 1e-3).then(|| format!("{at}: {a} and {b}"))
        }
        (a, b) => (a != b).then(|| format!("{at}: {a} and {b}")),
    }
}
