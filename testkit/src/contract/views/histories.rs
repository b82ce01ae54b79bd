//! Random histories: compared with the model, and with themselves told in another order.

use std::collections::HashMap;

use nova_events::Envelope;
use nova_events::post::Visibility;
use nova_projectors::ALL;
use nova_views::{Lookup, MessageRange, PageRequest, ProfileKey};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::answers::{CONVERSATIONS, PEOPLE, POSTS, answers};
use super::model::{Model, Sight};
use super::{Ports, all_pages, changes_of, step};
use crate::story::{Story, conversation, message, post, user};

/// Something that may happen; what makes no sense where it stands is left out.
#[derive(Debug, Clone, Copy)]
struct Act {
    what: u8,
    a: u32,
    b: u32,
    c: u32,
}

fn act() -> impl Strategy<Value = Act> {
    (0..31u8, any::<u16>(), any::<u16>(), any::<u16>()).prop_map(|(what, a, b, c)| Act {
        what,
        a: a.into(),
        b: b.into(),
        c: c.into(),
    })
}

/// Tells what happens, keeping to what the domain would allow.
#[derive(Default)]
struct Teller {
    posts: HashMap<u32, Existence>,
    comments: Vec<(u32, bool)>,
    likes: HashMap<(u32, u32), bool>,
    follows: HashMap<(u32, u32), bool>,
    blocks: HashMap<(u32, u32), bool>,
    dismissals: HashMap<(u32, u32), bool>,
    active: HashMap<u32, bool>,
    members: HashMap<(u32, u32), bool>,
    started: HashMap<u32, ()>,
    messages: Vec<bool>,
    comment_likes: HashMap<(u32, u32), ()>,
}

#[derive(Clone, Copy, PartialEq)]
enum Existence {
    There,
    Deleted,
    Purged,
}

impl Teller {
    fn tell(&mut self, story: &mut Story, Act { what, a, b, c }: Act) {
        let (person, other, on) = (a % PEOPLE, b % PEOPLE, c % POSTS);
        match what {
            0..4 => {
                let n = b % POSTS;
                if let std::collections::hash_map::Entry::Vacant(place) = self.posts.entry(n) {
                    place.insert(Existence::There);
                    let visibility = match c % 5 {
                        0 => Visibility::Followers,
                        1 => Visibility::Private,
                        _ => Visibility::Public,
                    };
                    story.publish_to(n, person, &format!("words {n}"), visibility);
                }
            }
            4 if self.posts.get(&on) == Some(&Existence::There) => story.edit(on, &format!("new words {a}")),
            5 if self.posts.get(&on) == Some(&Existence::There) => {
                self.posts.insert(on, Existence::Deleted);
                story.delete(on);
            }
            6 if self.posts.get(&on) == Some(&Existence::Deleted) => {
                let restored = b % 3 != 0;
                self.posts.insert(on, if restored { Existence::There } else { Existence::Purged });
                if restored { story.restore(on) } else { story.purge(on) }
            }
            7..10 if self.posts.contains_key(&on) => {
                let n = self.comments.len() as u32;
                self.comments.push((on, true));
                story.comment(n, on, person, "a comment");
            }
            10 if !self.comments.is_empty() => {
                let n = b as usize % self.comments.len();
                let there = &mut self.comments[n].1;
                if *there {
                    story.delete_comment(n as u32)
                } else {
                    story.restore_comment(n as u32)
                }
                *there = !*there;
            }
            11 if !self.comments.is_empty() => {
                let n = b % self.comments.len() as u32;
                if self.comment_likes.insert((person, n), ()).is_none() {
                    story.like_comment(person, n);
                }
            }
            12..16 if self.posts.contains_key(&on) => {
                let liked = self.likes.entry((person, on)).or_default();
                if *liked {
                    story.unlike(person, on)
                } else {
                    story.like(person, on)
                }
                *liked = !*liked;
            }
            16..20 if person != other => {
                let follows = self.follows.entry((person, other)).or_default();
                if *follows {
                    story.unfollow(person, other)
                } else {
                    story.follow(person, other)
                }
                *follows = !*follows;
            }
            20 if person != other => {
                let blocks = self.blocks.entry((person, other)).or_default();
                if *blocks {
                    story.unblock(person, other)
                } else {
                    story.block(person, other)
                }
                *blocks = !*blocks;
            }
            21 if c % 3 == 0 => {
                let active = self.active.entry(person).or_insert(true);
                if *active {
                    story.deactivate(person)
                } else {
                    story.reactivate(person)
                }
                *active = !*active;
            }
            22 => {
                let n = c % CONVERSATIONS;
                if self.started.insert(n, ()).is_none() {
                    let members = if person == other { vec![person] } else { vec![person, other] };
                    self.members.extend(members.iter().map(|m| ((n, *m), true)));
                    story.start(n, &members);
                } else {
                    story.rename(n, person, &format!("title {a}"));
                }
            }
            23 if self.started.contains_key(&(c % CONVERSATIONS)) => {
                let n = c % CONVERSATIONS;
                let member = self.members.entry((n, person)).or_default();
                if *member {
                    story.remove_member(n, person)
                } else {
                    story.add_member(n, person)
                }
                *member = !*member;
            }
            24..27 if self.started.contains_key(&(c % CONVERSATIONS)) => {
                let n = self.messages.len() as u32;
                self.messages.push(true);
                story.say(n, c % CONVERSATIONS, person, "some words");
            }
            27 if !self.messages.is_empty() => {
                // The same few again and again.
                let n = b as usize % self.messages.len().min(4);
                if self.messages[n] && c % 6 == 0 {
                    story.delete_message(n as u32);
                    self.messages[n] = false;
                } else if self.messages[n] {
                    story.edit_message(n as u32, "edited words");
                }
            }
            28 if self.started.contains_key(&(c % CONVERSATIONS)) => {
                let n = c % CONVERSATIONS;
                if let Some(seq) = story.next_seq(n).checked_sub(1) {
                    story.read(person, n, u64::from(b) % (seq + 1));
                }
            }
            30 if person != other => {
                let dismisses = self.dismissals.entry((person, other)).or_default();
                if *dismisses {
                    story.undismiss(person, other)
                } else {
                    story.dismiss(person, other)
                }
                *dismisses = !*dismisses;
            }
            // Time passes, a day at most, so that feeds and trends forget some of it.
            29 => story.at_ms += i64::from(b) * 1_300,
            _ => {}
        }
    }
}

