//! The key that wraps all others.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

/// The environment variable that holds the master key.
pub(crate) const VARIABLE: &str = "NOVA_MASTER_KEY";
const NONCE_BYTES: usize = 12;

/// 256 bits that wrap all keys. Never shown.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    #[error("{place} does not hold a master key: 32 bytes in base64 or hexadecimal are expected")]
    Malformed { place: String },
    #[error(
        "there are keys in {keys} but no master key to open them: set {VARIABLE} or put back {file}",
        keys = keys.display(), file = file.display()
    )]
    Missing { keys: PathBuf, file: PathBuf },
    #[error("cannot use {place}: {problem}")]
    Io { place: String, problem: io::ErrorKind },
    #[error("the cryptographic library refused the operation")]
    Refused,
}

impl MasterKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { bytes: Zeroizing::new(bytes) }
    }

    /// From `NOVA_MASTER_KEY` or, if that is not set, from `master.key` in the folder. When neither is there it is made
    /// and put into the file, readable by its owner only, unless there are keys already that it could not open.
    pub fn load(dir: &Path) -> Result<Self, MasterKeyError> {
        if let Ok(text) = std::env::var(VARIABLE) {
            let text = Zeroizing::new(text);
            return Self::parse(&text)
                .ok_or_else(|| MasterKeyError::Malformed { place: VARIABLE.to_owned() });
        }
        let file = dir.join("master.key");
        let problem = |error: io::Error| MasterKeyError::Io {
            place: file.display().to_string(),
            problem: error.kind(),
        };
        match fs::read_to_string(&file) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                Self::parse(&text)
                    .ok_or_else(|| MasterKeyError::Malformed { place: file.display().to_string() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let keys = dir.join(super::store::FILE);
                if keys.exists() {
                    return Err(MasterKeyError::Missing { keys, file });
                }
                let key = Self::random()?;
                key.write(&file).map_err(problem)?;
                Ok(key)
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(MasterKeyError::Malformed { place: file.display().to_string() })
            }
            Err(error) => Err(problem(error)),
        }
    }

    fn random() -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| MasterKeyError::Refused)?;
        Ok(Self { bytes })
    }

    /// 32 bytes in base64 or hexadecimal.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut bytes = Zeroizing::new([0u8; 32]);
        if text.len() == 64 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
            }
        } else {
            let mut decoded = STANDARD.decode(text).ok()?;
            let fits = decoded.len() == bytes.len();
            if fits {
                bytes.copy_from_slice(&decoded);
            }
            decoded.zeroize();
            if !fits {
                return None;
            }
        }
        Some(Self { bytes })
    }

    /// Durable when it returns, and never over another one.
    fn write(&self, path: &Path) -> io::Result<()> {
        let dir = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(dir)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let text = Zeroizing::new(STANDARD.encode(self.bytes.as_slice()));
        writeln!(file, "{}", text.as_str())?;
        file.sync_all()?;
        File::open(dir)?.sync_all()
    }

    pub(crate) fn wrapping(&self) -> Result<Wrapping, MasterKeyError> {
        let key =
            UnboundKey::new(&AES_256_GCM, self.bytes.as_slice()).map_err(|_| MasterKeyError::Refused)?;
        Ok(Wrapping { key: LessSafeKey::new(key) })
    }
}

/// Wraps and unwraps: `nonce (12) | ciphertext | tag (16)`, AES-256-GCM, bound to what the secret is for.
pub(crate) struct Wrapping {
    key: LessSafeKey,
}

impl Wrapping {
    /// `None`: the cryptographic library refused.
    pub(crate) fn wrap(&self, purpose: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce).ok()?;
        let mut text = Zeroizing::new(secret.to_vec());
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(purpose), &mut text)
            .ok()?;
        Some([nonce.as_slice(), &text, tag.as_ref()].concat())
    }

    /// `None`: wrapped under another key, for another purpose, or altered.
    pub(crate) fn unwrap(&self, purpose: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, text) = wrapped.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.key.open_in_place(nonce, Aad::from(purpose), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_key_are_read_and_nothing_else() {
        let key = MasterKey::parse(&"0f".repeat(32)).unwrap();
        assert_eq!(*key.bytes, [15; 32]);
        assert_eq!(*MasterKey::parse(&format!(" {}\n", STANDARD.encode([15; 32]))).unwrap().bytes, [15; 32]);
        for text in ["", "0f", &"0f".repeat(31), &STANDARD.encode([15; 31]), &"zz".repeat(32)] {
            assert!(MasterKey::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_wrapped_opens_for_its_purpose_only() {
        let wrapping = MasterKey::new([1; 32]).wrapping().unwrap();
        let wrapped = wrapping.wrap(b"a", b"secret").unwrap();
        assert_eq!(wrapping.unwrap(b"a", &wrapped).unwrap().as_slice(), b"secret");
        assert!(wrapping.unwrap(b"b", &wrapped).is_none());
        assert!(MasterKey::new([2; 32]).wrapping().unwrap().unwrap(b"a", &wrapped).is_none());
        for length in 0..wrapped.len() {
            assert!(wrapping.unwrap(b"a", &wrapped[..length]).is_none());
        }
    }
}
