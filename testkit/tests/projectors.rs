//! The run loop over the embedded profile: catching up, poison, redrive, rebuild, restart, damage.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

use std::sync::Arc;
use std::time::Duration;

use nova_embedded::{Embedded, EmbeddedOptions, Views, ViewsOptions};
use nova_eventlog::{Append, EventLog, Expected, Kind, NewEvent, StreamId, Write};
use nova_events::{Keyring, streams};
use nova_projectors::{Options, Projectors};
use nova_testkit::story::{Story, conversation, handle, post, user};
use nova_views::{
    DeletionQuery, Lookup, MessageRange, PageRequest, ProfileKey, ViewReader, ViewWriter, projection,
};
use tempfile::TempDir;
use uuid::Uuid;

struct World {
    stores: Embedded,
    projectors: Projectors,
}

impl World {
    fn open(dir: &TempDir) -> Self {
        let views = ViewsOptions { feed_ranking_ttl_ms: 0, trending_ttl_ms: 0, ..ViewsOptions::default() };
        let stores = Embedded::open(EmbeddedOptions { views, ..EmbeddedOptions::at(dir.path()) }).unwrap();
        let (log, views) = (Arc::clone(&stores.log), Arc::new(stores.views.clone()));
        let options =
            Options { batch_events_max: 7, queue_batches_max: 2, step_events_max: 20, ..Options::default() };
        let projectors = Projectors::start(log.clone(), log, stores.codec(), views, options);
        Self { stores, projectors }
    }

    async fn append(&self, story: &Story, after: u64) {
        story.append(&*self.stores.log, &self.stores.codec(), after).await;
    }

    async fn garbage(&self, stream: StreamId, n: u128) -> u64 {
        let event = NewEvent {
            kind: Kind::new("PostEdited").unwrap(),
            data: bytes::Bytes::from_static(b"{}"),
            meta: bytes::Bytes::from_static(b"not json"),
        };
        let write = Write { stream, expected: Expected::Any, events: vec![event] };
        let append = Append { command_id: Uuid::from_u128(n << 64), writes: vec![write] };
        self.stores.log.append(append).await.unwrap().last_position
    }

    async fn caught_up(&self) {
        let head = self.stores.log.head();
        self.stores.views.wait_applied(head, Duration::from_secs(30)).await.unwrap();
    }

    async fn text(&self, n: u32) -> Option<String> {
        let found = self.stores.views.post(user(1), post(n)).await.unwrap().value.found();
        found.map(|card| card.text.to_string())
    }

    async fn close(self) {
        self.projectors.stop().await;
    }
}

fn town() -> Story {
    let mut story = Story::of([1, 2, 3]);
    for n in 1..40 {
        story.publish(n, 1 + n % 3, "first text");
        story.like(1 + (n + 1) % 3, n);
        story.comment(n, n, 2, "a comment");
    }
    story.follow(1, 2);
    story
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_appended_is_seen_and_a_restart_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(&dir);
    let mut story = town();
    world.append(&story, 0).await;
    world.caught_up().await;
    let card = world.stores.views.post(user(1), post(5)).await.unwrap().value.found().unwrap();
    assert_eq!((card.like_count, card.comment_count), (1, 1));
    // The store tells of a step a moment before the loop does.
    while world.projectors.progress().snapshot().iter().any(|p| p.lag() > 0) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    world.close().await;
    let before = story.head();
    story.edit(5, "second text");
    story.publish(50, 2, "later");
    let world = World::open(&dir);
    world.append(&story, before).await;
    world.caught_up().await;
    assert_eq!(world.text(5).await.as_deref(), Some("second text"));
    let timeline = world.stores.views.timeline(user(1), PageRequest::first(1)).await.unwrap().value;
    assert_eq!(timeline.items[0].id, post(50));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_parks_its_stream_and_a_redrive_goes_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(&dir);
    let mut story = Story::of([1, 2]);
    story.publish(1, 1, "one");
    story.publish(2, 1, "two");
    world.append(&story, 0).await;
    let poison = world.garbage(streams::post(post(1)), 1).await;
    // The log has an event more than the story from here on.
    let before = story.head();
    story.edit(1, "one, edited");
    story.edit(2, "two, edited");
    world.append(&story, before).await;
    world.caught_up().await;
    assert_eq!(world.text(1).await.as_deref(), Some("one"), "its stream is parked");
    assert_eq!(world.text(2).await.as_deref(), Some("two, edited"), "the rest goes on");
    let views = &world.stores.views;
    let letters = views.dead_letters(Some("posts"), 0, 10).await.unwrap();
    assert_eq!(letters.iter().map(|l| l.position).collect::<Vec<_>>(), [poison, poison + 1]);
    assert!(letters[0].error.contains("PostEdited"), "{}", letters[0].error);
    assert_eq!(views.dead_letters(None, 0, 10).await.unwrap().len(), 4, "deletions look at posts too");
    // It still cannot be projected, and stays parked with what follows it; also after a restart.
    let redriven = world.projectors.redrive("posts", None).await.unwrap();
    assert_eq!((redriven.streams, redriven.events, redriven.events_still_parked), (0, 0, 2));
    world.close().await;
    let world = World::open(&dir);
    let before = story.head();
    story.edit(1, "one, edited again");
    world.append(&story, before).await;
    world.caught_up().await;
    assert_eq!(world.text(1).await.as_deref(), Some("one"));
    assert_eq!(world.stores.views.dead_letters(Some("posts"), 0, 10).await.unwrap().len(), 3);
    assert!(world.projectors.redrive("nothing", None).await.is_err());
    world.close().await;
}