fn history(acts: &[Act]) -> Story {
    let mut story = Story::of(0..PEOPLE);
    let mut teller = Teller::default();
    acts.iter().for_each(|act| teller.tell(&mut story, *act));
    story
}

/// Random histories of so many acts each, the same at each run.
pub fn random_histories(count: u32, acts: std::ops::Range<usize>) -> Vec<Story> {
    samples(count, &prop::collection::vec(act(), acts)).iter().map(|acts| history(acts)).collect()
}

/// Random values of a strategy, the same at each run.
fn samples<S: Strategy>(count: u32, strategy: &S) -> Vec<S::Value> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

pub async fn random_histories_are_answered_like_the_model_does<G>(open: impl AsyncFn() -> (Ports, G)) {
    for acts in samples(12, &prop::collection::vec(act(), 150..400)) {
        let (ports, _guard) = open().await;
        let story = history(&acts);
        // In two parts, with questions in between: what was answered once is remembered, and must not be later.
        let half = story.head() / 2;
        let mut first = story.clone();
        first.events.truncate(half as usize);
        ports.tell(&first).await;
        compare(&ports, &first, &Model::of(&first)).await;
        ports.tell_from(&story, half).await;
        compare(&ports, &story, &Model::of(&story)).await;
    }
}

async fn compare(ports: &Ports, story: &Story, model: &Model) {
    let (reader, first, now) = (&ports.reader, PageRequest::first(100), story.now());
    for viewer in (0..PEOPLE).map(user) {
        let timeline = all_pages(4, async |page| Ok(reader.timeline(viewer, page).await?.value)).await;
        assert_eq!(timeline.iter().map(|c| c.id).collect::<Vec<_>>(), model.timeline(viewer));
        let found = all_pages(2, async |page| Ok(reader.discover(viewer, page, now).await?.value)).await;
        assert_eq!(
            found.iter().map(|profile| profile.id).collect::<Vec<_>>(),
            model.discover(viewer, now.timestamp_millis())
        );
        let feed = all_pages(6, async |page| Ok(reader.feed(viewer, page, now).await?.value)).await;
        let expected = model.feed(viewer, now.timestamp_millis());
        assert_eq!(
            feed.iter().map(|item| item.card.id).collect::<Vec<_>>(),
            expected.iter().map(|ranked| ranked.post).collect::<Vec<_>>()
        );
        for id in (0..POSTS).map(post) {
            let found = reader.post(viewer, id).await.unwrap().value;
            let sight = match &found {
                Lookup::Found(card) => {
                    assert_eq!((card.like_count, card.comment_count), model.counts(id));
                    assert_eq!(card.liked_by_viewer, model.liked(viewer, id));
                    assert_eq!(&*card.text, model.posts[&id].text);
                    Sight::Shown
                }
                Lookup::Gone => Sight::Gone,
                Lookup::Unknown => Sight::Unknown,
            };
            assert_eq!(sight, model.sight(viewer, id), "{id} for {viewer}");
            if sight == Sight::Shown {
                let comments =
                    reader.comments(viewer, id, first.clone()).await.unwrap().value.found().unwrap();
                let ids: Vec<_> = comments.items.iter().map(|c| c.id).collect();
                assert_eq!(ids, model.comments(viewer, id));
            }
        }
        for person in (0..PEOPLE).map(user) {
            let profile = reader.profile(viewer, ProfileKey::Id(person)).await.unwrap().value;
            let hidden = model.apart(viewer, person) || !model.users.get(&person).copied().unwrap_or(false);
            let Lookup::Found(profile) = profile else {
                assert!(hidden, "{viewer} does not see {person}");
                continue;
            };
            assert!(!hidden);
            let counts = (profile.post_count, profile.follower_count, profile.following_count);
            assert_eq!(counts, model.profile_counts(person));
            let list = reader.followers(viewer, person, first.clone()).await.unwrap().value.found().unwrap();
            let ids: Vec<_> = list.items.iter().map(|p| p.id).collect();
            assert_eq!(ids, model.followers(viewer, person));
            let list = reader.following(viewer, person, first.clone()).await.unwrap().value.found().unwrap();
            let ids: Vec<_> = list.items.iter().map(|p| p.id).collect();
            assert_eq!(ids, model.following(viewer, person));
            let list = reader.posts_of(viewer, person, first.clone()).await.unwrap().value.found().unwrap();
            let ids: Vec<_> = list.items.iter().map(|c| c.id).collect();
            assert_eq!(ids, model.posts_of(viewer, person));
        }
        for id in model.conversations() {
            let Some(talk) = reader.conversation(viewer, id).await.unwrap().value.found() else {
                assert!(!model.is_member(viewer, id));
                continue;
            };
            assert!(model.is_member(viewer, id));
            let counts = (talk.unread_count, talk.last_seq, talk.last_read_seq);
            assert_eq!(counts, model.conversation(viewer, id));
            let messages = reader.messages(viewer, id, MessageRange::After(-1), 500).await.unwrap().value;
            let seqs: Vec<_> = messages.found().unwrap().iter().map(|m| (m.seq, !m.deleted)).collect();
            assert_eq!(seqs, model.messages(id));
        }
    }
    assert_eq!(
        reader.messages(user(99), conversation(0), MessageRange::After(-1), 5).await.unwrap().value,
        Lookup::Unknown
    );
    let _ = message(0);
}

