//! Who listens to what on this server.
//!
//! A session joins a conversation's room before it looks at the log, and is *present* in it only once its membership
//! has been checked: until then it may hear, but is not heard of, and passes nothing on to its client.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nova_events::conversation::ConversationEvent;
use nova_events::live::{Live, Note};
use nova_events::{ConversationId, UserId};
use parking_lot::Mutex;

use super::Shared;
use super::frame::{self, Frame};
use super::mailbox::{Ended, Item, Mailbox};
use super::room::{Facts, Listener, Room, Stale, Standing};

/// How long a room is kept that nobody listens to: those who lost their connections come back to it.
const EMPTY_FOR: Duration = Duration::from_secs(60);
/// Rooms that are kept so, at most.
const EMPTY_ROOMS_MAX: usize = 10_000;
/// People that one announcement of presence names.
const PRESENT_TOLD_MAX: usize = 2_000;

#[derive(Default)]
pub(crate) struct Registry {
    listeners: Mutex<Listeners>,
    connections: AtomicUsize,
    /// Other processes, if there may be any.
    live: Option<Arc<dyn Live>>,
}

#[derive(Default)]
struct Listeners {
    users: HashMap<UserId, Vec<Arc<Mailbox>>>,
    rooms: HashMap<ConversationId, Room>,
    empty_rooms: usize,
    /// Other processes are to be told who is there; and asked, if that is wanted.
    to_tell: HashMap<ConversationId, bool>,
}

impl Registry {
    pub(crate) fn new(live: Option<Arc<dyn Live>>) -> Self {
        Self { live, ..Self::default() }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    /// How many conversations are known here.
    pub(crate) fn rooms(&self) -> usize {
        self.listeners.lock().rooms.len()
    }

    pub(crate) fn has_room(&self, conversation: ConversationId) -> bool {
        self.listeners.lock().rooms.contains_key(&conversation)
    }

    /// Somebody may want this message event, and it has not been told yet.
    pub(crate) fn wants(&self, conversation: ConversationId, seq: u64) -> bool {
        let mut listeners = self.listeners.lock();
        listeners.rooms.get_mut(&conversation).is_some_and(|room| !room.has_told(seq))
    }

    /// Nobody is connected, and nothing is known of any conversation.
    pub(crate) fn is_idle(&self) -> bool {
        let listeners = self.listeners.lock();
        listeners.users.is_empty() && listeners.rooms.is_empty()
    }

    pub(crate) fn has_users(&self) -> bool {
        !self.listeners.lock().users.is_empty()
    }

    /// The users who are connected, but for one.
    pub(crate) fn users_but(&self, user: UserId) -> Vec<UserId> {
        self.listeners.lock().users.keys().copied().filter(|other| *other != user).collect()
    }

    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        self.listeners.lock().users.contains_key(&user)
    }

    fn with_room<T: Default>(&self, conversation: ConversationId, work: impl FnOnce(&mut Room) -> T) -> T {
        self.listeners.lock().rooms.get_mut(&conversation).map(work).unwrap_or_default()
    }

    /// Tells everyone in the room. Returns how many that were.
    pub(crate) fn tell_room(&self, conversation: ConversationId, item: &Arc<Item>) -> usize {
        self.with_room(conversation, |room| room.tell(item))
    }

    /// What is not for those who block each other.
    pub(crate) fn tell_unless_silenced(&self, conversation: ConversationId, item: &Arc<Item>) -> usize {
        self.with_room(conversation, |room| if room.is_silenced() { 0 } else { room.tell(item) })
    }

    pub(crate) fn logged(&self, conversation: ConversationId, seq: u64, item: &Arc<Item>) -> usize {
        self.with_room(conversation, |room| room.logged(seq, item))
    }

    pub(crate) fn missed(&self, conversation: ConversationId, seq: u64, item: &Arc<Item>) -> usize {
        self.with_room(conversation, |room| room.missed(seq, item))
    }

    pub(crate) fn announced(
        &self,
        conversation: ConversationId,
        seq: u64,
        membership_events: u64,
        item: &Arc<Item>,
    ) -> usize {
        self.with_room(conversation, |room| room.announced(seq, membership_events, item))
    }

