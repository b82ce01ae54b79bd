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
    /// An older event did not fit: to read it again is in vain.
    is_full: bool,
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
    /// How many older events memory may hold; none, once one did not fit.
    pub(crate) room: usize,
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
            self.known = Some(Known {
                membership,
                gate,
                next,
                recent,
                recent_bytes: 0,
                is_full: false,
                early,
                pair,
                silenced,
            });
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
            room: if known.is_full { 0 } else { RECENT_EVENTS_MAX.saturating_sub(known.recent.len()) },
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
            known.is_full |= follows && !fits;
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
        self.is_full = false;
        self.next = next;
    }

    /// Keeps the next event.
    fn keep(&mut self, item: &Item) {
        let Item::Message { message, deletes, frame, .. } = item else { return };
        self.next += 1;
        if *deletes {
            self.is_full = false;
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
            self.is_full = true;
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
#[path = "room_tests.rs"]
mod tests;
