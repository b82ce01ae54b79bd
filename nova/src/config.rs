//! What is configured. `config/default.toml` is compiled in and documents every key.
//!
//! * Later ones win: the defaults, the file, the environment (`NOVA__SECTION__KEY`), the command line.
//! * An unknown key is an error that names it.
//! * A secret comes from the environment or from a file of its own, and is masked wherever the configuration is shown.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use nova_http::{CorsOrigins, ForwardingHeader, TrustedProxies};
use serde::{Deserialize, Serialize};

pub use listen::{AdminListen, ListenAddress, ListenError};
pub use options::WITHOUT_CLIENT_LIMITS;
use secrets::refuse_secrets;
pub use secrets::{Secret, ServerUrl};

mod listen;
mod media;
mod options;
mod secrets;
#[cfg(test)]
mod tests;

pub const DEFAULTS: &str = include_str!("../config/default.toml");

const ENV_PREFIX: &str = "NOVA__";
const ENV_SEPARATOR: &str = "__";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    Embedded,
    Distributed,
}

impl From<crate::cli::StoreName> for Store {
    fn from(name: crate::cli::StoreName) -> Self {
        match name {
            crate::cli::StoreName::Postgres => Self::Postgres,
            crate::cli::StoreName::ClickHouse => Self::ClickHouse,
            crate::cli::StoreName::Redis => Self::Redis,
        }
    }
}

/// A store of views of the distributed profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    Postgres,
    ClickHouse,
    Redis,
}

/// What the public listener serves beside the API of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublicRoutes {
    Docs,
    Admin,
    Metrics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Auto,
    Compact,
    Json,
}

