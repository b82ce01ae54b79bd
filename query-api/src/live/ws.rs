//! The WebSocket: operations in, frames out.
//!
//! One task per client does all of it: it waits for the client, the session's queue, and the clock at once. While it
//! writes, it listens to nothing but its queue running over, which ends the write.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::SinkExt;
use nova_events::ConversationId;
use nova_http::auth::bearer;
use nova_http::layers::RequestContext;
use nova_http::{ApiError, AuthError, Caller, Claims, Role, Verifier};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use uuid::Uuid;

use super::delivered::{Delivered, DeliveredMarks};
use super::frame::{self, Frame};
use super::mailbox::Ended;
use super::op::{Op, OpRate};
use super::registry::{Connection, Slot};
use super::session::{Refused, Resume, Session};
use super::{LiveOptions, Phase};
use crate::state::QueryState;

/// The read buffer of an idle socket. The default of the library is larger than everything else that we hold for one.
const READ_BUFFER_BYTES: usize = 4096;
const WRITE_BUFFER_BYTES: usize = 4096;
/// How long a client may take over its goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(5);
/// What a client still sends while it is told goodbye is read so many messages at a time, with a pause after them: whoever is
/// sent away for sending too much goes on doing so.
const GOODBYE_MESSAGES: usize = 64;
const GOODBYE_PAUSE: Duration = Duration::from_millis(100);
/// Pings and pongs before the token; a client needs none.
const CONTROL_FRAMES_FIRST: usize = 16;
/// Items of the queue that go out with one flush.
const BATCH_ITEMS_MAX: usize = 256;

/// Why the server closes a connection: a code for programs, a reason for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Close {
    /// No token in time, a bad one, or one that has expired: come back with another.
    Unauthorized(&'static str),
    /// The account has been closed: coming back is of no use.
    AccountClosed,
    /// The queue ran over: come back and resume.
    TooSlow,
    TooManyConnections,
    TooManyOps,
    /// A frame of the client is larger than it may be.
    FrameTooLarge,
    /// No answer to pings.
    Silent,
    /// Something broke on our side: come back and resume.
    TryAgain,
    /// The server goes away; come back after this time.
    Restart(Duration),
    /// The client has closed it or is gone.
    Gone,
}

impl Close {
    /// `None`: there is nobody to tell.
    fn frame(&self) -> Option<CloseFrame> {
        let (code, reason): (u16, Utf8Bytes) = match self {
            Self::Unauthorized(why) => (4001, (*why).into()),
            Self::AccountClosed => (4003, AuthError::AccountDeactivated.code().into()),
            Self::TooSlow => (4008, "too slow: reconnect and resume after your last seq".into()),
            Self::TooManyConnections => (4030, "too many connections".into()),
            Self::TooManyOps => (4029, "too many operations".into()),
            Self::FrameTooLarge => (1009, "the frame is too large".into()),
            Self::Silent => (4000, "no answer to pings".into()),
            Self::TryAgain => (1011, "try again: reconnect and resume after your last seq".into()),
            Self::Restart(wait) => (1012, format!("{{\"retry_after_ms\":{}}}", wait.as_millis()).into()),
            Self::Gone => return None,
        };
        Some(CloseFrame { code, reason })
    }
}

impl From<Ended> for Close {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::TooSlow => Self::TooSlow,
            Ended::AccountClosed => Self::AccountClosed,
        }
    }
}

impl From<AuthError> for Close {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::AccountDeactivated => Self::AccountClosed,
            error => Self::Unauthorized(error.code()),
        }
    }
}

