//! Deletions.

use nova_views::{DeletionQuery, Entity};

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
