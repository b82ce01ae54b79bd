//! What queries take besides the path. Every parameter that is not here is refused.

use chrono::{DateTime, Utc};
use nova_events::UserId;
use nova_http::{ApiError, FieldError};
use nova_views::{Cursor, DeletionQuery, Entity, MessageRange, PageRequest};
use serde::Deserialize;
use utoipa::IntoParams;

/// Of a query for one thing.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AfterParams {
    /// Wait (a little) until the views have seen this position of the log, such as the one that a command answered.
    pub after: Option<u64>,
}

/// Of a query for a medium.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MediaParams {
    /// Wait (a little) until the views have seen this position of the log.
    pub after: Option<u64>,
    /// Answer with a redirect to the bytes.
    #[serde(default)]
    pub redirect: bool,
}

/// Of a query for a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Wait (a little) until the views have seen this position of the log, such as the one that a command answered.
    pub after: Option<u64>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Of a search.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// Words, all of which must be there.
    pub q: String,
    /// Wait (a little) until the views have seen this position of the log.
    pub after: Option<u64>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which messages: after one seq, before another, or (with neither) the newest.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessagesParams {
    /// Wait (a little) until the views have seen this position of the log.
    pub after: Option<u64>,
    /// How many messages, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<usize>,
    /// Those with a higher seq; -1: from the start.
    #[param(minimum = -1)]
    pub after_seq: Option<i64>,
    /// Those with a lower seq: the ones next to it.
    pub before_seq: Option<u64>,
}

/// Which deletions.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeletionsParams {
    /// `user`, `post`, `comment` or `message`.
    #[param(value_type = Option<String>)]
    pub entity: Option<Entity>,
    /// Those by this account.
    #[param(value_type = Option<uuid::Uuid>)]
    pub deleted_by: Option<UserId>,
    /// Those in force at this time (RFC 3339): deleted by then, and not restored by then.
    #[param(value_type = Option<DateTime<Utc>>)]
    pub as_of: Option<String>,
    /// Wait (a little) until the views have seen this position of the log.
    pub after: Option<u64>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<usize>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Which events of the log.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsParams {
    /// Those behind this position; 0: from the start.
    pub after: Option<u64>,
    /// How many events, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<usize>,
    /// Only those of streams of this category, such as `post`.
    pub category: Option<String>,
    /// Only those of this type, such as `PostPublished`.
    pub kind: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeadLettersParams {
    /// Those of this projection; without it, of all.
    pub projection: Option<String>,
    /// Those behind this position.
    pub after: Option<u64>,
    /// How many items, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<usize>,
}

/// What an SSE client follows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// One conversation; without it, all of the caller's and the posts of those they follow.
    #[param(value_type = Option<uuid::Uuid>)]
    pub conversation_id: Option<nova_events::ConversationId>,
    /// The last seq that the client has; -1: from the start. Without it, only what comes. `Last-Event-ID` goes first.
    #[param(minimum = -1)]
    pub after_seq: Option<i64>,
}

