//! What presigned addresses of Nova's own say.

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PutParams {
    /// Seconds since the Unix epoch.
    pub(crate) expires: u64,
    pub(crate) signature: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct GetParams {
    pub(crate) expires: u64,
    #[serde(rename = "type")]
    pub(crate) content_type: String,
    pub(crate) signature: String,
}
