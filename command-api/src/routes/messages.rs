//! Messages.

use axum::extract::State;
use nova_domain::message::{DeleteMessage, EditMessage, SendMessage};
use nova_events::message::{Body, MessageType};
use nova_events::{ConversationId, MediaId, MessageId};
use nova_http::{OptionalJson, ValidJson, ValidPath};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Answered, CommandState, ReasonBody, reason_of};
use crate::answer::Accepted;
use crate::asking::Asking;

/// Either `text`, or `encrypted_content` with its `nonce`, which the server stores as they come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendBody {
    text: Option<String>,
    encrypted_content: Option<String>,
    nonce: Option<String>,
    device_id: Option<String>,
    #[schema(value_type = Option<String>, example = "text")]
    message_type: Option<MessageType>,
    /// A message of the same conversation.
    #[schema(value_type = Option<uuid::Uuid>)]
    reply_to: Option<MessageId>,
    client_message_id: Option<String>,
    #[schema(value_type = Option<uuid::Uuid>)]
    media_id: Option<MediaId>,
}

impl SendBody {
    fn command(self, conversation: ConversationId) -> SendMessage {
        let Self { text, encrypted_content, nonce, device_id, client_message_id, .. } = self;
        SendMessage {
            conversation,
            message_type: self.message_type,
            body: Body { text, encrypted_content, nonce, device_id, client_message_id },
            reply_to: self.reply_to,
            media: self.media_id,
        }
    }
}

/// Send a message. The answer's `revision` is its seq.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages", tag = "messages", request_body = SendBody,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 201, body = Accepted)))]
pub(crate) async fn send(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(conversation): ValidPath<ConversationId>,
    ValidJson(body): ValidJson<SendBody>,
) -> Answered {
    state.create(asking.context, body.command(conversation)).await
}

/// The same with the conversation in the body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendToBody {
    #[schema(value_type = uuid::Uuid)]
    conversation_id: ConversationId,
    text: Option<String>,
    encrypted_content: Option<String>,
    nonce: Option<String>,
    device_id: Option<String>,
    #[schema(value_type = Option<String>)]
    message_type: Option<MessageType>,
    #[schema(value_type = Option<uuid::Uuid>)]
    reply_to: Option<MessageId>,
    client_message_id: Option<String>,
    #[schema(value_type = Option<uuid::Uuid>)]
    media_id: Option<MediaId>,
}

/// Send a message to the conversation named in the body.
#[utoipa::path(post, path = "/api/v1/messages", tag = "messages", request_body = SendToBody,
    responses((status = 201, body = Accepted)))]
pub(crate) async fn send_to(
    State(state): State<CommandState>,
    asking: Asking,
    ValidJson(body): ValidJson<SendToBody>,
) -> Answered {
    // Spelled out because serde's `flatten` does not go together with refusing unknown fields.
    let send = SendBody {
        text: body.text,
        encrypted_content: body.encrypted_content,
        nonce: body.nonce,
        device_id: body.device_id,
        message_type: body.message_type,
        reply_to: body.reply_to,
        client_message_id: body.client_message_id,
        media_id: body.media_id,
    };
    state.create(asking.context, send.command(body.conversation_id)).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditBody {
    text: Option<String>,
    encrypted_content: Option<String>,
    nonce: Option<String>,
    device_id: Option<String>,
}

/// Replace what one's own message says, within a day.
#[utoipa::path(patch, path = "/api/v1/conversations/{id}/messages/{message}", tag = "messages",
    request_body = EditBody, params(("id" = uuid::Uuid, Path), ("message" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn edit(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath((conversation, message)): ValidPath<(ConversationId, MessageId)>,
    ValidJson(body): ValidJson<EditBody>,
) -> Answered {
    let EditBody { text, encrypted_content, nonce, device_id } = body;
    let body = Body { text, encrypted_content, nonce, device_id, client_message_id: None };
    state.change(asking.context, EditMessage { conversation, message, body }).await
}

/// Take a message back: its sender, or an admin of the group.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/messages/{message}", tag = "messages",
    request_body = Option<ReasonBody>, params(("id" = uuid::Uuid, Path), ("message" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn delete(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath((conversation, message)): ValidPath<(ConversationId, MessageId)>,
    OptionalJson(body): OptionalJson<ReasonBody>,
) -> Answered {
    let delete = DeleteMessage { conversation, message, reason: reason_of(body) };
    let answered = state.change(asking.context, delete).await?;
    state.drop_media_of(message);
    Ok(answered)
}
