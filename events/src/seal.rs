//! Sealing: AES-256-GCM under a key derived from the subject's data key, with a commitment to that key.
//!
//! GCM alone does not commit to its key: one ciphertext can be made to open under two keys to two texts. So each data
//! key yields two values by HKDF-SHA256 (RFC 5869), an encryption key and a 32-byte commitment; the commitment is
//! stored with the ciphertext and compared before anything is opened. This is the construction of the committing
//! suites of the AWS Encryption SDK. The event's place (stream, event id, type, version) is bound as associated data,
//! so that a sealed part cannot be moved to another event.
//!
//! Layout of a sealed part: `format (1) | class (1) | subject (16) | nonce (12) | commitment (32) | ciphertext | tag (16)`.
//! Nonces are random: at most 2^32 parts may be sealed under one key (NIST SP 800-38D).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::{constant_time, hkdf, rand};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Class, UserId};

const FORMAT: u8 = 1;
const NONCE_BYTES: usize = 12;
const COMMITMENT_BYTES: usize = 32;
const HEADER_BYTES: usize = 2 + 16 + NONCE_BYTES + COMMITMENT_BYTES;

/// A data key, ready for use. Its bytes are not kept.
pub struct DataKey {
    key: LessSafeKey,
    commitment: [u8; COMMITMENT_BYTES],
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the cryptographic library refused the operation")]
    Refused,
    #[error("the sealed part is cut short or of an unknown format")]
    Malformed,
    #[error("the sealed part was sealed under another key")]
    OtherKey,
    #[error("the sealed part was altered or moved")]
    Altered,
}

/// 32 bytes for HKDF's output length.
struct Bytes32;
impl hkdf::KeyType for Bytes32 {
    fn len(&self) -> usize {
        32
    }
}

/// Fresh random bytes for a data key.
pub fn random_key_bytes() -> Result<Zeroizing<[u8; 32]>, SealError> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| SealError::Refused)?;
    Ok(bytes)
}

impl DataKey {
    pub fn new(bytes: &[u8; 32]) -> Result<Self, SealError> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"nova sealed part v1").extract(bytes);
        let derive = |info: &'static [u8]| {
            let mut out = Zeroizing::new([0; 32]);
            prk.expand(&[info], Bytes32)
                .and_then(|okm| okm.fill(out.as_mut_slice()))
                .map_err(|_| SealError::Refused)?;
            Ok::<_, SealError>(out)
        };
        let key =
            UnboundKey::new(&AES_256_GCM, derive(b"encrypt")?.as_slice()).map_err(|_| SealError::Refused)?;
        Ok(Self { key: LessSafeKey::new(key), commitment: *derive(b"commit")? })
    }

    /// Seals `clear` for one place.
    pub fn seal(
        &self,
        subject: UserId,
        class: Class,
        place: &Place<'_>,
        clear: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        rand::fill(&mut nonce).map_err(|_| SealError::Refused)?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + clear.len() + AES_256_GCM.tag_len());
        sealed.push(FORMAT);
        sealed.push(class.code());
        sealed.extend_from_slice(subject.0.as_bytes());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&self.commitment);
        let aad = Aad::from(place.associated_data(&sealed));
        let mut text = clear.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
            .map_err(|_| SealError::Refused)?;
        sealed.extend_from_slice(&text);
        Ok(sealed)
    }

    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (header, text) = sealed.split_at_checked(HEADER_BYTES).ok_or(SealError::Malformed)?;
        let (subject_part, rest) = header.split_at(2 + 16);
        if subject_part[0] != FORMAT {
            return Err(SealError::Malformed);
        }
        let (nonce, commitment) = rest.split_at(NONCE_BYTES);
        constant_time::verify_slices_are_equal(commitment, &self.commitment)
            .map_err(|_| SealError::OtherKey)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Malformed)?;
        let mut text = text.to_vec();
        let clear = self
            .key
            .open_in_place(nonce, Aad::from(place.associated_data(header)), &mut text)
            .map_err(|_| SealError::Altered)?
            .len();
        text.truncate(clear);
        Ok(text)
    }
}

/// The event that a sealed part belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub stream: &'a str,
    pub event_id: Uuid,
    pub kind: &'a str,
    pub version: u16,
}

impl Place<'_> {
    /// Header and place, each with its length, so that no two differ only in where one field ends.
    fn associated_data(&self, header: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(header.len() + self.stream.len() + self.kind.len() + 40);
        for part in [
            header,
            self.stream.as_bytes(),
            self.event_id.as_bytes(),
            self.kind.as_bytes(),
            &self.version.to_le_bytes(),
        ] {
            data.extend_from_slice(&(part.len() as u32).to_le_bytes());
            data.extend_from_slice(part);
        }
        data
    }
}

/// Whose key a sealed part needs.
pub fn owner(sealed: &[u8]) -> Result<(UserId, Class), SealError> {
    if sealed.len() < HEADER_BYTES || sealed[0] != FORMAT {
        return Err(SealError::Malformed);
    }
    let class = Class::from_code(sealed[1]).ok_or(SealError::Malformed)?;
    let subject = Uuid::from_slice(&sealed[2..18]).map_err(|_| SealError::Malformed)?;
    Ok((UserId(subject), class))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place<'static> =
        Place { stream: "post-1", event_id: Uuid::from_u128(7), kind: "PostPublished", version: 1 };

    fn sealed() -> (DataKey, Vec<u8>) {
        let key = DataKey::new(&[1; 32]).unwrap();
        let sealed = key.seal(UserId(Uuid::from_u128(9)), Class::Content, &PLACE, b"hello").unwrap();
        (key, sealed)
    }

    #[test]
    fn opens_what_it_sealed_and_names_the_owner() {
        let (key, sealed) = sealed();
        assert_eq!(key.open(&PLACE, &sealed).unwrap(), b"hello");
        assert_eq!(owner(&sealed).unwrap(), (UserId(Uuid::from_u128(9)), Class::Content));
        assert!(!sealed.windows(5).any(|window| window == b"hello"));
    }

    #[test]
    fn refuses_another_key_before_opening() {
        let (_, sealed) = sealed();
        assert_eq!(DataKey::new(&[2; 32]).unwrap().open(&PLACE, &sealed), Err(SealError::OtherKey));
    }

    #[test]
    fn refuses_another_place() {
        let (key, sealed) = sealed();
        for place in [
            Place { stream: "post-2", ..PLACE },
            Place { event_id: Uuid::from_u128(8), ..PLACE },
            Place { kind: "PostEdited", ..PLACE },
            Place { version: 2, ..PLACE },
        ] {
            assert_eq!(key.open(&place, &sealed), Err(SealError::Altered));
        }
    }

    #[test]
    fn refuses_every_flipped_bit_and_every_cut() {
        let (key, sealed) = sealed();
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(key.open(&PLACE, &damaged).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(key.open(&PLACE, &sealed[..length]).is_err(), "length {length}");
        }
    }
}