    pub(crate) fn changed(
        &self,
        conversation: ConversationId,
        revision: u64,
        event: &ConversationEvent,
    ) -> usize {
        self.with_room(conversation, |room| room.changed(revision, event))
    }

    pub(crate) fn standing(&self, conversation: ConversationId, user: UserId) -> Option<Standing> {
        self.with_room(conversation, |room| room.standing(user))
    }

    pub(crate) fn since(&self, conversation: ConversationId, from: u64, max: usize) -> Option<Vec<Frame>> {
        self.with_room(conversation, |room| room.since(from, max))
    }

    pub(crate) fn fill(
        &self,
        conversation: ConversationId,
        events: Vec<(nova_events::MessageId, bool, Frame)>,
    ) {
        self.with_room(conversation, |room| room.fill(events));
    }

    pub(crate) fn learn(&self, conversation: ConversationId, facts: Facts) -> Result<(), Stale> {
        match self.listeners.lock().rooms.get_mut(&conversation) {
            Some(room) => room.learn(facts),
            None => Ok(()),
        }
    }

    /// To be held while the log is read for all who listen to the conversation.
    pub(crate) fn loading(&self, conversation: ConversationId) -> Arc<tokio::sync::Mutex<()>> {
        self.with_room(conversation, |room| Arc::clone(&room.loading))
    }

    /// Tells everyone in the room but one session, unless they are not to hear of each other.
    pub(crate) fn tell_others(&self, conversation: ConversationId, item: &Arc<Item>, but: &Arc<Mailbox>) {
        if let Some(room) = self.listeners.lock().rooms.get(&conversation)
            && !room.is_silenced()
        {
            tell_others(&room.listeners, item, but);
        }
    }

    /// Tells the sessions of one user that are not in the room, which is told by itself.
    pub(crate) fn tell_user_outside(
        &self,
        user: UserId,
        conversation: ConversationId,
        item: &Arc<Item>,
    ) -> usize {
        let listeners = self.listeners.lock();
        let room = listeners.rooms.get(&conversation).map_or(&[][..], |room| &room.listeners);
        let inside =
            |mailbox: &Arc<Mailbox>| room.iter().any(|listener| Arc::ptr_eq(&listener.mailbox, mailbox));
        let all = listeners.users.get(&user).map_or(&[][..], Vec::as_slice);
        all.iter().filter(|mailbox| !inside(mailbox)).map(|mailbox| mailbox.push(item)).count()
    }

    pub(crate) fn tell_user(&self, user: UserId, item: &Arc<Item>) -> usize {
        let listeners = self.listeners.lock();
        let all = listeners.users.get(&user).map_or(&[][..], Vec::as_slice);
        all.iter().for_each(|mailbox| mailbox.push(item));
        all.len()
    }

    /// Ends the sessions of the users whose account is closed, of those among whom one may be.
    pub(crate) fn end_closed(&self, user: Option<UserId>, is_closed: impl Fn(UserId) -> bool) {
        let listeners = self.listeners.lock();
        let end = |mailboxes: &Vec<Arc<Mailbox>>| {
            mailboxes.iter().for_each(|mailbox| mailbox.end(Ended::AccountClosed));
        };
        match user {
            Some(user) if is_closed(user) => listeners.users.get(&user).into_iter().for_each(end),
            Some(_) => {}
            None => {
                listeners.users.iter().filter(|(user, _)| is_closed(**user)).for_each(|(_, all)| end(all))
            }
        }
    }

    /// One blocks the other from now on, or does not any more.
    pub(crate) fn blocked(&self, one: UserId, other: UserId, silenced: bool) {
        let mut listeners = self.listeners.lock();
        for (conversation, room) in &mut listeners.rooms {
            if !room.is_between(one, other) || room.is_silenced() == silenced {
                continue;
            }
            room.silence(silenced);
            for (gone, told) in [(one, other), (other, one)] {
                let there = room.online().contains(&gone);
                if there {
                    let (online, offline) =
                        if silenced { (&[][..], &[gone][..]) } else { (&[gone][..], &[][..]) };
                    let frame = frame::presence(*conversation, online, offline);
                    let item = Arc::new(Item::Note { conversation: *conversation, frame });
                    let theirs = room.listeners.iter().filter(|listener| listener.user == told);
                    theirs.for_each(|listener| listener.mailbox.push(&item));
                }
            }
        }
    }

