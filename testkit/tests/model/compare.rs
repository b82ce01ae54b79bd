//! Every question to both.

use std::collections::HashSet;
use std::fmt::Debug;
use std::future::Future;

use nova_events::UserId;
use nova_views::{
    Answer, Cursor, DeletionQuery, Entity, List, Lookup, MessageRange, PageRequest, ProfileKey, ViewError,
    ViewReader,
};

use crate::Case;
use crate::nova::{Nova, time};
use crate::product::{Product, now_ms};
use crate::steps::{Dice, WORDS};

/// All pages of a list, in pages of a random size.
async fn all<T, F>(dice: &mut Dice, mut ask: impl FnMut(PageRequest) -> F) -> Vec<T>
where
    F: Future<Output = Result<Answer<List<T>>, ViewError>>,
{
    let found = all_of(dice, async |page| {
        let answer = ask(page).await?;
        Ok(Answer { value: Lookup::Found(answer.value), source: "", as_of: answer.as_of, degraded: false })
    });
    found.await.found().expect("a list")
}

async fn all_of<T>(
    dice: &mut Dice,
    mut ask: impl AsyncFnMut(PageRequest) -> Result<Answer<Lookup<List<T>>>, ViewError>,
) -> Lookup<Vec<T>> {
    let limit = 1 + dice.roll(7) as usize;
    let (mut items, mut cursor) = (Vec::new(), None::<Cursor>);
    for _ in 0..1_000 {
        match ask(PageRequest { cursor: cursor.take(), limit, after: 0 }).await.unwrap().value {
            Lookup::Found(list) => {
                assert!(list.items.len() <= limit, "a page of {} with a limit of {limit}", list.items.len());
                items.extend(list.items);
                cursor = list.next;
            }
            Lookup::Gone => return Lookup::Gone,
            Lookup::Unknown => return Lookup::Unknown,
        }
        if cursor.is_none() {
            return Lookup::Found(items);
        }
    }
    panic!("a list without end");
}

#[track_caller]
fn same<T: PartialEq + Debug>(case: &Case, viewer: UserId, question: impl Debug, product: &T, naive: &T) {
    if product == naive {
        return;
    }
    let (product, naive) = (format!("{product:#?}"), format!("{naive:#?}"));
    let apart = product.lines().zip(naive.lines()).position(|(product, naive)| product != naive);
    let from = apart.unwrap_or_else(|| product.lines().count().min(naive.lines().count())).saturating_sub(12);
    let part = |text: &str| text.lines().skip(from).take(60).collect::<Vec<_>>().join("\n");
    panic!(
        "{question:?} by {viewer}\n{}\n--- product\n{}\n--- naive\n{}",
        case.tell(),
        part(&product),
        part(&naive)
    );
}

/// Asks about every case, or about one in `sample`.
pub(crate) async fn town(product: &Product, cases: &[Case], dice: &mut Dice, sample: u64) {
    let mut whole = Nova::default();
    for case in cases {
        let nova = case.nova.clone();
        whole.users.extend(nova.users);
        whole.posts.extend(nova.posts);
        whole.comments.extend(nova.comments);
        whole.likes.extend(nova.likes);
        whole.follows.extend(nova.follows);
        whole.blocks.extend(nova.blocks);
        whole.dismissals.extend(nova.dismissals);
        whole.deletions.extend(nova.deletions);
    }
    for case in cases {
        if !dice.one_in(sample) {
            continue;
        }
        let stranger = UserId(dice.id());
        let member = dice.pick(&case.people.users).expect("there are people");
        let other = dice.pick(&case.people.users).expect("there are people");
        for viewer in HashSet::from([member, other, stranger]) {
            people(product, case, viewer, dice).await;
            posts(product, case, viewer, dice).await;
            conversations(product, case, viewer, dice).await;
        }
        everywhere(product, case, &whole, member, dice).await;
    }
    deletions(product, cases, &whole, dice).await;
}

async fn people(product: &Product, case: &Case, viewer: UserId, dice: &mut Dice) {
    let (reader, nova) = (&product.stores.views, &case.nova);
    for &user in &case.people.users {
        let naive = nova.ask_profile(viewer, user);
        let found = reader.profile(viewer, ProfileKey::Id(user)).await.unwrap().value;
        same(case, viewer, ("profile", user), &found, &naive);
        if let Some(known) = nova.user(user) {
            let key = ProfileKey::Handle(known.handle.clone());
            let found = reader.profile(viewer, key).await.unwrap().value;
            same(case, viewer, ("profile by handle", user), &found, &naive);
        }
        let found = all_of(dice, async |page| reader.followers(viewer, user, page).await).await;
        same(case, viewer, ("followers", user), &found, &nova.ask_followers(viewer, user));
        let found = all_of(dice, async |page| reader.following(viewer, user, page).await).await;
        same(case, viewer, ("following", user), &found, &nova.ask_following(viewer, user));
        let found = all_of(dice, async |page| reader.posts_of(viewer, user, page).await).await;
        same(case, viewer, ("posts of", user), &found, &nova.ask_posts_of(viewer, user));
    }
    let found = all(dice, |page| reader.blocks(viewer, page)).await;
    same(case, viewer, "blocks", &found, &nova.ask_blocks(viewer));
}