/// The sections of `config/default.toml`, with the same names in the same order.
macro_rules! sections {
    ($( $(#[$doc:meta])* $section:ident { $( $key:ident: $kind:ty, )* } )*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $section { $( pub $key: $kind, )* }
    )* };
}

sections! {
    Config {
        profile: Profile,
        data: Data,
        server: Server,
        http: Http,
        quotas: Quotas,
        auth: Auth,
        keys: Keys,
        log: Log,
        views: Views,
        postgres: Postgres,
        kafka: Kafka,
        relay: Relay,
        clickhouse: ClickHouse,
        redis: Redis,
        ranking: Ranking,
        projectors: Projectors,
        commands: Commands,
        client_events: ClientEvents,
        media: Media,
        limits: Limits,
        queries: Queries,
        resilience: Resilience,
        live: Live,
        telemetry: Telemetry,
    }
    Data { dir: PathBuf, disk_reserve_bytes: u64, }
    Server {
        listen: ListenAddress,
        admin_listen: AdminListen,
        public_routes: Vec<PublicRoutes>,
        drain_ms: u64,
        header_timeout_ms: u64,
        write_timeout_ms: u64,
        write_bytes_per_second_min: u64,
        connections_max: usize,
        connections_per_address_max: usize,
        connection_buffer_bytes: usize,
        unsent_bytes_max: usize,
        trusted_proxies: Vec<String>,
        forwarding_header: ForwardingHeader,
        threads: usize,
    }
    Http {
        body_bytes_max: usize,
        body_timeout_ms: u64,
        body_grace_ms: u64,
        body_bytes_per_second_min: u64,
        bodies_bytes_max: usize,
        bodies_bytes_per_client_max: usize,
        in_flight_max: usize,
        in_flight_per_address_max: usize,
        in_flight_per_user_max: usize,
        adaptive_limit: bool,
        adaptive_limit_min: u32,
        adaptive_limit_max: u32,
        requests_per_second_per_user: u32,
        requests_burst_per_user: u32,
        request_timeout_ms: u64,
        cors_origins: Vec<String>,
        hosts_allowed: Vec<String>,
    }
    Quotas {
        enabled: bool,
        registrations_per_hour_per_address: u32,
        profile_changes_per_hour: u32,
        posts_per_hour: u32,
        comments_per_hour: u32,
        messages_per_hour: u32,
        conversations_per_hour: u32,
        members_per_hour: u32,
        uploads_per_hour: u32,
        relations_per_hour: u32,
        likes_per_hour: u32,
        client_events_per_hour: u32,
    }
    Auth {
        issuer: String,
        audience: String,
        key_file: PathBuf,
        leeway_s: u64,
        token_lifetime_s_max: u64,
        cached_tokens_max: usize,
    }
    Keys { master_key: Secret, master_key_file: PathBuf, cached_max: usize, give_up_missing: bool, }
    Log {
        segment_bytes: u64,
        queue_appends_max: usize,
        queue_bytes_max: usize,
        heads_cached_max: usize,
        open_files_max: usize,
        cut_damaged_tail: bool,
    }
    Views {
        readers_max: usize,
        writer_cache_bytes: usize,
        reader_cache_bytes: usize,
        mmap_bytes: usize,
        cache_bytes: usize,
        window_posts_max: usize,
        feed_ranking_ttl_ms: i64,
        trending_ttl_ms: i64,
        session_ttl_ms: u64,
        session_bytes: usize,
    }
    Postgres {
        url: ServerUrl,
        password: Secret,
        password_file: PathBuf,
        connections_max: u32,
        read_connections_max: u32,
        connect_ms_max: u64,
        acquire_ms_max: u64,
        statement_ms_max: u64,
        read_statement_ms_max: u64,
        idle_in_transaction_ms_max: u64,
        batch_events_max: usize,
        batch_bytes_max: usize,
        queue_appends_max: usize,
        queue_bytes_max: usize,
        append_retry_ms_max: u64,
    }
    Kafka {
        brokers: String,
        topic_prefix: String,
        partitions: i32,
        replication: i32,
        retention_ms: u64,
        password: Secret,
        password_file: PathBuf,
        settings: BTreeMap<String, String>,
    }
    Relay {
        batch_events_max: usize,
        batch_bytes_max: usize,
        in_flight_events_max: usize,
        lease_ms: u64,
        watermark_interval_ms: u64,
    }
    ClickHouse {
        url: String,
        database: String,
        user: String,
        password: Secret,
        password_file: PathBuf,
        flush_interval_ms: u64,
        flush_rows_max: usize,
        write_timeout_ms: u64,
        query_timeout_ms: u64,
        rows_check_ms: u64,
    }
    Redis {
        url: ServerUrl,
        password: Secret,
        password_file: PathBuf,
        key_prefix: String,
        timeline_posts_max: usize,
        timeline_ttl_ms: u64,
        fan_out_followers_max: usize,
        window_messages_max: usize,
        window_bytes_max: usize,
        window_ttl_ms: u64,
    }
    Ranking { freshness: f64, engagement: f64, affinity: f64, }
    Projectors { stores: Vec<Store>, batch_events_max: usize, queue_batches_max: usize, step_events_max: usize, pace_ms: u64, }
    Commands { attempts_max: u32, states_bytes_max: u64, batch_posts_max: usize, purge_interval_s: u64, }
    ClientEvents {
        events_max: usize,
        properties_max: usize,
        property_name_bytes_max: usize,
        property_bytes_max: usize,
        at_ahead_ms_max: u64,
        at_age_ms_max: u64,
        publish_timeout_ms: u64,
        queue_bytes_max: u64,
        kept_bytes_max: u64,
    }
    Media {
        public_url: String,
        s3_endpoint: String,
        s3_public_endpoint: String,
        s3_bucket: String,
        s3_region: String,
        s3_path_style: bool,
        s3_access_key: String,
        s3_secret_key: Secret,
        s3_secret_key_file: PathBuf,
        s3_connect_ms_max: u64,
        s3_call_ms: u64,
        s3_calls_max: usize,
        s3_failures: u8,
        s3_open_ms: u64,
        s3_successes: u8,
        voice_ttl_s: u64,
        upload_ttl_s: u64,
        get_ttl_s: u64,
        upload_grace_s: u64,
        checks_max: usize,
        audio_bytes_max: u64,
        image_bytes_max: u64,
        video_bytes_max: u64,
        audio_ms_max: u64,
        waveform_samples_max: usize,
        post_media_max: usize,
        sweep_interval_s: u64,
        sweep_margin_s: u64,
        sweep_batch_objects: usize,
    }
    Limits {
        post_text_bytes_max: usize,
        comment_text_bytes_max: usize,
        message_text_bytes_max: usize,
        handle_chars_min: usize,
        handle_chars_max: usize,
        handles_reserved: Vec<String>,
        display_name_bytes_max: usize,
        bio_bytes_max: usize,
        title_bytes_max: usize,
        reason_bytes_max: usize,
        nonce_bytes_max: usize,
        client_id_bytes_max: usize,
        members_max: usize,
        message_edit_window_ms: i64,
        restore_grace_ms: i64,
    }
    Queries {
        after_patience_ms: u64,
        after_waiting_max: usize,
        after_waiting_per_user_max: usize,
        ready_lag_events_max: u64,
        ready_lag_ms: u64,
        degraded_start: bool,
        read_ms_max: u64,
        stale_ms: i64,
        keep_interval_ms: u64,
        page_ttl_ms: u64,
        warm_after_ms: u64,
        shadow_share: f64,
    }
    Resilience {
        clickhouse_failures: u8,
        clickhouse_open_ms: u64,
        clickhouse_successes: u8,
        clickhouse_call_ms: u64,
        clickhouse_calls_max: usize,
        redis_failures: u8,
        redis_open_ms: u64,
        redis_successes: u8,
        redis_call_ms: u64,
        redis_last_call_ms: u64,
        redis_calls_max: usize,
        postgres_failures: u8,
        postgres_open_ms: u64,
        postgres_successes: u8,
        postgres_call_ms: u64,
        postgres_wait_ms: u64,
        fallback_connections_max: u32,
        fallback_call_ms: u64,
        kafka_failures: u8,
        kafka_open_ms: u64,
        kafka_successes: u8,
    }
    Live {
        connections_max: usize,
        connections_per_user_max: usize,
        subscriptions_per_connection_max: usize,
        queue_bytes_max: usize,
        frame_bytes_max: usize,
        ops_per_second_max: u32,
        ops_burst_max: u32,
        typing_interval_ms: u64,
        replay_messages_max: u64,
        auth_timeout_ms: u64,
        write_timeout_ms: u64,
        delivered_interval_ms: u64,
        ping_interval_ms: u64,
        drain_ms: u64,
        timeline_lookups_max: usize,
    }
    Telemetry {
        format: LogFormat,
        filter: String,
        repeated_lines_per_second_max: u32,
        suppressed_interval_ms: u64,
    }
}

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    pub data: Option<PathBuf>,
    pub listen: Option<SocketAddr>,
}

