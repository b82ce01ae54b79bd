//! Bearer tokens (JWT, RFC 7519), verified.
//!
//! * The algorithm is that of the key that `kid` names, never that of the token's header.
//! * A token must name issuer, audience, subject, issue and expiry time, and all of them must hold now.
//! * What was verified is kept by the token's SHA-256, so that a known token costs a hash. Its expiry is checked again
//!   each time, and a change of the keys forgets everything.
//! * The account that a token names must not be closed, which is checked each time too.
//! * A bad signature is remembered for a few seconds only, so that repeating it buys an attacker no work of ours.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use nova_events::UserId;
use parking_lot::RwLock;
use quick_cache::sync::Cache;
use serde::Deserialize;
use uuid::Uuid;

use crate::auth::Role;
use crate::closed::{ClosedAccounts, ClosedReason};
use crate::problem::ApiError;

/// No token of ours is near it.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

const LEEWAY_S_MAX: u64 = 30;
const REFUSED_TOKENS_MAX: usize = 1024;
const REFUSED_TTL_S: u64 = 5;

/// What a token must say, and how much is remembered.
#[derive(Debug, Clone)]
pub struct VerifierOptions {
    pub issuer: String,
    pub audience: String,
    /// How far clocks may be apart; at most 30.
    pub leeway_s: u64,
    /// From issue to expiry; a token that is good for longer is refused.
    pub lifetime_s_max: u64,
    /// How many verified tokens are remembered.
    pub cached_tokens_max: usize,
}

impl Default for VerifierOptions {
    fn default() -> Self {
        Self {
            issuer: "nova".to_owned(),
            audience: "nova".to_owned(),
            leeway_s: 5,
            lifetime_s_max: 366 * 24 * 3600,
            cached_tokens_max: 100_000,
        }
    }
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub user: UserId,
    pub role: Role,
    /// Seconds since the Unix epoch.
    pub expires_at_s: u64,
}

/// A key that tokens may be signed with, and the one algorithm it is for.
#[derive(Debug, Clone)]
pub struct PublicKey {
    pub(crate) kid: String,
    algorithm: Algorithm,
    key: DecodingKey,
}

impl PublicKey {
    /// The 32 bytes of an Ed25519 public key.
    pub fn ed25519(kid: impl Into<String>, bytes: &[u8]) -> Self {
        Self { kid: kid.into(), algorithm: Algorithm::EdDSA, key: DecodingKey::from_ed_der(bytes) }
    }

    /// An Ed25519 public key as PEM, such as another installation's or an identity provider's.
    pub fn ed25519_pem(kid: impl Into<String>, pem: &[u8]) -> Result<Self, jsonwebtoken::errors::Error> {
        Ok(Self { kid: kid.into(), algorithm: Algorithm::EdDSA, key: DecodingKey::from_ed_pem(pem)? })
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("there is no bearer token")]
    Missing,
    #[error("the token is longer than 8 KiB")]
    TooLong,
    #[error("the token is not a signed JWT with the claims iss, aud, sub, iat and exp")]
    Malformed,
    #[error("the token is signed with another algorithm than its key is for")]
    WrongAlgorithm,
    #[error("the token names no key that Nova knows")]
    UnknownKey,
    #[error("the token's signature is not valid")]
    BadSignature,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is valid for longer than tokens may be")]
    LifetimeTooLong,
    #[error("the token is of another issuer")]
    WrongIssuer,
    #[error("the token is for another audience")]
    WrongAudience,
    #[error("the token's subject is not a user id")]
    BadSubject,
    #[error("the token names a role that Nova does not know")]
    UnknownRole,
    #[error("this account is deactivated")]
    AccountDeactivated,
}

