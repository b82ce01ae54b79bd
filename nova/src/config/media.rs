//! Media, in the words of the rooms that keep them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use nova_command_api::sweep::SweepOptions;
use nova_command_api::{Media, MediaOptions};
use nova_http::OwnAddress;
use nova_media::{Folder, MediaStore};
use nova_query_api::MediaAccess;
use nova_resilience::{BreakerOptions, GuardOptions};

use super::Config;

impl Config {
    pub(crate) fn media_folder(&self) -> PathBuf {
        self.data.dir.join("media")
    }

    /// `None`: no bucket is named.
    #[cfg(feature = "distributed")]
    pub(crate) fn media_on_s3(&self) -> anyhow::Result<Option<MediaStore>> {
        let media = &self.media;
        if media.s3_bucket.is_empty() {
            return Ok(None);
        }
        let secret_key = media.s3_secret_key.or_file("media.s3_secret_key", &media.s3_secret_key_file)?;
        let options = nova_media::s3::S3Options {
            endpoint: media.s3_endpoint.clone(),
            public_endpoint: Some(media.s3_public_endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            bucket: media.s3_bucket.clone(),
            region: media.s3_region.clone(),
            access_key: media.s3_access_key.clone(),
            secret_key: secret_key
                .context("media.s3_bucket needs media.s3_secret_key (NOVA__MEDIA__S3_SECRET_KEY) or media.s3_secret_key_file")?,
            path_style: media.s3_path_style,
            connect_timeout: Duration::from_millis(media.s3_connect_ms_max),
            guard: self.media_guard(),
        };
        Ok(Some(nova_media::s3::open(&options)?))
    }

    #[cfg(not(feature = "distributed"))]
    pub(crate) fn media_on_s3(&self) -> anyhow::Result<Option<MediaStore>> {
        anyhow::ensure!(
            self.media.s3_bucket.is_empty(),
            "this build keeps media in folders only: build Nova with `--features distributed`, or leave media.s3_bucket empty"
        );
        Ok(None)
    }

    pub(crate) fn media_in_folder(&self) -> anyhow::Result<MediaStore> {
        let dir = self.media_folder();
        let folder = Folder::open(&dir)
            .with_context(|| format!("cannot open the folder for media, {}", dir.display()))?;
        Ok(MediaStore::in_folder(folder, self.media_guard()))
    }

    pub(crate) fn media_guard(&self) -> GuardOptions {
        let media = &self.media;
        let open = Duration::from_millis(media.s3_open_ms);
        GuardOptions {
            breaker: BreakerOptions::new(media.s3_failures, open, media.s3_successes),
            calls_max: media.s3_calls_max,
            place_wait: Duration::from_millis(100),
            call_timeout: Duration::from_millis(media.s3_call_ms),
            probed_apart: false,
        }
    }

    pub(crate) fn media_of_commands(&self, store: MediaStore) -> Media {
        let media = &self.media;
        let options = MediaOptions {
            voice_ttl: Duration::from_secs(media.voice_ttl_s),
            upload_ttl: Duration::from_secs(media.upload_ttl_s),
            own_address: self.own_address(),
            checks_max: media.checks_max,
        };
        Media::new(store, options)
    }

    pub(crate) fn media_access(&self, store: MediaStore) -> MediaAccess {
        let get_ttl = Duration::from_secs(self.media.get_ttl_s);
        MediaAccess { store, get_ttl, own_address: self.own_address() }
    }

    fn own_address(&self) -> OwnAddress {
        OwnAddress::new(&self.media.public_url, &self.http.hosts_allowed, self.server.listen.0)
    }

    pub(crate) fn sweep_options(&self) -> SweepOptions {
        let media = &self.media;
        let ttl_s = media.voice_ttl_s.max(media.upload_ttl_s);
        SweepOptions {
            age_min: Duration::from_secs(ttl_s + media.upload_grace_s + media.sweep_margin_s),
            batch_objects: media.sweep_batch_objects.max(1),
        }
    }
}
