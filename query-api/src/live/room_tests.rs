use nova_events::conversation::{ConversationKind, ConversationStarted, MemberRemoved, Role};
use nova_events::{ConversationId, Personal};
use uuid::Uuid;

use super::*;

const ROOM: ConversationId = ConversationId(Uuid::from_u128(1));
const ADA: UserId = UserId(Uuid::from_u128(2));
const BEN: UserId = UserId(Uuid::from_u128(3));

fn facts(end: u64) -> Facts {
    let mut membership = Membership::default();
    membership.apply(&ConversationEvent::ConversationStarted(ConversationStarted {
        conversation_id: ROOM,
        kind: ConversationKind::Group,
        started_by: ADA,
        members: vec![(ADA, Role::Admin), (BEN, Role::Member)],
        personal: Personal::Absent,
    }));
    membership.events = 1;
    Facts { membership, end, pair: None, silenced: false }
}

fn removal(revision: u64) -> (u64, ConversationEvent) {
    let removed = MemberRemoved { conversation_id: ROOM, user_id: BEN, removed_by: ADA };
    (revision, ConversationEvent::MemberRemoved(removed))
}

fn item(seq: u64) -> Arc<Item> {
    about(seq, u128::from(seq) + 100, false)
}

fn about(seq: u64, message: u128, deletes: bool) -> Arc<Item> {
    let message = MessageId(Uuid::from_u128(message));
    let text = format!(r#"{{"type":"x","data":{{"id":"{message}","text":"said {seq}","deleted":false}}}}"#);
    let frame = Frame { position: Some(seq * 10), at_ms: Some(5), ..Frame::of(text, Some(seq)) };
    Arc::new(Item::Message { conversation: ROOM, seq, message, deletes, frame })
}

fn room(end: u64) -> (Room, Arc<Mailbox>) {
    let mailbox = Arc::new(Mailbox::new(1 << 20));
    let mut room = Room::default();
    room.listeners.push(Listener { user: ADA, mailbox: Arc::clone(&mailbox), present: true });
    room.learn(facts(end)).unwrap();
    (room, mailbox)
}

/// The seqs that wait in a mailbox.
fn told(mailbox: &Mailbox) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Ok(Some(item)) = mailbox.try_next() {
        let Item::Message { seq, .. } = &*item else { panic!("{item:?}") };
        seqs.push(*seq);
    }
    seqs
}

fn kept(room: &Room, from: u64) -> Option<Vec<u64>> {
    Some(room.since(from, 100)?.into_iter().map(|frame| frame.seq.unwrap()).collect())
}

#[test]
fn each_event_is_told_once_whichever_way_brings_it_first() {
    let (mut room, mailbox) = room(4);
    room.announced(4, 1, &item(4));
    room.logged(4, &item(4));
    room.logged(5, &item(5));
    room.announced(5, 1, &item(5));
    room.announced(3, 1, &item(3));
    assert_eq!(told(&mailbox), [4, 5]);
    assert!(room.has_told(5) && !room.has_told(6));
}

#[test]
fn what_is_announced_too_early_waits_for_what_is_before_it() {
    let (mut room, mailbox) = room(0);
    for seq in [3, 1, 2] {
        room.announced(seq, 1, &item(seq));
    }
    assert_eq!(told(&mailbox), [0_u64; 0]);
    room.logged(0, &item(0));
    assert_eq!(told(&mailbox), [0, 1, 2, 3]);
    assert_eq!(kept(&room, 0), Some(vec![0, 1, 2, 3]));
}

#[test]
fn whoever_was_removed_is_told_so_before_anything_that_came_after() {
    let (mut room, mailbox) = room(0);
    room.announced(0, 1, &item(0));
    room.announced(1, 2, &item(1));
    assert_eq!(told(&mailbox), [0], "it was appended after a change that has not been told");
    assert!(room.standing(BEN).unwrap().is_member);
    let (revision, event) = removal(1);
    room.changed(revision, &event);
    assert_eq!(told(&mailbox), [1]);
    let standing = room.standing(BEN).unwrap();
    assert!(!standing.is_member && standing.membership_events == 2);
    room.changed(revision, &event);
    assert_eq!(room.standing(BEN), Some(standing), "once");
    let (later, event) = removal(7);
    room.changed(later, &event);
    assert_eq!(room.standing(BEN), None, "something is missing: the log has to be asked");
}

#[test]
fn until_the_log_was_read_announcements_tell_nothing() {
    let mut room = Room::default();
    let mailbox = Arc::new(Mailbox::new(1 << 20));
    room.listeners.push(Listener { user: ADA, mailbox: Arc::clone(&mailbox), present: true });
    room.announced(3, 0, &item(3));
    assert_eq!(told(&mailbox), [0_u64; 0]);
    room.logged(3, &item(3));
    assert_eq!(told(&mailbox), [3]);
    assert_eq!(room.learn(facts(3)), Err(Stale), "what was told is newer than what was read");
    assert_eq!(room.learn(facts(4)), Ok(()));
    assert_eq!((kept(&room, 4), kept(&room, 3)), (Some(vec![]), None));
    let (revision, event) = removal(1);
    room.changed(revision, &event);
    let mut late = Room { told_members: 2, ..Room::default() };
    assert_eq!(late.learn(facts(0)), Err(Stale));
}

