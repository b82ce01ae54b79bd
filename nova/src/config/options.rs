//! The configuration in the words of the rooms that it configures.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use nova_command_api::{ClientEventLimits, CommandOptions, ExecutorOptions, QuotaOptions};
use nova_embedded::ViewsOptions;
use nova_eventlog::FileLogOptions;
use nova_events::wrapping::MasterKey;
use nova_http::{AdaptiveOptions, CorsOrigins, HttpLimits, Issuer, TrustedProxies, VerifierOptions};
use nova_query_api::{LiveOptions, QueryOptions};
use nova_views::ranking::Weights;

use super::{Config, Profile};
use crate::document::Bounds;

/// Environment that lifts what each client is limited to, for load generators and tests, which are many clients at one address.
/// [`Config::lift_client_limits`] is the same for a configuration in hand.
pub const WITHOUT_CLIENT_LIMITS: [(&str, &str); 6] = [
    ("NOVA__HTTP__BODIES_BYTES_PER_CLIENT_MAX", "0"),
    ("NOVA__HTTP__IN_FLIGHT_PER_ADDRESS_MAX", "0"),
    ("NOVA__HTTP__IN_FLIGHT_PER_USER_MAX", "0"),
    ("NOVA__HTTP__REQUESTS_PER_SECOND_PER_USER", "0"),
    ("NOVA__QUERIES__AFTER_WAITING_PER_USER_MAX", "0"),
    ("NOVA__QUOTAS__ENABLED", "false"),
];

/// What operators' requests may take at once.
const OPERATORS_IN_FLIGHT_MAX: usize = 64;
const OPERATORS_BODIES_BYTES_MAX: usize = 4 << 20;

impl Config {
    /// Lifts what each client is limited to: see [`WITHOUT_CLIENT_LIMITS`].
    pub fn lift_client_limits(&mut self) {
        self.http.bodies_bytes_per_client_max = 0;
        self.http.in_flight_per_address_max = 0;
        self.http.in_flight_per_user_max = 0;
        self.http.requests_per_second_per_user = 0;
        self.queries.after_waiting_per_user_max = 0;
        self.quotas.enabled = false;
    }

    pub fn log_options(&self) -> FileLogOptions {
        let log = &self.log;
        FileLogOptions {
            segment_bytes: log.segment_bytes,
            queue_appends_max: log.queue_appends_max,
            queue_bytes_max: log.queue_bytes_max,
            heads_cached_max: log.heads_cached_max,
            open_files_max: log.open_files_max,
            cut_damaged_tail: log.cut_damaged_tail,
            ..FileLogOptions::default()
        }
    }

    pub fn views_options(&self) -> ViewsOptions {
        let views = &self.views;
        ViewsOptions {
            readers_max: views.readers_max,
            writer_cache_bytes: views.writer_cache_bytes,
            reader_cache_bytes: views.reader_cache_bytes,
            mmap_bytes: views.mmap_bytes,
            cache_bytes: views.cache_bytes,
            window_posts_max: views.window_posts_max,
            weights: self.ranking_weights(),
            feed_ranking_ttl_ms: views.feed_ranking_ttl_ms,
            trending_ttl_ms: views.trending_ttl_ms,
            session_ttl_ms: views.session_ttl_ms,
            session_bytes: views.session_bytes,
        }
    }

    pub fn ranking_weights(&self) -> Weights {
        let ranking = &self.ranking;
        Weights { freshness: ranking.freshness, engagement: ranking.engagement, affinity: ranking.affinity }
    }

    pub fn projector_options(&self) -> nova_projectors::Options {
        nova_projectors::Options {
            batch_events_max: self.projectors.batch_events_max,
            queue_batches_max: self.projectors.queue_batches_max,
            step_events_max: self.projectors.step_events_max,
            pace_ms: self.projectors.pace_ms,
        }
    }

