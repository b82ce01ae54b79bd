//! What both HTTP sides of Nova share: how errors look, who is calling, how bodies and parameters are read, and the
//! one layer around every request.
//!
//! Reading order: [`problem`] (errors as RFC 9457 problems), [`token`] and [`issuer`] (bearer tokens), [`closed`] (the
//! accounts that are closed), [`address`] (where a request comes from), [`auth`] (the caller as a handler's argument),
//! [`json`] and [`params`] (bodies, paths, queries, headers), [`own_address`], [`rate`] and [`shares`],
//! [`overload`], [`place`] and [`layers`], [`cors`].

pub mod problem;

pub mod token;

pub mod issuer;

pub mod closed;

pub mod address;

pub mod auth;

pub mod json;

pub mod params;

pub mod check;

pub mod own_address;

pub mod rate;

pub mod shares;

pub mod place;

mod body;
pub mod layers;
mod linger;
pub mod overload;
mod protocol;
mod telemetry;

pub mod cors;

pub use address::{AddressShare, ClientAddress, ForwardingHeader, TrustedProxies};
pub use auth::{AuditorCaller, Caller, OperatorCaller, ReturningCaller, Role};
pub use check::{check_bytes, check_text};
pub use closed::{ClosedAccounts, ClosedReason};
pub use cors::{CorsOrigins, InvalidOrigin, with_cors};
pub use issuer::{Issuer, IssuerError};
pub use json::{OptionalJson, ValidJson, json_response};
pub use layers::{HttpLimits, with_layers};
pub use nova_resilience::AdaptiveOptions;
pub use own_address::OwnAddress;
pub use params::{IdempotencyKey, ValidPath, ValidQuery};
pub use place::without_place;
pub use problem::{ApiError, FieldError, Problem};
pub use token::{AuthError, Claims, PublicKey, Verifier, VerifierOptions};
