//! One client and what it follows, whatever carries it.
//!
//! To subscribe is: join the room, then check the membership, then look where the log ends, then replay. What is
//! appended meanwhile waits in the session's queue, and [`Track`] tells what of it the replay has brought already.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_eventlog::{Direction, Recorded};
use nova_events::live::{Announcement, Note};
use nova_events::{CodecError, ConversationId, Event, KeyError, MessageId, UserId, streams};
use nova_views::PageRequest;

use super::Shared;
use super::facts;
use super::frame::{self, Frame};
use super::mailbox::{Item, Mailbox};
use super::membership::{Membership, ReadError};
use super::registry::Connection;
use super::track::{OnLive, Track};

/// Where a subscription starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// With what comes.
    Live,
    /// Behind this seq; -1: from the start.
    AfterSeq(i64),
    /// Behind this position of the log.
    AfterPosition(u64),
}

/// Why there is no subscription.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There is no such conversation, or the user is not in it: nobody else learns which.
    NotAMember,
    TooMany,
    /// The client must read the history first.
    Resync {
        head_seq: Option<u64>,
        epoch: String,
        reason: &'static str,
    },
    Unavailable,
}

/// The session cannot go on; the client may come back and resume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

pub(crate) struct Session {
    connection: Connection,
    subscriptions: HashMap<ConversationId, Subscription>,
    replaying: VecDeque<ConversationId>,
    /// Conversations that the user joins are followed by themselves.
    follows_all: bool,
}

struct Subscription {
    track: Track,
    /// How many events of the conversation's stream its membership check has seen.
    membership_events: u64,
    /// Messages of the part to replay that have been deleted since.
    deleted: HashSet<MessageId>,
    /// During a replay, `deleted` holds for all seqs below this.
    scanned: u64,
    /// The user was removed by the event at this position, and is told so by this frame.
    ends: Option<(u64, Frame)>,
    /// When it was last told that the user types.
    typed: Option<Instant>,
    /// Events of the next page of a replay.
    page: usize,
    /// Times in a row that the log did not have yet what it was said to have.
    empty_pages: u32,
}

const REPLAY_PAGE: usize = 64;
/// Few at first, and more with each page that was sent: of a client that does not read, little is read in vain.
const REPLAY_PAGE_FIRST: usize = 4;
/// What a client that does not read may hold of a replay: a page ends early when its frames are as large as this.
const REPLAY_BYTES_MAX: usize = 256 * 1024;
/// By what the search for a position widens, which begins at the end.
const SEARCH_FACTOR: u64 = 16;
const EMPTY_PAGES_MAX: u32 = 100;
const EMPTY_PAGE_PAUSE: Duration = Duration::from_millis(20);

