//! Who listens to what on this server.
//!
//! A session joins a conversation's room before it looks at the log, and is *present* in it only once its membership
//! has been checked: until then it may hear, but is not heard of, and passes nothing on to its client.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nova_events::{ConversationId, UserId};
use parking_lot::Mutex;

use super::Shared;
use super::frame;
use super::mailbox::{Item, Mailbox};

#[derive(Default)]
pub(crate) struct Registry {
    listeners: Mutex<Listeners>,
    connections: AtomicUsize,
}

#[derive(Default)]
struct Listeners {
    users: HashMap<UserId, Vec<Arc<Mailbox>>>,
    rooms: HashMap<ConversationId, Vec<Listener>>,
}

struct Listener {
    user: UserId,
    mailbox: Arc<Mailbox>,
    present: bool,
}

impl Registry {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Acquire)
    }

    pub(crate) fn has_room(&self, conversation: ConversationId) -> bool {
        self.listeners.lock().rooms.contains_key(&conversation)
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

    /// Tells everyone in the room. Returns how many that were.
    pub(crate) fn tell_room(&self, conversation: ConversationId, item: &Arc<Item>) -> usize {
        let listeners = self.listeners.lock();
        let room = listeners.rooms.get(&conversation).map_or(&[][..], Vec::as_slice);
        room.iter().for_each(|listener| listener.mailbox.push(item));
        room.len()
    }

    /// Tells everyone in the room but one session.
    pub(crate) fn tell_others(&self, conversation: ConversationId, item: &Arc<Item>, but: &Arc<Mailbox>) {
        if let Some(room) = self.listeners.lock().rooms.get(&conversation) {
            tell_others(room, item, but);
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
        let room = listeners.rooms.get(&conversation).map_or(&[][..], Vec::as_slice);
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

    fn join(&self, conversation: ConversationId, user: UserId, mailbox: &Arc<Mailbox>) {
        let listener = Listener { user, mailbox: Arc::clone(mailbox), present: false };
        self.listeners.lock().rooms.entry(conversation).or_default().push(listener);
    }

    /// Makes the session present, tells the others if its user was not yet, and says who else is.
    fn announce(&self, conversation: ConversationId, user: UserId, mailbox: &Arc<Mailbox>) -> Vec<UserId> {
        let mut listeners = self.listeners.lock();
        let Some(room) = listeners.rooms.get_mut(&conversation) else { return Vec::new() };
        let mut online: Vec<UserId> =
            room.iter().filter(|listener| listener.present).map(|listener| listener.user).collect();
        online.sort_unstable();
        online.dedup();
        let is_new = online.binary_search(&user).is_err();
        for listener in room.iter_mut().filter(|listener| Arc::ptr_eq(&listener.mailbox, mailbox)) {
            listener.present = true;
        }
        if is_new {
            let frame = frame::presence(conversation, &[user], &[]);
            tell_others(room, &Arc::new(Item::Note { conversation, frame }), mailbox);
            online.push(user);
        }
        online
    }

    /// Takes the session out, and tells the others if its user is not there any more.
    fn leave(&self, conversation: ConversationId, user: UserId, mailbox: &Arc<Mailbox>) {
        let mut listeners = self.listeners.lock();
        let Some(room) = listeners.rooms.get_mut(&conversation) else { return };
        let was_present = room.iter().any(|l| l.present && Arc::ptr_eq(&l.mailbox, mailbox));
        room.retain(|listener| !Arc::ptr_eq(&listener.mailbox, mailbox));
        let is_gone = was_present && !room.iter().any(|listener| listener.present && listener.user == user);
        if is_gone {
            let frame = frame::presence(conversation, &[], &[user]);
            tell_others(room, &Arc::new(Item::Note { conversation, frame }), mailbox);
        }
        if room.is_empty() {
            listeners.rooms.remove(&conversation);
        }
    }
}

/// Only those who are present are told of others: a session whose membership is not checked yet learns nothing.
fn tell_others(room: &[Listener], item: &Arc<Item>, but: &Arc<Mailbox>) {
    room.iter()
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
