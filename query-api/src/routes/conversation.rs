//! Conversations and their messages, for their members.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use nova_events::ConversationId;
use nova_http::{Caller, ValidPath, ValidQuery};
use nova_views::{Conversation, List, Lookup, Message, MessageHit};

use crate::answer::{ListOf, Reply, list, list_of, one};
use crate::params::{AfterParams, MessagesParams, PageParams, SearchParams, limit, page, search_text};
use crate::state::QueryState;

pub(crate) fn routes() -> Router<Arc<QueryState>> {
    Router::new()
        .route("/conversations", get(conversations))
        .route("/conversations/{id}", get(conversation))
        .route("/conversations/{id}/messages", get(messages))
        .route("/conversations/{id}/search", get(search_messages))
}

/// List the caller's conversations, the one with the newest message first.
#[utoipa::path(get, path = "/conversations", operation_id = "conversations_list", tag = "conversations", params(PageParams),
    responses((status = 200, body = ListOf<Conversation>)))]
pub(crate) async fn conversations(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidQuery(params): ValidQuery<PageParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    state.wait_for(&caller, params.after).await?;
    list(state.reader.conversations(caller.user, page).await)
}

/// Get a conversation.
#[utoipa::path(get, path = "/conversations/{id}", operation_id = "conversations_read", tag = "conversations",
    params(("id" = uuid::Uuid, Path), AfterParams), responses((status = 200, body = Conversation)))]
pub(crate) async fn conversation(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(id): ValidPath<ConversationId>,
    ValidQuery(params): ValidQuery<AfterParams>,
) -> Reply {
    state.wait_for(&caller, params.after).await?;
    one("conversation", state.reader.conversation(caller.user, id).await)
}

/// List messages in ascending order of their seq. The list goes on by `after_seq` or `before_seq`, not by a cursor.
#[utoipa::path(get, path = "/conversations/{id}/messages", operation_id = "messages_list", tag = "conversations",
    params(("id" = uuid::Uuid, Path), MessagesParams), responses((status = 200, body = ListOf<Message>)))]
pub(crate) async fn messages(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(id): ValidPath<ConversationId>,
    ValidQuery(params): ValidQuery<MessagesParams>,
) -> Reply {
    let (range, limit) = (params.range()?, limit(params.limit)?);
    state.wait_for(&caller, params.after).await?;
    let answered = state.reader.messages(caller.user, id, range, limit).await;
    let as_list = |messages: Lookup<_>| messages.map(|items| List { items, next: None });
    list_of("conversation", answered.map(|answer| answer.map(as_list)))
}

/// Search messages in clear text that hold every word, best match first. Of those that match alike, the newer one comes first.
/// Edited messages are found by what they say now, deleted ones not at all. `highlights` are parts of `text` as offsets in
/// UTF-16 code units, from `start` up to, not including, `end`.
#[utoipa::path(get, path = "/conversations/{id}/search", operation_id = "messages_search", tag = "conversations",
    params(("id" = uuid::Uuid, Path), SearchParams), responses((status = 200, body = ListOf<MessageHit>)))]
pub(crate) async fn search_messages(
    State(state): State<Arc<QueryState>>,
    caller: Caller,
    ValidPath(id): ValidPath<ConversationId>,
    ValidQuery(params): ValidQuery<SearchParams>,
) -> Reply {
    let page = page(params.limit, params.cursor, params.after)?;
    let text = search_text(&params.q)?;
    state.wait_for(&caller, params.after).await?;
    list_of("conversation", state.reader.search_messages(caller.user, id, text, page).await)
}
