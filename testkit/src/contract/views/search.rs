//! Search in posts and messages.

use nova_events::message::{Body, MessageType};
use nova_events::post::Visibility;
use nova_views::{Cursor, Lookup, MessageHit, PageRequest, ViewError};

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
    // All of them match alike, so the newest comes first.
    let found = async |text: &str| -> Vec<_> {
        let messages = all_pages(2, async |page| {
            let found = ports.reader.search_messages(user(2), conversation(1), text, page).await?.value;
            Ok(found.found().unwrap())
        })
        .await;
        messages.iter().map(|hit| hit.message.id).collect()
    };
    assert_eq!(found("shared").await, [4, 3, 0].map(message));
    assert_eq!(found("WORDS").await, [4, 3, 1, 0].map(message));
    assert_eq!(found(&conversation(1).0.simple().to_string()).await, [], "ids are not texts");
}

pub async fn the_best_match_comes_first_and_shows_where_it_matches<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.start(1, &[1, 2]);
    let far = "the tide is not what it was when the water was low and we were there in the early days";
    let texts = ["🐝 Low TIDE!", "low, then the tide", far, "nothing of it", "low tide"];
    for (n, text) in (0..).zip(texts) {
        story.say(n, 1, 1, text);
    }
    ports.tell(&story).await;
    let hits = async |text: &str| {
        let page = async |page| {
            let found = ports.reader.search_messages(user(2), conversation(1), text, page).await?.value;
            Ok(found.found().unwrap())
        };
        all_pages(1, page).await
    };
    let found = hits("low tide").await;
    let ids: Vec<_> = found.iter().map(|hit| hit.message.id).collect();
    assert_eq!(ids, [4, 0, 1, 2].map(message));
    let marked = |hit: &MessageHit| {
        let units: Vec<u16> = hit.message.text.as_deref().unwrap().encode_utf16().collect();
        let parts = hit.highlights.iter().map(|h| String::from_utf16(&units[h.start..h.end]).unwrap());
        parts.collect::<Vec<_>>()
    };
    assert_eq!(marked(&found[1]), ["Low", "TIDE"], "offsets are UTF-16 code units");
    assert_eq!(marked(&found[3]), ["tide", "low"]);
    let found = hits("then-the").await;
    assert_eq!(found.iter().map(marked).collect::<Vec<_>>(), [["then the"]]);
}

pub async fn pages_of_found_messages_go_on_whatever_happens_meanwhile<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.start(1, &[1, 2]);
    for n in 0..30 {
        // Three lengths, so that the order is not that of the seqs.
        story.say(n, 1, 1, &format!("word{}", " and more".repeat((n % 3) as usize)));
    }
    ports.tell(&story).await;
    let page = async |cursor: Option<Cursor>| {
        let page = PageRequest { cursor, limit: 4, after: 0 };
        let found = ports.reader.search_messages(user(2), conversation(1), "word", page).await.unwrap().value;
        found.found().unwrap()
    };
    let (mut seen, mut cursor) = (Vec::new(), None);
    let mut gone = Vec::new();
    for round in 0..100 {
        let found = page(cursor).await;
        seen.extend(found.items.iter().map(|hit| hit.message.id));
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
        // Sent meanwhile, a better match than any; and one that is still to come is taken back.
        let before = story.head();
        story.say(100 + round, 1, 2, "word");
        let late = 2 + 3 * round;
        if late < 30 && !seen.contains(&message(late)) {
            story.delete_message(late);
            gone.push(message(late));
        }
        ports.tell_from(&story, before).await;
    }
    assert!(cursor.is_none() && !gone.is_empty());
    let mut expected: Vec<_> = (0..30).map(message).filter(|id| !gone.contains(id)).collect();
    expected.sort_unstable();
    seen.sort_unstable();
    assert_eq!(seen, expected, "each that was there once, none that came later");
}

pub async fn what_was_edited_deleted_or_encrypted_is_not_found<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3]);
    story.start(1, &[1, 2, 3]);
    story.say(0, 1, 1, "before");
    story.edit_message(0, "after");
    story.say(1, 1, 1, "secret");
    story.delete_message(1);
    let body = Body {
        encrypted_content: Some("ciphertext words".to_owned()),
        nonce: Some("noncesense".to_owned()),
        device_id: Some("telephone".to_owned()),
        ..Body::default()
    };
    story.send(2, 1, 1, MessageType::Encrypted, body);
    story.say(3, 1, 2, "stays");
    ports.tell(&story).await;
    let found = async |viewer: u32, text: &str| {
        let page = PageRequest::first(5);
        let found = ports.reader.search_messages(user(viewer), conversation(1), text, page).await.unwrap();
        found.value.map(|list| list.items.iter().map(|hit| hit.message.id).collect::<Vec<_>>())
    };
    for (text, expected) in [("after", vec![message(0)]), ("stays", vec![message(3)])] {
        assert_eq!(found(1, text).await, Lookup::Found(expected), "{text}");
    }
    for text in ["before", "secret", "ciphertext", "words", "noncesense", "telephone"] {
        assert_eq!(found(1, text).await, Lookup::Found(Vec::new()), "{text}");
    }
    let before = story.head();
    story.remove_member(1, 2);
    ports.tell_from(&story, before).await;
    assert_eq!(found(2, "stays").await, Lookup::Unknown, "who was removed finds nothing, their own neither");
    assert_eq!(found(3, "stays").await, Lookup::Found(vec![message(3)]), "what they said stays");
}

