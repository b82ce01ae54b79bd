//! Conversations and messages.

use nova_events::conversation::Role;
use nova_events::media::MediaKind;
use nova_events::message::{Body, MessageType};
use nova_events::{MediaId, UserId};
use nova_views::{Lookup, MediaRef, Message, MessageRange, PageRequest};

use super::{Ports, all_pages};
use crate::story::{Story, conversation, message, user};

pub async fn conversations_are_for_their_members<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3, 4]);
    story.start(1, &[1, 2, 3]);
    story.rename(1, 2, "a new title");
    story.say(1, 1, 2, "hello");
    story.remove_member(1, 3);
    story.add_member(1, 4);
    ports.tell(&story).await;
    let reader = &ports.reader;
    for outsider in [3, 9] {
        let viewer = user(outsider);
        assert_eq!(reader.conversation(viewer, conversation(1)).await.unwrap().value, Lookup::Unknown);
        let range = MessageRange::After(-1);
        assert_eq!(reader.messages(viewer, conversation(1), range, 5).await.unwrap().value, Lookup::Unknown);
        let page = PageRequest::first(5);
        let found = reader.search_messages(viewer, conversation(1), "hello", page.clone()).await.unwrap();
        assert_eq!(found.value, Lookup::Unknown);
        assert_eq!(reader.conversations(viewer, page).await.unwrap().value.items, []);
    }
    let talk = reader.conversation(user(4), conversation(1)).await.unwrap().value.found().unwrap();
    assert_eq!(talk.title.as_deref(), Some("a new title"));
    // Two who joined at one instant are in the order of their ids.
    let mut expected = vec![user(1), user(2)];
    expected.sort_unstable();
    expected.push(user(4));
    assert_eq!(talk.members.iter().map(|m| m.user_id).collect::<Vec<_>>(), expected);
    assert_eq!(talk.last_message.as_ref().map(|m| m.id), Some(message(1)));
    assert_eq!(reader.conversation(user(1), conversation(2)).await.unwrap().value, Lookup::Unknown);
    let before = story.head();
    story.add_member(1, 3);
    ports.tell_from(&story, before).await;
    let talk = reader.conversation(user(3), conversation(1)).await.unwrap().value.found().unwrap();
    assert_eq!(talk.members.last().map(|m| m.user_id), Some(user(3)), "who comes back joins anew");
}

pub async fn unread_counts_are_what_a_recount_says<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.start(1, &[1, 2]);
    let unread = async |viewer: u32| {
        let talk = ports.reader.conversation(user(viewer), conversation(1)).await.unwrap().value;
        let talk = talk.found().unwrap();
        (talk.unread_count, talk.last_seq, talk.last_read_seq)
    };
    ports.tell(&story).await;
    assert_eq!(unread(1).await, (0, None, None));
    for n in 0..6 {
        story.say(n, 1, 1 + n % 2, "word");
    }
    ports.tell(&story).await;
    assert_eq!((unread(1).await, unread(2).await), ((3, Some(5), None), (3, Some(5), None)));
    story.read(1, 1, 2);
    story.delete_message(3);
    story.edit_message(5, "another word");
    ports.tell(&story).await;
    assert_eq!(unread(1).await, (1, Some(7), Some(2)), "5 is left: 3 is deleted, 1 is read");
    story.read(1, 1, 1);
    story.read(1, 1, 7);
    ports.tell(&story).await;
    assert_eq!(unread(1).await, (0, Some(7), Some(7)));
    story.say(8, 1, 2, "late");
    ports.tell(&story).await;
    assert_eq!(unread(1).await, (1, Some(8), Some(7)));
}

pub async fn messages_are_read_by_ranges<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.start(1, &[1, 2]);
    story.start(2, &[1, 2]);
    for n in 0..10 {
        story.say(n, 1, 1, "word");
        story.say(100 + n, 2, 1, "elsewhere");
    }
    ports.tell(&story).await;
    let seqs = async |range: MessageRange, limit: usize| -> Vec<u64> {
        let found = ports.reader.messages(user(2), conversation(1), range, limit).await.unwrap().value;
        found.found().unwrap().iter().map(|m| m.seq).collect()
    };
    assert_eq!(seqs(MessageRange::After(-1), 3).await, [0, 1, 2]);
    assert_eq!(seqs(MessageRange::After(6), 9).await, [7, 8, 9]);
    assert_eq!(seqs(MessageRange::After(9), 9).await, [0u64; 0]);
    assert_eq!(seqs(MessageRange::Before(u64::MAX), 3).await, [7, 8, 9]);
    assert_eq!(seqs(MessageRange::Before(3), 2).await, [1, 2]);
    assert_eq!(seqs(MessageRange::Before(0), 2).await, [0u64; 0]);
}

