//! All that is done with the bytes, whatever place they are in. Every call goes through the breaker; all of them can be
//! made again, so one that failed at once is.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use nova_resilience::{BreakerStatus, Dependency, Guard, GuardOptions, Trouble};
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt as _};

use crate::error::{StoreError, judge};
use crate::folder::Folder;

/// A place for media. Cheap to clone.
#[derive(Clone)]
pub struct MediaStore(Arc<Inner>);

struct Inner {
    objects: Arc<dyn ObjectStore>,
    place: Place,
    guard: Guard,
}

pub(crate) enum Place {
    Folder(Folder),
    #[cfg(feature = "s3")]
    S3(Box<crate::s3::Signer>),
}

impl std::fmt::Debug for MediaStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaStore").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// Where to put something, and what has to be said with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presigned {
    pub url: String,
    /// Exactly these headers have to be sent.
    pub headers: Vec<(&'static str, String)>,
}

/// What may be put.
#[derive(Debug, Clone, Copy)]
pub struct PutTerms<'a> {
    pub key: &'a str,
    pub content_type: &'a str,
    pub content_length: u64,
    /// In hexadecimal.
    pub sha256: &'a str,
    pub expires_in: Duration,
}

/// Something that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    pub size: u64,
    pub modified_at: DateTime<Utc>,
}

pub(crate) const CHECKSUM_HEADER: &str = "x-amz-checksum-sha256";

impl MediaStore {
    pub fn in_folder(folder: Folder, options: GuardOptions) -> Self {
        let objects = folder.objects();
        Self::new(objects, Place::Folder(folder), Guard::new("media", options))
    }

    pub(crate) fn new(objects: Arc<dyn ObjectStore>, place: Place, guard: Guard) -> Self {
        Self(Arc::new(Inner { objects, place, guard }))
    }

    /// The folder, when it is one: then the addresses are Nova's own, to be served.
    pub fn folder(&self) -> Option<&Folder> {
        match &self.0.place {
            Place::Folder(folder) => Some(folder),
            #[cfg(feature = "s3")]
            Place::S3(_) => None,
        }
    }

    /// Returns where addresses of Nova's own begin, or nothing where the bytes are elsewhere and addresses lead there.
    pub fn base<E>(&self, own: impl FnOnce() -> Result<String, E>) -> Result<String, E> {
        match self.folder() {
            Some(_) => own(),
            None => Ok(String::new()),
        }
    }

    /// `base`: where clients reach Nova, for addresses of its own.
    pub fn presign_put(&self, terms: PutTerms<'_>, base: &str) -> Presigned {
        let checksum = crate::look::base64_of_hex(terms.sha256).unwrap_or_default();
        let url = match &self.0.place {
            Place::Folder(folder) => folder.put_url(&terms, &checksum, base),
            #[cfg(feature = "s3")]
            Place::S3(signer) => signer.put_url(&terms, &checksum),
        };
        let headers = vec![
            ("content-type", terms.content_type.to_owned()),
            ("content-length", terms.content_length.to_string()),
            (CHECKSUM_HEADER, checksum),
        ];
        Presigned { url, headers }
    }

    /// An address to get it from, for whoever has it.
    pub fn presign_get(&self, key: &str, content_type: &str, expires_in: Duration, base: &str) -> String {
        match &self.0.place {
            Place::Folder(folder) => folder.get_url(key, content_type, expires_in, base),
            #[cfg(feature = "s3")]
            Place::S3(signer) => signer.get_url(key, content_type, expires_in),
        }
    }

    pub async fn size(&self, key: &str) -> Result<u64, StoreError> {
        let path = Path::from(key);
        Ok(self.guarded(|| self.0.objects.head(&path)).await?.size)
    }