    fn join(&self, conversation: ConversationId, user: UserId, mailbox: &Arc<Mailbox>) {
        let listener = Listener { user, mailbox: Arc::clone(mailbox), present: false };
        let mut listeners = self.listeners.lock();
        let is_new = !listeners.rooms.contains_key(&conversation);
        let room = listeners.rooms.entry(conversation).or_default();
        room.listeners.push(listener);
        if room.empty_since.take().is_some() {
            listeners.empty_rooms -= 1;
        }
        if is_new && let Some(live) = &self.live {
            live.follow(conversation);
        }
    }

    /// Makes the session present, tells the others if its user was not yet, and says who else is.
    fn announce(&self, conversation: ConversationId, user: UserId, mailbox: &Arc<Mailbox>) -> Vec<UserId> {
        let mut listeners = self.listeners.lock();
        let Some(room) = listeners.rooms.get_mut(&conversation) else { return Vec::new() };
        let mut online = room.online();
        let was_here = room.listeners.iter().any(|listener| listener.present && listener.user == user);
        let is_first = !room.listeners.iter().any(|listener| listener.present);
        for listener in room.listeners.iter_mut().filter(|listener| Arc::ptr_eq(&listener.mailbox, mailbox)) {
            listener.present = true;
        }
        if online.binary_search(&user).is_err() {
            online.push(user);
            if !room.is_silenced() {
                let frame = frame::presence(conversation, &[user], &[]);
                tell_others(&room.listeners, &Arc::new(Item::Note { conversation, frame }), mailbox);
            }
        }
        if room.is_silenced() {
            online = vec![user];
        }
        if !was_here && self.live.is_some() {
            *listeners.to_tell.entry(conversation).or_default() |= is_first;
        }
        online
    }

    /// Takes the session out, and tells the others if its user is not there any more.
    fn leave(&self, conversation: ConversationId, user: UserId, mailbox: &Arc<Mailbox>) {
        let mut listeners = self.listeners.lock();
        let Some(room) = listeners.rooms.get_mut(&conversation) else { return };
        let was_present = room.listeners.iter().any(|l| l.present && Arc::ptr_eq(&l.mailbox, mailbox));
        room.listeners.retain(|listener| !Arc::ptr_eq(&listener.mailbox, mailbox));
        let is_here = room.listeners.iter().any(|listener| listener.present && listener.user == user);
        let has_left = was_present && !is_here;
        if has_left && !room.is_elsewhere(user) && !room.is_silenced() {
            let frame = frame::presence(conversation, &[], &[user]);
            tell_others(&room.listeners, &Arc::new(Item::Note { conversation, frame }), mailbox);
        }
        let is_empty = room.listeners.is_empty() && room.empty_since.is_none();
        let is_known = room.is_known();
        if is_empty && is_known && listeners.empty_rooms < EMPTY_ROOMS_MAX {
            if let Some(room) = listeners.rooms.get_mut(&conversation) {
                room.empty_since = Some(Instant::now());
            }
            listeners.empty_rooms += 1;
        } else if is_empty {
            listeners.rooms.remove(&conversation);
            if let Some(live) = &self.live {
                live.leave(conversation);
            }
        }
        if has_left && self.live.is_some() {
            listeners.to_tell.entry(conversation).or_default();
        }
    }