/// Open a WebSocket for live events. The token goes into the header or, within a few seconds, into the first frame:
/// `{"op": "auth", "token"}`.
#[utoipa::path(get, path = "/ws", operation_id = "websocket_open", tag = "live", responses((status = 101, description = "Operations in, frames out.")))]
pub(crate) async fn websocket(
    State(state): State<Arc<QueryState>>,
    Extension(context): Extension<RequestContext>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let slot = slot(&state)?;
    let entry = match bearer(&headers) {
        Ok(token) => {
            let claims = context.verifier().verify(token)?;
            context.check_rate(claims.user)?;
            let connection = Connection::open(slot, claims.user).map_err(|_| too_many_connections())?;
            check_still_open(&connection, &context)?;
            Entry::Known(connection, claims)
        }
        Err(AuthError::Missing) => Entry::Unknown(slot),
        Err(error) => return Err(error.into()),
    };
    // What is only somewhat too large is read and refused with a reason; beyond that the socket is cut.
    let frame_bytes_max = state.options.live.frame_bytes_max.saturating_mul(4);
    Ok(upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(frame_bytes_max)
        .max_frame_size(frame_bytes_max)
        .on_upgrade(move |socket| serve(socket, entry, context)))
}

/// A place for one more session.
pub(crate) fn slot(state: &QueryState) -> Result<Slot, ApiError> {
    let live = &state.live;
    if live.is_draining() {
        return Err(ApiError::unavailable("This server is going away. Try again."));
    }
    live.shared.ensure_hub();
    Slot::take(&live.shared)
        .ok_or_else(|| ApiError::unavailable("This server has as many live sessions as it can hold."))
}

/// From the moment that a session is open it hears that its account is closed; this is for what came before.
pub(crate) fn check_still_open(connection: &Connection, context: &RequestContext) -> Result<(), AuthError> {
    context.verifier().check_open(connection.user)
}

pub(crate) fn too_many_connections() -> ApiError {
    let detail = "You have as many live sessions as one user may have.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", detail).retry_after(5)
}

enum Entry {
    Known(Connection, Claims),
    Unknown(Slot),
}

async fn serve(mut socket: WebSocket, entry: Entry, context: RequestContext) {
    let entered = match entry {
        Entry::Known(connection, claims) => Ok((connection, claims)),
        Entry::Unknown(slot) => first_frame(&mut socket, slot, &context).await,
    };
    let (close, write_timeout, held) = match entered {
        Ok((connection, claims)) => {
            let options = connection.shared().options.clone();
            let mut client = Client::new(socket, Session::new(connection), claims, context, options);
            let close = client.run().await;
            if close == Close::TooSlow {
                client.session.shared().metrics.slow.increment(1);
            }
            client.deliver_all().await;
            let Client { socket: ended, session, options, .. } = client;
            socket = ended;
            (close, options.write_timeout, Some(session))
        }
        Err(close) => (close, Duration::from_secs(1), None),
    };
    // Nothing more is to be told, so others must not see the user as present while the goodbye is on its way.
    drop(held);
    let goodbye = async {
        if let Some(frame) = close.frame() {
            let _ = socket.send(Message::Close(Some(frame))).await;
        }
        // To read on also sends what the library answers to the client's own close.
        loop {
            for _ in 0..GOODBYE_MESSAGES {
                let Some(Ok(_)) = socket.recv().await else { return };
            }
            tokio::time::sleep(GOODBYE_PAUSE).await;
        }
    };
    let _ = tokio::time::timeout(write_timeout.min(GOODBYE_MAX), goodbye).await;
}

/// Waits for the token of a client that had none in its header.
async fn first_frame(
    socket: &mut WebSocket,
    slot: Slot,
    context: &RequestContext,
) -> Result<(Connection, Claims), Close> {
    let patience = slot.shared().options.auth_timeout;
    let first = async {
        let mut control_frames = 0;
        loop {
            match socket.recv().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    control_frames += 1;
                    if control_frames > CONTROL_FRAMES_FIRST {
                        return Err(Close::TooManyOps);
                    }
                }
                Some(Ok(Message::Binary(_))) => return Err(Close::Unauthorized("missing_token")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Close::Gone),
            }
        }
    };
    let late = |_| Close::Unauthorized("missing_token");
    let text = tokio::time::timeout(patience, first).await.map_err(late)??;
    let Some(Op::Auth { token }) = Op::parse(&text) else {
        return Err(Close::Unauthorized("missing_token"));
    };
    let claims = context.verifier().verify(&token)?;
    let connection = Connection::open(slot, claims.user).map_err(|_| Close::TooManyConnections)?;
    check_still_open(&connection, context)?;
    Ok((connection, claims))
}

