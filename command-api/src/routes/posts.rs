//! Posts and their likes.

use axum::extract::State;
use axum::http::StatusCode;
use futures::future::join_all;
use nova_domain::like::{Like, Unlike};
use nova_domain::post::{DeletePost, EditPost, PublishPost, RestorePost};
use nova_events::like::Target;
use nova_events::post::Visibility;
use nova_events::{MediaId, PostId};
use nova_http::{ApiError, OptionalJson, ValidJson, ValidPath, json_response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::{Answered, CommandState, ReasonBody, reason_of};
use crate::answer::{Accepted, with_position};
use crate::asking::Asking;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishBody {
    text: String,
    #[serde(default)]
    #[schema(value_type = Vec<uuid::Uuid>)]
    media_ids: Vec<MediaId>,
    /// `public` (the default), `followers` or `private`.
    #[serde(default)]
    #[schema(value_type = String, example = "public")]
    visibility: Visibility,
}

impl PublishBody {
    fn command(self) -> PublishPost {
        PublishPost {
            post: PostId::make(),
            text: self.text,
            media: self.media_ids,
            visibility: self.visibility,
        }
    }
}

/// Publish a post.
#[utoipa::path(post, path = "/api/v1/posts", tag = "posts", request_body = PublishBody,
    responses((status = 201, body = Accepted)))]
pub(crate) async fn publish(
    State(state): State<CommandState>,
    asking: Asking,
    ValidJson(body): ValidJson<PublishBody>,
) -> Answered {
    state.create(asking.context, body.command()).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishBatchBody {
    posts: Vec<PublishBody>,
}

#[derive(Debug, Serialize, ToSchema)]
struct BatchResults {
    /// Where in the log the last of them stands; a query with `after=` this sees all that were accepted.
    /// Null when none was.
    position: Option<u64>,
    /// One for each post, in the order of the request.
    results: Vec<BatchResult>,
}

/// `status` is what the post alone would have answered; with it comes the answer or the problem.
#[derive(Debug, Serialize, ToSchema)]
struct BatchResult {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<Accepted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    problem: Option<Box<RawValue>>,
}

/// Publish up to 100 posts. Each succeeds or fails by itself.
#[utoipa::path(post, path = "/api/v1/posts/batch-create", tag = "posts", request_body = PublishBatchBody,
    responses((status = 200, body = BatchResults)))]
pub(crate) async fn publish_batch(
    State(state): State<CommandState>,
    asking: Asking,
    ValidJson(body): ValidJson<PublishBatchBody>,
) -> Answered {
    let most = state.options.batch_posts_max;
    if body.posts.is_empty() || body.posts.len() > most {
        return Err(ApiError::invalid_field("posts", "count", format!("must hold 1 to {most} posts")));
    }
    let runs = body.posts.into_iter().enumerate().map(|(index, post)| {
        let (context, state) = (asking.part(index), &state);
        async move {
            let correlation_id = context.correlation_id;
            match state.carry_out(context, post.command()).await {
                Ok(outcome) => {
                    let accepted = Some(Accepted::from(&outcome));
                    BatchResult { status: StatusCode::CREATED.as_u16(), accepted, problem: None }
                }
                Err(error) => {
                    let problem = serde_json::value::to_raw_value(&error.problem(correlation_id)).ok();
                    BatchResult { status: error.status().as_u16(), accepted: None, problem }
                }
            }
        }
    });
    let results = join_all(runs).await;
    let position = results.iter().filter_map(|result| Some(result.accepted.as_ref()?.position)).max();
    let response = json_response(StatusCode::OK, &BatchResults { position, results });
    Ok(match position {
        Some(position) => with_position(response, position),
        None => response,
    })
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextBody {
    pub(super) text: String,
}

/// Replace the text of one's own post.
#[utoipa::path(patch, path = "/api/v1/posts/{id}", tag = "posts", request_body = TextBody,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn edit(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(post): ValidPath<PostId>,
    ValidJson(body): ValidJson<TextBody>,
) -> Answered {
    state.change(asking.context, EditPost { post, text: body.text }).await
}

/// Delete one's own post; a moderator deletes any. It can be restored for 30 days.
#[utoipa::path(delete, path = "/api/v1/posts/{id}", tag = "posts", request_body = Option<ReasonBody>,
    params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn delete(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(post): ValidPath<PostId>,
    OptionalJson(body): OptionalJson<ReasonBody>,
) -> Answered {
    state.change(asking.context, DeletePost { post, reason: reason_of(body) }).await
}

/// Bring a deleted post back.
#[utoipa::path(post, path = "/api/v1/posts/{id}/restore", tag = "posts", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn restore(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(post): ValidPath<PostId>,
) -> Answered {
    state.change(asking.context, RestorePost { post }).await
}

/// Like a post. Again is no error.
#[utoipa::path(put, path = "/api/v1/posts/{id}/like", tag = "posts", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn like(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(post): ValidPath<PostId>,
) -> Answered {
    state.change(asking.context, Like { target: Target::Post(post) }).await
}

/// Take a like back.
#[utoipa::path(delete, path = "/api/v1/posts/{id}/like", tag = "posts", params(("id" = uuid::Uuid, Path)),
    responses((status = 200, body = Accepted)))]
pub(crate) async fn unlike(
    State(state): State<CommandState>,
    asking: Asking,
    ValidPath(post): ValidPath<PostId>,
) -> Answered {
    state.change(asking.context, Unlike { target: Target::Post(post) }).await
}