pub async fn edited_and_deleted_messages_keep_their_place<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.start(1, &[1, 2]);
    story.say(0, 1, 1, "first");
    let secret = Body {
        encrypted_content: Some("b64:secret".to_owned()),
        nonce: Some("n".to_owned()),
        ..Body::default()
    };
    story.send(1, 1, 2, MessageType::Encrypted, secret);
    story.say(2, 1, 1, "third");
    story.edit_message(0, "first, edited");
    story.delete_message(2);
    ports.tell(&story).await;
    ports.tell(&story).await;
    let found =
        ports.reader.messages(user(2), conversation(1), MessageRange::After(-1), 50).await.unwrap().value;
    let found = found.found().unwrap();
    let shape = |m: &Message| (m.seq, m.text.clone(), m.deleted, m.edited_at.is_some());
    assert_eq!(
        found.iter().map(shape).collect::<Vec<_>>(),
        [(0, Some("first, edited".to_owned()), false, true), (1, None, false, false), (2, None, true, false)]
    );
    assert_eq!(found[1].encrypted_content.as_deref(), Some("b64:secret"));
    assert_eq!((found[1].nonce.as_deref(), found[1].message_type), (Some("n"), MessageType::Encrypted));
    let talk = ports.reader.conversation(user(2), conversation(1)).await.unwrap().value.found().unwrap();
    assert_eq!(talk.last_message.map(|m| m.id), Some(message(1)));
}

pub async fn a_message_shows_its_medium_until_it_is_deleted<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    story.start(1, &[1, 2]);
    let kinds = [MediaKind::Audio, MediaKind::Image, MediaKind::Video];
    let media = kinds.map(|kind| (MediaId::make(), kind));
    for (n, (id, kind)) in (1..).zip(media) {
        story.send_media(n, 1, 1, id, kind);
    }
    ports.tell(&story).await;
    let look = async || {
        let range = MessageRange::After(-1);
        let found = ports.reader.messages(user(2), conversation(1), range, 9).await.unwrap().value;
        found.found().unwrap().into_iter().map(|message| (message.media, message.text)).collect::<Vec<_>>()
    };
    let expected = media.map(|(id, kind)| (Some(MediaRef::new(id, kind)), None));
    assert_eq!(look().await, expected);
    let before = story.head();
    story.delete_message(1);
    ports.tell_from(&story, before).await;
    assert_eq!(look().await[0], (None, None));
    assert_eq!(look().await[1..], expected[1..]);
}

pub async fn the_busiest_conversation_comes_first<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    for n in 1..6 {
        story.start(n, &[1, 2]);
    }
    story.say(1, 2, 1, "up");
    story.say(2, 4, 1, "up");
    story.say(3, 2, 1, "up again");
    story.start(6, &[2, 1]);
    ports.tell(&story).await;
    let talks = all_pages(2, async |page| Ok(ports.reader.conversations(user(1), page).await?.value)).await;
    assert_eq!(talks.iter().map(|t| t.id).collect::<Vec<_>>(), [6, 2, 4, 5, 3, 1].map(conversation));
}