impl Session {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, subscriptions: HashMap::new(), replaying: VecDeque::new(), follows_all: false }
    }

    pub(crate) fn user(&self) -> UserId {
        self.connection.user
    }

    pub(crate) fn mailbox(&self) -> &Arc<Mailbox> {
        &self.connection.mailbox
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        self.connection.shared()
    }

    pub(crate) fn is_replaying(&self) -> bool {
        !self.replaying.is_empty()
    }

    /// Follows a conversation; a second time: from there instead.
    pub(crate) async fn subscribe(
        &mut self,
        conversation: ConversationId,
        resume: Resume,
        out: &mut VecDeque<Frame>,
    ) -> Result<(), Refused> {
        self.unsubscribe(conversation);
        if self.subscriptions.len() >= self.shared().options.subscriptions_per_connection_max {
            return Err(Refused::TooMany);
        }
        self.connection.join(conversation);
        match self.start(conversation, resume, out).await {
            Ok(subscription) => {
                if subscription.track.is_replaying() {
                    self.replaying.push_back(conversation);
                }
                self.subscriptions.insert(conversation, subscription);
                Ok(())
            }
            Err(refused) => {
                self.connection.leave(conversation);
                Err(refused)
            }
        }
    }

    async fn start(
        &self,
        conversation: ConversationId,
        resume: Resume,
        out: &mut VecDeque<Frame>,
    ) -> Result<Subscription, Refused> {
        let shared = self.shared();
        let unreadable = |error| unavailable(&ReadError::Log(error));
        let (membership_events, end) = self.standing(conversation, resume).await?;
        let head = end.checked_sub(1);
        let epoch = shared.epoch().await.map_err(unreadable)?;
        let resync = |reason| Refused::Resync { head_seq: head, epoch: epoch.to_owned(), reason };
        let next = match resume {
            Resume::AfterPosition(position) => {
                self.seq_behind(conversation, position, end).await?.ok_or_else(|| resync("too_old"))?
            }
            Resume::Live | Resume::AfterSeq(_) => {
                next_seq(resume, head, shared.options.replay_messages_max).map_err(resync)?
            }
        };
        if next < end {
            let filled = facts::fill(shared, conversation, self.user(), next).await;
            filled.map_err(|error| unavailable(&error))?;
        }
        out.push_back(frame::subscribed(conversation, head, epoch));
        out.push_back(frame::presence(conversation, &self.connection.announce(conversation), &[]));
        Ok(Subscription {
            track: Track::new(next, end),
            membership_events,
            deleted: HashSet::new(),
            scanned: 0,
            page: REPLAY_PAGE_FIRST,
            ends: None,
            typed: None,
            empty_pages: 0,
        })
    }

    /// How many membership events have been accounted for, and the seq behind the last message event: as this server
    /// knows it, or, where that is not enough, as the log says now.
    async fn standing(&self, conversation: ConversationId, resume: Resume) -> Result<(u64, u64), Refused> {
        let (shared, user) = (self.shared(), self.user());
        facts::learn(shared, conversation, user).await.map_err(|error| unavailable(&error))?;
        let knows = |end: u64| match resume {
            Resume::AfterSeq(after) => u64::try_from(after.saturating_add(1)).is_ok_and(|next| next <= end),
            Resume::Live | Resume::AfterPosition(_) => true,
        };
        let current = shared.is_current().await;
        if let Some(standing) = shared.registry.standing(conversation, user)
            && current
            && standing.is_member
            && knows(standing.end)
        {
            return Ok((standing.membership_events, standing.end));
        }
        let membership = Membership::read(&*shared.log, &shared.codec, conversation)
            .await
            .map_err(|error| unavailable(&error))?;
        if !membership.has(user) {
            return Err(Refused::NotAMember);
        }
        let head = shared.log.stream_head(&streams::messages(conversation)).await;
        let head = head.map_err(|error| unavailable(&ReadError::Log(error)))?;
        Ok((membership.events, head.map_or(0, |head| head + 1)))
    }

    /// The seq of the first message event behind a position of the log, looked for from the end. `None`: too far back.
    async fn seq_behind(
        &self,
        conversation: ConversationId,
        position: u64,
        end: u64,
    ) -> Result<Option<u64>, Refused> {
        let (shared, stream) = (self.shared(), streams::messages(conversation));
        let is_behind = async |seq: u64| {
            let read = shared.log.read_stream(&stream, seq, Direction::Forwards, 1).await;
            let read = read.map_err(|error| unavailable(&ReadError::Log(error)))?;
            Ok::<_, Refused>(read.first().is_none_or(|recorded| recorded.position > position))
        };
        // Positions grow with the seqs. Most clients were away for a moment: the search begins at the end.
        let (mut known, mut first, mut step) = (0, end, 1);
        while first > 0 {
            let seq = end.saturating_sub(step);
            if !is_behind(seq).await? {
                known = seq + 1;
                break;
            }
            (first, step) = (seq, step * SEARCH_FACTOR);
        }
        while known < first {
            let middle = known + (first - known) / 2;
            if is_behind(middle).await? { first = middle } else { known = middle + 1 }
        }
        Ok((end - first <= shared.options.replay_messages_max).then_some(first))
    }

    /// Follows the user's conversations, the most recent ones first, and those that they join from now on.
    pub(crate) async fn subscribe_all(
        &mut self,
        resume: Resume,
        out: &mut VecDeque<Frame>,
    ) -> Result<(), Broken> {
        self.follows_all = true;
        let shared = Arc::clone(self.shared());
        // A view that lags behind would hide a conversation that the hub has told of before this session began.
        let head = shared.log.head();
        let _ = shared.reader.wait_applied(head, Duration::from_secs(2)).await;
        let mut page = PageRequest::first(PageRequest::LIMIT_MAX);
        loop {
            let answer = shared.reader.conversations(self.user(), page).await.map_err(|error| {
                tracing::warn!(error.message = %error, "a stream cannot list its conversations");
                Broken
            })?;
            for conversation in answer.value.items {
                match self.subscribe(conversation.id, resume, out).await {
                    Ok(()) | Err(Refused::NotAMember) => {}
                    Err(Refused::TooMany) => return Ok(()),
                    Err(Refused::Resync { head_seq, epoch, reason }) => {
                        out.push_back(frame::resync_required(conversation.id, head_seq, &epoch, reason));
                        let _ = self.subscribe(conversation.id, Resume::Live, out).await;
                    }
                    Err(Refused::Unavailable) => return Err(Broken),
                }
            }
            let Some(next) = answer.value.next else { return Ok(()) };
            page = PageRequest { cursor: Some(next), limit: PageRequest::LIMIT_MAX, after: 0 };
        }
    }

    pub(crate) fn unsubscribe(&mut self, conversation: ConversationId) {
        if self.subscriptions.remove(&conversation).is_some() {
            self.replaying.retain(|other| *other != conversation);
            self.connection.leave(conversation);
        }
    }

    pub(crate) fn is_subscribed(&self, conversation: ConversationId) -> bool {
        self.subscriptions.get(&conversation).is_some_and(|subscription| subscription.ends.is_none())
    }

    /// Tells the others that the user is typing. Whether the session follows the conversation.
    pub(crate) fn typing(&mut self, conversation: ConversationId) -> bool {
        let follows = self.is_subscribed(conversation);
        let every = self.shared().options.typing_interval;
        let subscription = self.subscriptions.get_mut(&conversation);
        let may = subscription.is_some_and(|subscription| subscription.may_type(every));
        if follows && may {
            let frame = frame::typing(conversation, self.user());
            let item = Arc::new(Item::Note { conversation, frame });
            self.shared().registry.tell_others(conversation, &item, self.mailbox());
            if let Some(live) = &self.shared().live {
                live.announce(Announcement::Note(Note::Typing { conversation, user: self.user() }));
            }
        }
        follows
    }

    /// Takes what the hub has put into the queue.
    pub(crate) async fn receive(&mut self, item: &Item, out: &mut VecDeque<Frame>) {
        match item {
            Item::Message { conversation, seq, frame, .. } => {
                let Some(subscription) = self.subscriptions.get_mut(conversation) else { return };
                match subscription.track.on_live(*seq) {
                    OnLive::Send => out.push_back(frame.clone()),
                    OnLive::Replay => self.replaying.push_back(*conversation),
                    OnLive::Drop => {}
                }
            }
            Item::Missed { conversation, seq } => {
                let Some(subscription) = self.subscriptions.get_mut(conversation) else { return };
                if subscription.track.on_missed(*seq) == OnLive::Replay {
                    self.replaying.push_back(*conversation);
                }
            }
            Item::Member { conversation, user, added, revision, position, frame } => {
                let change =
                    MemberChange { user: *user, added: *added, revision: *revision, position: *position };
                self.member(*conversation, change, frame, out).await;
            }
            Item::Note { conversation, frame } => {
                if self.is_subscribed(*conversation) {
                    out.push_back(frame.clone());
                }
            }
            Item::Timeline { frame } => out.push_back(frame.clone()),
        }
    }

    async fn member(
        &mut self,
        conversation: ConversationId,
        change: MemberChange,
        frame: &Frame,
        out: &mut VecDeque<Frame>,
    ) {
        let is_me = change.user == self.user();
        let Some(subscription) = self.subscriptions.get_mut(&conversation) else {
            if is_me {
                out.push_back(frame.clone());
            }
            if is_me && change.added && self.follows_all {
                let _ = self.subscribe(conversation, Resume::AfterPosition(change.position), out).await;
            }
            return;
        };
        if change.revision < subscription.membership_events || subscription.ends.is_some() {
            return;
        }
        subscription.membership_events = change.revision + 1;
        if change.added || !is_me {
            out.push_back(frame.clone());
        } else if subscription.track.is_replaying() {
            subscription.ends = Some((change.position, frame.clone()));
        } else {
            out.push_back(frame.clone());
            self.unsubscribe(conversation);
        }
    }

    /// Replays a page of one of the conversations that are behind; they take turns.
    pub(crate) async fn replay(&mut self, out: &mut VecDeque<Frame>) -> Result<(), Broken> {
        let Some(conversation) = self.replaying.pop_front() else { return Ok(()) };
        let shared = Arc::clone(self.shared());
        let Some(subscription) = self.subscriptions.get_mut(&conversation) else { return Ok(()) };
        let read = subscription.replay_page(&shared, conversation, out).await;
        let state = read.map_err(|error| {
            tracing::warn!(error.message = %error, "a replay broke off");
            Broken
        })?;
        match state {
            Replayed::Part => self.replaying.push_back(conversation),
            Replayed::CaughtUp => {}
            Replayed::Ended(frame) => {
                out.push_back(frame);
                self.unsubscribe(conversation);
            }
            Replayed::NotThereYet if subscription.empty_pages > EMPTY_PAGES_MAX => return Err(Broken),
            Replayed::NotThereYet => {
                self.replaying.push_back(conversation);
                tokio::time::sleep(EMPTY_PAGE_PAUSE).await;
            }
        }
        Ok(())
    }
}

