//! Server-sent events: the same frames, one way.
//!
//! Of one conversation, an event's id is its seq. Of all of a user's conversations it is a position of the log, and
//! given only when everything up to there has been told: while a replay is going on, events have no id, so that a
//! client that breaks off then resumes where it had been before.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use nova_events::ConversationId;
use nova_http::auth::bearer;
use nova_http::layers::RequestContext;
use nova_http::{ApiError, Caller, ValidQuery};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Phase;
use super::frame::{self, Frame};
use super::mailbox::Ended;
use super::registry::Connection;
use super::session::{Refused, Resume, Session};
use super::ws::{check_still_open, ends_at, slot, too_many_connections, within};
use crate::params::StreamParams;
use crate::state::QueryState;

/// Open a stream of server-sent events. They are the frames of the WebSocket, of one conversation or of
/// all.
#[utoipa::path(get, path = "/stream", operation_id = "stream_open", tag = "live", params(StreamParams,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has")),
    responses((status = 200, description = "Frames, one per event.", content_type = "text/event-stream", body = String)))]
pub(crate) async fn stream(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    ValidQuery(params): ValidQuery<StreamParams>,
) -> Result<Response, ApiError> {
    let resume = resume(&headers, &params)?;
    let token_ends = ends_at(&context.verifier().verify(bearer(&headers)?)?, context.verifier());
    let connection = Connection::open(slot(&state)?, caller.user).map_err(|_| too_many_connections())?;
    check_still_open(&connection, &context)?;
    let mut session = Session::new(connection);
    let mut out = VecDeque::new();
    let (ids, ended) = match params.conversation_id {
        Some(id) => (Ids::Seq, subscribe(&mut session, id, resume, &mut out).await?),
        None => {
            let unavailable = |_| ApiError::unavailable("The conversations cannot be read right now.");
            session.subscribe_all(resume, &mut out).await.map_err(unavailable)?;
            (Ids::Position { last: 0 }, false)
        }
    };
    let phase = session.shared().phase.subscribe();
    let told = Told { session, out, ids, ended, token_ends, phase, leaves: None };
    let events = futures::stream::unfold(told, |mut told| async {
        let event = told.next().await?;
        Some((Ok::<_, Infallible>(event), told))
    });
    let keep_alive = KeepAlive::new().interval(state.options.live.ping_interval.div_f32(2.0));
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

/// Whether the stream ends with what it has to tell at once.
async fn subscribe(
    session: &mut Session,
    conversation: ConversationId,
    resume: Resume,
    out: &mut VecDeque<Frame>,
) -> Result<bool, ApiError> {
    match session.subscribe(conversation, resume, out).await {
        Ok(()) => Ok(false),
        Err(Refused::NotAMember) => Err(ApiError::not_found("conversation")),
        Err(Refused::Resync { head_seq, epoch, reason }) => {
            out.push_back(frame::resync_required(conversation, head_seq, &epoch, reason));
            Ok(true)
        }
        Err(Refused::TooMany | Refused::Unavailable) => {
            Err(ApiError::unavailable("The conversation cannot be read right now."))
        }
    }
}

/// `Last-Event-ID` is newer than what stands in the address: browsers repeat the address as it was.
fn resume(headers: &HeaderMap, params: &StreamParams) -> Result<Resume, ApiError> {
    let invalid_id = || {
        let detail = "A header does not hold what it must.";
        ApiError::bad_request("invalid_header", detail).field(
            "last-event-id",
            "invalid",
            "must be an event's id",
        )
    };
    let last = headers.get("last-event-id").filter(|value| !value.is_empty());
    let last: Option<u64> = last
        .map(|value| value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(invalid_id))
        .transpose()?;
    match (params.conversation_id, last, params.after_seq) {
        (Some(_), Some(seq), _) => i64::try_from(seq).map(Resume::AfterSeq).map_err(|_| invalid_id()),
        (Some(_), None, Some(seq)) if seq < -1 => {
            Err(ApiError::invalid_field("after_seq", "out_of_range", "must be -1 or more"))
        }
        (Some(_), None, Some(seq)) => Ok(Resume::AfterSeq(seq)),
        (None, _, Some(_)) => {
            let detail = "is the seq of one conversation: give conversation_id too";
            Err(ApiError::invalid_field("after_seq", "conflicting", detail))
        }
        (None, Some(position), None) => Ok(Resume::AfterPosition(position)),
        (_, None, None) => Ok(Resume::Live),
    }
}

struct Told {
    session: Session,
    out: VecDeque<Frame>,
    ids: Ids,
    ended: bool,
    token_ends: Instant,
    phase: watch::Receiver<Phase>,
    leaves: Option<Instant>,
}

#[derive(Debug)]
enum Ids {
    Seq,
    Position { last: u64 },
}

impl Ids {
    fn of(&mut self, frame: &Frame, is_replaying: bool) -> Option<u64> {
        match self {
            Self::Seq => frame.seq,
            Self::Position { last } => {
                let position = frame.position.filter(|position| !is_replaying && position > last)?;
                *last = position;
                Some(position)
            }
        }
    }
}

impl Told {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(frame) = self.out.pop_front() {
                let event = Event::default().data(frame.text.as_str());
                let id = self.ids.of(&frame, self.session.is_replaying());
                return Some(id.into_iter().fold(event, |event, id| event.id(id.to_string())));
            }
            if self.ended {
                return None;
            }
            if let Some(last_words) = self.step().await {
                self.ended = true;
                return Some(last_words);
            }
        }
    }

    /// Waits for one thing to happen. Some event: it is the last one.
    async fn step(&mut self) -> Option<Event> {
        let mailbox = Arc::clone(self.session.mailbox());
        let leaves = self.leaves.unwrap_or(self.token_ends);
        tokio::select! {
            item = mailbox.next() => {
                let item = match item {
                    Ok(item) => item,
                    Err(Ended::AccountClosed) => {
                        return Some(Event::default().comment("the account is deactivated"));
                    }
                    Err(Ended::TooSlow) => {
                        self.session.shared().metrics.slow.increment(1);
                        return Some(Event::default().comment("too slow: resume after the last event"));
                    }
                };
                self.session.receive(&item, &mut self.out).await;
                None
            }
            () = std::future::ready(()), if self.session.is_replaying() => {
                let broken = self.session.replay(&mut self.out).await.is_err();
                broken.then(|| Event::default().comment("try again: resume after the last event"))
            }
            () = tokio::time::sleep_until(self.token_ends) => {
                Some(Event::default().comment("the token has expired"))
            }
            () = tokio::time::sleep_until(leaves), if self.leaves.is_some() => {
                let wait = within(self.session.shared().options.drain);
                Some(Event::default().comment("the server goes away").retry(wait))
            }
            changed = self.phase.changed(), if self.leaves.is_none() => {
                if changed.is_err() || *self.phase.borrow() != Phase::Serving {
                    self.leaves = Some(Instant::now() + within(self.session.shared().options.drain));
                }
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn resumed(last: Option<&str>, conversation: bool, after_seq: Option<i64>) -> Result<Resume, u16> {
        let mut headers = HeaderMap::new();
        if let Some(last) = last {
            headers.insert("last-event-id", last.parse().unwrap());
        }
        let conversation_id = conversation.then(|| ConversationId(Uuid::from_u128(1)));
        resume(&headers, &StreamParams { conversation_id, after_seq })
            .map_err(|error| error.status().as_u16())
    }

    #[test]
    fn a_stream_resumes_where_the_client_says() {
        assert_eq!(resumed(None, true, None), Ok(Resume::Live));
        assert_eq!(resumed(None, true, Some(-1)), Ok(Resume::AfterSeq(-1)));
        assert_eq!(resumed(Some("7"), true, Some(-1)), Ok(Resume::AfterSeq(7)), "the header is newer");
        assert_eq!(resumed(Some("7"), false, None), Ok(Resume::AfterPosition(7)));
        assert_eq!(resumed(Some(""), false, None), Ok(Resume::Live));
        assert_eq!(resumed(Some("x"), true, None), Err(400));
        assert_eq!(resumed(Some(&u64::MAX.to_string()), true, None), Err(400));
        assert_eq!(resumed(None, true, Some(-2)), Err(422));
        assert_eq!(resumed(None, false, Some(3)), Err(422));
    }

    #[test]
    fn an_id_never_promises_more_than_was_told() {
        let at = |position| Frame { position: Some(position), ..frame::pong() };
        let mut ids = Ids::Position { last: 0 };
        assert_eq!(ids.of(&at(7), true), None, "others may still be replayed");
        assert_eq!(ids.of(&at(7), false), Some(7));
        assert_eq!(ids.of(&at(5), false), None, "a late hint does not set the client back");
        assert_eq!(ids.of(&frame::pong(), false), None);
        assert_eq!(Ids::Seq.of(&Frame { seq: Some(3), ..frame::pong() }, true), Some(3));
    }
}