struct Client {
    socket: WebSocket,
    session: Session,
    role: Role,
    context: RequestContext,
    options: LiveOptions,
    rate: OpRate,
    delivered: DeliveredMarks,
    pings: Interval,
    heard: Instant,
    /// A ping has been sent and not answered.
    awaits_pong: bool,
    token_ends: Instant,
    phase: watch::Receiver<Phase>,
    /// When this client's turn to be sent away has come.
    leaves: Option<Instant>,
}

impl Client {
    fn new(
        socket: WebSocket,
        session: Session,
        claims: Claims,
        context: RequestContext,
        options: LiveOptions,
    ) -> Self {
        let now = Instant::now();
        let mut pings = tokio::time::interval_at(now + options.ping_interval, options.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            rate: OpRate::new(options.ops_per_second_max, options.ops_burst_max),
            phase: session.shared().phase.subscribe(),
            token_ends: ends_at(&claims, context.verifier()),
            role: claims.role,
            delivered: DeliveredMarks::default(),
            leaves: None,
            heard: now,
            awaits_pong: false,
            pings,
            socket,
            session,
            context,
            options,
        }
    }

    async fn run(&mut self) -> Close {
        let mut out = VecDeque::new();
        loop {
            if let Err(close) = self.step(&mut out).await {
                return close;
            }
            if !out.is_empty()
                && let Err(close) = self.write(&mut out).await
            {
                return close;
            }
        }
    }

    /// Waits for one thing to happen, and does it.
    async fn step(&mut self, out: &mut VecDeque<Frame>) -> Result<(), Close> {
        let mailbox = Arc::clone(self.session.mailbox());
        let leaves = self.leaves.unwrap_or(self.token_ends);
        let delivers = self.delivered.due(self.options.delivered_interval);
        tokio::select! {
            item = mailbox.next() => {
                let mut item = Some(item?);
                for _ in 0..BATCH_ITEMS_MAX {
                    let Some(taken) = item else { break };
                    self.session.receive(&taken, out).await;
                    item = mailbox.try_next()?;
                }
                if let Some(taken) = item {
                    self.session.receive(&taken, out).await;
                }
                Ok(())
            }
            message = self.socket.recv() => self.hear(message, out).await,
            () = std::future::ready(()), if self.session.is_replaying() => {
                self.session.replay(out).await.map_err(|_| Close::TryAgain)
            }
            _ = self.pings.tick() => self.ping().await,
            () = tokio::time::sleep_until(self.token_ends) => Err(Close::Unauthorized("expired_token")),
            () = tokio::time::sleep_until(leaves), if self.leaves.is_some() => {
                Err(Close::Restart(within(self.options.drain)))
            }
            () = tokio::time::sleep_until(delivers.unwrap_or(self.token_ends)), if delivers.is_some() => {
                for mark in self.delivered.take_due(Instant::now(), self.options.delivered_interval) {
                    self.deliver(mark, out).await;
                }
                Ok(())
            }
            changed = self.phase.changed(), if self.leaves.is_none() => {
                if changed.is_err() || *self.phase.borrow() != Phase::Serving {
                    self.leaves = Some(Instant::now() + within(self.options.drain));
                }
                Ok(())
            }
        }
    }

