//! The document of the query side. The composer merges the command side's into it: `openapi().merge_from(theirs)`.

use utoipa::OpenApi;

use crate::live;
use crate::routes::{admin, audit, conversation, feed, media, post, system, user};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Nova",
        description = "A social network. Errors are RFC 9457 problems with a stable `code`. Lists go on with \
                       `next_cursor`. A command's `position`, given as `after`, makes a query wait for its effect."
    ),
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
        system::live,
        system::ready,
        system::dependencies,
    )
)]
struct Document;

/// The query side's document, with the paths that clients see.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.info.license = None;
    let paths = std::mem::take(&mut document.paths.paths);
    document.paths.paths = paths.into_iter().map(|(path, item)| (format!("/api/v1{path}"), item)).collect();
    nova_http::openapi::with_common_parts(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

    /// What clients rely on changes only where a reviewer sees it. `NOVA_BLESS=1 cargo test -p nova-query-api` writes
    /// the file anew.
    #[test]
    fn the_document_is_the_committed_one() {
        let document = openapi().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("NOVA_BLESS").is_some() {
            std::fs::write(COMMITTED, &document).unwrap();
        }
        let committed = std::fs::read_to_string(COMMITTED).unwrap();
        assert!(document == committed, "openapi.json differs: see the test's comment");
    }

    #[test]
    fn every_schema_that_is_named_is_there() {
        let document = serde_json::to_value(openapi()).unwrap();
        let text = document.to_string();
        for name in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}
