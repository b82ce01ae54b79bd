//! What every implementation of a port must pass, and the means to make things go wrong. A suite speaks only of the port, so
//! the same one runs against each.

pub mod contract;
pub mod fault_proxy;
pub mod fuzz;
pub mod story;
