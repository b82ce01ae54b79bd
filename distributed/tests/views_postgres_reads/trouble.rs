//! A server that is slow or gone, tables that are replaced, texts that cannot be stored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nova_distributed::views::postgres::ReadOptions;
use nova_projectors::posts::POSTS;
use nova_testkit::story::{Story, conversation, post, user};
use nova_views::{Apply, Generation, Lookup, PageRequest, ProfileKey, ViewError, ViewReader};

use crate::{database, open, options, ports};

#[tokio::test]
async fn a_question_that_takes_too_long_is_given_up() {
    let database = database().await;
    let views = open(&database, ReadOptions { statement_timeout_ms: 100, ..options() }).await;
    let mut story = Story::of([1]);
    story.publish(1, 1, "a text that no error may show");
    ports(&views).tell(&story).await;
    assert!(matches!(views.post(user(1), post(1)).await.unwrap().value, Lookup::Found(_)));
    let pool = database.pool().await;
    let mut transaction = pool.begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE v_posts.posts IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let asked = Instant::now();
    let error = views.post(user(1), post(1)).await.unwrap_err();
    assert!(matches!(&error, ViewError::Unavailable(what) if what.contains("statement timeout")), "{error}");
    assert!(asked.elapsed() < Duration::from_secs(20));
    transaction.rollback().await.unwrap();
    assert!(matches!(views.post(user(1), post(1)).await.unwrap().value, Lookup::Found(_)));
}

#[tokio::test]
async fn tables_that_are_gone_are_an_error_that_says_so() {
    let database = database().await;
    let views = open(&database, options()).await;
    sqlx::raw_sql("DROP SCHEMA v_posts CASCADE").execute(&database.pool().await).await.unwrap();
    let error = views.post(user(1), post(1)).await.unwrap_err();
    assert!(
        matches!(&error, ViewError::Unavailable(what) if what.contains("3F000") || what.contains("42P01")),
        "{error}"
    );
}

#[tokio::test]
async fn without_a_server_the_views_are_unavailable() {
    let database = database().await;
    let views = open(&database, ReadOptions { connection_wait_ms: 300, ..options() }).await;
    database.administer(&format!("DROP DATABASE {} WITH (FORCE)", database.name)).await;
    let error = views.timeline(user(1), PageRequest::first(3)).await.unwrap_err();
    assert!(matches!(error, ViewError::Unavailable(_)), "{error}");
    let error = views.wait_applied(1, Duration::from_secs(20)).await.unwrap_err();
    assert!(matches!(error, ViewError::Unavailable(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_does_not_notice_that_a_rebuilt_view_is_put_in_place() {
    let database = database().await;
    let views = open(&database, options()).await;
    let mut story = Story::of([1, 2]);
    story.follow(1, 2);
    (0..30).for_each(|n| story.publish(n, 2, "always there"));
    let ports = ports(&views);
    ports.tell(&story).await;
    let done = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..3)
        .map(|_| {
            let (views, done) = (views.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut asked = 0;
                while !done.load(Ordering::Relaxed) {
                    let timeline = views.timeline(user(1), PageRequest::first(100)).await.unwrap().value;
                    assert_eq!(timeline.items.len(), 30);
                    let profile = views.profile(user(1), ProfileKey::Id(user(2))).await.unwrap().value;
                    assert_eq!(profile.found().map(|profile| profile.post_count), Some(30));
                    asked += 1;
                }
                asked
            })
        })
        .collect();
    for _ in 0..8 {
        ports.writer.begin_rebuild("posts").await.unwrap();
        let events = story.events.iter().filter(|event| POSTS.categories.contains(&event.stream.category()));
        let step = Apply {
            projection: "posts",
            generation: Generation::Next,
            changes: events.flat_map(|event| (POSTS.project)(event)).collect(),
            dead_letters: Vec::new(),
            redriven: Vec::new(),
            cursor: story.head(),
        };
        ports.writer.apply(Arc::new(step)).await.unwrap();
        ports.writer.switch("posts").await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for task in asking {
        assert!(task.await.unwrap() > 8, "nobody asked while views were replaced");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_found() {
    let database = database().await;
    let views = open(&database, options()).await;
    let mut story = Story::of([1]);
    story.publish(1, 1, "plain words");
    story.start(1, &[1]);
    story.say(1, 1, 1, "plain words");
    ports(&views).tell(&story).await;
    for handle in ["person_1\0", "\0", ""] {
        let found = views.profile(user(1), ProfileKey::Handle(handle.to_owned())).await.unwrap().value;
        assert_eq!(found, Lookup::Unknown, "{handle:?}");
    }
    for text in ["plain\0words", "it's \\plain 'words", "\u{fffe}plain"] {
        views.search(user(1), text, PageRequest::first(5)).await.unwrap();
        views.search_messages(user(1), conversation(1), text, PageRequest::first(5)).await.unwrap();
    }
}