pub async fn members_show_how_far_they_have_received_and_read<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3]);
    story.start(1, &[1, 2, 3]);
    story.start(2, &[1, 2]);
    for n in 0..6 {
        story.say(n, 1, 1, "word");
    }
    story.read(2, 1, 2);
    story.delivered(2, 1, 1, 3);
    story.delivered(2, 2, 1, 5);
    story.delivered(2, 1, 1, 4);
    story.delivered(3, 1, 1, 0);
    let marks = async |viewer: u32, n: u32| {
        let talk = ports.reader.conversation(user(viewer), conversation(n)).await.unwrap().value;
        let members = talk.found().unwrap().members.into_iter();
        let mut marks: Vec<_> = members.map(|m| (m.user_id, m.last_read_seq, m.delivered_seq)).collect();
        marks.sort_unstable();
        marks
    };
    let sorted = |mut marks: Vec<(UserId, Option<u64>, Option<u64>)>| {
        marks.sort_unstable();
        marks
    };
    let expected = sorted(vec![(user(1), None, None), (user(2), Some(2), Some(5)), (user(3), None, Some(0))]);
    for _ in 0..2 {
        ports.tell(&story).await;
        for viewer in [1, 2, 3] {
            assert_eq!(marks(viewer, 1).await, expected, "the furthest of each member's devices");
        }
    }
    assert_eq!(marks(1, 2).await, sorted(vec![(user(1), None, None), (user(2), None, None)]));
    let listed = ports.reader.conversations(user(1), PageRequest::first(5)).await.unwrap().value.items;
    let talk = listed.iter().find(|talk| talk.id == conversation(1)).unwrap();
    let seen: Vec<_> = talk.members.iter().map(|m| (m.user_id, m.last_read_seq, m.delivered_seq)).collect();
    assert_eq!(sorted(seen), expected);
    let before = story.head();
    story.remove_member(1, 2);
    story.add_member(1, 2);
    story.delivered(2, 3, 1, 1);
    ports.tell_from(&story, before).await;
    assert_eq!(marks(1, 1).await, expected, "who comes back has what they had");

    let before = story.head();
    story.say(7, 2, 1, "word");
    story.read(2, 2, 0);
    story.delivered(1, 1, 2, 0);
    ports.tell_from(&story, before).await;
    let shown = sorted(vec![(user(1), None, Some(0)), (user(2), Some(0), None)]);
    assert_eq!((marks(1, 2).await, marks(2, 2).await), (shown.clone(), shown.clone()));
    let before = story.head();
    story.block(2, 1);
    ports.tell_from(&story, before).await;
    assert_eq!(marks(1, 2).await, sorted(vec![(user(1), None, Some(0)), (user(2), None, None)]));
    assert_eq!(marks(2, 2).await, sorted(vec![(user(1), None, None), (user(2), Some(0), None)]));
    let listed = ports.reader.conversations(user(1), PageRequest::first(5)).await.unwrap().value.items;
    let talk = listed.iter().find(|talk| talk.id == conversation(2)).unwrap();
    assert!(talk.members.iter().all(|m| m.last_read_seq.is_none()), "{talk:?}");
    assert_eq!(marks(1, 1).await, expected, "in a group a block changes nothing of it");
    let before = story.head();
    story.unblock(2, 1);
    ports.tell_from(&story, before).await;
    assert_eq!(marks(1, 2).await, shown);
}

pub async fn each_conversation_is_on_one_page_of_a_pass_whatever_is_said_meanwhile<G>(
    open: impl AsyncFn() -> (Ports, G),
) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2]);
    for n in 1..=9 {
        story.start(n, &[1, 2]);
    }
    for n in 1..=9 {
        story.say(n, n, 1, "first");
    }
    ports.tell(&story).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    for round in 0..20 {
        let page = PageRequest { cursor, limit: 2, after: 0 };
        let list = ports.reader.conversations(user(1), page).await.unwrap().value;
        seen.extend(list.items.iter().map(|talk| talk.id));
        cursor = list.next;
        if cursor.is_none() {
            break;
        }
        // One that is still to come, one that was there, and one that begins.
        let before = story.head();
        for (n, talk) in [(0, 1 + round % 9), (1, 9 - round % 9)] {
            story.say(100 + 2 * round + n, talk, 2, "meanwhile");
        }
        story.start(50 + round, &[1, 2]);
        ports.tell_from(&story, before).await;
    }
    assert!(cursor.is_none(), "the pass ends");
    assert_eq!(seen, (1..=9).rev().map(conversation).collect::<Vec<_>>(), "as they stood when it began");
}

pub async fn a_group_shows_who_manages_it<G>(open: impl AsyncFn() -> (Ports, G)) {
    let (ports, _guard) = open().await;
    let mut story = Story::of([1, 2, 3, 4]);
    story.start(1, &[1, 2, 3]);
    story.add_member(1, 4);
    story.start(2, &[1, 4]);
    let roles = async |viewer: u32, n: u32| {
        let talk = ports.reader.conversation(user(viewer), conversation(n)).await.unwrap().value;
        let list = ports.reader.conversations(user(viewer), PageRequest::first(5)).await.unwrap().value.items;
        let talk = talk.found().unwrap();
        assert!(list.contains(&talk), "both show the same");
        let admins = talk.members.into_iter().filter(|member| member.role == Role::Admin);
        admins.map(|member| member.user_id).collect::<Vec<_>>()
    };
    // In the order of their ids: they came together.
    let mut first = [user(2), user(3)];
    first.sort_unstable();
    ports.tell(&story).await;
    assert_eq!(roles(4, 1).await, [user(1)]);
    let (direct, before) = (roles(4, 2).await, story.head());
    story.deactivate(1);
    ports.tell_from(&story, before).await;
    let manages = async |n: UserId| roles(4, 1).await.contains(&n);
    assert!(manages(first[0]).await, "the first with an open account");
    assert!(!manages(first[1]).await && !manages(user(4)).await);
    assert_eq!(roles(4, 2).await, direct, "a direct conversation has nothing to manage");
    let before = story.head();
    for n in [2, 3] {
        story.deactivate(n);
    }
    ports.tell_from(&story, before).await;
    assert!(manages(user(4)).await);
    let before = story.head();
    story.reactivate(1);
    ports.tell_from(&story, before).await;
    assert_eq!(roles(4, 1).await, [user(1)], "an admin who comes back is one still");
}