/// A key that cannot be read now, and can later, is what a redrive is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redrive_projects_what_can_be_projected_now() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(&dir);
    let mut story = Story::of([1]);
    story.publish(1, 1, "one");
    story.publish(2, 1, "two");
    world.append(&story, 0).await;
    world.caught_up().await;
    // As an earlier version of a projection would have left it: events of a stream parked, though nothing is wrong.
    let before = story.head();
    story.edit(1, "one, edited");
    story.edit(1, "one, edited twice");
    let (stream, edited) = (streams::post(post(1)), story.head());
    let letter = |position: u64| nova_views::DeadLetter {
        projection: "posts".to_owned(),
        stream: stream.as_str().to_owned(),
        position,
        kind: "PostEdited".to_owned(),
        error: "a fault since repaired".to_owned(),
        parked_at: chrono::Utc::now(),
    };
    world.close().await;
    {
        let stores = Embedded::open(EmbeddedOptions::at(dir.path())).unwrap();
        story.append(&*stores.log, &stores.codec(), before).await;
        let step = nova_views::Apply {
            projection: "posts",
            generation: nova_views::Generation::Live,
            changes: Vec::new(),
            dead_letters: vec![letter(edited - 1), letter(edited)],
            redriven: Vec::new(),
            cursor: edited,
        };
        stores.views.apply(Arc::new(step)).await.unwrap();
    }
    let world = World::open(&dir);
    world.caught_up().await;
    assert_eq!(world.text(1).await.as_deref(), Some("one"));
    let redriven = world.projectors.redrive("posts", Some(stream.as_str())).await.unwrap();
    assert_eq!((redriven.streams, redriven.events, redriven.events_still_parked), (1, 2, 0));
    assert_eq!(world.text(1).await.as_deref(), Some("one, edited twice"));
    assert_eq!(world.stores.views.dead_letters(None, 0, 10).await.unwrap(), []);
    let before = story.head();
    story.edit(1, "and it goes on");
    world.append(&story, before).await;
    world.caught_up().await;
    assert_eq!(world.text(1).await.as_deref(), Some("and it goes on"));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn views_are_rebuilt_while_writes_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let world = Arc::new(World::open(&dir));
    let mut story = town();
    world.append(&story, 0).await;
    world.caught_up().await;
    let before = story.head();
    for n in 100..400 {
        story.publish(n, 1 + n % 3, "written meanwhile");
        story.like(1, n);
    }
    let writing = {
        let (world, story) = (Arc::clone(&world), story.clone());
        tokio::spawn(async move { world.append(&story, before).await })
    };
    for name in projection::ALL {
        world.projectors.rebuild(name).await.unwrap();
        // Readers see a whole view at every moment.
        assert_eq!(world.text(3).await.as_deref(), Some("first text"));
    }
    world.projectors.rebuild("posts").await.unwrap();
    writing.await.unwrap();
    world.caught_up().await;
    for n in 100..400 {
        let card = world.stores.views.post(user(1), post(n)).await.unwrap().value.found().unwrap();
        assert_eq!(card.like_count, 1, "{n}");
    }
    let status = world.stores.views.status().await.unwrap();
    let generations: Vec<_> = status.iter().map(|s| s.generation).collect();
    assert_eq!(generations, [2, 3, 2, 2, 2, 2]);
    let files = std::fs::read_dir(dir.path().join("views")).unwrap();
    let databases = files.filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().ends_with(".db"));
    assert_eq!(databases.count(), 6, "old generations are removed");
    world.projectors.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_and_foreign_files_are_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let story = town();
    let world = World::open(&dir);
    world.append(&story, 0).await;
    world.caught_up().await;
    world.close().await;
    let views = dir.path().join("views");
    std::fs::write(views.join("posts.g1.db"), vec![7u8; 9_000]).unwrap();
    std::fs::write(views.join("graph.g1.db"), b"").unwrap();
    std::fs::remove_file(views.join("engagement.g1.db")).unwrap();
    for entry in std::fs::read_dir(&views).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e.to_string_lossy().contains('-')) {
            std::fs::remove_file(path).unwrap();
        }
    }
    let world = World::open(&dir);
    world.caught_up().await;
    let card = world.stores.views.post(user(1), post(5)).await.unwrap().value.found().unwrap();
    assert_eq!((&*card.text, card.like_count, card.comment_count), ("first text", 1, 1));
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_damaged_while_it_is_used_is_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(&dir);
    let mut story = town();
    world.append(&story, 0).await;
    world.caught_up().await;
    world.close().await;
    // The header stays whole: only a look at the tables shows the damage.
    let path = dir.path().join("views/posts.g1.db");
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 40_000);
    bytes[16_384..].iter_mut().for_each(|byte| *byte = 0xAA);
    std::fs::write(&path, bytes).unwrap();
    let world = World::open(&dir);
    let before = story.head();
    for n in 1..40 {
        story.edit(n, "after the damage");
    }
    world.append(&story, before).await;
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        world.caught_up().await;
        let found = world.stores.views.post(user(1), post(5)).await;
        if let Ok(answer) = found
            && let Lookup::Found(card) = answer.value
            && &*card.text == "after the damage"
        {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "the view was not filled again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Filled again in place when the opening found the damage, beside it when a read or a write did.
    let status = world.stores.views.status().await.unwrap();
    assert_eq!((status[1].position, status[1].rebuilding), (story.head(), None));
    world.close().await;
}

