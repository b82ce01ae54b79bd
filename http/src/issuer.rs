//! Nova's own tokens, signed with a key in the data folder, or with one that all processes derive from the master key.
//!
//! * The key file is made once, whole or not at all, readable by its owner only; a file that others can read is refused.
//! * The key's id is derived from its public half, so that it never has to be kept beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use nova_events::UserId;
use nova_events::wrapping::{MasterKey, MasterKeyError};
use serde::Serialize;
use uuid::Uuid;

use crate::auth::Role;
use crate::token::{PublicKey, Verifier, VerifierOptions, now_s};

/// Of the token key among what is derived from the master key. Another label is another key.
const DERIVED_FOR: &str = "nova token key v1";

/// No key file of ours is near it.
const KEY_FILE_BYTES_MAX: u64 = 4096;

/// Signs tokens.
pub struct Issuer {
    kid: String,
    key: EncodingKey,
    public: Vec<u8>,
    options: VerifierOptions,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum IssuerError {
    #[error("cannot use the token key {path}: {problem}")]
    File { path: PathBuf, problem: io::Error },
    #[error(
        "the token key {path} can be read by others (mode {mode:o}): chmod 600 it, and replace it if it leaked"
    )]
    Exposed { path: PathBuf, mode: u32 },
    #[error("{path} does not hold an Ed25519 key in PKCS #8")]
    NotAKey { path: PathBuf },
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error("the cryptographic library refused the token key")]
    Refused,
    #[error("tokens may be valid for at most {seconds_max} s")]
    LifetimeTooLong { seconds_max: u64 },
    #[error("the token could not be signed")]
    Signing,
}

#[derive(Serialize)]
struct Issued<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: UserId,
    role: Role,
    iat: u64,
    exp: u64,
    jti: Uuid,
}

impl Issuer {
    /// With the key in `path`, made if there is none. Of several processes that make it at once, one wins.
    pub fn open_or_create(path: &Path) -> Result<Self, IssuerError> {
        Self::with_options(path, VerifierOptions::default())
    }

    pub fn with_options(path: &Path, options: VerifierOptions) -> Result<Self, IssuerError> {
        let at_path = |problem| IssuerError::File { path: path.to_owned(), problem };
        let pkcs8 = match read(path)? {
            Some(pkcs8) => pkcs8,
            None => {
                create(path).map_err(at_path)?;
                read(path)?.ok_or_else(|| at_path(io::ErrorKind::NotFound.into()))?
            }
        };
        Self::of_file(path, &pkcs8, options)
    }

    /// With the key in `path`, which has to be there: where several machines need the same one, none may make its own.
    pub fn open(path: &Path, options: VerifierOptions) -> Result<Self, IssuerError> {
        let missing = || IssuerError::File { path: path.to_owned(), problem: io::ErrorKind::NotFound.into() };
        Self::of_file(path, &read(path)?.ok_or_else(missing)?, options)
    }

    /// With a key that every process with this master key derives alike.
    pub fn derived(master: &MasterKey, options: VerifierOptions) -> Result<Self, IssuerError> {
        let seed = master.derive(DERIVED_FOR)?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(|_| IssuerError::Refused)?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| IssuerError::Refused)?;
        Ok(Self::of_pair(&pair, pkcs8.as_ref(), options))
    }

    fn of_file(path: &Path, pkcs8: &[u8], options: VerifierOptions) -> Result<Self, IssuerError> {
        let not_a_key = |_| IssuerError::NotAKey { path: path.to_owned() };
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(not_a_key)?;
        Ok(Self::of_pair(&pair, pkcs8, options))
    }

    fn of_pair(pair: &Ed25519KeyPair, pkcs8: &[u8], options: VerifierOptions) -> Self {
        let public = pair.public_key().as_ref().to_vec();
        Self { kid: kid_of(&public), key: EncodingKey::from_ed_der(pkcs8), public, options }
    }

    pub fn issue(&self, user: UserId, role: Role, ttl: Duration) -> Result<String, IssuerError> {
        let seconds_max = self.options.lifetime_s_max;
        if ttl.as_secs() > seconds_max {
            return Err(IssuerError::LifetimeTooLong { seconds_max });
        }
        let iat = now_s();
        let claims = Issued {
            iss: &self.options.issuer,
            aud: &self.options.audience,
            sub: user,
            role,
            iat,
            exp: iat.saturating_add(ttl.as_secs()),
            jti: Uuid::new_v4(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, &claims, &self.key).map_err(|_| IssuerError::Signing)
    }

    pub fn public_key(&self) -> PublicKey {
        PublicKey::ed25519(self.kid.clone(), &self.public)
    }

    /// A verifier of this issuer's tokens.
    pub fn verifier(&self) -> Verifier {
        Verifier::new([self.public_key()], self.options.clone())
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of the public key.
fn kid_of(public: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, public);
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, IssuerError> {
    let at_path = |problem| IssuerError::File { path: path.to_owned(), problem };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at_path(error)),
    };
    check_mode(path, &file.metadata().map_err(at_path)?)?;
    let mut pkcs8 = Vec::new();
    file.take(KEY_FILE_BYTES_MAX).read_to_end(&mut pkcs8).map_err(at_path)?;
    Ok(Some(pkcs8))
}