async fn posts(product: &Product, case: &Case, viewer: UserId, dice: &mut Dice) {
    let (reader, nova) = (&product.stores.views, &case.nova);
    let found = all(dice, |page| reader.timeline(viewer, page)).await;
    same(case, viewer, "timeline", &found, &nova.ask_timeline(viewer));
    for post in nova.posts.iter().map(|post| post.id) {
        let found = reader.post(viewer, post).await.unwrap().value;
        same(case, viewer, ("post", post), &found, &nova.ask_post(viewer, post));
        let found = all_of(dice, async |page| reader.comments(viewer, post, page).await).await;
        same(case, viewer, ("comments", post), &found, &nova.ask_comments(viewer, post));
    }
}

async fn conversations(product: &Product, case: &Case, viewer: UserId, dice: &mut Dice) {
    let (reader, nova) = (&product.stores.views, &case.nova);
    let found = all(dice, |page| reader.conversations(viewer, page)).await;
    same(case, viewer, "conversations", &found, &nova.ask_conversations(viewer));
    for conversation in &nova.conversations {
        let id = conversation.id;
        let found = reader.conversation(viewer, id).await.unwrap().value;
        same(case, viewer, ("conversation", id), &found, &nova.ask_conversation(viewer, id));
        let (seq, limit) = (dice.roll(conversation.length + 2), 1 + dice.roll(6) as usize);
        let after = i64::try_from(seq).unwrap() - 1;
        for range in [
            MessageRange::After(after),
            MessageRange::Before(seq),
            MessageRange::After(-1),
            MessageRange::Before(u64::MAX),
        ] {
            let found = reader.messages(viewer, id, range, limit).await.unwrap().value;
            same(
                case,
                viewer,
                ("messages", id, range, limit),
                &found,
                &nova.ask_messages(viewer, id, range, limit),
            );
        }
        let word = dice.pick(&WORDS).expect("there are words");
        let found = all_of(dice, async |page| reader.search_messages(viewer, id, word, page).await).await;
        let naive = nova.ask_message_search(viewer, id, word);
        same(case, viewer, ("search of messages", id, word), &found, &naive);
    }
}

/// What depends on the whole town.
async fn everywhere(product: &Product, case: &Case, whole: &Nova, viewer: UserId, dice: &mut Dice) {
    let reader = &product.stores.views;
    // Later than anything that has happened, and in whole milliseconds as the log has it.
    let now_ms = now_ms();
    let found = all(dice, |page| reader.trending(viewer, page, time(now_ms))).await;
    same(case, viewer, "trending", &found, &whole.ask_trending(viewer, now_ms));

    let found = all(dice, |page| reader.feed(viewer, page, time(now_ms))).await;
    let naive = whole.ask_feed(viewer, now_ms);
    let cards: Vec<_> = found.iter().map(|item| (item.card.clone(), item.reason)).collect();
    let naive_cards: Vec<_> = naive.iter().map(|(card, _, reason)| (card.clone(), *reason)).collect();
    same(case, viewer, "feed", &cards, &naive_cards);
    for (item, (_, score, _)) in found.iter().zip(&naive) {
        assert!((item.score - score).abs() < 1e-9, "{} for {score}: {item:?}\n{}", item.score, case.tell());
    }

    let found = all(dice, |page| reader.discover(viewer, page, time(now_ms))).await;
    let naive = whole.ask_discover(viewer, now_ms);
    let ids: Vec<_> = found.iter().map(|profile| profile.id).collect();
    same(case, viewer, "discover", &ids, &naive[..found.len().min(naive.len())].to_vec());
    assert!(found.len() == naive.len() || found.len() >= 50, "{} of {} people", found.len(), naive.len());

    let word = dice.pick(&WORDS).expect("there are words");
    let mut found = all(dice, |page| reader.search(viewer, word, page)).await;
    found.sort_by_key(|card| std::cmp::Reverse((card.created_at, card.id)));
    same(case, viewer, ("search", word), &found, &whole.ask_search(viewer, word));
}

async fn deletions(product: &Product, cases: &[Case], whole: &Nova, dice: &mut Dice) {
    let reader = &product.stores.views;
    for case in cases {
        let entity =
            [None, Some(Entity::User), Some(Entity::Post), Some(Entity::Comment), Some(Entity::Message)]
                [dice.roll(5) as usize];
        let user = dice.pick(&case.people.users).expect("there are people");
        let as_of = dice.pick(&case.nova.deletions.iter().map(|deletion| deletion.at).collect::<Vec<_>>());
        for query in [
            DeletionQuery { entity, deleted_by: Some(user), as_of: None },
            DeletionQuery { entity: None, deleted_by: Some(user), as_of },
            DeletionQuery { entity, deleted_by: None, as_of },
        ] {
            let found = all(dice, |page| reader.deletions(query.clone(), page)).await;
            same(case, user, ("deletions", &query), &found, &whole.ask_deletions(&query));
        }
    }
}