    pub fn domain_limits(&self) -> nova_domain::Limits {
        let limits = &self.limits;
        nova_domain::Limits {
            post_text_bytes_max: limits.post_text_bytes_max,
            comment_text_bytes_max: limits.comment_text_bytes_max,
            message_text_bytes_max: limits.message_text_bytes_max,
            handle_chars_min: limits.handle_chars_min,
            handle_chars_max: limits.handle_chars_max,
            handles_reserved: limits.handles_reserved.clone(),
            display_name_bytes_max: limits.display_name_bytes_max,
            bio_bytes_max: limits.bio_bytes_max,
            title_bytes_max: limits.title_bytes_max,
            reason_bytes_max: limits.reason_bytes_max,
            nonce_bytes_max: limits.nonce_bytes_max,
            client_id_bytes_max: limits.client_id_bytes_max,
            members_max: limits.members_max,
            message_edit_window_ms: limits.message_edit_window_ms,
            restore_grace_ms: limits.restore_grace_ms,
            audio_bytes_max: self.media.audio_bytes_max,
            image_bytes_max: self.media.image_bytes_max,
            video_bytes_max: self.media.video_bytes_max,
            audio_ms_max: self.media.audio_ms_max,
            waveform_samples_max: self.media.waveform_samples_max,
            post_media_max: self.media.post_media_max,
            upload_grace_ms: i64::try_from(self.media.upload_grace_s.saturating_mul(1_000))
                .unwrap_or(i64::MAX),
        }
    }

    pub fn executor_options(&self, sole_writer: bool) -> ExecutorOptions {
        ExecutorOptions {
            limits: self.domain_limits(),
            attempts_max: self.commands.attempts_max,
            states_bytes_max: self.commands.states_bytes_max,
            sole_writer,
        }
    }

    pub fn command_options(&self) -> CommandOptions {
        let events = &self.client_events;
        let client_events = ClientEventLimits {
            events_max: events.events_max,
            properties_max: events.properties_max,
            property_name_bytes_max: events.property_name_bytes_max,
            property_bytes_max: events.property_bytes_max,
            at_ahead_ms_max: events.at_ahead_ms_max,
            at_age_ms_max: events.at_age_ms_max,
        };
        CommandOptions { batch_posts_max: self.commands.batch_posts_max, client_events }
    }

    /// What clients may send at most.
    pub fn document_bounds(&self) -> Bounds {
        Bounds {
            limits: self.domain_limits(),
            batch_posts: self.commands.batch_posts_max,
            client_events: self.client_events.events_max,
        }
    }

    /// Where client events are kept, or wait.
    pub fn client_events_folder(&self) -> PathBuf {
        self.data.dir.join("client-events")
    }

    pub fn query_options(&self) -> QueryOptions {
        QueryOptions {
            after_patience: Duration::from_millis(self.queries.after_patience_ms),
            after_waiting_max: self.queries.after_waiting_max,
            after_waiting_per_user_max: self.queries.after_waiting_per_user_max,
            ready_lag_events_max: self.queries.ready_lag_events_max,
            ready_lag: Duration::from_millis(self.queries.ready_lag_ms),
            live: self.live_options(),
        }
    }

    fn live_options(&self) -> LiveOptions {
        let live = &self.live;
        LiveOptions {
            connections_max: live.connections_max,
            connections_per_user_max: live.connections_per_user_max,
            subscriptions_per_connection_max: live.subscriptions_per_connection_max,
            queue_bytes_max: live.queue_bytes_max,
            frame_bytes_max: live.frame_bytes_max,
            ops_per_second_max: live.ops_per_second_max,
            ops_burst_max: live.ops_burst_max,
            typing_interval: Duration::from_millis(live.typing_interval_ms),
            replay_messages_max: live.replay_messages_max,
            auth_timeout: Duration::from_millis(live.auth_timeout_ms),
            write_timeout: Duration::from_millis(live.write_timeout_ms),
            delivered_interval: Duration::from_millis(live.delivered_interval_ms),
            ping_interval: Duration::from_millis(live.ping_interval_ms),
            drain: Duration::from_millis(live.drain_ms),
            timeline_lookups_max: live.timeline_lookups_max,
        }
    }

    pub fn http_limits(&self) -> HttpLimits {
        let http = &self.http;
        HttpLimits {
            body_bytes_max: http.body_bytes_max,
            body_timeout_ms: http.body_timeout_ms,
            body_grace_ms: http.body_grace_ms,
            body_bytes_per_second_min: http.body_bytes_per_second_min,
            bodies_bytes_max: http.bodies_bytes_max,
            bodies_bytes_per_client_max: http.bodies_bytes_per_client_max,
            in_flight_max: http.in_flight_max,
            in_flight_per_address_max: http.in_flight_per_address_max,
            in_flight_per_user_max: http.in_flight_per_user_max,
            // Checked when the configuration was read.
            trusted_proxies: self.server.trusted_proxies().unwrap_or_default(),
            adaptive: http
                .adaptive_limit
                .then(|| AdaptiveOptions::new(http.adaptive_limit_min, http.adaptive_limit_max)),
            requests_per_second_per_user: http.requests_per_second_per_user,
            requests_burst_per_user: http.requests_burst_per_user,
            request_timeout_ms: http.request_timeout_ms,
        }
    }