impl Config {
    /// What is in force.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> anyhow::Result<Self> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
            refuse_secrets(&text, path)?;
            figment = figment.merge(Toml::string(&text));
        }
        figment = figment.merge(Env::prefixed(ENV_PREFIX).split(ENV_SEPARATOR));
        let mut config: Self = figment.extract().map_err(|errors| {
            let told: Vec<_> = errors.into_iter().map(|error| told(&error)).collect();
            anyhow::anyhow!("the configuration is not valid: {}", told.join("; "))
        })?;
        if let Some(data) = &overrides.data {
            config.data.dir.clone_from(data);
        }
        if let Some(listen) = overrides.listen {
            config.server.listen = listen.into();
        }
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> anyhow::Result<()> {
        for (name, secret, file) in [
            ("keys.master_key", &self.keys.master_key, &self.keys.master_key_file),
            ("postgres.password", &self.postgres.password, &self.postgres.password_file),
            ("kafka.password", &self.kafka.password, &self.kafka.password_file),
            ("clickhouse.password", &self.clickhouse.password, &self.clickhouse.password_file),
            ("redis.password", &self.redis.password, &self.redis.password_file),
            ("media.s3_secret_key", &self.media.s3_secret_key, &self.media.s3_secret_key_file),
        ] {
            if secret.reveal().is_some() && !file.as_os_str().is_empty() {
                bail!("the configuration is not valid: {name} and {name}_file exclude each other");
            }
        }
        if self.kafka.partitions < 1 || self.kafka.replication < 1 {
            bail!(
                "the configuration is not valid: kafka.partitions and kafka.replication must be at least 1"
            );
        }
        if self.projectors.stores.is_empty() {
            bail!(
                "the configuration is not valid: projectors.stores must name at least one store: without projections \
                 nothing that is written would ever be read"
            );
        }
        if !(0.0..=1.0).contains(&self.queries.shadow_share) {
            bail!("the configuration is not valid: queries.shadow_share must be between 0 and 1");
        }
        if self.media.s3_failures == 0 || self.media.s3_successes == 0 || self.media.s3_call_ms == 0 {
            bail!(
                "the configuration is not valid: media.s3_failures, media.s3_successes and media.s3_call_ms must be at \
                 least 1"
            );
        }
        self.http.check()?;
        self.resilience.check()?;
        self.server.check()?;
        for (name, weight) in [
            ("freshness", self.ranking.freshness),
            ("engagement", self.ranking.engagement),
            ("affinity", self.ranking.affinity),
        ] {
            if !weight.is_finite() || weight < 0.0 {
                bail!("the configuration is not valid: ranking.{name} must be a number of at least 0");
            }
        }
        Ok(())
    }

    /// As TOML, secrets masked.
    pub fn shown(&self) -> anyhow::Result<String> {
        toml::to_string(self).context("the configuration cannot be shown")
    }
}