/// What everybody sees, question by question. An answer is there only if it was given by views that were at `head`.
async fn everything(views: &Views, head: u64) -> Vec<(String, Option<String>)> {
    let is_current = || views.applied_by_source(&projection::ALL).iter().all(|(_, applied)| *applied == head);
    let page = || PageRequest::first(100);
    let now = Story::default().now() + chrono::TimeDelta::hours(1);
    let mut all = Vec::new();
    /// The value alone: the time of an answer is another at each look.
    macro_rules! ask {
        ($question:expr, $answer:expr) => {
            let current = is_current();
            let answer = $answer.await.ok().map(|answer| format!("{:?}", answer.value));
            all.push(($question, answer.filter(|_| current)));
        };
    }
    for viewer in (1..=3).map(user) {
        ask!(format!("timeline {viewer}"), views.timeline(viewer, page()));
        ask!(format!("feed {viewer}"), views.feed(viewer, page(), now));
        ask!(format!("trending {viewer}"), views.trending(viewer, page(), now));
        ask!(format!("search {viewer}"), views.search(viewer, "text", page()));
        ask!(format!("blocks {viewer}"), views.blocks(viewer, page()));
        ask!(format!("discover {viewer}"), views.discover(viewer, page(), now));
        ask!(format!("conversations {viewer}"), views.conversations(viewer, page()));
        ask!(
            format!("messages {viewer}"),
            views.messages(viewer, conversation(1), MessageRange::After(-1), 100)
        );
        ask!(format!("said {viewer}"), views.search_messages(viewer, conversation(1), "said", page()));
        for other in (1..=3).map(user) {
            ask!(format!("profile {viewer} {other}"), views.profile(viewer, ProfileKey::Id(other)));
            ask!(format!("posts {viewer} {other}"), views.posts_of(viewer, other, page()));
            ask!(format!("followers {viewer} {other}"), views.followers(viewer, other, page()));
            ask!(format!("following {viewer} {other}"), views.following(viewer, other, page()));
        }
        for n in 1..60 {
            ask!(format!("post {viewer} {n}"), views.post(viewer, post(n)));
            ask!(format!("comments {viewer} {n}"), views.comments(viewer, post(n), page()));
        }
    }
    ask!("handle".to_owned(), views.profile(user(1), ProfileKey::Handle(handle(2))));
    ask!("deletions".to_owned(), views.deletions(DeletionQuery::default(), page()));
    all
}

