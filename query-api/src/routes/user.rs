//! People and the edges between them. A person is named by id, by `@handle`, or as `me`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::Utc;
use nova_events::UserId;
use nova_http::{ApiError, Caller, ValidPath, ValidQuery};
use nova_views::{PostCard, Profile, ProfileKey};

use crate::answer::{ListOf, Reply, found, list, list_of, one, view_error};
use crate::params::{AfterParams, PageParams, page};
use crate::state::QueryState;

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new()
        .route("/users/{id}", get(profile))
        // The command side has `PATCH /users/me`, beside which `/users/{id}` would not be looked at for `me`.
        .route("/users/me", get(me))
        .route("/users/{id}/posts", get(posts))
        .route("/users/{id}/followers", get(followers))
        .route("/users/{id}/following", get(following))
        .route("/users/me/blocks", get(blocks))
        .route("/discover", get(discover))
}

/// Get a profile.
#[utoipa::path(get, path = "/users/{id}", operation_id = "users_read", tag = "users",
    params(("id" = String, Path, description = "An id, `@handle` or `me`"), AfterParams),
    responses((status = 200, body = Profile)))]
pub(crate) async fn profile(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(name): ValidPath<String>,
    ValidQuery(params): ValidQuery<AfterParams>,
) -> Reply {
    let key = key_of(&name, &caller)?;
    state.wait_for(&caller, params.after).await?;
    one("user", state.reader.profile(caller.user, key).await)
}

/// Get the caller's own profile.
#[utoipa::path(get, path = "/users/me", operation_id = "users_read_me", tag = "users", params(AfterParams),
    responses((status = 200, body = Profile)))]
pub(crate) async fn me(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<AfterParams>,
) -> Reply {
    state.wait_for(&caller, params.after).await?;
    one("user", state.reader.profile(caller.user, ProfileKey::Id(caller.user)).await)
}

/// List what someone posted, as far as the caller may see it, newest first.
#[utoipa::path(get, path = "/users/{id}/posts", operation_id = "posts_list", tag = "users",
    params(("id" = String, Path, description = "An id, `@handle` or `me`"), PageParams),
    responses((status = 200, body = ListOf<PostCard>)))]
pub(crate) async fn posts(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(name): ValidPath<String>,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    let user = user_of(&state, &name, &caller).await?;
    list_of("user", state.reader.posts_of(caller.user, user, page).await)
}

/// List who follows someone, newest first.
#[utoipa::path(get, path = "/users/{id}/followers", operation_id = "followers_list", tag = "users",
    params(("id" = String, Path, description = "An id, `@handle` or `me`"), PageParams),
    responses((status = 200, body = ListOf<Profile>)))]
pub(crate) async fn followers(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(name): ValidPath<String>,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    let user = user_of(&state, &name, &caller).await?;
    list_of("user", state.reader.followers(caller.user, user, page).await)
}

/// List whom someone follows, newest first.
#[utoipa::path(get, path = "/users/{id}/following", operation_id = "following_list", tag = "users",
    params(("id" = String, Path, description = "An id, `@handle` or `me`"), PageParams),
    responses((status = 200, body = ListOf<Profile>)))]
pub(crate) async fn following(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(name): ValidPath<String>,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    let user = user_of(&state, &name, &caller).await?;
    list_of("user", state.reader.following(caller.user, user, page).await)
}

/// List whom the caller blocks.
#[utoipa::path(get, path = "/users/me/blocks", operation_id = "blocks_list", tag = "users", params(PageParams),
    responses((status = 200, body = ListOf<Profile>)))]
pub(crate) async fn blocks(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.blocks(caller.user, page).await)
}

/// Suggest people whom the caller may know.
#[utoipa::path(get, path = "/discover", operation_id = "users_discover", tag = "users", params(PageParams),
    responses((status = 200, body = ListOf<Profile>)))]
pub(crate) async fn discover(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.discover(caller.user, page, Utc::now()).await)
}

fn key_of(name: &str, caller: &Caller) -> Result<ProfileKey, ApiError> {
    if name == "me" {
        return Ok(ProfileKey::Id(caller.user));
    }
    if let Some(handle) = name.strip_prefix('@') {
        return Ok(ProfileKey::Handle(handle.to_lowercase()));
    }
    let id = name
        .parse()
        .map_err(|_| ApiError::invalid_field("id", "invalid", "must be an id, an @handle or me"))?;
    Ok(ProfileKey::Id(id))
}

/// The id of whoever is named, which for a handle takes a look at their profile.
async fn user_of(state: &QueryState, name: &str, caller: &Caller) -> Result<UserId, ApiError> {
    match key_of(name, caller)? {
        ProfileKey::Id(id) => Ok(id),
        handle @ ProfileKey::Handle(_) => {
            let answer = state.reader.profile(caller.user, handle).await.map_err(view_error)?;
            found("user", answer.value).map(|profile| profile.id)
        }
    }
}

#[cfg(test)]
mod tests {
    use nova_http::Role;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_person_is_named_in_three_ways() {
        let user = UserId::make();
        let caller = Caller { user, role: Role::User, correlation_id: Uuid::nil(), traceparent: None };
        assert_eq!(key_of("me", &caller).unwrap(), ProfileKey::Id(user));
        assert_eq!(key_of("@Ada_1", &caller).unwrap(), ProfileKey::Handle("ada_1".to_owned()));
        let other = UserId::make();
        assert_eq!(key_of(&other.to_string(), &caller).unwrap(), ProfileKey::Id(other));
        let error = key_of("ada", &caller).unwrap_err();
        assert_eq!((error.status().as_u16(), error.errors()[0].field.as_str()), (422, "id"));
    }
}
