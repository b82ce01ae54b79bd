//! Who is to be told of a new post: those of its author's followers who are connected. A hint, no more: whoever misses
//! one finds the post in their timeline.
//!
//! There are two ways to find out, and the cheaper one is taken: ask for each connected user whether they follow the
//! author, or read the author's followers. When both would take more queries than allowed, nobody is told.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use nova_events::{PostId, UserId};
use nova_views::{PageRequest, ProfileKey, ViewError};
use tokio::sync::mpsc;

use super::mailbox::Item;
use super::{Shared, frame};

#[derive(Debug)]
pub(crate) struct NewPost {
    pub(crate) post: PostId,
    pub(crate) author: UserId,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) position: u64,
}

pub(crate) async fn run(shared: Arc<Shared>, mut posts: mpsc::Receiver<NewPost>) {
    while let Some(post) = posts.recv().await {
        match recipients(&shared, post.author).await {
            Ok(users) => {
                let frame = frame::timeline_new(post.post, post.author, post.created_at, post.position);
                let item = Arc::new(Item::Timeline { frame });
                let told: usize = users.iter().map(|user| shared.registry.tell_user(*user, &item)).sum();
                shared.metrics.frames.increment(told as u64);
            }
            Err(error) => {
                tracing::warn!(error.message = %error, "followers cannot be told of a post");
                shared.metrics.timeline_skipped.increment(1);
            }
        }
    }
}

async fn recipients(shared: &Shared, author: UserId) -> Result<Vec<UserId>, ViewError> {
    let connected = shared.registry.users_but(author);
    if connected.is_empty() {
        return Ok(Vec::new());
    }
    let profile = shared.reader.profile(author, ProfileKey::Id(author)).await?.value.found();
    let followers = profile.map_or(0, |profile| profile.follower_count);
    let pages = usize::try_from(followers.div_ceil(PageRequest::LIMIT_MAX as u64)).unwrap_or(usize::MAX);
    match plan(connected.len(), pages, shared.options.timeline_lookups_max) {
        Plan::AskEach => asked(shared, author, connected).await,
        Plan::ReadFollowers => read(shared, author).await,
        Plan::Skip => {
            shared.metrics.timeline_skipped.increment(1);
            Ok(Vec::new())
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Plan {
    AskEach,
    ReadFollowers,
    Skip,
}

fn plan(connected: usize, follower_pages: usize, lookups_max: usize) -> Plan {
    if follower_pages <= connected.min(lookups_max) {
        Plan::ReadFollowers
    } else if connected <= lookups_max {
        Plan::AskEach
    } else {
        Plan::Skip
    }
}

async fn asked(shared: &Shared, author: UserId, connected: Vec<UserId>) -> Result<Vec<UserId>, ViewError> {
    let mut users = Vec::new();
    for user in connected {
        let profile = shared.reader.profile(user, ProfileKey::Id(author)).await?.value.found();
        if profile.is_some_and(|profile| profile.followed_by_viewer) {
            users.push(user);
        }
    }
    Ok(users)
}

async fn read(shared: &Shared, author: UserId) -> Result<Vec<UserId>, ViewError> {
    let mut users = Vec::new();
    let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
    for _ in 0..shared.options.timeline_lookups_max {
        let Some(list) = shared.reader.followers(author, author, page).await?.value.found() else { break };
        let connected =
            list.items.iter().map(|profile| profile.id).filter(|id| shared.registry.is_connected(*id));
        users.extend(connected);
        let Some(next) = list.next else { break };
        page = PageRequest { cursor: Some(next), limit: PageRequest::LIMIT_MAX, after: 0 };
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheaper_way_is_taken_within_bounds() {
        assert_eq!(plan(10, 0, 100), Plan::ReadFollowers);
        assert_eq!(plan(10, 3, 100), Plan::ReadFollowers);
        assert_eq!(plan(10, 50, 100), Plan::AskEach);
        assert_eq!(plan(5000, 50, 100), Plan::ReadFollowers);
        assert_eq!(plan(5000, 500, 100), Plan::Skip);
        assert_eq!(plan(50, 500, 100), Plan::AskEach);
    }
}