pub async fn a_search_passes_over_any_number_of_hidden_posts<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3, 4, 5]);
    story.publish(1, 2, "harbour, for everybody");
    story.follow(1, 3);
    story.publish_to(2, 3, "harbour, for those who follow", Visibility::Followers);
    for n in 0..1_100 {
        story.publish_to(10 + n, 4, "harbour", Visibility::Private);
    }
    for n in 0..20 {
        story.publish(2_000 + n, 5, "harbour");
    }
    story.deactivate(5);
    ports.tell(&story).await;
    let found = async |viewer: u32| -> Vec<_> {
        let page = async |page| Ok(ports.reader.search(user(viewer), "harbour", page).await?.value);
        all_pages(1, page).await.iter().map(|card| card.id).collect()
    };
    assert_eq!(found(1).await, [1, 2].map(post), "the shorter text first");
    assert_eq!(found(2).await, [post(1)]);
    let own = PageRequest::first(100);
    let own = ports.reader.search(user(4), "harbour", own).await.unwrap().value;
    assert_eq!(own.items.len(), 100, "the author finds them");
}

pub async fn the_best_post_comes_first_in_every_store<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    let far = "the tide is not what it was when the water was low and we were there in the early days";
    let texts = ["Low TIDE!", "low, then the tide", far, "nothing of it", "low tide", "tide low"];
    for (n, text) in (1..).zip(texts) {
        story.publish(n, 1, text);
    }
    ports.tell(&story).await;
    let page = async |page| Ok(ports.reader.search(user(1), "low tide", page).await?.value);
    let ids: Vec<_> = all_pages(2, page).await.iter().map(|card| card.id).collect();
    assert_eq!(ids, [5, 1, 6, 2, 3].map(post));
}

/// A text, what is looked for in it and found, and what is not in it.
const SCRIPTS: [(&str, &str, &str); 21] = [
    ("Crème BRÛLÉE on Łódź's stoop", "brulee creme", "creme-stoop"),
    ("Der GROẞE Straßenbahnhof", "grosse strassenbahnhof", "straße"),
    ("İstanbul'da ışık", "istanbul", "stan"),
    ("Ὀδυσσεύς καὶ ΟΔΟΣ", "οδός οδυσσευς", "οδυς"),
    ("Ёлка и Йод", "йод ЁЛКА", "иод"),
    ("ԵՐԵՎԱՆ քաղաք", "երեվան", "երե"),
    ("ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ და თბილისი", "საქართველო", "საქარ"),
    ("שָׁלוֹם עוֹלָם", "שלום עולם", "שלם"),
    ("مُحَمَّد يكتــب", "محمد يكتب", "مح"),
    ("می\u{200c}خواهم بروم", "میخواهم", "می"),
    ("हिन्दी में लिखना", "हिन्दी", "हिन्द"),
    ("বাংলা ভাষা", "ভাষা", "ভাষ"),
    ("தமிழ் மொழி", "தமிழ்", "தமி"),
    ("ภาษาไทยไม่มีช่องว่าง", "ไทย", "ไทน"),
    ("ພາສາລາວ", "ລາວ", "ລາດ"),
    ("ភាសាខ្មែរ", "ខ្មែរ", "ខ្មែន"),
    ("မြန်မာဘာသာ", "ဘာသာ", "ဘာမာ"),
    ("東京都に住んでいます", "京都に住", "都京"),
    ("か\u{3099}き\u{3099}く ｶﾞｷﾞ", "がぎ ガギ", "かき"),
    ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8} 사람", "한국", "한"),
    ("አማርኛ ቋንቋ ＡＢＣ１２３", "ቋንቋ abc123", "አማር"),
];

pub async fn words_of_twenty_scripts_are_found<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1]);
    story.start(1, &[1]);
    for (n, (text, _, _)) in (1..).zip(SCRIPTS) {
        story.publish(n, 1, text);
        story.say(n, 1, 1, text);
    }
    ports.tell(&story).await;
    let found = async |text: &str| {
        let page = PageRequest::first(50);
        let posts = ports.reader.search(user(1), text, page.clone()).await.unwrap().value;
        let said = ports.reader.search_messages(user(1), conversation(1), text, page).await.unwrap().value;
        let posts: Vec<_> = posts.items.iter().map(|card| card.id).collect();
        let said: Vec<_> = said.found().unwrap().items.iter().map(|hit| hit.message.id).collect();
        (posts, said)
    };
    for (n, (text, there, not_there)) in (1..).zip(SCRIPTS) {
        assert_eq!(found(there).await, (vec![post(n)], vec![message(n)]), "{there} in {text}");
        assert_eq!(found(text).await, (vec![post(n)], vec![message(n)]), "{text} in itself");
        let (posts, said) = found(not_there).await;
        assert!(!posts.contains(&post(n)) && !said.contains(&message(n)), "{not_there} in {text}");
    }
}