    /// Forgets rooms that nobody has listened to for a while, and processes that say nothing any more. To be called from
    /// time to time; `all`: other processes are told of everyone who is there.
    pub(crate) fn sweep(&self, now: Instant, all: bool) {
        let mut listeners = self.listeners.lock();
        let Listeners { rooms, to_tell, empty_rooms, .. } = &mut *listeners;
        rooms.retain(|conversation, room| {
            let silent = room.silent(now);
            for process in silent {
                let (_, offline) = room.heard_of(process, None, now);
                tell_presence(room, *conversation, &[], &offline);
            }
            if all && self.live.is_some() && room.listeners.iter().any(|listener| listener.present) {
                to_tell.entry(*conversation).or_default();
            }
            let is_over =
                room.empty_since.is_some_and(|since| now.saturating_duration_since(since) >= EMPTY_FOR);
            if is_over {
                *empty_rooms -= 1;
                if let Some(live) = &self.live {
                    live.leave(*conversation);
                }
            }
            !is_over
        });
    }

    /// Who is there, for other processes, where that has changed.
    pub(crate) fn to_announce(&self) -> Vec<Note> {
        let mut listeners = self.listeners.lock();
        let to_tell = std::mem::take(&mut listeners.to_tell);
        let told = to_tell.into_iter().map(|(conversation, ask)| {
            let mut users = listeners.rooms.get(&conversation).map(Room::present).unwrap_or_default();
            users.truncate(PRESENT_TOLD_MAX);
            Note::Present { conversation, users, ask }
        });
        told.collect()
    }

    /// What another process tells.
    pub(crate) fn noted(&self, from: u64, note: Note, now: Instant) {
        let mut listeners = self.listeners.lock();
        let conversation = note.conversation();
        let Some(room) = listeners.rooms.get_mut(&conversation) else { return };
        match note {
            Note::Typing { user, .. } => {
                if !room.is_silenced() {
                    let item =
                        Arc::new(Item::Note { conversation, frame: frame::typing(conversation, user) });
                    let others = room.listeners.iter().filter(|l| l.present && l.user != user);
                    others.for_each(|listener| listener.mailbox.push(&item));
                }
            }
            Note::Present { users, ask, .. } => {
                let (online, offline) = room.heard_of(from, Some(users), now);
                tell_presence(room, conversation, &online, &offline);
                if ask && room.listeners.iter().any(|listener| listener.present) {
                    listeners.to_tell.entry(conversation).or_default();
                }
            }
        }
    }
}

fn tell_presence(room: &Room, conversation: ConversationId, online: &[UserId], offline: &[UserId]) {
    if room.is_silenced() || (online.is_empty() && offline.is_empty()) {
        return;
    }
    let frame = frame::presence(conversation, online, offline);
    let item = Arc::new(Item::Note { conversation, frame });
    let present = room.listeners.iter().filter(|listener| listener.present);
    present.for_each(|listener| listener.mailbox.push(&item));
}

/// Only those who are present are told of others: a session whose membership is not checked yet learns nothing.
fn tell_others(listeners: &[Listener], item: &Arc<Item>, but: &Arc<Mailbox>) {
    listeners
        .iter()
        .filter(|listener| listener.present && !Arc::ptr_eq(&listener.mailbox, but))
        .for_each(|listener| listener.mailbox.push(item));
}

/// One of the places that there are for sessions; given back when dropped.
pub(crate) struct Slot {
    shared: Arc<Shared>,
}

impl Slot {
    /// `None` when all are taken.
    pub(crate) fn take(shared: &Arc<Shared>) -> Option<Self> {
        let connections = &shared.registry.connections;
        let take = |taken: usize| (taken < shared.options.connections_max).then_some(taken + 1);
        connections.fetch_update(Ordering::AcqRel, Ordering::Acquire, take).ok()?;
        shared.metrics.connections.increment(1.0);
        Some(Self { shared: Arc::clone(shared) })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.registry.connections.fetch_sub(1, Ordering::AcqRel);
        self.shared.metrics.connections.decrement(1.0);
    }
}

/// A session of a known user. Leaves everything when dropped.
pub(crate) struct Connection {
    slot: Slot,
    pub(crate) user: UserId,
    pub(crate) mailbox: Arc<Mailbox>,
    rooms: Vec<ConversationId>,
}