/// With something in every table.
fn busy_town() -> Story {
    let mut story = town();
    story.start(1, &[1, 2, 3]);
    for n in 0..60 {
        story.say(n, 1, 1 + n % 3, &format!("said at {n}, and not in a few words only"));
    }
    story.edit_message(3, "said otherwise");
    story.delete_message(4);
    story.read(2, 1, 20);
    story.delete(7);
    story.delete_comment(9);
    story.block(3, 1);
    story.dismiss(1, 3);
    story
}

fn later(story: &mut Story) {
    for n in 1..60 {
        match n {
            7 => story.restore(n),
            1..40 => story.edit(n, "second text"),
            _ => story.publish(n, 1 + n % 3, "third text"),
        }
        story.like(1 + n % 3, n);
        story.comment(100 + n, n, 3, "another comment");
        story.say(100 + n, 1, 1 + n % 3, "said later");
    }
    story.unblock(3, 1);
    story.follow(3, 1);
    story.delete(11);
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

const PAGE_BYTES: usize = 4_096;

/// Whatever is given as a right answer is one: compares with the truth until all is there.
async fn becomes(world: &World, truth: &[(String, Option<String>)], what: &str) {
    let views = &world.stores.views;
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        let found = everything(views, world.stores.log.head()).await;
        if found == truth {
            return;
        }
        for ((question, found), (_, right)) in found.iter().zip(truth) {
            assert!(found.is_none() || found == right, "{what}: {question}: {found:?}, not {right:?}");
        }
        assert!(std::time::Instant::now() < deadline, "{what}: the view was not filled again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One page at a time, of every view file. `NOVA_DAMAGE=all` takes every page, otherwise a few of each file.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_damaged_page_is_noticed_by_whoever_reads_or_writes_it() {
    let sound = tempfile::tempdir().unwrap();
    let mut story = busy_town();
    let world = World::open(&sound);
    world.append(&story, 0).await;
    world.caught_up().await;
    let before = everything(&world.stores.views, story.head()).await;
    assert!(before.iter().all(|(_, answer)| answer.is_some()));
    world.close().await;
    let head = story.head();
    later(&mut story);
    let after = tempfile::tempdir().unwrap();
    copy_folder(sound.path(), after.path());
    let world = World::open(&after);
    world.append(&story, head).await;
    world.caught_up().await;
    let after = everything(&world.stores.views, story.head()).await;
    world.close().await;

    let every_page = std::env::var("NOVA_DAMAGE").is_ok_and(|which| which == "all");
    let (story, before, after) = (Arc::new(story), Arc::new(before), Arc::new(after));
    let sound = Arc::new(sound);
    let mut files = tokio::task::JoinSet::new();
    for name in projection::ALL {
        let (story, before, after) = (Arc::clone(&story), Arc::clone(&before), Arc::clone(&after));
        let sound = Arc::clone(&sound);
        files.spawn(async move {
            let file = format!("views/{name}.g1.db");
            let pages = std::fs::metadata(sound.path().join(&file)).unwrap().len() as usize / PAGE_BYTES;
            let step = if every_page { 1 } else { pages.div_ceil(4) };
            for page in (0..pages).step_by(step) {
                for byte in [0xA5, 0x00] {
                    let dir = tempfile::tempdir().unwrap();
                    copy_folder(sound.path(), dir.path());
                    let path = dir.path().join(&file);
                    let mut bytes = std::fs::read(&path).unwrap();
                    bytes[page * PAGE_BYTES..(page + 1) * PAGE_BYTES].fill(byte);
                    std::fs::write(&path, bytes).unwrap();
                    let what = format!("{name}, page {} of {pages}, filled with {byte:#04x}", page + 1);
                    let world = World::open(&dir);
                    becomes(&world, &before, &what).await;
                    world.append(&story, head).await;
                    becomes(&world, &after, &what).await;
                    world.close().await;
                }
            }
        });
    }
    while let Some(done) = files.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_shows_nothing_whose_key_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::open(&dir);
    let story = town();
    world.append(&story, 0).await;
    world.caught_up().await;
    world.stores.keyring.destroy(user(2)).await.unwrap();
    for name in ["posts", "profiles", "engagement"] {
        world.projectors.rebuild(name).await.unwrap();
    }
    assert_eq!(world.text(4).await.as_deref(), Some(""), "4 is by 2");
    assert_eq!(world.text(3).await.as_deref(), Some("first text"));
    let found = world.stores.views.search(user(1), "first", PageRequest::first(100)).await.unwrap().value;
    assert!(found.items.iter().all(|card| card.author.id != user(2)));
    world.close().await;
}