    pub async fn exists(&self, key: &str) -> Result<bool, StoreError> {
        match self.size(key).await {
            Ok(_) => Ok(true),
            Err(StoreError::Missing) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub async fn read(&self, key: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let path = Path::from(key);
        self.guarded(|| self.0.objects.get_range(&path, range.clone())).await
    }

    /// A few bytes of Nova's own.
    pub async fn write(&self, key: &str, bytes: &'static [u8]) -> Result<(), StoreError> {
        self.put(key, Bytes::from_static(bytes)).await
    }

    /// Writes an object, whole or not at all.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let path = Path::from(key);
        self.guarded(|| self.0.objects.put(&path, bytes.clone().into())).await.map(|_| ())
    }

    /// Begins an object that is written in parts. It is there once it is finished.
    pub(crate) async fn begin_copy(&self, key: &str) -> Result<Copy<'_>, StoreError> {
        let path = Path::from(key);
        let upload = self.guarded(|| self.0.objects.put_multipart(&path)).await?;
        Ok(Copy { guard: &self.0.guard, upload })
    }

    /// It is not there afterwards.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let path = Path::from(key);
        match self.guarded(|| self.0.objects.delete(&path)).await {
            Ok(()) | Err(StoreError::Missing) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// At most `limit` of what lies in a folder (`staging`, ...), behind the key `after`, by key.
    pub async fn list(
        &self,
        folder: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Object>, StoreError> {
        let (prefix, after) = (Path::from(folder), after.map(Path::from));
        let mut found = self
            .guarded(|| async {
                let listed = match &after {
                    Some(after) => self.0.objects.list_with_offset(Some(&prefix), after),
                    None => self.0.objects.list(Some(&prefix)),
                };
                let mut found = Vec::new();
                let mut listed = std::pin::pin!(listed);
                while let Some(meta) = listed.next().await {
                    let meta = meta?;
                    let object = Object {
                        key: meta.location.to_string(),
                        size: meta.size,
                        modified_at: meta.last_modified,
                    };
                    found.push(object);
                    // A folder lists in no order: then all names are looked at, and the first ones kept.
                    if found.len() >= limit && !self.is_folder() {
                        break;
                    }
                }
                Ok(found)
            })
            .await?;
        found.sort_unstable_by(|a: &Object, b| a.key.cmp(&b.key));
        found.truncate(limit);
        Ok(found)
    }

    fn is_folder(&self) -> bool {
        self.folder().is_some()
    }

    async fn guarded<T, F>(&self, work: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Error>>,
    {
        Ok(self.0.guard.call_twice(judge, work).await?)
    }
}

/// An object that is being written in parts.
#[derive(Debug)]
pub(crate) struct Copy<'a> {
    guard: &'a Guard,
    upload: Box<dyn MultipartUpload>,
}

impl Copy<'_> {
    /// Waits until the store has the part: at most one is held.
    pub(crate) async fn push(&mut self, part: Bytes) -> Result<(), StoreError> {
        let sent = self.upload.put_part(part.into());
        Ok(self.guard.call(judge, sent).await?)
    }

    pub(crate) async fn finish(mut self) -> Result<(), StoreError> {
        let finished = self.guard.call(judge, self.upload.complete()).await.map(|_| ());
        if finished.is_err() {
            self.abort().await;
        }
        Ok(finished?)
    }

    /// Removes the parts. If that fails they stay with the store, which its lifecycle rule for unfinished uploads removes.
    pub(crate) async fn abort(mut self) {
        if let Err(error) = self.guard.call(judge, self.upload.abort()).await {
            tracing::warn!(error = %StoreError::from(error), "parts of an unfinished object stay in the media store");
        }
    }
}

#[async_trait::async_trait]
impl Dependency for MediaStore {
    fn name(&self) -> &'static str {
        match &self.0.place {
            Place::Folder(_) => "media",
            #[cfg(feature = "s3")]
            Place::S3(_) => "s3",
        }
    }

    fn address(&self) -> String {
        match &self.0.place {
            Place::Folder(folder) => folder.dir().display().to_string(),
            #[cfg(feature = "s3")]
            Place::S3(signer) => signer.address(),
        }
    }

    /// Everything but uploads goes on without it.
    fn is_required(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), Trouble> {
        match self.0.objects.head(&Path::from("health")).await {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => {
                let StoreError::Unavailable { why, .. } =
                    StoreError::from(nova_resilience::GuardError::Failed(error))
                else {
                    return Ok(());
                };
                Err(Trouble { class: "unreachable", message: why })
            }
        }
    }

    fn breaker(&self) -> Option<BreakerStatus> {
        Some(self.0.guard.status())
    }
}
