//! Search in posts and messages.

use nova_events::message::{Body, MessageType};
use nova_views::{PageRequest, ViewError};

use super::{Ports, all_pages};
use crate::story::{Story, conversation, message, post, user};

pub async fn search_finds_every_word_and_nothing_hidden<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.publish(1, 1, "The quick brown fox");
    story.publish(2, 1, "a lazy dog, quick to sleep");
    story.publish(3, 1, "Crème brûlée is slow food");
    story.publish(4, 1, "quick but deleted");
    story.publish(5, 1, "quick before the edit");
    story.delete(4);
    story.edit(5, "rewritten");
    ports.tell(&story).await;
    let found = async |text: &str| -> Vec<_> {
        let cards =
            all_pages(1, async |page| Ok(ports.reader.search(user(2), text, page).await?.value)).await;
        let mut ids: Vec<_> = cards.iter().map(|card| card.id).collect();
        ids.sort_unstable();
        ids
    };
    let expect = |numbers: &[u32]| {
        let mut ids: Vec<_> = numbers.iter().map(|n| post(*n)).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(found("quick").await, expect(&[1, 2]));
    assert_eq!(found("QUICK Fox").await, expect(&[1]));
    assert_eq!(found("quick cat").await, expect(&[]));
    assert_eq!(found("creme").await, expect(&[3]));
    assert_eq!(found("rewritten").await, expect(&[5]));
    let before = story.head();
    story.restore(4);
    ports.tell_from(&story, before).await;
    assert_eq!(found("quick").await, expect(&[1, 2, 4]));
}

pub async fn search_is_never_syntax<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    story.publish(1, 1, "plain words, no tricks: a-b c");
    story.start(1, &[1]);
    story.say(1, 1, 1, "plain words");
    ports.tell(&story).await;
    for text in [
        "plain\"",
        "plain OR nothing",
        "text:plain",
        "pla*",
        "NEAR(plain words)",
        "-plain",
        "plain\0words",
        "(plain",
        "^plain",
        "a-b",
        "plain + words",
        "\u{202e}plain",
        "''",
        "plain' --",
    ] {
        for result in [
            ports
                .reader
                .search(user(1), text, PageRequest::first(5))
                .await
                .map(|found| found.value.items.len()),
            ports
                .reader
                .search_messages(user(1), conversation(1), text, PageRequest::first(5))
                .await
                .map(|found| found.value.found().unwrap().items.len()),
        ] {
            assert!(matches!(result, Ok(_) | Err(ViewError::BadQuery(_))), "{text}: {result:?}");
        }
    }
    assert_eq!(
        ports.reader.search(user(1), "a-b", PageRequest::first(5)).await.unwrap().value.items.len(),
        1
    );
    let none = ports.reader.search(user(1), "plain OR nothing", PageRequest::first(5)).await.unwrap();
    assert_eq!(none.value.items, [], "OR is a word like any other");
    for text in ["", "   ", "\"\"", "* *", &"long ".repeat(500)] {
        let refused = ports.reader.search(user(1), text, PageRequest::first(5)).await;
        assert!(matches!(refused, Err(ViewError::BadQuery(_))), "{text}");
    }
}

pub async fn messages_are_found_in_their_conversation_only<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.start(1, &[1, 2]);
    story.start(2, &[1, 2]);
    for n in 0..5 {
        story.say(n, 1, 1, "shared words");
        story.say(10 + n, 2, 1, "shared words");
    }
    story.edit_message(1, "other words");
    story.delete_message(2);
    let body = Body { encrypted_content: Some("shared".to_owned()), ..Body::default() };
    story.send(30, 1, 1, MessageType::Encrypted, body);
    ports.tell(&story).await;
    let found = async |text: &str| -> Vec<_> {
        let messages = all_pages(2, async |page| {
            let found = ports.reader.search_messages(user(2), conversation(1), text, page).await?.value;
            Ok(found.found().unwrap())
        })
        .await;
        messages.iter().map(|m| m.id).collect()
    };
    assert_eq!(found("shared").await, [4, 3, 0].map(message));
    assert_eq!(found("WORDS").await, [4, 3, 1, 0].map(message));
    assert_eq!(found(&conversation(1).0.simple().to_string()).await, [], "ids are not texts");
}