struct MemberChange {
    user: UserId,
    added: bool,
    revision: u64,
    position: u64,
}

enum Replayed {
    /// There is more.
    Part,
    CaughtUp,
    /// Up to where the user was removed.
    Ended(Frame),
    /// The feed was ahead of the log that we read.
    NotThereYet,
}

impl Subscription {
    fn may_type(&mut self, every: Duration) -> bool {
        let may = self.typed.is_none_or(|typed| typed.elapsed() >= every);
        if may {
            self.typed = Some(Instant::now());
        }
        may
    }

    async fn replay_page(
        &mut self,
        shared: &Shared,
        conversation: ConversationId,
        out: &mut VecDeque<Frame>,
    ) -> Result<Replayed, ReadError> {
        let many = self.page;
        self.page = (many * 2).min(REPLAY_PAGE);
        if let Some(frames) = shared.registry.since(conversation, self.track.next(), many) {
            return Ok(self.remembered(frames, out));
        }
        let stream = streams::messages(conversation);
        let page = shared.log.read_stream(&stream, self.track.next(), Direction::Forwards, many).await?;
        // The page may go beyond what was looked through.
        let read_to = page.last().map_or(0, |last| last.revision + 1);
        self.scan_deleted(shared, conversation, read_to.max(self.track.end())).await?;
        let mut bytes = 0;
        for recorded in &page {
            if bytes >= REPLAY_BYTES_MAX {
                self.page = (many / 2).max(REPLAY_PAGE_FIRST);
                return Ok(Replayed::Part);
            }
            shared.metrics.replayed.increment(1);
            if let Some((_, frame)) = self.ends.take_if(|(position, _)| recorded.position > *position) {
                return Ok(Replayed::Ended(frame));
            }
            if self.track.on_replayed(recorded.revision) {
                let frame = self.told(shared, conversation, recorded).await?;
                bytes += frame.text.len();
                out.push_back(frame);
            }
        }
        if self.track.caught_up() {
            (self.deleted, self.scanned) = (HashSet::new(), 0);
            return Ok(self.ends.take().map_or(Replayed::CaughtUp, |(_, frame)| Replayed::Ended(frame)));
        }
        self.empty_pages = if page.is_empty() { self.empty_pages + 1 } else { 0 };
        Ok(if page.is_empty() { Replayed::NotThereYet } else { Replayed::Part })
    }

