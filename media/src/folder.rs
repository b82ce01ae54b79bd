//! Media in a folder, for one process. The addresses are Nova's own and signed with a key of the folder; what is put is held
//! to the same terms as on S3, and is there whole or not at all.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::{digest, hmac, rand};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use tokio::io::AsyncWriteExt as _;

use crate::keys::STAGING;
use crate::look::hex;
use crate::store::PutTerms;

/// Where Nova serves the addresses.
pub const ROUTE: &str = "/api/v1/storage";
const KEY_BYTES: usize = 32;

/// A folder for media. Cheap to clone.
#[derive(Clone)]
pub struct Folder {
    dir: Arc<Path>,
    objects: Arc<LocalFileSystem>,
    key: Arc<hmac::Key>,
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("dir", &self.dir).finish_non_exhaustive()
    }
}

/// Why something was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The address was altered or is another one's, or what is said with it is not what was signed.
    #[error("the signature does not fit")]
    Signature,
    #[error("the address has expired")]
    Expired,
    /// More or less bytes than were signed.
    #[error("the body has another length than was signed")]
    Length,
    #[error("the body has another checksum than was signed")]
    Checksum,
    /// The client went away.
    #[error("the body ended early")]
    Incomplete,
    #[error("the folder for media cannot be written: {0}")]
    Io(#[from] std::io::Error),
}

/// What came with an address of ours.
#[derive(Debug, Clone, Copy)]
pub struct PutClaims<'a> {
    pub key: &'a str,
    pub content_type: &'a str,
    pub content_length: u64,
    /// In base64, as in the header.
    pub checksum: &'a str,
    pub expires: u64,
    pub signature: &'a str,
}

impl Folder {
    /// Opens the folder, or begins one. What uploads left half done when the process ended is removed.
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        let objects = dir.join("objects");
        private_dir(&objects)?;
        let halves = dir.join("incoming");
        match std::fs::remove_dir_all(&halves) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => private_dir(&halves)?,
        }
        let key = signing_key(&dir.join("signing.key"))?;
        let objects =
            LocalFileSystem::new_with_prefix(&objects).map_err(std::io::Error::other)?.with_fsync(true);
        Ok(Self {
            dir: dir.into(),
            objects: Arc::new(objects),
            key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key)),
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects) as _
    }

    pub(crate) fn put_url(&self, terms: &PutTerms<'_>, checksum: &str, base: &str) -> String {
        let expires = now_s() + terms.expires_in.as_secs();
        let text = put_text(terms.key, terms.content_type, terms.content_length, checksum, expires);
        let signature = self.sign(&text);
        format!("{base}{ROUTE}/{}?expires={expires}&signature={signature}", terms.key)
    }

    pub(crate) fn get_url(&self, key: &str, content_type: &str, expires_in: Duration, base: &str) -> String {
        let expires = now_s() + expires_in.as_secs();
        let signature = self.sign(&get_text(key, content_type, expires));
        let content_type: String = form_urlencoded::byte_serialize(content_type.as_bytes()).collect();
        format!("{base}{ROUTE}/{key}?expires={expires}&type={content_type}&signature={signature}")
    }

    fn sign(&self, text: &str) -> String {
        hex(hmac::sign(&self.key, text.as_bytes()).as_ref())
    }

    /// In constant time.
    fn is_signed(&self, text: &str, signature: &str) -> bool {
        let digits = signature.as_bytes().chunks_exact(2);
        let tag: Option<Vec<u8>> =
            digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
        tag.is_some_and(|tag| hmac::verify(&self.key, text.as_bytes(), &tag).is_ok())
    }

    /// Whether this may be got from here.
    pub fn check_get(
        &self,
        key: &str,
        content_type: &str,
        expires: u64,
        signature: &str,
    ) -> Result<(), PutError> {
        if !self.is_signed(&get_text(key, content_type, expires), signature) {
            return Err(PutError::Signature);
        }
        if now_s() > expires { Err(PutError::Expired) } else { Ok(()) }
    }

    /// Whether this may be put here. Only what is to be looked at first.
    pub fn check_put(&self, claims: &PutClaims<'_>) -> Result<(), PutError> {
        let PutClaims { key, content_type, content_length, checksum, expires, signature } = *claims;
        let text = put_text(key, content_type, content_length, checksum, expires);
        let name = key.strip_prefix(STAGING).and_then(|rest| rest.strip_prefix('/'));
        let is_plain =
            name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if !is_plain || !self.is_signed(&text, signature) {
            return Err(PutError::Signature);
        }
        if now_s() > expires { Err(PutError::Expired) } else { Ok(()) }
    }

    /// Takes in a body that [`Folder::check_put`] let through. It is there under its key when all of it is, and synced.
    pub async fn put<E>(
        &self,
        claims: &PutClaims<'_>,
        body: impl Stream<Item = Result<Bytes, E>> + Send,
    ) -> Result<(), PutError> {
        let incoming = self.dir.join("incoming");
        let half = tokio::task::spawn_blocking(move || tempfile::NamedTempFile::new_in(incoming));
        // Whatever ends this early removes the file.
        let (file, half) = half.await.map_err(std::io::Error::other)??.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let (mut digest, mut length) = (digest::Context::new(&digest::SHA256), 0_u64);
        let mut body = std::pin::pin!(body);
        while let Some(part) = body.next().await {
            let Ok(part) = part else { return Err(PutError::Incomplete) };
            length += part.len() as u64;
            if length > claims.content_length {
                return Err(PutError::Length);
            }
            digest.update(&part);
            file.write_all(&part).await?;
        }
        if length != claims.content_length {
            return Err(PutError::Length);
        }
        let found = crate::look::base64_of_hex(&hex(digest.finish().as_ref()));
        if found.as_deref() != Some(claims.checksum) {
            return Err(PutError::Checksum);
        }
        file.flush().await?;
        file.sync_all().await?;
        drop(file);
        let to = self.path_of(claims.key);
        let moved = tokio::task::spawn_blocking(move || {
            if let Some(parent) = to.parent() {
                private_dir(parent)?;
            }
            half.persist(&to).map_err(|error| error.error)
        });
        Ok(moved.await.map_err(std::io::Error::other)??)
    }

    /// Where an object lies, to be sent. `key` has been checked with [`Folder::check_get`].
    pub fn path_of(&self, key: &str) -> PathBuf {
        self.dir.join("objects").join(key)
    }
}

fn put_text(key: &str, content_type: &str, content_length: u64, checksum: &str, expires: u64) -> String {
    format!("PUT\n{key}\n{content_type}\n{content_length}\n{checksum}\n{expires}")
}

fn get_text(key: &str, content_type: &str, expires: u64) -> String {
    format!("GET\n{key}\n{content_type}\n{expires}")
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Made on first use, for the owner of the folder alone.
/// Makes a folder and its parents for their owner only.
fn private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

fn signing_key(path: &Path) -> std::io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Ok(key) if key.len() == KEY_BYTES => return Ok(key),
        Ok(_) => {
            let told = format!("{} does not hold a key of {KEY_BYTES} bytes", path.display());
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, told));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut key = vec![0; KEY_BYTES];
    rand::fill(&mut key).map_err(|_| std::io::Error::other("no random bytes"))?;
    let parent = path.parent().unwrap_or(path);
    // Temporary files are readable by their owner alone.
    let mut file = tempfile::NamedTempFile::new_in(parent)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(key)
}
