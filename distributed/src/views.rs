//! The stores of the views.

pub mod clickhouse;