#[cfg(unix)]
fn check_mode(path: &Path, metadata: &fs::Metadata) -> Result<(), IssuerError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(IssuerError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _metadata: &fs::Metadata) -> Result<(), IssuerError> {
    Ok(())
}

/// Makes the folder of a key, for its owner only.
fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Writes a new key beside `path` and links it there, so that `path` is never half a key and never replaced.
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_folder(folder)?;
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new())
        .map_err(|_| io::Error::other("the system gave no random numbers"))?;
    let draft = folder.join(format!(".token-key-{}", Uuid::new_v4().simple()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&draft).and_then(|mut file| {
        file.write_all(pkcs8.as_ref())?;
        file.sync_all()?;
        match fs::hard_link(&draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => File::open(folder)?.sync_all(),
        }
    });
    let removed = fs::remove_file(&draft);
    written.and(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/token.pkcs8");
        let first = Issuer::open_or_create(&path).unwrap();
        let token = first.issue(UserId::make(), Role::Auditor, Duration::from_secs(60)).unwrap();
        let second = Issuer::open_or_create(&path).unwrap();
        assert_eq!(second.verifier().verify(&token).unwrap().role, Role::Auditor);
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft is left behind: {names:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.pkcs8");
        Issuer::open_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(Issuer::open_or_create(&path), Err(IssuerError::Exposed { mode: 0o644, .. })));
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token.pkcs8");
        create(&path).unwrap();
        fs::write(&path, "hello").unwrap();
        assert!(matches!(Issuer::open_or_create(&path), Err(IssuerError::NotAKey { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"hello");
    }

    #[test]
    fn processes_with_one_master_key_accept_each_others_tokens() {
        let derived = |master: u8| {
            let master = MasterKey::new([master; 32]);
            Issuer::derived(&master, VerifierOptions::default()).unwrap()
        };
        let token = derived(7).issue(UserId::make(), Role::Operator, Duration::from_secs(60)).unwrap();
        assert_eq!(derived(7).verifier().verify(&token).unwrap().role, Role::Operator);
        assert!(derived(8).verifier().verify(&token).is_err());
        // Tokens outlive a release: the derivation stays as it is.
        assert_eq!(derived(7).kid, "bfb349ff64c35fd6");
    }

    #[test]
    fn open_refuses_a_missing_key_and_makes_none() {
        let path = tempfile::tempdir().unwrap().path().join("token.pkcs8");
        let missing = Issuer::open(&path, VerifierOptions::default()).unwrap_err();
        assert!(missing.to_string().contains("token.pkcs8"), "{missing}");
        assert!(!path.exists());
    }

    #[test]
    fn no_token_outlives_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let issuer = Issuer::open_or_create(&folder.path().join("k")).unwrap();
        let forever = issuer.issue(UserId::make(), Role::User, Duration::MAX);
        assert!(matches!(forever, Err(IssuerError::LifetimeTooLong { .. })));
    }
}
