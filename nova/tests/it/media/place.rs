//! A product, and the place where its media are: what lies there is seen without it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nova::config::Config;
use nova_media::{Folder, MediaStore};

use super::bucket::guard;
use crate::world::World;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) store: Look,
}

/// Where to look.
pub(crate) enum Look {
    InFolder(std::path::PathBuf),
    #[cfg(feature = "distributed")]
    Through(Box<MediaStore>),
}

impl Place {
    pub(crate) async fn folder() -> Self {
        Self::folder_with(|_| {}).await
    }

    pub(crate) async fn folder_with(change: impl FnOnce(&mut Config)) -> Self {
        let world = World::with(change).await;
        let dir = world.data.path().join("media").join("objects");
        Self { world, store: Look::InFolder(dir) }
    }

    /// The keys of all that is there.
    pub(crate) async fn keys(&self) -> BTreeSet<String> {
        match &self.store {
            Look::InFolder(dir) => in_folder(dir),
            #[cfg(feature = "distributed")]
            Look::Through(store) => super::bucket::keys(store).await.unwrap(),
        }
    }

    pub(crate) async fn holds_only(&self, expected: &[String]) {
        assert_eq!(self.keys().await, expected.iter().cloned().collect());
    }

    /// Nothing is there, soon.
    pub(crate) async fn is_empty_soon(&self) {
        self.holds_soon(&[]).await;
    }

    pub(crate) async fn holds_soon(&self, expected: &[String]) {
        let (began, expected) = (Instant::now(), expected.iter().cloned().collect());
        loop {
            let keys = self.keys().await;
            if keys == expected {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{keys:?} and not {expected:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn in_folder(dir: &std::path::Path) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for folder in std::fs::read_dir(dir).unwrap() {
        let folder = folder.unwrap();
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let name = |path: &std::ffi::OsStr| path.to_str().unwrap().to_owned();
            keys.insert(format!("{}/{}", name(&folder.file_name()), name(&file.unwrap().file_name())));
        }
    }
    keys
}

/// The folder of a product that does not run.
pub(crate) fn folder_of(data: &std::path::Path) -> MediaStore {
    MediaStore::in_folder(Folder::open(&data.join("media")).unwrap(), guard())
}

#[cfg(feature = "distributed")]
pub(crate) mod s3 {
    use nova_media::s3::{S3Options, open};

    pub(crate) use super::super::bucket::options;
    use super::*;

    pub(crate) fn use_it(config: &mut Config, options: &S3Options) {
        config.media.s3_endpoint.clone_from(&options.endpoint);
        config.media.s3_bucket.clone_from(&options.bucket);
        config.media.s3_access_key.clone_from(&options.access_key);
        config.media.s3_secret_key = options.secret_key.clone().into();
        config.media.s3_call_ms = 20_000;
    }

    impl Place {
        pub(crate) async fn s3() -> Self {
            Self::s3_with(|_| {}).await
        }

        pub(crate) async fn s3_with(change: impl FnOnce(&mut Config)) -> Self {
            let options = options().await;
            let world = World::with(|config| {
                use_it(config, &options);
                change(config);
            });
            Self { world: world.await, store: Look::Through(Box::new(open(&options).unwrap())) }
        }
    }
}