    /// Operators are few, and every one of their requests is to be answered: nothing adapts, and little is taken at once.
    pub fn operators_http_limits(&self) -> HttpLimits {
        HttpLimits {
            bodies_bytes_max: OPERATORS_BODIES_BYTES_MAX.max(self.http.body_bytes_max),
            in_flight_max: OPERATORS_IN_FLIGHT_MAX,
            in_flight_per_user_max: 0,
            requests_per_second_per_user: 0,
            adaptive: None,
            trusted_proxies: TrustedProxies::default(),
            ..self.http_limits()
        }
    }

    pub fn cors_origins(&self) -> anyhow::Result<CorsOrigins> {
        CorsOrigins::parse(&self.http.cors_origins).context("http.cors_origins")
    }

    pub fn quota_options(&self) -> QuotaOptions {
        let quotas = &self.quotas;
        if !quotas.enabled {
            return QuotaOptions::default();
        }
        QuotaOptions {
            registrations_per_hour_per_address: quotas.registrations_per_hour_per_address,
            profile_changes_per_hour: quotas.profile_changes_per_hour,
            posts_per_hour: quotas.posts_per_hour,
            comments_per_hour: quotas.comments_per_hour,
            messages_per_hour: quotas.messages_per_hour,
            conversations_per_hour: quotas.conversations_per_hour,
            members_per_hour: quotas.members_per_hour,
            uploads_per_hour: quotas.uploads_per_hour,
            relations_per_hour: quotas.relations_per_hour,
            likes_per_hour: quotas.likes_per_hour,
            client_events_per_hour: quotas.client_events_per_hour,
        }
    }

    pub fn verifier_options(&self) -> VerifierOptions {
        let auth = &self.auth;
        VerifierOptions {
            issuer: auth.issuer.clone(),
            audience: auth.audience.clone(),
            leeway_s: auth.leeway_s,
            lifetime_s_max: auth.token_lifetime_s_max,
            cached_tokens_max: auth.cached_tokens_max,
        }
    }

    /// The key that signs Nova's own tokens.
    pub fn token_key_file(&self) -> PathBuf {
        if self.auth.key_file.as_os_str().is_empty() {
            self.data.dir.join("keys").join("token.pkcs8")
        } else {
            self.auth.key_file.clone()
        }
    }

    /// Opens what signs Nova's own tokens and verifies them: one key for all processes of an installation.
    ///
    /// The embedded profile makes a key in the data folder. In the distributed profile a folder belongs to one machine, so
    /// the key is that of `auth.key_file`, which has to be there, or it is derived from the master key.
    pub fn issuer(&self) -> anyhow::Result<Issuer> {
        let (file, options) = (self.token_key_file(), self.verifier_options());
        if self.profile == Profile::Embedded {
            return Ok(Issuer::with_options(&file, options)?);
        }
        if !self.auth.key_file.as_os_str().is_empty() {
            return Issuer::open(&file, options).context(
                "auth.key_file names the key that every process of the distributed profile signs tokens with",
            );
        }
        if file.exists() {
            tracing::warn!(
                file = %file.display(),
                "tokens signed with this key are not accepted: the token key is derived from keys.master_key, unless \
                 auth.key_file names one that every process has"
            );
        }
        Ok(Issuer::derived(&self.shared_master_key()?, options)?)
    }

    /// The master key as the distributed profile needs it: given from outside, the same on every machine.
    pub fn shared_master_key(&self) -> anyhow::Result<MasterKey> {
        self.master_key()?.context(
            "the distributed profile needs keys.master_key (NOVA__KEYS__MASTER_KEY) or keys.master_key_file, the same \
             on every machine: 32 random bytes in base64",
        )
    }

    /// The key that wraps all keys, when it is given otherwise than by the data folder.
    pub fn master_key(&self) -> anyhow::Result<Option<MasterKey>> {
        let keys = &self.keys;
        let file = &keys.master_key_file;
        let (text, place) = if let Some(secret) = keys.master_key.reveal() {
            (secret.to_owned(), "keys.master_key".to_owned())
        } else if file.as_os_str().is_empty() {
            return Ok(None);
        } else {
            let place = format!("keys.master_key_file ({})", file.display());
            (std::fs::read_to_string(file).with_context(|| format!("cannot read {place}"))?, place)
        };
        let key = MasterKey::parse(&text);
        key.map(Some).with_context(|| format!("{place} does not hold 32 bytes in base64 or hexadecimal"))
    }
}
