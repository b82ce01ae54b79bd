//! Messages of a conversation: PostgreSQL; the recent window in Redis; the log itself.

use chrono::Utc;
use nova_events::{ConversationId, UserId};
use nova_views::{Answer, Lookup, Message, MessageRange, ViewReader};

use super::climb::Climb;
use super::sources::{Source, SourceError, Sourced, judge};
use super::{Answered, Views};

impl Views {
    pub(super) async fn messages_down(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Answered<Lookup<Vec<Message>>> {
        let mut climb = Climb::new("messages");
        let asked = self.sources().postgres(|postgres| async move {
            postgres.messages(viewer, conversation, range, limit).await.map(Some)
        });
        if let Some(answer) = climb.rung("postgres", &[Source::Postgres], asked).await? {
            self.shadow_messages(viewer, conversation, range, limit, &answer.value);
            return Ok(answer);
        }
        let as_of = Utc::now();
        let window = self.messages_in_window(viewer, conversation, range, limit);
        if let Some(value) = climb.rung("redis", &[Source::Redis], window).await? {
            return Ok(Answer { value, source: "redis", as_of, degraded: true });
        }
        let log = self.messages_in_log(viewer, conversation, range, limit);
        if let Some(value) = climb.rung("log", &[], log).await? {
            return Ok(Answer { value, source: "log", as_of, degraded: true });
        }
        Err(climb.exhausted())
    }

    pub(super) async fn messages_in_window(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Sourced<Option<Lookup<Vec<Message>>>> {
        let window = self
            .sources()
            .redis(|redis| async move { redis.messages_window(viewer, conversation, range, limit).await });
        Ok(window.await?.map(|window| window.messages))
    }

    pub(super) async fn messages_in_log(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Sourced<Option<Lookup<Vec<Message>>>> {
        let Some(log) = &self.shared.log else { return Ok(None) };
        let read = log.messages(viewer, conversation, range, limit);
        match tokio::time::timeout(super::LOG_PATIENCE, read).await {
            Ok(Ok(found)) => Ok(Some(found)),
            Ok(Err(error)) => {
                let source =
                    matches!(judge(&error), nova_resilience::Verdict::Failed(_)).then_some(Source::Fallback);
                Err(SourceError { source, error })
            }
            Err(_) => {
                let why = format!("log: no answer within {} ms", super::LOG_PATIENCE.as_millis());
                Err(SourceError {
                    source: Some(Source::Fallback),
                    error: nova_views::ViewError::Unavailable(why),
                })
            }
        }
    }
}
