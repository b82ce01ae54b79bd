//! Lists of posts for the caller.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use chrono::Utc;
use nova_http::{Caller, ValidQuery};
use nova_views::{FeedItem, PostCard};

use crate::answer::{ListOf, Reply, list};
use crate::params::{PageParams, SearchParams, page, search_text};
use crate::state::QueryState;

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new()
        .route("/feed", get(feed))
        .route("/timeline", get(timeline))
        .route("/trending", get(trending))
        .route("/search", get(search))
}

/// List the ranked feed. Its first page freezes an order that the cursors go through.
#[utoipa::path(get, path = "/feed", operation_id = "feed_read", tag = "feed", params(PageParams),
    responses((status = 200, body = ListOf<FeedItem>)))]
pub(crate) async fn feed(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.feed(caller.user, page, Utc::now()).await)
}

/// List what the caller and those they follow posted, newest first.
#[utoipa::path(get, path = "/timeline", operation_id = "timeline_read", tag = "feed", params(PageParams),
    responses((status = 200, body = ListOf<PostCard>)))]
pub(crate) async fn timeline(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.timeline(caller.user, page).await)
}

/// List public posts of the last 48 hours by decayed engagement.
#[utoipa::path(get, path = "/trending", operation_id = "trending_read", tag = "feed", params(PageParams),
    responses((status = 200, body = ListOf<PostCard>)))]
pub(crate) async fn trending(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.trending(caller.user, page, Utc::now()).await)
}

/// Search posts that match every word, best match first.
#[utoipa::path(get, path = "/search", operation_id = "posts_search", tag = "feed", params(SearchParams),
    responses((status = 200, body = ListOf<PostCard>)))]
pub(crate) async fn search(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<SearchParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    let text = search_text(&params.q)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.search(caller.user, text, page).await)
}