    /// A page that this server has in memory.
    fn remembered(&mut self, frames: Vec<Frame>, out: &mut VecDeque<Frame>) -> Replayed {
        let is_empty = frames.is_empty();
        for frame in frames {
            let position = frame.position.unwrap_or(0);
            if let Some((_, frame)) = self.ends.take_if(|(end, _)| position > *end) {
                return Replayed::Ended(frame);
            }
            if frame.seq.is_some_and(|seq| self.track.on_replayed(seq)) {
                out.push_back(frame);
            }
        }
        if self.track.caught_up() {
            (self.deleted, self.scanned) = (HashSet::new(), 0);
            return self.ends.take().map_or(Replayed::CaughtUp, |(_, frame)| Replayed::Ended(frame));
        }
        self.empty_pages = if is_empty { self.empty_pages + 1 } else { 0 };
        if is_empty { Replayed::NotThereYet } else { Replayed::Part }
    }

    async fn told(
        &self,
        shared: &Shared,
        conversation: ConversationId,
        recorded: &Recorded,
    ) -> Result<Frame, ReadError> {
        let unreadable = || frame::unreadable(conversation, recorded.revision, recorded.position);
        let envelope = match shared.codec.decode(recorded).await {
            Ok(envelope) => envelope,
            // It may be there again in a moment; to skip it would lose it.
            Err(CodecError::Keys(error @ KeyError::Unavailable(_))) => {
                return Err(CodecError::Keys(error).into());
            }
            Err(error) => {
                tracing::warn!(error.message = %error, log.position = recorded.position, "a message cannot be told");
                return Ok(unreadable());
            }
        };
        Ok(match &envelope.event {
            Event::Message(event) => {
                let hidden = self.deleted.contains(&event.message());
                Frame { at_ms: None, ..frame::message(&envelope, event, hidden) }
            }
            _ => unreadable(),
        })
    }