/// Told in the order of `keys`, but each stream in its own order; in steps of these sizes, some of them twice.
pub async fn any_order_across_streams_gives_the_same_answers<G>(open: impl AsyncFn() -> (Ports, G)) {
    let orders = (
        prop::collection::vec(act(), 100..300),
        any::<u64>(),
        prop::collection::vec((1..40usize, any::<bool>()), 1..8),
    );
    for (acts, seed, sizes) in samples(8, &orders) {
        let story = history(&acts);
        let (once, _guard) = open().await;
        once.tell(&story).await;
        let (other, _other_guard) = open().await;
        // The views are independent: the last one first.
        for projection in ALL.iter().rev() {
            let mut rest = &shuffled(&story.events, seed)[..];
            for (size, twice) in sizes.iter().cycle() {
                let (part, behind) = rest.split_at((*size).min(rest.len()));
                if part.is_empty() {
                    break;
                }
                let mut changes = changes_of(projection, part.iter().copied());
                changes.sort_by_key(|change| change.version);
                for _ in 0..=usize::from(*twice) {
                    other.writer.apply(step(projection, changes.clone(), 0)).await.unwrap();
                }
                if *twice {
                    // Something old comes again, late, and not all of it.
                    let told = story.events.iter().filter(|event| {
                        event.position % 3 == seed % 3
                            && !rest.iter().any(|untold| untold.position == event.position)
                    });
                    let again = changes_of(projection, told);
                    other.writer.apply(step(projection, again, 0)).await.unwrap();
                    // A question in between fills what is remembered.
                    let _ = other.reader.feed(user(0), PageRequest::first(5), story.now()).await.unwrap();
                    let _ = other.reader.timeline(user(1), PageRequest::first(5)).await.unwrap();
                }
                rest = behind;
            }
            // All of it comes again, late and out of order: what is newer stays.
            for rest in [2, 1, 0] {
                let again = story.events.iter().filter(|event| event.position % 3 == rest);
                other.writer.apply(step(projection, changes_of(projection, again), 0)).await.unwrap();
            }
            other.writer.advance(projection.name, nova_views::Generation::Live, story.head()).await.unwrap();
        }
        let (expected, found) = (answers(&once, &story).await, answers(&other, &story).await);
        for (expected, found) in expected.iter().zip(&found) {
            assert_eq!(expected, found);
        }
    }
}

/// Streams are woven together at random, each in its order.
pub fn shuffled(events: &[Envelope], seed: u64) -> Vec<&Envelope> {
    let mut streams: HashMap<&str, Vec<&Envelope>> = HashMap::new();
    for event in events {
        streams.entry(event.stream.as_str()).or_default().push(event);
    }
    let mut names: Vec<&str> = streams.keys().copied().collect();
    names.sort_unstable();
    let mut order = Vec::with_capacity(events.len());
    let mut state = seed | 1;
    while !names.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = (state >> 33) as usize % names.len();
        let stream = streams.get_mut(names[place]).unwrap();
        order.push(stream.remove(0));
        if stream.is_empty() {
            names.swap_remove(place);
        }
    }
    order
}
