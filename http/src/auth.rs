//! Who is calling, as a handler's argument: a handler that does not name a caller has no caller, and one that names an
//! [`AuditorCaller`] cannot be reached by anyone else.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header, request::Parts};
use nova_events::UserId;
use serde::Serialize;
use uuid::Uuid;

use crate::layers::RequestContext;
use crate::problem::ApiError;
use crate::token::{AuthError, Claims, Verifier};

/// What someone may do beyond being a user. The claim `role`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    User,
    Moderator,
    /// Reads the log and the audit views.
    Auditor,
    /// Sees how Nova is doing and repairs it.
    Operator,
    /// Data-protection officer: erasures, exports, holds.
    Dpo,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::User, Self::Moderator, Self::Auditor, Self::Operator, Self::Dpo];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
            Self::Dpo => "dpo",
        }
    }

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Who sent the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub user: UserId,
    pub role: Role,
    pub correlation_id: Uuid,
    /// W3C Trace Context, when the client sent a valid one.
    pub traceparent: Option<String>,
}

/// A caller whose account may be closed: for opening it again, and for closing it once more. Every other route takes a
/// [`Caller`], who has an account that is open, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturningCaller(pub Caller);

/// A caller who may audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditorCaller(pub Caller);

/// A caller who may operate Nova.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorCaller(pub Caller);

/// A data-protection officer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DpoCaller(pub Caller);

/// The bearer token of a request. The scheme's case does not matter (RFC 9110).
pub fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let value = headers.get(header::AUTHORIZATION).ok_or(AuthError::Missing)?;
    let value = value.to_str().map_err(|_| AuthError::Malformed)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim_ascii()),
        _ => Err(AuthError::Missing),
    }
}

impl Caller {
    /// The caller that a token names, in the request of `context`. Counts against the caller's rate and share.
    pub fn of_token(context: &RequestContext, token: &str) -> Result<Self, ApiError> {
        Self::verified(context, context.verifier().verify(token)?)
    }

    fn verified(context: &RequestContext, claims: Claims) -> Result<Self, ApiError> {
        context.check_rate(claims.user)?;
        context.count_user(claims.user)?;
        Ok(Self {
            user: claims.user,
            role: claims.role,
            correlation_id: context.correlation_id,
            traceparent: context.traceparent.clone(),
        })
    }

    /// The caller of a request, whatever `verify` takes for one.
    fn of_parts(
        parts: &Parts,
        verify: impl Fn(&Verifier, &str) -> Result<Claims, AuthError>,
    ) -> Result<Self, ApiError> {
        let token = bearer(&parts.headers)?;
        if let Some(context) = parts.extensions.get::<RequestContext>() {
            return Self::verified(context, verify(context.verifier(), token)?);
        }
        // Without the layer (a router under test) the verifier alone will do.
        let verifier = parts.extensions.get::<Arc<Verifier>>().ok_or_else(|| {
            tracing::error!("a route that needs a caller is served without nova_http::with_layers");
            ApiError::internal()
        })?;
        let claims = verify(verifier, token)?;
        let correlation_id = Uuid::now_v7();
        Ok(Self { user: claims.user, role: claims.role, correlation_id, traceparent: None })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Self::of_parts(parts, Verifier::verify)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ReturningCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        Caller::of_parts(parts, Verifier::verify_whoever).map(Self)
    }
}

macro_rules! role_callers {
    ($( $caller:ident: $role:ident, $code:literal; )*) => { $(
        impl<S: Send + Sync> FromRequestParts<S> for $caller {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
                let caller = Caller::from_request_parts(parts, state).await?;
                if caller.role != Role::$role {
                    let detail = concat!("This needs the role ", $code, ".");
                    return Err(ApiError::forbidden("role_required", detail));
                }
                Ok(Self(caller))
            }
        }
    )* };
}

role_callers! {
    AuditorCaller: Auditor, "auditor";
    OperatorCaller: Operator, "operator";
    DpoCaller: Dpo, "dpo";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    #[test]
    fn a_bearer_token_is_found_whatever_the_case_of_its_scheme() {
        assert_eq!(bearer(&headers("Bearer abc")), Ok("abc"));
        assert_eq!(bearer(&headers("bEARER  abc ")), Ok("abc"));
        assert_eq!(bearer(&headers("Basic abc")), Err(AuthError::Missing));
        assert_eq!(bearer(&headers("Bearer")), Err(AuthError::Missing));
        assert_eq!(bearer(&HeaderMap::new()), Err(AuthError::Missing));
    }

    #[test]
    fn roles_have_names() {
        for role in Role::ALL {
            assert_eq!(Role::of_name(role.as_str()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!(Role::of_name("root"), None);
    }
}