impl Server {
    fn check(&self) -> anyhow::Result<()> {
        /// What the HTTP library can do with.
        const BUFFER_BYTES_MIN: usize = 8_192;
        if self.connection_buffer_bytes < BUFFER_BYTES_MIN {
            bail!(
                "the configuration is not valid: server.connection_buffer_bytes must be at least {BUFFER_BYTES_MIN}"
            );
        }
        if self.write_timeout_ms == 0 || self.connections_per_address_max == 0 {
            bail!(
                "the configuration is not valid: server.write_timeout_ms and server.connections_per_address_max must be at \
                 least 1"
            );
        }
        self.trusted_proxies().map(drop)
    }

    pub fn is_public(&self, routes: PublicRoutes) -> bool {
        self.public_routes.contains(&routes)
    }

    /// The proxies whose word about a client's address is taken.
    pub fn trusted_proxies(&self) -> anyhow::Result<TrustedProxies> {
        let entries = self.trusted_proxies.iter().map(String::as_str);
        TrustedProxies::parse(entries, self.forwarding_header)
            .context("the configuration is not valid: server.trusted_proxies")
    }
}

impl Http {
    fn check(&self) -> anyhow::Result<()> {
        if let Err(error) = CorsOrigins::parse(&self.cors_origins) {
            bail!("the configuration is not valid: http.cors_origins: {error}");
        }
        if let Some(host) =
            self.hosts_allowed.iter().find(|host| host.is_empty() || host.contains(['/', '@', ' ', '*']))
        {
            bail!(
                "the configuration is not valid: http.hosts_allowed: {host:?} is no host such as nova.example or \
                 nova.example:8080"
            );
        }
        Ok(())
    }
}

impl Resilience {
    fn check(&self) -> anyhow::Result<()> {
        for (name, count) in [
            ("clickhouse_failures", self.clickhouse_failures),
            ("clickhouse_successes", self.clickhouse_successes),
            ("redis_failures", self.redis_failures),
            ("redis_successes", self.redis_successes),
            ("postgres_failures", self.postgres_failures),
            ("postgres_successes", self.postgres_successes),
            ("kafka_failures", self.kafka_failures),
            ("kafka_successes", self.kafka_successes),
        ] {
            if count == 0 {
                bail!("the configuration is not valid: resilience.{name} must be at least 1");
            }
        }
        for (name, time) in [
            ("clickhouse_call_ms", self.clickhouse_call_ms),
            ("redis_call_ms", self.redis_call_ms),
            ("redis_last_call_ms", self.redis_last_call_ms),
            ("postgres_call_ms", self.postgres_call_ms),
            ("fallback_call_ms", self.fallback_call_ms),
        ] {
            if time == 0 {
                bail!("the configuration is not valid: resilience.{name} must be at least 1 ms");
            }
        }
        Ok(())
    }
}

/// The error in terms of keys. Values are not repeated: one could be a secret.
fn told(error: &figment::Error) -> String {
    use figment::error::Kind;
    let path = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(field, known) => {
            let key = path.split('.').chain([field.as_str()]).filter(|part| !part.is_empty());
            // figment may or may not have the field at the end of the path already.
            let mut key: Vec<_> = key.collect();
            key.dedup();
            format!("unknown key {}: there are {}", key.join("."), known.join(", "))
        }
        Kind::MissingField(field) => format!("{path} lacks {field}"),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
            format!("{path} must be {expected}")
        }
        Kind::UnknownVariant(_, known) => format!("{path} must be one of {}", known.join(", ")),
        Kind::Message(message) if path.is_empty() => message.clone(),
        _ if path.is_empty() => "it is not TOML of this shape".to_owned(),
        _ => format!("{path} does not hold what it must"),
    }
}
