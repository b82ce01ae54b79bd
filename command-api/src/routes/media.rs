//! Uploads: reserve, put to the presigned address, complete. And what was uploaded, deleted again.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use nova_domain::command::Command;
use nova_events::media::MediaKind;
use nova_events::{MediaId, MessageId};
use nova_http::{ValidJson, ValidPath, json_response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Answered, CommandState};
use crate::answer::{Accepted, accepted, with_position};
use crate::asking::Asking;
use crate::media::{Reserved, Wanted, count};
use crate::quotas::Quota;

/// What is to be uploaded: exactly this.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadBody {
    /// `audio`, `image` or `video`; as the content type says.
    #[schema(value_type = Option<String>, example = "image")]
    kind: Option<MediaKind>,
    /// `audio/ogg`, `audio/webm`, `audio/mp4`, `audio/mpeg`, `image/jpeg`, `image/png`, `image/webp`, `image/gif`, `video/mp4` or
    /// `video/webm`.
    pub(super) content_type: String,
    /// In bytes: at most 5 MiB of audio, 10 MiB of a picture, 100 MiB of video.
    pub(super) content_length: u64,
    /// SHA-256 of the bytes, in hexadecimal or base64.
    pub(super) sha256: String,
}

/// Where to put it, and how.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PresignedUpload {
    /// Also the id of the medium.
    upload_id: Uuid,
    /// PUT the bytes there, with exactly these headers.
    presigned_url: String,
    headers: BTreeMap<&'static str, String>,
    method: &'static str,
    s3_key: String,
    /// In seconds.
    expires_in: u64,
    position: u64,
}

/// Reserve an upload. The answer says where to PUT the bytes, without a token; complete it afterwards.
#[utoipa::path(post, path = "/api/v1/uploads", tag = "media", request_body = UploadBody,
    responses((status = 201, body = PresignedUpload)))]
pub(crate) async fn reserve(
    State(state): State<CommandState>,
    asking: Asking,
    headers: HeaderMap,
    ValidJson(body): ValidJson<UploadBody>,
) -> Answered {
    let UploadBody { kind, content_type, content_length, sha256 } = body;
    let wanted = Wanted { kind, content_type, content_length, sha256, conversation: None };
    reserved(&state, asking, &headers, wanted).await
}

pub(super) async fn reserved(
    state: &CommandState,
    asking: Asking,
    headers: &HeaderMap,
    wanted: Wanted,
) -> Answered {
    let media = state.media()?;
    let base = media.store.base(|| media.options.own_address.base(headers))?;
    state.quotas.take(asking.user, Quota::Uploads, 1)?;
    let Reserved { outcome, upload, presigned, expires_in } =
        media.reserve(&state.executor, asking.context, wanted, &base).await?;
    count("reserved");
    let answer = PresignedUpload {
        upload_id: outcome.id,
        presigned_url: presigned.url,
        headers: presigned.headers.into_iter().collect(),
        method: "PUT",
        s3_key: upload.staging_key,
        expires_in: expires_in.as_secs(),
        position: outcome.position,
    };
    Ok(with_position(json_response(StatusCode::CREATED, &answer), outcome.position))
}

/// Say that the bytes are there. They are looked at, and count from here on. Again is no error.
#[utoipa::path(post, path = "/api/v1/uploads/{id}/complete", tag = "media", params(("id" = Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn complete(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(id): ValidPath<MediaId>,
) -> Answered {
    let media = state.media()?;
    let outcome = media.complete(&state.executor, asking.context, asking.user, id).await?;
    Ok(accepted(StatusCode::OK, &outcome))
}

/// Delete what one uploaded. What a message or post carries goes with that, and not before.
#[utoipa::path(delete, path = "/api/v1/media/{id}", tag = "media", params(("id" = Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn delete(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(id): ValidPath<MediaId>,
) -> Answered {
    let outcome = state.media()?.delete(&state.executor, asking.context, id).await?;
    Ok(accepted(StatusCode::OK, &outcome))
}

impl CommandState {
    /// After a message has been deleted: its medium's bytes go too, soon.
    pub(super) fn drop_media_of(&self, message: MessageId) {
        let (Some(media), executor) = (self.media.clone(), self.executor.clone()) else { return };
        tokio::spawn(async move {
            let dropped = async {
                match executor.media_of_message(message).await? {
                    Some(id) => media.drop_bytes_of(&executor, id).await,
                    None => Ok(()),
                }
            };
            if let Err(error) = dropped.await {
                tracing::warn!(error.message = %error, "a deleted message's medium is left to the sweeper");
            }
        });
    }

    /// Carries out a command that sends a medium, completing its upload first if that is still to be done.
    pub(super) async fn create_with_media(
        &self,
        asking: Asking,
        id: MediaId,
        command: impl Into<Command>,
    ) -> Result<Response, nova_http::ApiError> {
        let command = command.into();
        let media = self.media()?;
        let state = self.executor.media(id).await?;
        let is_done = crate::media::is_ready(&state) || state.reserved.is_none();
        let theirs = state.reserved.is_some_and(|reserved| reserved.owner == asking.user);
        if theirs && !is_done && !state.deleted {
            let mut context = asking.part(0);
            context.repeatable = false;
            context.command_id = Uuid::now_v7();
            media.complete(&self.executor, context, asking.user, id).await?;
        }
        self.create(asking.context, command).await
    }
}
