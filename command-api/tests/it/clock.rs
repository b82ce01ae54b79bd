//! A process whose clock is not the log's.

use std::sync::Arc;

use futures::future::BoxFuture;
use nova_command_api::{Executor, ExecutorOptions};
use nova_domain::post::{EditPost, PublishPost};
use nova_eventlog::{Append, Appended, Direction, EventLog, Filter, LogError, Page, Recorded, StreamId};
use nova_events::PostId;
use nova_events::post::Visibility;
use uuid::Uuid;

use crate::support::{Nova, asking};

const HOUR_MS: i64 = 3_600_000;

/// A log whose clock is ahead of this process's.
struct Ahead {
    log: Arc<dyn EventLog>,
    ms: i64,
}

#[async_trait::async_trait]
impl EventLog for Ahead {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        self.log.append(append)
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        self.log.read_stream(stream, from, direction, limit).await
    }

    async fn stream_head(&self, stream: &StreamId) -> Result<Option<u64>, LogError> {
        self.log.stream_head(stream).await
    }

    async fn read_all(&self, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError> {
        self.log.read_all(after, filter, limit).await
    }

    async fn find(&self, event_id: Uuid) -> Result<Option<Recorded>, LogError> {
        self.log.find(event_id).await
    }

    fn head(&self) -> u64 {
        self.log.head()
    }

    async fn clock_ms(&self) -> Result<i64, LogError> {
        Ok(now_ms() + self.ms)
    }
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_take_the_time_of_the_log() {
    for (ahead_ms, is_left_alone) in [(2 * HOUR_MS, false), (-2 * HOUR_MS, false), (20, true)] {
        let nova = Nova::new();
        let author = nova.person().await;
        let log = Arc::new(Ahead { log: nova.log.clone(), ms: ahead_ms });
        let options = ExecutorOptions { sole_writer: false, ..ExecutorOptions::default() };
        let executor = Executor::new(log, nova.codec.clone(), options);
        let post = PostId::make();
        let publish =
            PublishPost { post, text: "hello".to_owned(), media: vec![], visibility: Visibility::Public };
        let context = |at_ms| nova_command_api::Context { at_ms, ..asking(author) };
        let here_ms = now_ms();
        executor.execute(context(here_ms), publish).await.unwrap();
        // An import has times of its own.
        let edit = EditPost { post, text: "earlier".to_owned() };
        let import = nova_command_api::Context { imported: true, ..context(5) };
        executor.execute(import, edit).await.unwrap();
        let history = nova.history().await;
        let published_ms = history[history.len() - 2].meta.occurred_at_ms;
        let off_ms = published_ms - here_ms - if is_left_alone { 0 } else { ahead_ms };
        assert!(off_ms.abs() < 60_000, "{ahead_ms}: {off_ms}");
        assert!(!is_left_alone || published_ms == here_ms);
        assert_eq!(history[history.len() - 1].meta.occurred_at_ms, 5);
        // However it was dated, it did not happen after it was recorded.
        let recorded_ms = i64::try_from(history[history.len() - 2].recorded_at_ms).unwrap();
        assert!(history[history.len() - 2].occurred_at_ms() <= recorded_ms);
    }
}
