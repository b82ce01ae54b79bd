//! A log with a history of conversations, and the views that are told it.

use std::collections::BTreeMap;
use std::sync::Arc;

use nova_distributed::keys::{PostgresKeyring, PostgresKeyringOptions};
use nova_distributed::log::{PostgresLog, PostgresLogOptions};
use nova_distributed::shard::{Shard, ShardCursor, ShardStore};
use nova_distributed::views::from_log::FromLog;
use nova_distributed::views::postgres::{PostgresViews, PostgresViewsOptions, ReadOptions};
use nova_distributed::views::redis::{RedisOptions, RedisViews};
use nova_eventlog::{EventLog, Filter};
use nova_events::conversation::Role;
use nova_events::envelope::time_of_ms;
use nova_events::wrapping::MasterKey;
use nova_events::{Codec, ConversationId, Keyring, UserId};
use nova_projectors::conversations::CONVERSATIONS;
use nova_views::{
    Apply, Change, Generation, Lookup, Message, MessageRange, ViewError, ViewReader, What, projection,
};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::postgres::Database;
use crate::support::Prefix;

/// Partitions of each category.
const PARTITIONS: u64 = 2;

pub(crate) struct World {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) codec: Codec,
    pub(crate) keyring: Arc<PostgresKeyring>,
    pub(crate) from_log: FromLog,
    pub(crate) postgres: PostgresViews,
    pub(crate) redis: RedisViews,
    pub(crate) prefix: Prefix,
    _database: Database,
}

/// What one shard carries, in order.
pub(crate) type Shards = BTreeMap<Shard, Vec<Change>>;

impl World {
    pub(crate) async fn new(change: impl FnOnce(&mut RedisOptions)) -> Self {
        let database = Database::migrated("talks").await;
        let pool = database.pool().await;
        let log = PostgresLog::open(pool.clone(), PostgresLogOptions::default()).await.unwrap();
        let options = PostgresKeyringOptions::default();
        let keyring = PostgresKeyring::open(pool.clone(), &MasterKey::new([9; 32]), &options).await.unwrap();
        let codec = Codec::new(Arc::clone(&keyring) as Arc<dyn Keyring>);
        let read = ReadOptions { connections_max: 3, ..ReadOptions::default() };
        let options = PostgresViewsOptions { read, ..PostgresViewsOptions::default() };
        let postgres = PostgresViews::open(pool, options).await.unwrap();
        let prefix = Prefix::new("talks");
        let mut options = prefix.options();
        change(&mut options);
        let redis = RedisViews::open(options).await.unwrap();
        let log = log as Arc<dyn EventLog>;
        let from_log = FromLog::new(Arc::clone(&log), codec.clone(), CONVERSATIONS.project);
        Self { log, codec, keyring, from_log, postgres, redis, prefix, _database: database }
    }

    /// Everything in the log behind a position.
    pub(crate) async fn changes(&self, mut after: u64) -> Shards {
        let mut shards = Shards::new();
        let filter = Filter::categories(CONVERSATIONS.categories.iter().copied());
        loop {
            let page = self.log.read_all(after, &filter, 500).await.unwrap();
            for recorded in &page.events {
                let envelope = self.codec.decode(recorded).await.unwrap();
                let sum: u64 = envelope.stream.as_str().bytes().map(u64::from).sum();
                let shard = Shard::of_partition(envelope.stream.category(), (sum % PARTITIONS) as i32);
                shards.entry(shard).or_default().extend((CONVERSATIONS.project)(&envelope));
            }
            after = page.position;
            if page.position >= page.head {
                return shards;
            }
        }
    }

    /// Lets Redis begin to be filled: what is recorded from now on is not in its past.
    /// `whole`: the one shard that takes everything, instead of a shard for each partition.
    pub(crate) async fn begin_filling(&self, whole: Option<&Shard>) {
        for (shard, changes) in self.changes(0).await {
            let members: Vec<Change> = changes
                .into_iter()
                .filter(|change| matches!(change.what, What::Conversation { .. } | What::Member { .. }))
                .collect();
            if !members.is_empty() {
                apply(&self.redis, Generation::Live, whole.unwrap_or(&shard), &members, 0).await.unwrap();
            }
        }
    }

    /// Tells a store: in steps of any size, the shards in any order between each other, some of it twice.
    pub(crate) async fn tell(&self, store: &dyn ShardStore, shards: &Shards, rng: &mut StdRng) {
        let mut left: Vec<(&Shard, &[Change], usize)> =
            shards.iter().map(|(shard, changes)| (shard, &changes[..], 0)).collect();
        while !left.is_empty() {
            let at = rng.random_range(0..left.len());
            let (shard, changes, done) = left[at];
            let from = done.saturating_sub(rng.random_range(0..8));
            let until = (done + rng.random_range(1..25)).min(changes.len());
            apply(store, Generation::Live, shard, &changes[from..until], changes[until - 1].version)
                .await
                .unwrap();
            if until == changes.len() {
                left.swap_remove(at);
            } else {
                left[at].2 = until;
            }
        }
    }

    /// Every shard hears how far the log is, as watermarks tell it.
    pub(crate) async fn mark(&self, store: &dyn ShardStore) {
        for category in CONVERSATIONS.categories {
            for partition in 0..PARTITIONS {
                let shard = Shard::of_partition(category, partition as i32);
                let at = ShardCursor::at(self.log.head());
                store.advance(projection::CONVERSATIONS, Generation::Live, &shard, at).await.unwrap();
            }
        }
    }

    /// Something came to Redis: it is filled from now on.
    pub(crate) async fn begin_to_fill(&self) {
        let (conversation, user) = (crate::talk::talk_id(77), crate::talk::user(0));
        let (role, at) = (Some(Role::Member), time_of_ms(0));
        let what = What::Member { conversation, user, role, at, joined: true };
        let shard = Shard::of_partition("conversation", 0);
        apply(&self.redis, Generation::Live, &shard, &[Change { version: 0, what }], 0).await.unwrap();
    }

    pub(crate) async fn tell_all(&self, rng: &mut StdRng) {
        let shards = self.changes(0).await;
        for store in [&self.postgres as &dyn ShardStore, &self.redis] {
            self.tell(store, &shards, rng).await;
            self.mark(store).await;
        }
    }

    pub(crate) async fn by_postgres(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Lookup<Vec<Message>> {
        self.postgres.messages(viewer, conversation, range, limit).await.unwrap().value
    }

    pub(crate) async fn by_log(
        &self,
        viewer: UserId,
        conversation: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Lookup<Vec<Message>> {
        self.from_log.messages(viewer, conversation, range, limit).await.unwrap()
    }
}

pub(crate) async fn apply(
    store: &dyn ShardStore,
    generation: Generation,
    shard: &Shard,
    changes: &[Change],
    position: u64,
) -> Result<(), ViewError> {
    let step = Arc::new(Apply {
        projection: projection::CONVERSATIONS,
        generation,
        changes: changes.to_vec(),
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor: position,
    });
    store.apply(shard, step, ShardCursor::at(position)).await
}