impl AuthError {
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing_token",
            Self::TooLong => "token_too_long",
            Self::Malformed => "malformed_token",
            Self::WrongAlgorithm => "wrong_algorithm",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::Expired => "expired_token",
            Self::NotYetValid => "token_not_yet_valid",
            Self::LifetimeTooLong => "token_lifetime_too_long",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::BadSubject => "invalid_subject",
            Self::UnknownRole => "unknown_role",
            Self::AccountDeactivated => "account_deactivated",
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        let mut chars = detail.chars();
        let detail = chars.next().map(|c| format!("{}{}.", c.to_uppercase(), chars.as_str()));
        let detail = detail.unwrap_or_default();
        match error {
            // Another token would not help.
            AuthError::AccountDeactivated => Self::forbidden(error.code(), detail),
            _ => Self::unauthorized(error.code(), detail),
        }
    }
}

/// Verifies tokens. Shared by all requests.
pub struct Verifier {
    options: VerifierOptions,
    keys: RwLock<Arc<KeySet>>,
    verified: Cache<TokenHash, Verified>,
    refused: Cache<TokenHash, u64>,
    closed: ClosedAccounts,
}

type TokenHash = [u8; 32];

struct KeySet {
    /// Counts the changes of the keys.
    epoch: u64,
    by_kid: HashMap<String, (DecodingKey, Validation)>,
}

#[derive(Clone)]
struct Verified {
    claims: Claims,
    epoch: u64,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The claims as they stand in the token. A claim that is there twice is an error.
#[derive(Deserialize)]
struct RawClaims {
    sub: String,
    iat: u64,
    exp: u64,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(default)]
    role: Option<String>,
}

impl Verifier {
    pub fn new(keys: impl IntoIterator<Item = PublicKey>, options: VerifierOptions) -> Self {
        let keys = KeySet { epoch: 0, by_kid: by_kid(keys, &options) };
        Self {
            verified: Cache::new(options.cached_tokens_max.max(1)),
            refused: Cache::new(REFUSED_TOKENS_MAX),
            keys: RwLock::new(Arc::new(keys)),
            closed: ClosedAccounts::default(),
            options,
        }
    }

    /// Refuses the tokens of these accounts from now on.
    #[must_use]
    pub fn with_closed_accounts(self, closed: ClosedAccounts) -> Self {
        Self { closed, ..self }
    }

    /// From now on these keys and no others. Tokens of keys that are gone are refused at once.
    pub fn replace_keys(&self, keys: impl IntoIterator<Item = PublicKey>) {
        let by_kid = by_kid(keys, &self.options);
        let mut held = self.keys.write();
        *held = Arc::new(KeySet { epoch: held.epoch + 1, by_kid });
        self.verified.clear();
        self.refused.clear();
    }

    /// Returns what a token says that is good now, and whose account is not closed.
    pub fn verify(&self, token: &str) -> Result<Claims, AuthError> {
        let claims = self.verify_whoever(token)?;
        self.check_open(claims.user)?;
        Ok(claims)
    }

    /// Returns the same also for a closed account: for what its owner may still do.
    pub fn verify_whoever(&self, token: &str) -> Result<Claims, AuthError> {
        self.verify_at(token, now_s())
    }

    /// Fails when the account is closed.
    pub fn check_open(&self, user: UserId) -> Result<(), AuthError> {
        match self.closed.reason(user) {
            None => Ok(()),
            Some(ClosedReason::Deactivated) => Err(AuthError::AccountDeactivated),
        }
    }

