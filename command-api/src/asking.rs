//! What a request says about itself: who asks, and as which command.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use nova_events::{Actor, UserId};
use nova_http::{ApiError, Caller, IdempotencyKey, ReturningCaller, Role};
use uuid::Uuid;

use crate::execute::{Context, scoped_command_id};

/// The context of a command, from the token and the headers. As an argument of a handler it is also the permission: no
/// valid token, no command.
#[derive(Debug)]
pub(crate) struct Asking {
    pub(crate) user: UserId,
    pub(crate) context: Context,
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let IdempotencyKey(key) = IdempotencyKey::from_request_parts(parts, state).await?;
        Ok(Self::new(caller, key))
    }
}

/// The same of a caller whose account may be closed.
#[derive(Debug)]
pub(crate) struct ReturningAsking(pub(crate) Asking);

impl<S: Send + Sync> FromRequestParts<S> for ReturningAsking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let ReturningCaller(caller) = ReturningCaller::from_request_parts(parts, state).await?;
        let IdempotencyKey(key) = IdempotencyKey::from_request_parts(parts, state).await?;
        Ok(Self(Asking::new(caller, key)))
    }
}

impl Asking {
    fn new(caller: Caller, key: Option<Uuid>) -> Self {
        let context = Context {
            actor: Actor::User(caller.user),
            moderator: caller.role == Role::Moderator,
            command_id: key.map_or_else(Uuid::now_v7, |key| scoped_command_id(caller.user, key)),
            repeatable: key.is_some(),
            imported: false,
            at_ms: now_ms(),
            correlation_id: caller.correlation_id,
            causation_id: None,
            traceparent: caller.traceparent,
        };
        Self { user: caller.user, context }
    }

    /// The same asking for number `index` of a batch: its own command id, found again with the batch's.
    pub(crate) fn part(&self, index: usize) -> Context {
        let mut context = self.context.clone();
        let name = format!("{}/{index}", self.context.command_id);
        context.command_id = Uuid::new_v5(&self.context.command_id, name.as_bytes());
        context
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
