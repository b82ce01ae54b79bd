//! What this server knows of a conversation that somebody here listens to: who listens, who is in it, and what was said
//! last. It comes from the log once, with the first who subscribes, and from then on by what the hub tells; so whoever
//! comes back finds it in memory.
//!
//! * Message events are told in the order of their seqs, each once, whether the log or an announcement brings them
//!   first. An announcement that is ahead waits for what is before it.
//! * An announced event is told only once the room has told every change of membership that the event was appended
//!   after: whoever was removed before it has been told so.
//! * What was deleted is not in what is kept.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_events::conversation::ConversationEvent;
use nova_events::{MessageId, UserId};

use super::frame::{self, Frame};
use super::mailbox::{Item, Mailbox};
use super::membership::Membership;

/// Message events that are kept of a conversation, and their bytes.
pub(crate) const RECENT_EVENTS_MAX: usize = 512;
const RECENT_BYTES_MAX: usize = 256 * 1024;
/// Announcements that wait for what is before them. Beyond it the log brings them.
const EARLY_MAX: usize = 256;
/// Another process that has said nothing for so long is gone.
const ELSEWHERE_FOR: Duration = Duration::from_secs(50);

pub(crate) struct Listener {
    pub(crate) user: UserId,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) present: bool,
}

#[derive(Default)]
pub(crate) struct Room {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) empty_since: Option<Instant>,
    /// Held by whoever looks into the log for all others.
    pub(crate) loading: Arc<tokio::sync::Mutex<()>>,
    known: Option<Known>,
    /// The log has told message events below this seq, and membership events below this revision.
    told_seq: u64,
    told_members: u64,
    elsewhere: HashMap<u64, Elsewhere>,
}

/// Who follows the conversation on another process.
struct Elsewhere {
    users: Vec<UserId>,
    heard: Instant,
}

struct Known {
    membership: Membership,
    /// Membership events that have been told here.
    gate: u64,
    /// The seq of the next message event.
    next: u64,
    /// Those right before it.
    recent: VecDeque<Recent>,
    recent_bytes: usize,
    /// What was announced and is ahead, by seq, with the membership events that it was appended after.
    early: BTreeMap<u64, (u64, Arc<Item>)>,
    /// The two of a direct conversation, and whether one of them blocks the other.
    pair: Option<[UserId; 2]>,
    silenced: bool,
}

struct Recent {
    message: MessageId,
    deletes: bool,
    frame: Frame,
}

/// What was read from the log about a conversation.
pub(crate) struct Facts {
    pub(crate) membership: Membership,
    /// The seq behind the last message event.
    pub(crate) end: u64,
    pub(crate) pair: Option<[UserId; 2]>,
    pub(crate) silenced: bool,
}

/// It was read before something that has been told already: read it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stale;

/// What a subscriber needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) is_member: bool,
    pub(crate) membership_events: u64,
    pub(crate) end: u64,
    /// From this seq on, memory has it all.
    pub(crate) base: u64,
}

impl Room {
    /// Tells everyone who listens. Returns how many that are.
    pub(crate) fn tell(&self, item: &Arc<Item>) -> usize {
        self.listeners.iter().for_each(|listener| listener.mailbox.push(item));
        self.listeners.len()
    }

    pub(crate) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    pub(crate) fn learn(&mut self, facts: Facts) -> Result<(), Stale> {
        if facts.membership.events < self.told_members || facts.end < self.told_seq {
            return Err(Stale);
        }
        if self.known.is_none() {
            let Facts { membership, end: next, pair, silenced } = facts;
            let gate = membership.events;
            let (recent, early) = (VecDeque::new(), BTreeMap::new());
            self.known =
                Some(Known { membership, gate, next, recent, recent_bytes: 0, early, pair, silenced });
        }
        Ok(())
    }

    pub(crate) fn standing(&self, user: UserId) -> Option<Standing> {
        let known = self.known.as_ref()?;
        Some(Standing {
            is_member: known.membership.has(user),
            membership_events: known.membership.events,
            end: known.next,
            base: known.base(),
        })
    }

