//! Every command's path, in one list.

mod comments;
mod conversations;
mod events;
mod media;
mod messages;
mod posts;
mod storage;
mod users;
mod voice;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{delete, patch, post, put};
use nova_domain::Command;
use nova_events::client_events::ClientEvents;
use nova_events::{Actor, UserId};
use nova_http::ApiError;
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};

use crate::answer::accepted;
use crate::execute::{Context, Executor, Outcome};
use crate::media::Media;
use crate::params::UserName;
use crate::quotas::Quotas;

pub use events::ClientEventLimits;

#[derive(Debug, Clone)]
pub struct CommandOptions {
    /// Posts in one `batch-create`.
    pub batch_posts_max: usize,
    pub client_events: ClientEventLimits,
}

impl Default for CommandOptions {
    fn default() -> Self {
        Self { batch_posts_max: 100, client_events: ClientEventLimits::default() }
    }
}

#[derive(Debug, Clone)]
pub struct CommandState {
    pub executor: Executor,
    pub client_events: Arc<dyn ClientEvents>,
    pub options: CommandOptions,
    /// `None`: this installation has no place for media.
    pub media: Option<Media>,
    pub quotas: Quotas,
}

pub fn router(state: CommandState) -> Router {
    Router::new()
        .route("/api/v1/users", post(users::register))
        .route("/api/v1/users/me", patch(users::change_profile).delete(users::deactivate))
        .route("/api/v1/users/{id}/follow", put(users::follow).delete(users::unfollow))
        .route("/api/v1/users/{id}/block", put(users::block).delete(users::unblock))
        .route("/api/v1/users/{id}/dismiss", put(users::dismiss).delete(users::undismiss))
        .route("/api/v1/posts", post(posts::publish))
        .route("/api/v1/posts/batch-create", post(posts::publish_batch))
        .route("/api/v1/posts/{id}", patch(posts::edit).delete(posts::delete))
        .route("/api/v1/posts/{id}/restore", post(posts::restore))
        .route("/api/v1/posts/{id}/like", put(posts::like).delete(posts::unlike))
        .route("/api/v1/posts/{id}/comments", post(comments::add))
        .route("/api/v1/comments/{id}", patch(comments::edit).delete(comments::delete))
        .route("/api/v1/comments/{id}/restore", post(comments::restore))
        .route("/api/v1/comments/{id}/like", put(comments::like).delete(comments::unlike))
        .route("/api/v1/conversations", post(conversations::start))
        .route("/api/v1/conversations/{id}", patch(conversations::rename))
        .route(
            "/api/v1/conversations/{id}/members/{user}",
            put(conversations::put_member).delete(conversations::remove_member),
        )
        .route("/api/v1/conversations/{id}/read", put(conversations::mark_read))
        .route("/api/v1/conversations/{id}/delivered", put(conversations::mark_delivered))
        .route("/api/v1/conversations/{id}/messages", post(messages::send))
        .route("/api/v1/messages", post(messages::send_to))
        .route(
            "/api/v1/conversations/{id}/messages/{message}",
            patch(messages::edit).delete(messages::delete),
        )
        .route("/api/v1/conversations/{id}/messages/audio", post(voice::send_voice))
        .route("/api/v1/conversations/{id}/messages/audio/presigned-url", post(voice::reserve_voice))
        .route("/api/v1/uploads", post(media::reserve))
        .route("/api/v1/uploads/{id}/complete", post(media::complete))
        .route("/api/v1/media/{id}", delete(media::delete))
        .route("/api/v1/storage/{folder}/{name}", put(storage::store).get(storage::fetch))
        .route("/api/v1/events", post(events::publish))
        .with_state(state)
}

/// The OpenAPI description of the commands.
#[derive(OpenApi)]
#[openapi(paths(
    users::register,
    users::change_profile,
    users::deactivate,
    users::follow,
    users::unfollow,
    users::block,
    users::unblock,
    users::dismiss,
    users::undismiss,
    posts::publish,
    posts::publish_batch,
    posts::edit,
    posts::delete,
    posts::restore,
    posts::like,
    posts::unlike,
    comments::add,
    comments::edit,
    comments::delete,
    comments::restore,
    comments::like,
    comments::unlike,
    conversations::start,
    conversations::rename,
    conversations::put_member,
    conversations::remove_member,
    conversations::mark_read,
    conversations::mark_delivered,
    messages::send,
    messages::send_to,
    messages::edit,
    messages::delete,
    voice::reserve_voice,
    voice::send_voice,
    media::reserve,
    media::complete,
    media::delete,
    storage::store,
    storage::fetch,
    events::publish,
))]
struct CommandDocument;

pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = CommandDocument::openapi();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            // Handlers are named within their area, operations within the whole document.
            let area = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
            operation.operation_id = operation.operation_id.take().map(|handler| format!("{area}_{handler}"));
        }
    }
    document
}

type Answered = Result<Response, ApiError>;

impl CommandState {
    /// Carries out a command that makes something new.
    async fn create(&self, context: Context, command: impl Into<Command>) -> Answered {
        let outcome = self.carry_out(context, command).await?;
        Ok(accepted(StatusCode::CREATED, &outcome))
    }

    /// Carries out a command that changes something.
    async fn change(&self, context: Context, command: impl Into<Command>) -> Answered {
        let outcome = self.carry_out(context, command).await?;
        Ok(accepted(StatusCode::OK, &outcome))
    }

    /// Carries out a command of a request: within the quotas of its user.
    async fn carry_out(&self, context: Context, command: impl Into<Command>) -> Result<Outcome, ApiError> {
        let command = command.into();
        if let Actor::User(user) = context.actor {
            self.quotas.check(user, &command)?;
        }
        Ok(self.executor.execute(context, command).await?)
    }
}

impl CommandState {
    /// The person that a path names. A handle that nobody has becomes the id of nobody, so that the command answers as it
    /// does for an unknown id.
    async fn user_of(&self, name: UserName) -> Result<UserId, ApiError> {
        match name {
            UserName::Id(user) => Ok(user),
            UserName::Handle(handle) => {
                Ok(self.executor.holder_of(&handle).await?.unwrap_or_else(UserId::make))
            }
        }
    }

    fn media(&self) -> Result<&Media, ApiError> {
        self.media.as_ref().ok_or_else(|| {
            ApiError::unavailable("This installation has no place for media: uploads are not taken.")
        })
    }
}

/// Why something is deleted: the optional body of every DELETE.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReasonBody {
    /// At most 1,000 bytes.
    reason: Option<String>,
}

fn reason_of(body: Option<ReasonBody>) -> Option<String> {
    body.and_then(|body| body.reason)
}