    pub(crate) fn verify_at(&self, token: &str, now_s: u64) -> Result<Claims, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLong);
        }
        let hash = hash_of(token);
        let keys = Arc::clone(&self.keys.read());
        if let Some(known) = self.verified.get(&hash)
            && known.epoch == keys.epoch
        {
            return self.check_expiry(known.claims, now_s);
        }
        if self.refused.get(&hash).is_some_and(|until| now_s < until) {
            return Err(AuthError::BadSignature);
        }
        match self.verify_anew(&keys, token, now_s) {
            Ok(claims) => {
                self.verified.insert(hash, Verified { claims: claims.clone(), epoch: keys.epoch });
                Ok(claims)
            }
            Err(AuthError::BadSignature) => {
                self.refused.insert(hash, now_s + REFUSED_TTL_S);
                Err(AuthError::BadSignature)
            }
            Err(error) => Err(error),
        }
    }

    /// Until when a token is taken, in seconds since the Unix epoch: a little longer than it says, for clocks differ.
    pub fn taken_until_s(&self, claims: &Claims) -> u64 {
        claims.expires_at_s.saturating_add(self.leeway_s())
    }

    fn leeway_s(&self) -> u64 {
        self.options.leeway_s.min(LEEWAY_S_MAX)
    }

    fn check_expiry(&self, claims: Claims, now_s: u64) -> Result<Claims, AuthError> {
        // A token counts as expired when its leeway is over, here and when it is first seen.
        if self.taken_until_s(&claims) <= now_s {
            return Err(AuthError::Expired);
        }
        Ok(claims)
    }

    fn verify_anew(&self, keys: &KeySet, token: &str, now_s: u64) -> Result<Claims, AuthError> {
        let header = jsonwebtoken::decode_header(token).map_err(|error| refusal(error.kind()))?;
        let kid = header.kid.as_deref().ok_or(AuthError::UnknownKey)?;
        let (key, validation) = keys.by_kid.get(kid).ok_or(AuthError::UnknownKey)?;
        if !validation.algorithms.contains(&header.alg) {
            return Err(AuthError::WrongAlgorithm);
        }
        if header.crit.is_some() {
            // RFC 7515: what is critical and not understood must be refused, and we understand no extension.
            return Err(AuthError::Malformed);
        }
        let raw = jsonwebtoken::decode::<RawClaims>(token, key, validation)
            .map_err(|error| refusal(error.kind()))?
            .claims;
        self.check(&raw, now_s)
    }

    fn check(&self, raw: &RawClaims, now_s: u64) -> Result<Claims, AuthError> {
        let latest_start = now_s.saturating_add(self.leeway_s());
        if raw.iat.max(raw.nbf.unwrap_or(0)) > latest_start {
            return Err(AuthError::NotYetValid);
        }
        if raw.exp.saturating_sub(raw.iat) > self.options.lifetime_s_max {
            return Err(AuthError::LifetimeTooLong);
        }
        let user = Uuid::try_parse(&raw.sub).map_err(|_| AuthError::BadSubject)?;
        let role = match raw.role.as_deref() {
            None => Role::User,
            Some(name) => Role::of_name(name).ok_or(AuthError::UnknownRole)?,
        };
        self.check_expiry(Claims { user: UserId(user), role, expires_at_s: raw.exp }, now_s)
    }
}

fn by_kid(
    keys: impl IntoIterator<Item = PublicKey>,
    options: &VerifierOptions,
) -> HashMap<String, (DecodingKey, Validation)> {
    keys.into_iter()
        .map(|key| {
            let mut validation = Validation::new(key.algorithm);
            validation.set_issuer(&[&options.issuer]);
            validation.set_audience(&[&options.audience]);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            // Times are checked by `Verifier::check`: there and on every later use of a remembered token alike.
            validation.validate_exp = false;
            (key.kid, (key.key, validation))
        })
        .collect()
}

fn hash_of(token: &str) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// jsonwebtoken's errors as ours. Its enum is open, so what is new there counts as malformed.
fn refusal(kind: &ErrorKind) -> AuthError {
    match kind {
        ErrorKind::InvalidSignature => AuthError::BadSignature,
        ErrorKind::InvalidAlgorithm
        | ErrorKind::InvalidAlgorithmName
        | ErrorKind::UnsupportedAlgorithm
        | ErrorKind::MissingAlgorithm => AuthError::WrongAlgorithm,
        ErrorKind::ExpiredSignature => AuthError::Expired,
        ErrorKind::ImmatureSignature => AuthError::NotYetValid,
        ErrorKind::InvalidIssuer => AuthError::WrongIssuer,
        ErrorKind::InvalidAudience => AuthError::WrongAudience,
        ErrorKind::InvalidSubject => AuthError::BadSubject,
        _ => AuthError::Malformed,
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
