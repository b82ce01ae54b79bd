//! The key that wraps all others, and the wrapping.
//!
//! * A master key is never shown and never stored beside what it wraps, unless the embedded profile is given no other.
//! * What is wrapped opens under the same master key and for the same purpose only.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

/// The environment variable that holds the master key.
pub const MASTER_KEY_VARIABLE: &str = "NOVA_MASTER_KEY";
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
        "there are keys in {keys} but no master key to open them: set {MASTER_KEY_VARIABLE} or put back {file}",
        keys = keys.display(), file = file.display()
    )]
    Missing { keys: PathBuf, file: PathBuf },
    #[error("no master key: set {MASTER_KEY_VARIABLE}, the same on every machine")]
    Required,
    #[error("cannot use {place}: {problem}")]
    Io { place: String, problem: io::ErrorKind },
    #[error("the cryptographic library refused the operation")]
    Refused,
}

impl MasterKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self { bytes: Zeroizing::new(bytes) }
    }

    pub fn random() -> Result<Self, MasterKeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| MasterKeyError::Refused)?;
        Ok(Self { bytes })
    }

    /// From the environment, `None` when the variable is not set.
    pub fn from_environment() -> Result<Option<Self>, MasterKeyError> {
        let Ok(text) = std::env::var(MASTER_KEY_VARIABLE) else { return Ok(None) };
        let text = Zeroizing::new(text);
        let key = Self::parse(&text);
        key.map(Some).ok_or_else(|| MasterKeyError::Malformed { place: MASTER_KEY_VARIABLE.to_owned() })
    }

    /// From a file, `None` when it is not there.
    pub fn from_file(file: &Path) -> Result<Option<Self>, MasterKeyError> {
        let place = || file.display().to_string();
        match fs::read_to_string(file) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                let key = Self::parse(&text);
                key.map(Some).ok_or_else(|| MasterKeyError::Malformed { place: place() })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(MasterKeyError::Malformed { place: place() })
            }
            Err(error) => Err(MasterKeyError::Io { place: place(), problem: error.kind() }),
        }
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

    /// As [`parse`](Self::parse) reads it.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.bytes.as_slice()))
    }

    /// Derives 32 bytes for another purpose (HKDF-SHA-256, RFC 5869), the same on every machine. They say nothing about this
    /// key, nor about the bytes for another purpose.
    pub fn derive(&self, purpose: &str) -> Result<Zeroizing<[u8; 32]>, MasterKeyError> {
        let mut derived = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, b"nova master key v1")
            .extract(self.bytes.as_slice())
            .expand(&[purpose.as_bytes()], HKDF_SHA256)
            .and_then(|okm| okm.fill(derived.as_mut_slice()))
            .map_err(|_| MasterKeyError::Refused)?;
        Ok(derived)
    }

    pub fn wrapping(&self) -> Result<Wrapping, MasterKeyError> {
        let key =
            UnboundKey::new(&AES_256_GCM, self.bytes.as_slice()).map_err(|_| MasterKeyError::Refused)?;
        Ok(Wrapping { key: LessSafeKey::new(key) })
    }
}

/// Wraps and unwraps: `nonce (12) | ciphertext | tag (16)`, AES-256-GCM, bound to what the secret is for.
pub struct Wrapping {
    key: LessSafeKey,
}

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wrapping(..)")
    }
}

impl Wrapping {
    /// `None`: the cryptographic library refused.
    pub fn wrap(&self, purpose: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
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
    pub fn unwrap(&self, purpose: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
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
        assert_eq!(*MasterKey::parse(&format!(" {}\n", key.to_text().as_str())).unwrap().bytes, [15; 32]);
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
