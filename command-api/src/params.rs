//! Parameters: how a path names a person, and what presigned addresses of Nova's own say.

use nova_events::UserId;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PutParams {
    /// Seconds since the Unix epoch.
    pub(crate) expires: u64,
    /// The `signature` of the presigned URL.
    pub(crate) signature: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GetParams {
    /// Seconds since the Unix epoch.
    pub(crate) expires: u64,
    /// The content type that the answer has.
    #[serde(rename = "type")]
    pub(crate) content_type: String,
    /// The `signature` of the presigned URL.
    pub(crate) signature: String,
}

/// A person as a path names them: by id or by `@handle`, as the queries take them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum UserName {
    Id(UserId),
    /// Without the `@`, lower case.
    Handle(String),
}

impl TryFrom<String> for UserName {
    type Error = uuid::Error;

    fn try_from(name: String) -> Result<Self, uuid::Error> {
        match name.strip_prefix('@') {
            Some(handle) => Ok(Self::Handle(handle.to_lowercase())),
            None => name.parse().map(Self::Id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_person_by_id_or_handle() {
        let user = UserId::make();
        let name = |text: &str| UserName::try_from(text.to_owned());
        assert_eq!(name(&user.to_string()), Ok(UserName::Id(user)));
        assert_eq!(name("@Ada_1"), Ok(UserName::Handle("ada_1".to_owned())));
        assert!(name("ada").is_err());
    }
}
