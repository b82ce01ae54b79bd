//! What the query side tells of its operations. The program puts it together with the command side's.

use nova_http::{FieldError, Problem};
use utoipa::OpenApi;

use crate::live;
use crate::routes::{admin, audit, conversation, feed, jobs, media, post, system, user};

#[derive(OpenApi)]
#[openapi(
    info(title = "Nova"),
    components(schemas(Problem, FieldError)),
    paths(
        feed::feed,
        feed::timeline,
        feed::trending,
        feed::search,
        post::post,
        post::comments,
        user::profile,
        user::me,
        user::posts,
        user::followers,
        user::following,
        user::blocks,
        user::discover,
        conversation::conversations,
        conversation::conversation,
        conversation::messages,
        conversation::search_messages,
        media::medium,
        live::ws::websocket,
        live::sse::stream,
        audit::deletions,
        audit::events,
        admin::projections,
        admin::dead_letters,
        admin::breakers,
        jobs::list_jobs,
        jobs::start,
        jobs::job,
        jobs::break_off,
        system::live,
        system::ready,
        system::dependencies,
    )
)]
struct Document;

/// With the paths that clients see.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (format!("/api/v1{path}"), item)).collect();
    document
}
