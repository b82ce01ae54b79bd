//! What the log says of a conversation, read once for all who listen to it here.

use nova_eventlog::Direction;
use nova_events::{ConversationId, Event, MessageId, UserId, streams};
use nova_views::silences_blocked;

use super::Shared;
use super::frame::{self, Frame};
use super::membership::{Membership, ReadError};
use super::room::Facts;

/// How often facts are read again that something has overtaken.
const ATTEMPTS_MAX: u32 = 8;
/// Older events that are read at once.
const FILL_PAGE: usize = 32;

/// Makes sure that the room knows what it has to, unless it is not there any more.
pub(crate) async fn learn(
    shared: &Shared,
    conversation: ConversationId,
    user: UserId,
) -> Result<(), ReadError> {
    let loading = shared.registry.loading(conversation);
    let _turn = loading.lock().await;
    for _ in 0..ATTEMPTS_MAX {
        if shared.registry.standing(conversation, user).is_some() {
            break;
        }
        let facts = read(shared, conversation).await?;
        if shared.registry.learn(conversation, facts).is_ok() {
            break;
        }
    }
    Ok(())
}

async fn read(shared: &Shared, conversation: ConversationId) -> Result<Facts, ReadError> {
    let membership = Membership::read(&*shared.log, &shared.codec, conversation).await?;
    let head = shared.log.stream_head(&streams::messages(conversation)).await?;
    let pair = match membership.kind {
        Some(kind) if silences_blocked(kind) => membership.pair(),
        Some(_) | None => None,
    };
    let silenced = match pair {
        Some([one, other]) => is_blocked(shared, one, other).await?,
        None => false,
    };
    Ok(Facts { membership, end: head.map_or(0, |head| head + 1), pair, silenced })
}

/// Whether one of the two blocks the other.
pub(crate) async fn is_blocked(shared: &Shared, one: UserId, other: UserId) -> Result<bool, ReadError> {
    for stream in [streams::block(one, other), streams::block(other, one)] {
        let last = shared.log.read_stream(&stream, u64::MAX, Direction::Backwards, 1).await?;
        if last.first().is_some_and(|last| last.kind.as_str() == "Blocked") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Brings the newest events of a conversation into memory, for someone who has been away, unless someone did before. Nothing is
/// read that memory could not hold back to where they were.
pub(crate) async fn fill(
    shared: &Shared,
    conversation: ConversationId,
    user: UserId,
    from: u64,
) -> Result<(), ReadError> {
    let loading = shared.registry.loading(conversation);
    let _turn = loading.lock().await;
    let mut filled_to = u64::MAX;
    while let Some(standing) = shared.registry.standing(conversation, user) {
        let reach = standing.base.saturating_sub(standing.room as u64);
        let gets_on = standing.base < filled_to;
        if from >= standing.base || from < reach || standing.room == 0 || !gets_on {
            break;
        }
        filled_to = standing.base;
        let events = older(shared, conversation, standing.base, standing.room.min(FILL_PAGE)).await?;
        shared.registry.fill(conversation, events);
    }
    Ok(())
}

/// The events before a seq, as far back as they can be read, in order.
async fn older(
    shared: &Shared,
    conversation: ConversationId,
    seq: u64,
    many: usize,
) -> Result<Vec<(MessageId, bool, Frame)>, ReadError> {
    let Some(last) = seq.checked_sub(1) else { return Ok(Vec::new()) };
    let stream = streams::messages(conversation);
    let page = shared.log.read_stream(&stream, last, Direction::Backwards, many).await?;
    let mut gone: Vec<MessageId> = Vec::new();
    let mut events: Vec<(MessageId, bool, Frame)> = Vec::with_capacity(page.len());
    for recorded in &page {
        // What cannot be read ends what is kept: whoever wants more asks the log.
        let Ok(envelope) = shared.codec.decode(recorded).await else { break };
        let Event::Message(event) = &envelope.event else { break };
        let deletes = matches!(event, nova_events::message::MessageEvent::MessageDeleted(_));
        if deletes {
            gone.push(event.message());
        }
        let frame = frame::message(&envelope, event, !deletes && gone.contains(&event.message()));
        events.push((event.message(), deletes, frame));
    }
    events.reverse();
    Ok(events)
}
