//! The product as an in-memory program of a page: what the views have to say, counted from the log.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::load::Town;
use crate::log::{Event, Log};

#[derive(Debug, Default)]
struct Post {
    author: String,
    deleted: bool,
    likes: BTreeSet<String>,
    comments: u64,
    published: DateTime<Utc>,
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    posts: BTreeMap<String, Post>,
    /// Who follows whom.
    follows: BTreeSet<(String, String)>,
    /// The ids of the group's messages, by seq, and their senders.
    messages: Vec<(String, String)>,
}

impl Model {
    pub(crate) fn of(log: &Log) -> Self {
        let mut model = Self::default();
        for event in &log.events {
            model.take(event);
        }
        model
    }

    fn take(&mut self, event: &Event) {
        let field = |name: &str| event.data[name].as_str().unwrap_or_default().to_owned();
        let follow = || (field("follower"), field("followee"));
        if event.kind == "PostPublished" {
            let (author, published) = (field("author"), event.occurred_at);
            self.posts.insert(field("post_id"), Post { author, published, ..Post::default() });
        }
        let post = self.posts.get_mut(&field("post_id"));
        match (event.kind.as_str(), post) {
            ("PostDeleted", Some(post)) => post.deleted = true,
            ("PostRestored", Some(post)) => post.deleted = false,
            ("Liked", Some(post)) => drop(post.likes.insert(field("user_id"))),
            ("Unliked", Some(post)) => drop(post.likes.remove(&field("user_id"))),
            ("CommentAdded", Some(post)) => post.comments += 1,
            ("Followed", None) => drop(self.follows.insert(follow())),
            ("Unfollowed", None) => drop(self.follows.remove(&follow())),
            ("MessageSent", None) => self.messages.push((field("message_id"), field("sender"))),
            _ => {}
        }
    }

    /// Every count and list of every one of them, as the query side answers when it has seen the whole log.
    pub(crate) async fn is_seen_by(&self, town: &Town, head: u64) {
        self.posts_are_seen(town, head).await;
        for (n, (user, token)) in town.people.iter().enumerate() {
            let user = user.to_string();
            let see = async |path: String| -> Value {
                let answer = town.cluster.query(token, &path).await;
                assert!(answer.status.is_success(), "{path}: {}", answer.body);
                answer.body
            };
            let profile = see(format!("/users/{user}?after={head}")).await;
            let count = |name: &str| profile[name].as_u64().unwrap();
            let following = self.names(|(follower, followee)| (*follower == user).then_some(followee));
            let followers = self.names(|(follower, followee)| (*followee == user).then_some(follower));
            let mine = self.posts.values().filter(|post| post.author == user && !post.deleted).count();
            assert_eq!(
                (count("post_count"), count("follower_count"), count("following_count")),
                (mine as u64, followers.len() as u64, following.len() as u64),
                "person {n}"
            );
            for (list, names) in [("followers", &followers), ("following", &following)] {
                let path = format!("/users/{user}/{list}?limit=100&after={head}");
                let seen: BTreeSet<String> = ids(&see(path).await).into_iter().collect();
                assert_eq!(seen, *names, "{list} of person {n}");
            }

            let timeline = ids(&see(format!("/timeline?limit=100&after={head}")).await);
            assert_eq!(timeline, self.timeline(&user, &following), "the timeline of person {n}");

            let group = see(format!("/conversations/{}?after={head}", town.group)).await;
            let theirs = self.messages.iter().filter(|(_, sender)| *sender != user).count();
            assert_eq!(group["last_seq"].as_u64(), (self.messages.len() as u64).checked_sub(1), "person {n}");
            assert_eq!(group["unread_count"], theirs, "person {n}");
        }
        self.messages_are_seen(town, head).await;
    }

    async fn posts_are_seen(&self, town: &Town, head: u64) {
        let (user, token) = &town.people[0];
        for (id, post) in &self.posts {
            let answer = town.cluster.query(token, &format!("/posts/{id}?after={head}")).await;
            if post.deleted {
                assert_eq!(answer.status, 410, "{id} is deleted: {}", answer.body);
                continue;
            }
            assert_eq!(answer.status, 200, "{id}: {}", answer.body);
            let seen = &answer.body;
            assert_eq!(
                (
                    seen["like_count"].as_u64(),
                    seen["comment_count"].as_u64(),
                    seen["liked_by_viewer"].as_bool()
                ),
                (
                    Some(post.likes.len() as u64),
                    Some(post.comments),
                    Some(post.likes.contains(&user.to_string()))
                ),
                "{id}: {seen}"
            );
        }
    }

    async fn messages_are_seen(&self, town: &Town, head: u64) {
        let (_, token) = &town.people[1];
        let mut seen = Vec::new();
        loop {
            let after_seq = seen.len() as i64 - 1;
            let path = format!(
                "/conversations/{}/messages?limit=100&after_seq={after_seq}&after={head}",
                town.group
            );
            let page = town.cluster.query(token, &path).await.ok();
            for message in page["items"].as_array().unwrap() {
                assert_eq!(message["seq"], seen.len(), "seqs have no gaps: {message}");
                seen.push((string(&message["id"]), string(&message["sender_id"])));
            }
            if page["items"].as_array().unwrap().is_empty() {
                break;
            }
        }
        assert_eq!(seen, self.messages);
    }

    fn names<'a>(&'a self, of: impl Fn(&'a (String, String)) -> Option<&'a String>) -> BTreeSet<String> {
        self.follows.iter().filter_map(of).cloned().collect()
    }

    /// The first page: posts of followees and one's own, newest first.
    fn timeline(&self, user: &str, following: &BTreeSet<String>) -> Vec<String> {
        let wanted = |post: &Post| !post.deleted && (post.author == user || following.contains(&post.author));
        let mut posts: Vec<_> = self.posts.iter().filter(|(_, post)| wanted(post)).collect();
        posts.sort_by_key(|(id, post)| std::cmp::Reverse((post.published, *id)));
        posts.into_iter().take(100).map(|(id, _)| id.clone()).collect()
    }
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| string(&item["id"])).collect()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