impl Connection {
    /// The slot comes back when the user has as many sessions as they may have.
    pub(crate) fn open(slot: Slot, user: UserId) -> Result<Self, Slot> {
        let options = &slot.shared.options;
        let mailbox = Arc::new(Mailbox::new(options.queue_bytes_max));
        let mut listeners = slot.shared.registry.listeners.lock();
        let mine = listeners.users.entry(user).or_default();
        if mine.len() >= options.connections_per_user_max {
            drop(listeners);
            return Err(slot);
        }
        mine.push(Arc::clone(&mailbox));
        drop(listeners);
        Ok(Self { slot, user, mailbox, rooms: Vec::new() })
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.slot.shared
    }

    pub(crate) fn join(&mut self, conversation: ConversationId) {
        self.slot.shared.registry.join(conversation, self.user, &self.mailbox);
        self.rooms.push(conversation);
    }

    pub(crate) fn announce(&self, conversation: ConversationId) -> Vec<UserId> {
        self.slot.shared.registry.announce(conversation, self.user, &self.mailbox)
    }

    pub(crate) fn leave(&mut self, conversation: ConversationId) {
        self.rooms.retain(|room| *room != conversation);
        self.slot.shared.registry.leave(conversation, self.user, &self.mailbox);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for room in std::mem::take(&mut self.rooms) {
            self.leave(room);
        }
        let mut listeners = self.slot.shared.registry.listeners.lock();
        if let Some(mine) = listeners.users.get_mut(&self.user) {
            mine.retain(|mailbox| !Arc::ptr_eq(mailbox, &self.mailbox));
            if mine.is_empty() {
                listeners.users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn mailbox() -> Arc<Mailbox> {
        Arc::new(Mailbox::new(10_000))
    }

    /// The frames that wait in a mailbox.
    fn told(mailbox: &Mailbox) -> Vec<serde_json::Value> {
        let mut frames = Vec::new();
        while let Ok(Some(item)) = mailbox.try_next() {
            let Item::Note { frame, .. } = &*item else { panic!("{item:?}") };
            frames.push(serde_json::from_str(&frame.text).unwrap());
        }
        frames
    }

    #[test]
    fn presence_counts_users_not_sessions() {
        let registry = Registry::default();
        let room = ConversationId(Uuid::from_u128(1));
        let (ada, ben) = (UserId(Uuid::from_u128(2)), UserId(Uuid::from_u128(3)));
        let (phone, laptop, other) = (mailbox(), mailbox(), mailbox());
        registry.join(room, ben, &other);
        assert_eq!(registry.announce(room, ben, &other), [ben]);

        registry.join(room, ada, &phone);
        assert!(told(&other).is_empty(), "nobody is told of a session that may not be a member");
        assert_eq!(registry.announce(room, ada, &phone), [ben, ada]);
        assert_eq!(told(&other)[0]["data"]["online"], serde_json::json!([ada]));

        registry.join(room, ada, &laptop);
        assert_eq!(registry.announce(room, ada, &laptop), [ada, ben]);
        assert!(told(&other).is_empty(), "ada was there already");
        registry.leave(room, ada, &phone);
        assert!(told(&other).is_empty(), "ada is still there");
        registry.leave(room, ada, &laptop);
        assert_eq!(told(&other)[0]["data"]["offline"], serde_json::json!([ada]));
        registry.leave(room, ben, &other);
        assert!(!registry.has_room(room), "an empty room is forgotten");
    }

    #[test]
    fn a_session_that_was_never_present_leaves_unheard() {
        let registry = Registry::default();
        let room = ConversationId(Uuid::from_u128(1));
        let (member, stranger) = (mailbox(), mailbox());
        registry.join(room, UserId(Uuid::from_u128(2)), &member);
        registry.announce(room, UserId(Uuid::from_u128(2)), &member);
        registry.join(room, UserId(Uuid::from_u128(3)), &stranger);
        let typing = frame::typing(room, UserId(Uuid::from_u128(2)));
        registry.tell_others(room, &Arc::new(Item::Note { conversation: room, frame: typing }), &member);
        registry.leave(room, UserId(Uuid::from_u128(3)), &stranger);
        assert!(told(&member).is_empty() && told(&stranger).is_empty());
    }
}
