//! One contract suite per port.

pub mod event_log;
pub mod views;
