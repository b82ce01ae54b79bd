//! Suggestions that were dismissed. Stream `dismissal-{dismisser}.{dismissed}`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::area::area;

area! {
    pub enum DismissalEvent {
        SuggestionDismissed = 1;
        SuggestionRestored = 1;
    }
}

/// From now on the one is not suggested to the other. Nothing else changes between them, and the one does not learn of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuggestionDismissed {
    pub dismisser: UserId,
    pub dismissed: UserId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SuggestionRestored {
    pub dismisser: UserId,
    pub dismissed: UserId,
}
