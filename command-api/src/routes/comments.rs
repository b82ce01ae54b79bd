//! Comments and their likes.

use axum::extract::State;
use nova_domain::comment::{AddComment, DeleteComment, EditComment, RestoreComment};
use nova_domain::like::{Like, Unlike};
use nova_events::like::Target;
use nova_events::{CommentId, PostId};
use nova_http::{OptionalJson, ValidJson, ValidPath};
use serde::Deserialize;
use utoipa::ToSchema;

use super::posts::TextBody;
use super::{Answered, CommandState, ReasonBody, reason_of};
use crate::answer::Accepted;
use crate::asking::Asking;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddCommentBody {
    text: String,
    /// The comment on the same post that it answers.
    #[schema(value_type = Option<uuid::Uuid>)]
    parent_comment_id: Option<CommentId>,
}

/// Comment on a post.
#[utoipa::path(post, path = "/api/v1/posts/{id}/comments", tag = "comments", request_body = AddCommentBody,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 201, body = Accepted)))]
pub(crate) async fn add(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(post): ValidPath<PostId>,
    ValidJson(body): ValidJson<AddCommentBody>,
) -> Answered {
    let AddCommentBody { text, parent_comment_id: parent } = body;
    state.create(asking.context, AddComment { comment: CommentId::make(), post, parent, text }).await
}

/// Replace the text of one's own comment.
#[utoipa::path(patch, path = "/api/v1/comments/{id}", tag = "comments", request_body = TextBody,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn edit(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(comment): ValidPath<CommentId>,
    ValidJson(body): ValidJson<TextBody>,
) -> Answered {
    state.change(asking.context, EditComment { comment, text: body.text }).await
}

/// Delete a comment: its author, the author of the post, or a moderator.
#[utoipa::path(delete, path = "/api/v1/comments/{id}", tag = "comments", request_body = Option<ReasonBody>,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn delete(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(comment): ValidPath<CommentId>,
    OptionalJson(body): OptionalJson<ReasonBody>,
) -> Answered {
    state.change(asking.context, DeleteComment { comment, reason: reason_of(body) }).await
}

/// Bring a deleted comment back.
#[utoipa::path(post, path = "/api/v1/comments/{id}/restore", tag = "comments", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn restore(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(comment): ValidPath<CommentId>,
) -> Answered {
    state.change(asking.context, RestoreComment { comment }).await
}

/// Like a comment. Again is no error.
#[utoipa::path(put, path = "/api/v1/comments/{id}/like", tag = "comments", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn like(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(comment): ValidPath<CommentId>,
) -> Answered {
    state.change(asking.context, Like { target: Target::Comment(comment) }).await
}

/// Take a like back.
#[utoipa::path(delete, path = "/api/v1/comments/{id}/like", tag = "comments", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn unlike(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(comment): ValidPath<CommentId>,
) -> Answered {
    state.change(asking.context, Unlike { target: Target::Comment(comment) }).await
}
