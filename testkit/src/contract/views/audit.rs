//! Deletions.

use nova_views::{DeletionQuery, Entity, Lookup, ProfileKey};

use super::{Ports, all_pages};
use crate::story::{Story, post, user};

pub async fn deletions_are_listed_as_of_a_time<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.publish(1, 1, "a");
    story.publish(2, 2, "b");
    story.comment(1, 1, 2, "c");
    story.start(1, &[1, 2]);
    story.say(1, 1, 2, "d");
    story.delete(1);
    let deleted_at = story.now();
    story.restore(1);
    let restored_at = story.now();
    story.delete(1);
    story.delete_comment(1);
    story.delete_message(1);
    story.delete(2);
    story.deactivate(2);
    ports.tell(&story).await;
    ports.tell(&story).await;
    let list = async |query: DeletionQuery| {
        all_pages(2, async |page| Ok(ports.reader.deletions(query.clone(), page).await?.value)).await
    };
    let all = list(DeletionQuery::default()).await;
    let entities: Vec<_> = all.iter().map(|d| d.entity).collect();
    let expected = [Entity::User, Entity::Post, Entity::Message, Entity::Comment, Entity::Post, Entity::Post];
    assert_eq!(entities, expected, "newest first");
    let first = all.last().unwrap();
    assert_eq!((first.id, first.owner_id, first.deleted_by), (post(1).0, user(1), Some(user(1))));
    assert_eq!((first.deleted_at, first.restored_at), (deleted_at, Some(restored_at)));
    assert_eq!(first.reason.as_deref(), Some("second thoughts"));
    assert!(all.iter().filter(|d| d.restored_at.is_some()).count() == 1);
    let by_two = DeletionQuery { deleted_by: Some(user(2)), ..DeletionQuery::default() };
    assert_eq!(list(by_two).await.len(), 4);
    let posts = DeletionQuery { entity: Some(Entity::Post), ..DeletionQuery::default() };
    assert_eq!(list(posts.clone()).await.len(), 3);
    let as_of = |at| DeletionQuery { as_of: Some(at), ..posts.clone() };
    assert_eq!(
        list(as_of(deleted_at)).await.iter().map(|d| d.position).collect::<Vec<_>>(),
        [first.position]
    );
    assert_eq!(list(as_of(restored_at)).await.len(), 0, "it was there again");
    assert_eq!(list(as_of(story.now())).await.len(), 2);
}

pub async fn posts_to_purge_are_listed_oldest_first<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    (1..7).for_each(|n| story.publish(n, 1, "p"));
    for n in [3, 1, 5, 2] {
        story.delete(n);
    }
    let before = story.now();
    story.delete(6);
    story.restore(1);
    story.purge(5);
    ports.tell(&story).await;
    let found = ports.reader.purgeable_posts(before + chrono::TimeDelta::milliseconds(1), 10).await.unwrap();
    assert_eq!(found, [3, 2].map(post));
    assert_eq!(ports.reader.purgeable_posts(before, 10).await.unwrap(), [post(3)]);
    assert_eq!(ports.reader.purgeable_posts(story.now(), 1).await.unwrap(), [post(3)]);
}

pub async fn a_moderators_deletion_is_listed_beside_the_authors<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3]);
    story.publish(1, 1, "a");
    let list = async || {
        let query = DeletionQuery { entity: Some(Entity::Post), ..DeletionQuery::default() };
        let all =
            all_pages(1, async |page| Ok(ports.reader.deletions(query.clone(), page).await?.value)).await;
        all.into_iter().map(|d| (d.deleted_by, d.reason, d.restored_at)).collect::<Vec<_>>()
    };
    let by = |n: u32, reason: &str, restored_at| (Some(user(n)), Some(reason.to_owned()), restored_at);
    let authors = |restored_at| by(1, "second thoughts", restored_at);
    let moderators = |restored_at| by(3, "against the rules", restored_at);
    let profile = async || ports.reader.profile(user(2), ProfileKey::Id(user(1))).await.unwrap().value;
    let post_count = async || profile().await.found().unwrap().post_count;
    story.delete(1);
    story.moderate(1, 3);
    ports.tell(&story).await;
    assert_eq!(list().await, [moderators(None), authors(None)]);
    assert_eq!(post_count().await, 0, "it is deleted twice and counts once");
    let moderated_at = story.now();
    // What the moderator undoes uncovers what the author did.
    story.lift_moderation(1, 2);
    let lifted_at = Some(story.now());
    ports.tell(&story).await;
    assert_eq!(list().await, [moderators(lifted_at), authors(None)]);
    assert_eq!(ports.reader.post(user(2), post(1)).await.unwrap().value, Lookup::Gone);
    assert_eq!(post_count().await, 0);
    // The time to restore it begins again, and so does the time until it is purged.
    assert_eq!(ports.reader.purgeable_posts(moderated_at, 10).await.unwrap(), []);
    story.restore(1);
    let restored_at = Some(story.now());
    ports.tell(&story).await;
    ports.tell(&story).await;
    assert_eq!(list().await, [moderators(lifted_at), authors(restored_at)]);
    assert!(matches!(ports.reader.post(user(2), post(1)).await.unwrap().value, Lookup::Found(_)));
    assert_eq!(post_count().await, 1);
}
