//! Conversations, their members, and how far they have received and read.

use axum::extract::State;
use nova_domain::conversation::{
    PutMember, RemoveMember, RenameConversation, StartConversation, direct_conversation_id,
};
use nova_domain::delivered::MarkDelivered;
use nova_domain::read::MarkRead;
use nova_events::conversation::{ConversationKind, Role};
use nova_events::{ConversationId, UserId};
use nova_http::{OptionalJson, ValidJson, ValidPath};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Answered, CommandState};
use crate::answer::Accepted;
use crate::asking::Asking;
use crate::params::UserName;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartBody {
    /// `direct` or `group`.
    #[schema(value_type = String, example = "direct")]
    kind: ConversationKind,
    /// For groups; at most 200 bytes.
    title: Option<String>,
    /// The others: exactly one for `direct`, at most 499 for `group`.
    #[schema(value_type = Vec<uuid::Uuid>)]
    members: Vec<UserId>,
}

/// Start a conversation. Two people have one direct conversation: starting it again finds it.
#[utoipa::path(post, path = "/api/v1/conversations", tag = "conversations", request_body = StartBody,
    responses((status = 201, body = Accepted)))]
pub(crate) async fn start(
    State(state): State<CommandState>,
    asking: Asking,
    ValidJson(body): ValidJson<StartBody>,
) -> Answered {
    let StartBody { kind, title, members } = body;
    let other = members.iter().copied().find(|member| *member != asking.user);
    let conversation = match (kind, other) {
        (ConversationKind::Direct, Some(other)) => direct_conversation_id(asking.user, other),
        (ConversationKind::Direct, None) | (ConversationKind::Group, _) => ConversationId::make(),
    };
    state.create(asking.context, StartConversation { conversation, kind, title, members }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameBody {
    title: String,
}

/// Rename a group: its admins.
#[utoipa::path(patch, path = "/api/v1/conversations/{id}", tag = "conversations", request_body = RenameBody,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn rename(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(conversation): ValidPath<ConversationId>,
    ValidJson(body): ValidJson<RenameBody>,
) -> Answered {
    state.change(asking.context, RenameConversation { conversation, title: body.title }).await
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberBody {
    /// `member` or `admin`. Left out: a newcomer is a member, a member stays what they are.
    #[schema(value_type = Option<String>)]
    role: Option<Role>,
}

/// Add someone to a group, or change their role: its admins.
#[utoipa::path(put, path = "/api/v1/conversations/{id}/members/{user}", tag = "conversations",
    request_body = Option<MemberBody>, params(("id" = uuid::Uuid, Path), ("user" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn put_member(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath((conversation, name)): ValidPath<(ConversationId, UserName)>,
    OptionalJson(body): OptionalJson<MemberBody>,
) -> Answered {
    let user = state.user_of(name).await?;
    let role = body.and_then(|body| body.role);
    state.change(asking.context, PutMember { conversation, user, role }).await
}

/// Take someone out of a group (its admins), or leave it.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/members/{user}", tag = "conversations",
    params(("id" = uuid::Uuid, Path), ("user" = String, Path, description = "An id or `@handle`")),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn remove_member(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath((conversation, name)): ValidPath<(ConversationId, UserName)>,
) -> Answered {
    let user = state.user_of(name).await?;
    state.change(asking.context, RemoveMember { conversation, user }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadBody {
    seq: u64,
}

/// Say that everything up to a seq has been read. Marks only move forward.
#[utoipa::path(put, path = "/api/v1/conversations/{id}/read", tag = "conversations", request_body = ReadBody,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn mark_read(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(conversation): ValidPath<ConversationId>,
    ValidJson(body): ValidJson<ReadBody>,
) -> Answered {
    state.change(asking.context, MarkRead { conversation, seq: body.seq }).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeliveredBody {
    seq: u64,
    /// The client's own name for the device, the same each time; at most 128 bytes. Only its keyed hash is kept.
    device_id: String,
}

/// Say that a device has everything up to a seq. Marks only move forward, each device's for itself.
#[utoipa::path(put, path = "/api/v1/conversations/{id}/delivered", tag = "conversations",
    request_body = DeliveredBody, params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn mark_delivered(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(conversation): ValidPath<ConversationId>,
    ValidJson(body): ValidJson<DeliveredBody>,
) -> Answered {
    let DeliveredBody { seq, device_id } = body;
    state.change(asking.context, MarkDelivered { conversation, device_id, seq }).await
}
