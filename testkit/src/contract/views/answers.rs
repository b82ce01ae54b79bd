//! Every answer that a store gives, to compare two of them.

use std::fmt::Debug;

use nova_views::{DeletionQuery, MessageRange, PageRequest, ProfileKey};

use super::{Ports, all_pages};
use crate::story::{Story, conversation, handle, post, user};

/// How many of each there are in a random history.
pub(super) const PEOPLE: u32 = 6;
pub(super) const POSTS: u32 = 10;
pub(super) const CONVERSATIONS: u32 = 3;

/// Question and answer.
pub(super) async fn answers(ports: &Ports, story: &Story) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut note = |question: String, answer: &dyn Debug| all.push((question, format!("{answer:?}")));
    let (reader, now, first) = (&ports.reader, story.now(), PageRequest::first(100));
    for n in 0..PEOPLE {
        let viewer = user(n);
        note(
            format!("feed of {n}"),
            &all_pages(7, async |page| Ok(reader.feed(viewer, page, now).await?.value)).await,
        );
        note(
            format!("timeline of {n}"),
            &all_pages(3, async |page| Ok(reader.timeline(viewer, page).await?.value)).await,
        );
        note(
            format!("trending for {n}"),
            &all_pages(3, async |page| Ok(reader.trending(viewer, page, now).await?.value)).await,
        );
        note(
            format!("discover for {n}"),
            &all_pages(2, async |page| Ok(reader.discover(viewer, page, now).await?.value)).await,
        );
        note(
            format!("blocks of {n}"),
            &all_pages(2, async |page| Ok(reader.blocks(viewer, page).await?.value)).await,
        );
        note(
            format!("conversations of {n}"),
            &all_pages(2, async |page| Ok(reader.conversations(viewer, page).await?.value)).await,
        );
        note(
            format!("search by {n}"),
            &reader.search(viewer, "words", first.clone()).await.unwrap().value.items,
        );
        for other in 0..PEOPLE {
            let about = user(other);
            let key = ProfileKey::Handle(handle(other));
            note(format!("handle {other} for {n}"), &reader.profile(viewer, key).await.unwrap().value);
            note(
                format!("profile {other} for {n}"),
                &reader.profile(viewer, ProfileKey::Id(about)).await.unwrap().value,
            );
            let posts = reader.posts_of(viewer, about, first.clone()).await.unwrap().value;
            note(format!("posts of {other} for {n}"), &posts);
            let followers = reader.followers(viewer, about, first.clone()).await.unwrap().value;
            note(format!("followers of {other} for {n}"), &followers);
            let following = reader.following(viewer, about, first.clone()).await.unwrap().value;
            note(format!("following of {other} for {n}"), &following);
        }
        for p in 0..POSTS {
            note(format!("post {p} for {n}"), &reader.post(viewer, post(p)).await.unwrap().value);
            let comments = reader.comments(viewer, post(p), first.clone()).await.unwrap().value;
            note(format!("comments of {p} for {n}"), &comments);
        }
        for c in 0..CONVERSATIONS {
            let id = conversation(c);
            note(format!("conversation {c} for {n}"), &reader.conversation(viewer, id).await.unwrap().value);
            let messages = reader.messages(viewer, id, MessageRange::After(-1), 500).await.unwrap().value;
            note(format!("messages of {c} for {n}"), &messages);
            let found = reader.search_messages(viewer, id, "words", first.clone()).await.unwrap().value;
            note(format!("search in {c} by {n}"), &found);
        }
    }
    for as_of in [None, Some(now - chrono::TimeDelta::seconds(20))] {
        let query = DeletionQuery { as_of, ..DeletionQuery::default() };
        note(
            format!("deletions as of {as_of:?}"),
            &all_pages(50, async |page| Ok(reader.deletions(query.clone(), page).await?.value)).await,
        );
    }
    note("to purge".to_owned(), &reader.purgeable_posts(now, 100).await.unwrap());
    note("applied".to_owned(), &reader.applied());
    all
}