    /// Learns of the deletions from the next event on, so that what they took back is not told again on the way there.
    async fn scan_deleted(
        &mut self,
        shared: &Shared,
        conversation: ConversationId,
        until: u64,
    ) -> Result<(), ReadError> {
        if self.scanned < until {
            let deleted = shared.deletions.since(&*shared.log, conversation, self.track.next()).await?;
            (self.deleted, self.scanned) = (deleted.messages, deleted.until);
        }
        Ok(())
    }
}

/// The seq to go on with, or why that cannot be.
fn next_seq(resume: Resume, head: Option<u64>, replay_messages_max: u64) -> Result<u64, &'static str> {
    let end = head.map_or(0, |head| head + 1);
    let Resume::AfterSeq(after) = resume else { return Ok(end) };
    let next = u64::try_from(after.saturating_add(1)).unwrap_or(0);
    if next > end {
        // The client has seen seqs that this log does not have: it must be another log, or an older copy.
        Err("ahead")
    } else if end - next > replay_messages_max {
        Err("too_old")
    } else {
        Ok(next)
    }
}

fn unavailable(error: &ReadError) -> Refused {
    tracing::warn!(error.message = %error, "a subscription cannot be made");
    Refused::Unavailable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_to_go_on() {
        let after = |seq, head| next_seq(Resume::AfterSeq(seq), head, 10);
        assert_eq!(after(-1, None), Ok(0));
        assert_eq!(after(-1, Some(9)), Ok(0));
        assert_eq!(after(-1, Some(10)), Err("too_old"));
        assert_eq!(after(4, Some(10)), Ok(5));
        assert_eq!(after(10, Some(10)), Ok(11));
        assert_eq!(after(11, Some(10)), Err("ahead"));
        assert_eq!(after(0, None), Err("ahead"));
        assert_eq!(after(i64::MAX, Some(10)), Err("ahead"));
        assert_eq!(next_seq(Resume::Live, Some(1_000_000), 10), Ok(1_000_001));
    }
}
