//! What every implementation of a port must pass. A suite speaks only of the port, so the same one runs against each.

pub mod contract;
pub mod story;
