//! Accounts, following, blocking, dismissing suggestions.

use axum::Extension;
use axum::extract::State;
use nova_domain::block::{Block, Unblock};
use nova_domain::dismissal::{DismissSuggestion, RestoreSuggestion};
use nova_domain::follow::{Follow, Unfollow};
use nova_domain::user::{ChangeProfile, Deactivate, Register};
use nova_http::layers::RequestContext;
use nova_http::{OptionalJson, ValidJson, ValidPath};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Answered, CommandState, ReasonBody, reason_of};
use crate::answer::Accepted;
use crate::asking::{Asking, ReturningAsking};
use crate::params::UserName;
use crate::quotas::Quota;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RegisterBody {
    /// 3 to 30 of a-z, 0-9 and _.
    handle: String,
    display_name: String,
    bio: Option<String>,
}

/// Open an account for the token's subject, or come back to one that was closed.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = RegisterBody,
    responses((status = 201, body = Accepted)))]
pub(crate) async fn register(
    State(state): State<CommandState>,
    ReturningAsking(asking): ReturningAsking,
    context: Option<Extension<RequestContext>>,
    ValidJson(body): ValidJson<RegisterBody>,
) -> Answered {
    if let Some(address) = context.and_then(|Extension(context)| context.client_address()) {
        state.quotas.take_of_address(address.share(), Quota::Registrations, 1)?;
    }
    let handle_key = state.executor.handle_key(&body.handle);
    let RegisterBody { handle, display_name, bio } = body;
    state.create(asking.context, Register { handle, handle_key, display_name, bio }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeProfileBody {
    handle: Option<String>,
    display_name: Option<String>,
    /// An empty one takes it away.
    bio: Option<String>,
}

/// Change the profile; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/users/me", tag = "users", request_body = ChangeProfileBody,
    responses((status = 200, body = Accepted)))]
pub(crate) async fn change_profile(
    State(state): State<CommandState>,
    asking: Asking,
    ValidJson(body): ValidJson<ChangeProfileBody>,
) -> Answered {
    let ChangeProfileBody { handle, display_name, bio } = body;
    let handle = handle.map(|handle| {
        let key = state.executor.handle_key(&handle);
        (handle, key)
    });
    state.change(asking.context, ChangeProfile { handle, display_name, bio }).await
}

/// Close the account. What it wrote is hidden until its owner registers again, and every other request and live session of
/// it is refused until then, with 403 `account_deactivated`.
#[utoipa::path(delete, path = "/api/v1/users/me", tag = "users", request_body = Option<ReasonBody>,
    responses((status = 200, body = Accepted)))]
pub(crate) async fn deactivate(
    State(state): State<CommandState>,
    ReturningAsking(asking): ReturningAsking,
    OptionalJson(body): OptionalJson<ReasonBody>,
) -> Answered {
    state.change(asking.context, Deactivate { reason: reason_of(body) }).await
}

/// Follow someone. Again is no error.
#[utoipa::path(put, path = "/api/v1/users/{id}/follow", tag = "users", params(("id" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn follow(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(name): ValidPath<UserName>,
) -> Answered {
    let user = state.user_of(name).await?;
    state.change(asking.context, Follow { user }).await
}

/// Stop following someone.
#[utoipa::path(delete, path = "/api/v1/users/{id}/follow", tag = "users", params(("id" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn unfollow(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(name): ValidPath<UserName>,
) -> Answered {
    let user = state.user_of(name).await?;
    state.change(asking.context, Unfollow { user }).await
}

/// Block someone. Also ends the following between the two, both ways.
#[utoipa::path(put, path = "/api/v1/users/{id}/block", tag = "users", params(("id" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn block(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(name): ValidPath<UserName>,
) -> Answered {
    let user = state.user_of(name).await?;
    state.change(asking.context, Block { user }).await
}

/// Stop blocking someone.
#[utoipa::path(delete, path = "/api/v1/users/{id}/block", tag = "users", params(("id" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn unblock(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(name): ValidPath<UserName>,
) -> Answered {
    let user = state.user_of(name).await?;
    state.change(asking.context, Unblock { user }).await
}

/// Do not suggest someone to me. Again is no error, and they do not learn of it.
#[utoipa::path(put, path = "/api/v1/users/{id}/dismiss", tag = "users", params(("id" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn dismiss(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(name): ValidPath<UserName>,
) -> Answered {
    let user = state.user_of(name).await?;
    state.change(asking.context, DismissSuggestion { user }).await
}

/// Allow someone to be suggested to me again.
#[utoipa::path(delete, path = "/api/v1/users/{id}/dismiss", tag = "users", params(("id" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn undismiss(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(name): ValidPath<UserName>,
) -> Answered {
    let user = state.user_of(name).await?;
    state.change(asking.context, RestoreSuggestion { user }).await
}