    async fn ping(&mut self) -> Result<(), Close> {
        if self.heard.elapsed() > self.options.ping_interval.mul_f32(2.5) {
            return Err(Close::Silent);
        }
        self.awaits_pong = true;
        let sent = self.socket.send(Message::Ping(Bytes::new()));
        match tokio::time::timeout(self.options.write_timeout, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Close::Gone),
            Err(_) => Err(Close::TooSlow),
        }
    }

    async fn write(&mut self, out: &mut VecDeque<Frame>) -> Result<(), Close> {
        let mailbox = Arc::clone(self.session.mailbox());
        let socket = &mut self.socket;
        let sent = &self.session.shared().metrics.sent;
        let written = async {
            let mut happened = Vec::new();
            while let Some(frame) = out.pop_front() {
                happened.extend(frame.at_ms);
                socket.feed(Message::Text(frame.text)).await.map_err(|_| Close::Gone)?;
            }
            socket.flush().await.map_err(|_| Close::Gone)?;
            if !happened.is_empty() {
                let now_ms = chrono::Utc::now().timestamp_millis();
                for at_ms in happened {
                    sent.record(now_ms.saturating_sub(at_ms).max(0) as f64 / 1_000.0);
                }
            }
            Ok(())
        };
        tokio::select! {
            result = written => result,
            ended = mailbox.ended() => Err(ended.into()),
            () = tokio::time::sleep(self.options.write_timeout) => Err(Close::TooSlow),
        }
    }

    async fn hear(
        &mut self,
        message: Option<Result<Message, axum::Error>>,
        out: &mut VecDeque<Frame>,
    ) -> Result<(), Close> {
        let Some(Ok(message)) = message else { return Err(Close::Gone) };
        self.heard = Instant::now();
        // A pong that answers a ping of ours costs nothing; others count.
        let is_answer = matches!(message, Message::Pong(_)) && std::mem::take(&mut self.awaits_pong);
        if !is_answer && !self.rate.take(self.heard.into_std()) {
            return Err(Close::TooManyOps);
        }
        match message {
            Message::Text(text) if text.len() > self.options.frame_bytes_max => Err(Close::FrameTooLarge),
            Message::Text(text) => match Op::parse(&text) {
                Some(op) => self.perform(op, out).await,
                None => {
                    out.push_back(frame::error(None, "malformed_frame", "This is not an operation."));
                    Ok(())
                }
            },
            Message::Binary(_) => {
                out.push_back(frame::error(None, "malformed_frame", "Operations are text frames."));
                Ok(())
            }
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(Close::Gone),
        }
    }

    async fn perform(&mut self, op: Op, out: &mut VecDeque<Frame>) -> Result<(), Close> {
        match op {
            Op::Auth { token } => self.auth(&token)?,
            Op::Subscribe { conversation_id, after_seq } => {
                let resume = match after_seq {
                    None => Resume::Live,
                    Some(seq) if seq < -1 => {
                        let detail = "after_seq must be -1 or more.";
                        out.push_back(frame::error(Some(conversation_id), "invalid_after_seq", detail));
                        return Ok(());
                    }
                    Some(seq) => Resume::AfterSeq(seq),
                };
                if let Err(refused) = self.session.subscribe(conversation_id, resume, out).await {
                    out.push_back(refusal(conversation_id, &refused));
                }
            }
            Op::Unsubscribe { conversation_id } => self.session.unsubscribe(conversation_id),
            Op::Typing { conversation_id } => {
                if !self.session.typing(conversation_id) {
                    out.push_back(not_subscribed(conversation_id));
                }
            }
            Op::Read { conversation_id, seq } => self.read(conversation_id, seq, out).await,
            Op::Delivered { conversation_id: conversation, seq, device_id } => {
                let mark = Delivered { conversation, device_id, seq };
                let interval = self.options.delivered_interval;
                if let Some(mark) = self.delivered.take(mark, Instant::now(), interval) {
                    self.deliver(mark, out).await;
                }
            }
            Op::Ping => out.push_back(frame::pong()),
        }
        Ok(())
    }

    /// A newer token of the same user puts off the session's end.
    fn auth(&mut self, token: &str) -> Result<(), Close> {
        let claims = self.context.verifier().verify(token)?;
        if claims.user != self.session.user() {
            return Err(Close::Unauthorized("another_user"));
        }
        self.token_ends = ends_at(&claims, self.context.verifier());
        self.role = claims.role;
        Ok(())
    }

    async fn read(&mut self, conversation: ConversationId, seq: u64, out: &mut VecDeque<Frame>) {
        let Some(command) = self.session.shared().read_command.get() else {
            let detail = "Here, use PUT /api/v1/conversations/{id}/read.";
            out.push_back(frame::error(Some(conversation), "read_not_available", detail));
            return;
        };
        // The same as a request, so it counts as one.
        let done = match self.context.check_rate(self.session.user()) {
            Ok(()) => command(self.caller(), conversation, seq).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            out.push_back(frame::error(Some(conversation), error.code(), error.detail()));
        }
    }

    async fn deliver(&mut self, mark: Delivered, out: &mut VecDeque<Frame>) {
        let Delivered { conversation, device_id, seq } = mark;
        let Some(command) = self.session.shared().delivered_command.get() else {
            let detail = "Here, use PUT /api/v1/conversations/{id}/delivered.";
            out.push_back(frame::error(Some(conversation), "delivered_not_available", detail));
            return;
        };
        let done = match self.context.check_rate(self.session.user()) {
            Ok(()) => command(self.caller(), conversation, seq, device_id).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            out.push_back(frame::error(Some(conversation), error.code(), error.detail()));
        }
    }

    /// What waits when the session ends; nobody is there to be told how it went.
    async fn deliver_all(&mut self) {
        let mut untold = VecDeque::new();
        let all = async {
            for mark in self.delivered.take_all() {
                self.deliver(mark, &mut untold).await;
            }
        };
        if tokio::time::timeout(GOODBYE_MAX, all).await.is_err() {
            tracing::warn!("delivered marks at the end of a session took too long");
        }
    }

    fn caller(&self) -> Caller {
        let user = self.session.user();
        Caller { user, role: self.role, correlation_id: Uuid::now_v7(), traceparent: None }
    }
}

