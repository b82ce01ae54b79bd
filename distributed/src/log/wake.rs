//! How processes learn of each other's appends.
//!
//! A notification carries the head and is sent after the commit, on a connection of its own: within the transaction that
//! appends it would make commits wait for each other. It only saves time; what is lost is made up for by asking.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};

use super::Shared;
use crate::postgres::sql_problem;

const CHANNEL: &str = "nova_head";
/// After a failure.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);
/// Nothing heard of other processes for so long: then it is quiet.
const QUIET_AFTER: Duration = Duration::from_secs(5);

/// Tells other processes what this one has written.
pub(super) async fn tell(shared: Arc<Shared>, connecting: Arc<PgConnectOptions>) {
    // A notification may be lost; nothing has to be on disk for it.
    let connecting = connecting.as_ref().clone().options([("synchronous_commit", "off")]);
    let mut written = shared.written.subscribe();
    let mut closed = shared.closed.subscribe();
    let mut connection: Option<PgConnection> = None;
    while !*closed.borrow_and_update() {
        tokio::select! {
            _ = written.changed() => {}
            _ = closed.changed() => break,
        }
        let position = *written.borrow_and_update();
        let pause = match notify(&mut connection, &connecting, position).await {
            Ok(()) => Duration::from_millis(shared.options.notify_interval_ms),
            Err(error) => {
                tracing::debug!(problem = sql_problem(&error), "other processes are not told of appends");
                connection = None;
                written.mark_changed();
                RECONNECT_PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = closed.changed() => break,
        }
    }
    if let Some(connection) = connection {
        let _ = connection.close().await;
    }
}

async fn notify(
    connection: &mut Option<PgConnection>,
    connecting: &PgConnectOptions,
    position: u64,
) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(PgConnection::connect_with(connecting).await?),
    };
    let notify = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(position.to_string());
    notify.execute(connection).await.map(|_| ())
}

/// Raises the head by what other processes tell, and asks when they tell nothing.
pub(super) async fn listen(shared: Arc<Shared>, connecting: Arc<PgConnectOptions>) {
    // For one connection: the listener makes it anew by itself.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(connecting.as_ref().clone());
    let mut closed = shared.closed.subscribe();
    let mut listener: Option<PgListener> = None;
    let mut next_try = Instant::now();
    let mut pace = Pace::new(&shared);
    while !*closed.borrow_and_update() {
        if listener.is_none() && Instant::now() >= next_try {
            listener = subscribe(&pool).await;
            next_try = Instant::now() + RECONNECT_PAUSE;
        }
        let pause = pace.pause(listener.is_some());
        tokio::select! {
            told = next(&mut listener) => match told {
                // Stale ones and those of this process say nothing new.
                Some(position) => pace.seen(shared.head.raise(position)),
                // What was told meanwhile is lost.
                None => {
                    listener = None;
                    pace.seen(true);
                }
            },
            () = tokio::time::sleep(pause) => {
                if let Ok(head) = shared.reader.head().await {
                    pace.seen(shared.head.raise(head));
                }
            }
            _ = closed.changed() => break,
        }
    }
    drop(listener);
    pool.close().await;
}

async fn subscribe(pool: &sqlx::PgPool) -> Option<PgListener> {
    let listening = async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    match listening.await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::debug!(problem = sql_problem(&error), "other processes' appends are asked for");
            None
        }
    }
}

/// The position that is told next. `None`: the connection is lost. Without a listener: never.
async fn next(listener: &mut Option<PgListener>) -> Option<u64> {
    match listener {
        None => std::future::pending().await,
        Some(listener) => {
            let told = listener.try_recv().await.ok()??;
            Some(told.payload().parse().unwrap_or(0))
        }
    }
}

/// How often to ask.
struct Pace {
    busy: Duration,
    idle: Duration,
    quiet: Duration,
    pause: Duration,
    last_news: Instant,
}

impl Pace {
    fn new(shared: &Shared) -> Self {
        let options = &shared.options;
        Self {
            busy: Duration::from_millis(options.poll_busy_ms),
            idle: Duration::from_millis(options.poll_idle_ms),
            quiet: Duration::from_millis(options.poll_quiet_ms),
            pause: Duration::from_millis(options.poll_busy_ms),
            last_news: Instant::now(),
        }
    }

    fn seen(&mut self, news: bool) {
        if news {
            self.last_news = Instant::now();
            self.pause = self.busy;
        } else {
            self.pause = (self.pause * 2).min(self.idle);
        }
    }

    fn pause(&self, listening: bool) -> Duration {
        if listening && self.last_news.elapsed() > QUIET_AFTER { self.quiet } else { self.pause }
    }
}
