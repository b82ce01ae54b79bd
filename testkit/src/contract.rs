//! One contract suite per port.

pub mod event_log;
