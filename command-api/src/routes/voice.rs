//! Voice messages: reserve an upload, put the sound there, send it with how loud it is over its time.

use axum::extract::State;
use axum::http::HeaderMap;
use nova_domain::message::{SendMessage, SendVoice};
use nova_events::media::MediaKind;
use nova_events::message::{Body, MessageType};
use nova_events::{ConversationId, MediaId, MessageId};
use nova_http::{ApiError, ValidJson, ValidPath};
use serde::Deserialize;
use utoipa::ToSchema;

use super::media::{PresignedUpload, UploadBody, reserved};
use super::{Answered, CommandState};
use crate::answer::Accepted;
use crate::asking::Asking;
use crate::media::Wanted;

/// Reserve the upload of a voice message, for an hour. It is audio of at most 5 MiB and 5 minutes.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages/audio/presigned-url", tag = "messages",
    request_body = UploadBody, params(("id" = uuid::Uuid, Path)),
    responses((status = 201, body = PresignedUpload)))]
pub(crate) async fn reserve_voice(
    State(state): State<CommandState>,
    asking: Asking,
    headers: HeaderMap,
    ValidPath(conversation): ValidPath<ConversationId>,
    ValidJson(body): ValidJson<UploadBody>,
) -> Answered {
    let wanted = Wanted {
        kind: Some(MediaKind::Audio),
        content_type: body.content_type,
        content_length: body.content_length,
        sha256: body.sha256,
        conversation: Some(conversation),
    };
    reserved(&state, asking, &headers, wanted).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VoiceBody {
    #[schema(value_type = uuid::Uuid)]
    upload_id: MediaId,
    /// How long it plays, within two seconds (or a tenth) of what its container says.
    duration_ms: u64,
    /// At most 100 samples of how loud it is: whole numbers from 0 to 255. Or fractions from 0 to 1, of which at least one
    /// is no whole number: `[0, 1, 1, 0]` is nearly silent. A mixture of the two is refused.
    #[serde(default)]
    waveform: Vec<f64>,
    #[schema(value_type = Option<uuid::Uuid>)]
    reply_to: Option<MessageId>,
    client_message_id: Option<String>,
}

/// Send a voice message. Its upload is completed, if that has not been done. The answer's `revision` is its seq.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages/audio", tag = "messages",
    request_body = VoiceBody, params(("id" = uuid::Uuid, Path)),
    responses((status = 201, body = Accepted)))]
pub(crate) async fn send_voice(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(conversation): ValidPath<ConversationId>,
    ValidJson(body): ValidJson<VoiceBody>,
) -> Answered {
    let samples_max = state.executor.limits().waveform_samples_max;
    if body.waveform.len() > samples_max {
        return Err(ApiError::invalid_field(
            "waveform",
            "too_long",
            format!("may have at most {samples_max} samples"),
        ));
    }
    let Some(waveform) = samples(&body.waveform) else {
        let detail = "must be whole numbers from 0 to 255, or fractions from 0 to 1".to_owned();
        return Err(ApiError::invalid_field("waveform", "invalid", detail));
    };
    let send = SendMessage {
        conversation,
        message_type: Some(MessageType::Audio),
        body: Body { client_message_id: body.client_message_id, ..Body::default() },
        reply_to: body.reply_to,
        media: Some(body.upload_id),
    };
    let voice = SendVoice { send, duration_ms: body.duration_ms, waveform };
    state.create_with_media(asking, body.upload_id, voice).await
}

/// As bytes. One that is no whole number makes them fractions.
fn samples(given: &[f64]) -> Option<Vec<u8>> {
    let are_fractions = given.iter().any(|value| value.fract() != 0.0);
    let (largest, scale) = if are_fractions { (1.0, 255.0) } else { (255.0, 1.0) };
    let sample = |value: &f64| {
        // Within what a byte holds, so nothing is cut off.
        (0.0..=largest).contains(value).then_some((value * scale).round() as u8)
    };
    given.iter().map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::samples;

    #[test]
    fn loudness_comes_as_fractions_or_as_bytes() {
        assert_eq!(samples(&[0.0, 0.5, 1.0]), Some(vec![0, 128, 255]));
        assert_eq!(samples(&[0.0, 128.0, 255.0]), Some(vec![0, 128, 255]));
        assert_eq!(samples(&[]), Some(Vec::new()));
        // Whole numbers are bytes, however small.
        assert_eq!(samples(&[0.0, 1.0, 1.0, 0.0]), Some(vec![0, 1, 1, 0]));
        assert_eq!(samples(&[0.5, 2.0]), None);
        assert_eq!(samples(&[-0.5, 1.0]), None);
        assert_eq!(samples(&[3.0, 256.0]), None);
        assert_eq!(samples(&[f64::NAN]), None);
    }
}