fn not_subscribed(conversation: ConversationId) -> Frame {
    frame::error(Some(conversation), "not_subscribed", "Subscribe to the conversation first.")
}

fn refusal(conversation: ConversationId, refused: &Refused) -> Frame {
    let error = |code, detail| frame::error(Some(conversation), code, detail);
    match refused {
        Refused::NotAMember => error("not_found", "There is no such conversation."),
        Refused::TooMany => error("too_many_subscriptions", "This session follows as many as it may."),
        Refused::Resync { head_seq, epoch, reason } => {
            frame::resync_required(conversation, *head_seq, epoch, reason)
        }
        Refused::Unavailable => error("unavailable", "The log cannot be read right now. Try again."),
    }
}

/// When the session of a token ends: when it would not open one any more.
pub(crate) fn ends_at(claims: &Claims, verifier: &Verifier) -> Instant {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // Timers reach no further than some years; nobody notices that such a session ends after one.
    let year = Duration::from_secs(365 * 24 * 3600);
    Instant::now() + Duration::from_secs(verifier.taken_until_s(claims)).saturating_sub(now).min(year)
}

/// A random time within this one, so that many do not do the same thing at once.
pub(crate) fn within(time: Duration) -> Duration {
    time.mul_f64(rand::random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_close_has_its_code_and_a_reason_that_fits() {
        for (close, code) in [
            (Close::Unauthorized("expired_token"), 4001),
            (Close::AccountClosed, 4003),
            (Close::TooSlow, 4008),
            (Close::TooManyConnections, 4030),
            (Close::TooManyOps, 4029),
            (Close::FrameTooLarge, 1009),
            (Close::Silent, 4000),
            (Close::TryAgain, 1011),
            (Close::Restart(Duration::from_millis(1500)), 1012),
        ] {
            let frame = close.frame().unwrap();
            assert_eq!(frame.code, code);
            assert!(frame.reason.len() <= 123, "RFC 6455, section 5.5: {}", frame.reason);
        }
        assert_eq!(
            Close::Restart(Duration::from_millis(1500)).frame().unwrap().reason,
            "{\"retry_after_ms\":1500}"
        );
        assert_eq!(Close::Gone.frame(), None);
    }

    #[test]
    fn a_random_part_of_a_time_is_no_longer_than_it() {
        for _ in 0..100 {
            assert!(within(Duration::from_secs(5)) <= Duration::from_secs(5));
        }
    }
}