#[test]
fn a_gap_empties_what_is_kept() {
    let (mut room, mailbox) = room(0);
    room.logged(0, &item(0));
    room.logged(2, &item(2));
    assert_eq!(told(&mailbox), [0, 2], "sessions find the gap");
    assert_eq!((kept(&room, 0), kept(&room, 2)), (None, Some(vec![2])));
    room.missed(3, &Arc::new(Item::Missed { conversation: ROOM, seq: 3 }));
    assert_eq!((kept(&room, 2), kept(&room, 4)), (None, Some(vec![])));
}

#[test]
fn what_is_deleted_is_not_told_from_memory() {
    let (mut room, mailbox) = room(2);
    room.fill(vec![
        (MessageId(Uuid::from_u128(70)), false, frame_of(&about(0, 70, false))),
        (MessageId(Uuid::from_u128(71)), false, frame_of(&about(1, 71, false))),
    ]);
    room.logged(2, &about(2, 72, false));
    room.logged(3, &about(3, 70, true));
    room.logged(4, &about(4, 72, true));
    assert_eq!(told(&mailbox), [2, 3, 4]);
    let texts: Vec<String> =
        room.since(0, 9).unwrap().into_iter().map(|frame| frame.text.to_string()).collect();
    let says: Vec<bool> = texts.iter().map(|text| text.contains("said")).collect();
    assert_eq!(says, [false, true, false, true, true], "{texts:?}");
    assert!(room.since(0, 9).unwrap().iter().all(|frame| frame.at_ms.is_none()), "it is not new any more");
}

#[test]
fn an_older_event_that_does_not_fit_ends_the_filling() {
    let (mut room, _) = room(10);
    let user = UserId(Uuid::from_u128(1));
    assert_eq!(room.standing(user).unwrap().room, RECENT_EVENTS_MAX);
    let long = |seq: u64| {
        let frame = Frame { text: "x".repeat(100_000).into(), ..frame_of(&item(seq)) };
        (MessageId(Uuid::from_u128(seq.into())), false, frame)
    };
    room.fill((4..10).map(long).collect());
    let standing = room.standing(user).unwrap();
    assert_eq!((standing.base, standing.room), (8, 0), "two of them are all that memory may take");
    room.logged(11, &item(11));
    assert_eq!(room.standing(user).unwrap().room, RECENT_EVENTS_MAX - 1, "behind a gap it begins again");
}

fn frame_of(item: &Item) -> Frame {
    let Item::Message { frame, .. } = item else { panic!("{item:?}") };
    frame.clone()
}

#[test]
fn what_is_kept_is_bounded_and_has_no_gaps() {
    let (mut room, _) = room(0);
    for seq in 0..2_000 {
        room.logged(seq, &item(seq));
    }
    assert_eq!(room.since(2_000 - RECENT_EVENTS_MAX as u64, 9).unwrap().len(), 9);
    assert_eq!(room.since(2_000 - RECENT_EVENTS_MAX as u64 - 1, 9), None);
    assert_eq!(room.since(2_001, 9), Some(vec![]), "beyond the end");
    let (mut room, _) = self::room(10);
    let old = |seq: u64| (MessageId(Uuid::from_u128(seq.into())), false, frame_of(&item(seq)));
    room.fill(vec![old(5), old(6), old(8), old(9)]);
    assert_eq!((kept(&room, 8), kept(&room, 6)), (Some(vec![8, 9]), None), "7 is missing");
    room.fill(vec![old(7)]);
    assert_eq!(kept(&room, 7), Some(vec![7, 8, 9]));
}

#[test]
fn processes_come_and_go() {
    let (mut room, _) = room(0);
    let now = Instant::now();
    assert_eq!(room.heard_of(7, Some(vec![ADA, BEN]), now), (vec![BEN], vec![]), "ada is here too");
    assert_eq!(room.online(), [ADA, BEN]);
    assert_eq!(room.heard_of(8, Some(vec![BEN]), now), (vec![], vec![]));
    assert_eq!(room.heard_of(7, Some(vec![]), now), (vec![], vec![]), "ben is elsewhere too");
    assert_eq!(room.silent(now + ELSEWHERE_FOR), [0_u64; 0]);
    assert_eq!(room.silent(now + ELSEWHERE_FOR + Duration::from_secs(1)), [8]);
    assert_eq!(room.heard_of(8, None, now), (vec![], vec![BEN]));
}

/// However announcements come, early, late, twice or never, everything is told once and in order.
#[test]
fn everything_is_told_once_and_in_order() {
    let mut seed = 11_u64;
    let mut random = move |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for _ in 0..500 {
        let first = random(5);
        let (mut room, mailbox) = room(first);
        let (mut head, mut logged) = (first, first);
        for _ in 0..80 {
            match random(4) {
                0 => head += random(4),
                1 if logged < head => {
                    if !room.has_told(logged) {
                        room.logged(logged, &item(logged));
                    }
                    logged += 1;
                }
                _ if head > 0 => {
                    let seq = random(head);
                    room.announced(seq, 1, &item(seq));
                }
                _ => {}
            }
        }
        for seq in logged..head {
            room.logged(seq, &item(seq));
        }
        let expected: Vec<u64> = (first..head).collect();
        assert_eq!(told(&mailbox), expected);
        assert_eq!(kept(&room, first).map(|kept| kept.len()), Some(expected.len().min(100)));
    }
}
