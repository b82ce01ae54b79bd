//! People who know each other, with posts, likes and conversations, made through the product itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use nova_events::UserId;
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::process::Role;

const PEOPLE: usize = 60;
const FOLLOWS_EACH: usize = 10;
const POSTS_EACH: usize = 3;
const LIKES_EACH: usize = 6;
const CONVERSATIONS: usize = 20;
const MESSAGES_EACH: usize = 8;
/// Commands at a time.
const BUSY: usize = 16;
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Person {
    pub(crate) id: UserId,
    pub(crate) token: String,
}

pub(crate) struct Community {
    pub(crate) people: Vec<Person>,
    /// Grows while people write.
    posts: Mutex<Vec<Uuid>>,
    /// Each with its members.
    pub(crate) conversations: Vec<(Uuid, Vec<usize>)>,
}

/// Who sends what.
struct Command {
    person: usize,
    method: &'static str,
    path: String,
    body: Value,
}

impl Community {
    /// Returns once every view shows all of it.
    pub(crate) async fn found(cluster: &Arc<Cluster>, dice: &mut Dice) -> Self {
        let began = Instant::now();
        let people = (0..PEOPLE).map(|_| UserId::make());
        let people: Vec<_> = people.map(|id| Person { id, token: cluster.token(id) }).collect();
        let mut community = Self { people, posts: Mutex::default(), conversations: Vec::new() };
        let head = AtomicU64::new(0);
        let anyone = |dice: &mut Dice| dice.below(PEOPLE as u64) as usize;

        let registrations = (0..PEOPLE).map(|n| {
            let body = json!({"handle": format!("person_{n}"), "display_name": format!("Person {n}")});
            community.command(n, "POST", "/users".to_owned(), body)
        });
        community.all_do(cluster, &head, registrations.collect()).await;

        let posts = (0..PEOPLE * POSTS_EACH).map(|n| {
            let body = json!({"text": format!("Post {n} of this community, with word{}.", n % 7)});
            community.command(n % PEOPLE, "POST", "/posts".to_owned(), body)
        });
        *community.posts.lock() = community.all_do(cluster, &head, posts.collect()).await;

        let groups: Vec<Vec<usize>> =
            (0..CONVERSATIONS).map(|n| (0..4).map(|member| (n * 3 + member) % PEOPLE).collect()).collect();
        let starts = groups.iter().map(|members| {
            let others: Vec<_> = members[1..].iter().map(|&n| community.people[n].id).collect();
            let body = json!({"kind": "group", "title": "Some of us", "members": others});
            community.command(members[0], "POST", "/conversations".to_owned(), body)
        });
        let started = community.all_do(cluster, &head, starts.collect()).await;
        community.conversations = started.into_iter().zip(groups).collect();

        let mut rest = Vec::new();
        for n in 0..PEOPLE {
            for _ in 0..FOLLOWS_EACH {
                let other = (n + 1 + dice.below(PEOPLE as u64 - 1) as usize) % PEOPLE;
                rest.push(community.command(
                    n,
                    "PUT",
                    format!("/users/{}/follow", community.people[other].id),
                    Value::Null,
                ));
            }
            for _ in 0..LIKES_EACH {
                rest.push(community.command(
                    n,
                    "PUT",
                    format!("/posts/{}/like", community.some_post(dice)),
                    Value::Null,
                ));
            }
        }
        for n in 0..CONVERSATIONS * MESSAGES_EACH {
            let (conversation, members) = &community.conversations[n % CONVERSATIONS];
            let sender = members[anyone(dice) % members.len()];
            let path = format!("/conversations/{conversation}/messages");
            rest.push(community.command(sender, "POST", path, json!({"text": format!("Message {n}")})));
        }
        community.all_do(cluster, &head, rest).await;
        let head = head.into_inner();
        for path in ["/feed", "/timeline", "/trending", "/discover"] {
            let token = &community.people[0].token;
            cluster.query(token, &format!("{path}?after={head}")).await.ok();
        }
        // Everybody has looked once: of whom nothing was ever shown, nothing is kept.
        let looks = community.people.iter().flat_map(|person| {
            ["/feed", "/timeline", "/discover"]
                .map(|path| async move { cluster.query(&person.token, path).await.ok() })
        });
        futures::stream::iter(looks).buffered(4).collect::<Vec<_>>().await;
        println!("a community of {PEOPLE} people, {head} events, in {:.1?}", began.elapsed());
        community
    }

    fn command(&self, person: usize, method: &'static str, path: String, body: Value) -> Command {
        Command { person, method, path, body }
    }

    /// Does them all, some at a time. Their ids, in this order.
    async fn all_do(&self, cluster: &Cluster, head: &AtomicU64, commands: Vec<Command>) -> Vec<Uuid> {
        let done = commands.into_iter().map(|command| async move {
            let token = &self.people[command.person].token;
            let key = Uuid::new_v4().to_string();
            let answer = cluster.ask(Role::CommandApi, PATIENCE, |api| {
                let ask = api.ask(command.method, &command.path).token(token).header("idempotency-key", &key);
                if command.body.is_null() { ask } else { ask.json(&command.body) }
            });
            let body = answer.await.ok_or_else(|| format!("{} is not answered", command.path))?.ok();
            head.fetch_max(body["position"].as_u64().unwrap(), Ordering::Relaxed);
            Ok::<_, String>(body["id"].as_str().unwrap().parse::<Uuid>().unwrap())
        });
        futures::stream::iter(done).buffered(BUSY).try_collect().await.unwrap()
    }

    pub(crate) fn somebody(&self, dice: &mut Dice) -> &Person {
        &self.people[dice.below(PEOPLE as u64) as usize]
    }

    pub(crate) fn some_post(&self, dice: &mut Dice) -> Uuid {
        dice.pick(&self.posts.lock()).expect("there are posts")
    }

    /// A conversation, and one of its members.
    pub(crate) fn some_conversation(&self, dice: &mut Dice) -> (Uuid, &Person) {
        let (conversation, members) =
            &self.conversations[dice.below(self.conversations.len() as u64) as usize];
        (*conversation, &self.people[members[dice.below(members.len() as u64) as usize]])
    }

    pub(crate) fn was_published(&self, post: Uuid) {
        self.posts.lock().push(post);
    }
}