/// 1 to 100, 20 when it is not given.
pub fn limit(given: Option<usize>) -> Result<usize, ApiError> {
    let limit = given.unwrap_or(PageRequest::LIMIT_DEFAULT);
    if (1..=PageRequest::LIMIT_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(ApiError::invalid_field("limit", "out_of_range", format!("must be 1 to {}", PageRequest::LIMIT_MAX)))
}

/// A place in the log or in a conversation, in its 63 bits.
pub fn position(name: &'static str, given: Option<u64>) -> Result<Option<u64>, ApiError> {
    if given.is_some_and(|position| i64::try_from(position).is_err()) {
        return Err(ApiError::invalid_field(name, "out_of_range", format!("must be 0 to {}", i64::MAX)));
    }
    Ok(given)
}

pub fn page(
    given_limit: Option<usize>,
    cursor: Option<String>,
    after: Option<u64>,
) -> Result<PageRequest, ApiError> {
    if cursor.as_ref().is_some_and(|cursor| cursor.len() > Cursor::BYTES_MAX) {
        return Err(invalid_cursor());
    }
    Ok(PageRequest { cursor: cursor.map(Cursor), limit: limit(given_limit)?, after: after.unwrap_or(0) })
}

pub fn invalid_cursor() -> ApiError {
    let detail = "The cursor is not one that this list gave out.";
    ApiError::bad_request("invalid_cursor", detail)
}

impl MessagesParams {
    pub fn range(&self) -> Result<MessageRange, ApiError> {
        match (self.after_seq, self.before_seq) {
            (Some(_), Some(_)) => {
                let detail = "cannot be given together with after_seq";
                Err(ApiError::invalid_field("before_seq", "conflicting", detail))
            }
            (Some(after), None) if after < -1 => {
                Err(ApiError::invalid_field("after_seq", "out_of_range", "must be -1 or more"))
            }
            (Some(after), None) => Ok(MessageRange::After(after)),
            (None, before) => Ok(MessageRange::Before(position("before_seq", before)?.unwrap_or(u64::MAX))),
        }
    }
}

impl DeletionsParams {
    pub fn query(&self, now: DateTime<Utc>) -> Result<DeletionQuery, ApiError> {
        let as_of = self.as_of.as_deref().map(|text| time_param("as_of", text, now)).transpose()?;
        Ok(DeletionQuery { entity: self.entity, deleted_by: self.deleted_by, as_of })
    }
}

/// A time that something can have been true at: between the Unix epoch and tomorrow.
fn time_param(field: &'static str, text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, ApiError> {
    // A plus sign that a client did not escape arrives as a space.
    let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map_err(|_| {
        ApiError::invalid_field(field, "invalid", "must be a time such as 2026-01-31T12:00:00Z")
    })?;
    let time = time.with_timezone(&Utc);
    if time < DateTime::<Utc>::UNIX_EPOCH || time > now + chrono::TimeDelta::days(1) {
        let detail = "must lie between 1970 and now";
        return Err(ApiError::invalid_field(field, "out_of_range", detail));
    }
    Ok(time)
}

const QUERY_TEXT_BYTES_MAX: usize = 512;

/// What is searched for: something, and not endless.
pub fn search_text(q: &str) -> Result<&str, ApiError> {
    nova_http::check_text("q", q, QUERY_TEXT_BYTES_MAX)
        .map_err(|error: FieldError| ApiError::validation(vec![error]))?;
    Ok(q.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<T>(result: Result<T, ApiError>) -> (u16, String) {
        let error = result.err().unwrap();
        (error.status().as_u16(), error.errors().first().map_or(error.code().to_owned(), |e| e.field.clone()))
    }

    #[test]
    fn a_limit_is_1_to_100_and_20_when_not_given() {
        assert_eq!(limit(None).unwrap(), 20);
        assert_eq!(limit(Some(1)).unwrap(), 1);
        assert_eq!(limit(Some(100)).unwrap(), 100);
        for bad in [0, 101, usize::MAX] {
            assert_eq!(refused(limit(Some(bad))), (422, "limit".to_owned()));
        }
    }

    #[test]
    fn an_endless_cursor_is_not_looked_at() {
        assert_eq!(refused(page(None, Some("A".repeat(513)), None)), (400, "invalid_cursor".to_owned()));
        assert_eq!(page(None, Some("A".repeat(512)), None).unwrap().limit, 20);
    }

    #[test]
    fn messages_are_read_from_one_side() {
        let range = |after_seq, before_seq| {
            MessagesParams { after_seq, before_seq, ..MessagesParams::default() }.range()
        };
        assert_eq!(range(None, None).unwrap(), MessageRange::Before(u64::MAX));
        assert_eq!(range(Some(-1), None).unwrap(), MessageRange::After(-1));
        assert_eq!(range(None, Some(7)).unwrap(), MessageRange::Before(7));
        assert_eq!(refused(range(Some(-2), None)), (422, "after_seq".to_owned()));
        assert_eq!(refused(range(Some(1), Some(2))), (422, "before_seq".to_owned()));
    }

    #[test]
    fn absurd_times_are_refused() {
        let now = DateTime::parse_from_rfc3339("2026-06-01T00:00:00Z").unwrap().with_timezone(&Utc);
        let at = |text: &str| time_param("as_of", text, now);
        assert_eq!(at("2026-05-01T00:00:00Z").unwrap().timestamp(), 1_777_593_600);
        assert_eq!(at("2026-05-01T02:00:00 02:00").unwrap().timestamp(), 1_777_593_600);
        for bad in ["yesterday", "", "2026-05-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"] {
            assert_eq!(refused(at(bad)), (422, "as_of".to_owned()), "{bad}");
        }
        assert_eq!(refused(at("2026-06-03T00:00:00Z")), (422, "as_of".to_owned()));
    }

    #[test]
    fn a_search_needs_words() {
        assert_eq!(search_text(" cats ").unwrap(), "cats");
        assert_eq!(refused(search_text(" ")), (422, "q".to_owned()));
        assert_eq!(refused(search_text(&"x".repeat(513))), (422, "q".to_owned()));
    }
}
