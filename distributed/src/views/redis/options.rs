use std::time::Duration;

/// Where Redis is, and how much is kept there.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://[user[:password]@]host[:port][/db]`. May hold a password: never printed.
    pub url: String,
    /// Before every key, so that an installation can share a server. Letters, digits and `:._-{}`. In a cluster: a hash
    /// tag, such as `{nova}:`, because the scripts reach keys that are not named to them.
    pub prefix: String,
    /// Posts that a timeline holds, and that are kept of each author; older ones are read from PostgreSQL. An eighth more
    /// may stand there for a while.
    pub timeline_posts_max: usize,
    /// A timeline that nobody read for so long goes; it is put together again when its owner comes back.
    pub timeline_ttl_ms: u64,
    /// Posts of authors with more followers are not written to the followers' timelines but merged when those are read.
    pub fan_out_followers_max: usize,
    /// Entries that one call of a script may write to followers' timelines. Redis does nothing else meanwhile.
    pub fan_out_batch_followers: usize,
    /// Timelines that one process puts together at a time, so that a store that lost all of them does not bury
    /// PostgreSQL.
    pub regenerations_max: usize,
    /// How long a timeline may take to put together before someone else tries.
    pub regeneration_ms: u64,
    /// Messages that the window of a conversation holds: its newest ones. Older ones are read elsewhere.
    pub window_messages_max: usize,
    /// Bytes that they may have together. The newest message is held however large it is.
    pub window_bytes_max: usize,
    /// The window of a conversation that nobody wrote in for so long goes, and begins anew with the next message.
    pub window_ttl_ms: u64,
    /// How long it is known what has been hidden. Pages are kept for less.
    pub marks_ttl_ms: u64,
    /// A larger page is not kept.
    pub page_bytes_max: usize,
    /// How long Redis may take to answer.
    pub response_timeout_ms: u64,
    /// The same for a question. After it the connection counts as lost, with all that is asked over it, and another one is
    /// made. Whoever asks waits for less (`resilience.redis_call_ms`).
    pub read_timeout_ms: u64,
    pub connect_timeout_ms: u64,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379/0".to_owned(),
            prefix: "nova:".to_owned(),
            timeline_posts_max: 400,
            timeline_ttl_ms: 30 * 24 * 3_600_000,
            fan_out_followers_max: 10_000,
            fan_out_batch_followers: 500,
            regenerations_max: 16,
            regeneration_ms: 10_000,
            window_messages_max: 100,
            window_bytes_max: 256 * 1_024,
            window_ttl_ms: 30 * 24 * 3_600_000,
            marks_ttl_ms: 2 * 3_600_000,
            page_bytes_max: 512 * 1_024,
            response_timeout_ms: 5_000,
            read_timeout_ms: 2_000,
            connect_timeout_ms: 2_000,
        }
    }
}

impl RedisOptions {
    pub(super) fn response_timeout(&self) -> Duration {
        Duration::from_millis(self.response_timeout_ms)
    }

    pub(super) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms.max(1))
    }

    /// Members of the largest timeline there can be.
    pub(super) fn timeline_members_max(&self) -> usize {
        self.timeline_posts_max + self.timeline_posts_max / 8 + 1
    }
}

impl std::fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisOptions")
            .field("prefix", &self.prefix)
            .field("timeline_posts_max", &self.timeline_posts_max)
            .field("fan_out_followers_max", &self.fan_out_followers_max)
            .field("window_messages_max", &self.window_messages_max)
            .field("window_bytes_max", &self.window_bytes_max)
            .field("window_ttl_ms", &self.window_ttl_ms)
            .finish_non_exhaustive()
    }
}