    /// At most `max` events from a seq on. `None`: the log has to be asked.
    pub(crate) fn since(&self, from: u64, max: usize) -> Option<Vec<Frame>> {
        let known = self.known.as_ref()?;
        let at = usize::try_from(from.checked_sub(known.base())?).ok()?;
        Some(known.recent.iter().skip(at).take(max).map(|recent| recent.frame.clone()).collect())
    }

    /// Keeps older events, which end where those begin that are kept already. `deletes`: the messages that they and all
    /// after them take back have been left out of them by whoever read them, as far as that is known.
    pub(crate) fn fill(&mut self, events: Vec<(MessageId, bool, Frame)>) {
        let Some(known) = &mut self.known else { return };
        let gone: Vec<MessageId> =
            known.recent.iter().filter(|recent| recent.deletes).map(|recent| recent.message).collect();
        for (message, deletes, frame) in events.into_iter().rev() {
            let follows = known.base().checked_sub(1).is_some_and(|seq| frame.seq == Some(seq));
            let fits = known.recent.len() < RECENT_EVENTS_MAX
                && known.recent_bytes + frame.text.len() <= RECENT_BYTES_MAX;
            if !follows || !fits {
                break;
            }
            let frame = if !deletes && gone.contains(&message) { frame::hidden(&frame) } else { frame };
            known.recent_bytes += frame.text.len();
            let frame = Frame { at_ms: None, ..frame };
            known.recent.push_front(Recent { message, deletes, frame });
        }
    }

    /// The log's next message event. Returns how many were told of something.
    pub(crate) fn logged(&mut self, seq: u64, item: &Arc<Item>) -> usize {
        self.told_seq = self.told_seq.max(seq.saturating_add(1));
        let Some(known) = &mut self.known else { return self.tell(item) };
        if seq < known.next {
            return 0;
        }
        if seq > known.next {
            // Sessions find what is missing; what is kept has to be without gaps.
            known.forget_recent(seq);
        }
        known.keep(item);
        self.tell(item) + self.release()
    }

    pub(crate) fn has_told(&mut self, seq: u64) -> bool {
        let told = self.known.as_ref().is_some_and(|known| seq < known.next);
        if told {
            self.told_seq = self.told_seq.max(seq.saturating_add(1));
        }
        told
    }

    /// A message event that was announced.
    pub(crate) fn announced(&mut self, seq: u64, membership_events: u64, item: &Arc<Item>) -> usize {
        // The log will tell those who are just finding their place.
        let Some(known) = &mut self.known else { return 0 };
        if seq >= known.next && (known.early.len() < EARLY_MAX || known.early.contains_key(&seq)) {
            known.early.insert(seq, (membership_events, Arc::clone(item)));
        }
        self.release()
    }

    /// There is a message event that cannot be told from here.
    pub(crate) fn missed(&mut self, seq: u64, item: &Arc<Item>) -> usize {
        self.told_seq = self.told_seq.max(seq.saturating_add(1));
        if let Some(known) = &mut self.known {
            if seq < known.next {
                return 0;
            }
            known.forget_recent(seq.saturating_add(1));
        }
        self.tell(item) + self.release()
    }

    /// A change of membership that has been told.
    pub(crate) fn changed(&mut self, revision: u64, event: &ConversationEvent) -> usize {
        self.told_members = self.told_members.max(revision.saturating_add(1));
        let Some(known) = &mut self.known else { return 0 };
        if revision > known.membership.events {
            // Something is missing: whoever comes next looks into the log.
            self.known = None;
            return 0;
        }
        if revision == known.membership.events {
            known.membership.apply(event);
            known.membership.events += 1;
        }
        known.gate = known.gate.max(revision + 1);
        self.release()
    }

    /// Tells what was announced and is next.
    fn release(&mut self) -> usize {
        let mut told = 0;
        while let Some(item) = self.known.as_mut().and_then(Known::next_early) {
            told += self.tell(&item);
        }
        told
    }

    // --- presence -----------------------------------------------------------------------------------------------

