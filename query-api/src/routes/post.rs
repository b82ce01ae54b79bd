//! A post and what is said about it.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use nova_events::PostId;
use nova_http::{Caller, ValidPath, ValidQuery};
use nova_views::{Comment, PostCard};

use crate::answer::{ListOf, Reply, list_of, one};
use crate::params::{AfterParams, PageParams, page};
use crate::state::QueryState;

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new().route("/posts/{id}", get(post)).route("/posts/{id}/comments", get(comments))
}

/// Get a post.
#[utoipa::path(get, path = "/posts/{id}", operation_id = "posts_read", tag = "posts", params(("id" = uuid::Uuid, Path), AfterParams),
    responses((status = 200, body = PostCard)))]
pub(crate) async fn post(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(id): ValidPath<PostId>,
    ValidQuery(params): ValidQuery<AfterParams>,
) -> Reply {
    state.wait_for(&caller, params.after).await?;
    one("post", state.reader.post(caller.user, id).await)
}

/// List the comments of a post, answers to comments among them, oldest first.
#[utoipa::path(get, path = "/posts/{id}/comments", operation_id = "comments_list", tag = "posts", params(("id" = uuid::Uuid, Path), PageParams),
    responses((status = 200, body = ListOf<Comment>)))]
pub(crate) async fn comments(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(id): ValidPath<PostId>,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list_of("post", state.reader.comments(caller.user, id, page).await)
}