    /// Whoever is here, each once.
    pub(crate) fn present(&self) -> Vec<UserId> {
        let mut users: Vec<UserId> =
            self.listeners.iter().filter(|listener| listener.present).map(|listener| listener.user).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    pub(crate) fn is_elsewhere(&self, user: UserId) -> bool {
        self.elsewhere.values().any(|process| process.users.contains(&user))
    }

    /// Whoever is here or elsewhere, each once.
    pub(crate) fn online(&self) -> Vec<UserId> {
        let mut users = self.present();
        users.extend(self.elsewhere.values().flat_map(|process| process.users.iter().copied()));
        users.sort_unstable();
        users.dedup();
        users
    }

    /// Another process says who is there. `None`: it has gone.
    pub(crate) fn heard_of(
        &mut self,
        process: u64,
        users: Option<Vec<UserId>>,
        now: Instant,
    ) -> (Vec<UserId>, Vec<UserId>) {
        let before = self.online();
        match users {
            Some(users) if !users.is_empty() => {
                self.elsewhere.insert(process, Elsewhere { users, heard: now });
            }
            _ => drop(self.elsewhere.remove(&process)),
        }
        let after = self.online();
        let without = |some: &[UserId], others: &[UserId]| {
            some.iter().copied().filter(|user| others.binary_search(user).is_err()).collect()
        };
        (without(&after, &before), without(&before, &after))
    }

    /// Processes that have said nothing for too long.
    pub(crate) fn silent(&self, now: Instant) -> Vec<u64> {
        let late = |process: &Elsewhere| now.saturating_duration_since(process.heard) > ELSEWHERE_FOR;
        self.elsewhere.iter().filter(|(_, process)| late(process)).map(|(id, _)| *id).collect()
    }

    // --- blocks -------------------------------------------------------------------------------------------------

    /// One of the two blocks the other: neither hears whether the other is there, types or reads.
    pub(crate) fn is_silenced(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.silenced)
    }

    pub(crate) fn is_between(&self, one: UserId, other: UserId) -> bool {
        self.known
            .as_ref()
            .and_then(|known| known.pair)
            .is_some_and(|[a, b]| (a == one && b == other) || (a == other && b == one))
    }

    pub(crate) fn silence(&mut self, silenced: bool) {
        if let Some(known) = &mut self.known {
            known.silenced = silenced;
        }
    }
}

impl Known {
    fn base(&self) -> u64 {
        self.next.saturating_sub(self.recent.len() as u64)
    }

    fn forget_recent(&mut self, next: u64) {
        self.recent.clear();
        self.recent_bytes = 0;
        self.next = next;
    }

    /// Keeps the next event.
    fn keep(&mut self, item: &Item) {
        let Item::Message { message, deletes, frame, .. } = item else { return };
        self.next += 1;
        if *deletes {
            let said = self.recent.iter_mut().filter(|recent| recent.message == *message && !recent.deletes);
            for recent in said {
                self.recent_bytes -= recent.frame.text.len();
                recent.frame = frame::hidden(&recent.frame);
                self.recent_bytes += recent.frame.text.len();
            }
        }
        self.recent_bytes += frame.text.len();
        // It is not new any more when it is told again.
        let frame = Frame { at_ms: None, ..frame.clone() };
        self.recent.push_back(Recent { message: *message, deletes: *deletes, frame });
        while self.recent.len() > RECENT_EVENTS_MAX || self.recent_bytes > RECENT_BYTES_MAX {
            let Some(oldest) = self.recent.pop_front() else { break };
            self.recent_bytes -= oldest.frame.text.len();
        }
    }

    fn next_early(&mut self) -> Option<Arc<Item>> {
        while self.early.first_key_value().is_some_and(|(seq, _)| *seq < self.next) {
            self.early.pop_first();
        }
        let (seq, (membership_events, _)) = self.early.first_key_value()?;
        if *seq != self.next || *membership_events > self.gate {
            return None;
        }
        let (_, (_, item)) = self.early.pop_first()?;
        self.keep(&item);
        Some(item)
    }
}

#[cfg(test)]
mod tests {
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
        let text =
            format!(r#"{{"type":"x","data":{{"id":"{message}","text":"said {seq}","deleted":false}}}}"#);
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
        assert!(
            room.since(0, 9).unwrap().iter().all(|frame| frame.at_ms.is_none()),
            "it is not new any more"
        );
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
}
