//! Compares the connections that may be open with the file descriptors that the process may have.
//!
//! A socket takes a descriptor, and the log, the views and the stores' clients need some at any time. Where sockets could take
//! all of them, commands would fail for want of one. So the limit is raised as far as the system allows, and where that is not enough,
//! fewer connections are open at once.

use anyhow::bail;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::{Config, Profile};

/// Operators' connections come first, and what they transfer.
const OPERATORS: u64 = super::OPERATORS_CONNECTIONS_MAX as u64 * 9 / 8;
/// The standard streams, listeners, runtimes, and what the rooms open for a moment.
const BASE: u64 = 96;
/// Open files of each reader of the embedded profile's views: six connections, each with a database and its write-ahead log.
const PER_READER: u64 = 12;
/// Clients of Kafka, Redis and ClickHouse.
const CLIENTS: u64 = 256;
/// For each so many connections, one file that is being transferred.
const CONNECTIONS_PER_TRANSFER: u64 = 8;
/// With less than this a server is of no use.
const CONNECTIONS_MIN: u64 = 16;

/// Returns how many connections may be open, `server.connections_max` or fewer. Raises the process's limit of descriptors.
pub(super) fn connections_max(config: &Config) -> anyhow::Result<usize> {
    let wanted = config.server.connections_max.max(1) as u64;
    let reserve = reserve(config);
    let needed = needed(wanted, reserve);
    let limit = raise(needed);
    let fitting = fitting(limit, reserve);
    if fitting >= wanted {
        return Ok(config.server.connections_max.max(1));
    }
    if fitting < CONNECTIONS_MIN.min(wanted) {
        bail!(
            "this process may open {limit} files, of which the log, the views and the stores need {reserve}: that leaves none for \
             connections. Raise the limit to {needed} (ulimit -n, LimitNOFILE of systemd, --ulimit nofile of containers)"
        );
    }
    tracing::warn!(
        server.connections_max = wanted,
        server.connections_effective = fitting,
        process.open_files_max = limit,
        process.open_files_needed = needed,
        process.open_files_reserved = reserve,
        "fewer connections than configured: raise the limit of open files (ulimit -n, LimitNOFILE of systemd, --ulimit nofile of \
         containers) to what is needed, or lower server.connections_max"
    );
    Ok(usize::try_from(fitting).unwrap_or(usize::MAX))
}

/// Descriptors that connections must leave.
fn reserve(config: &Config) -> u64 {
    BASE + OPERATORS
        + match config.profile {
            Profile::Embedded => {
                config.log.open_files_max as u64 + config.views.readers_max as u64 * PER_READER
            }
            Profile::Distributed => {
                let postgres = &config.postgres;
                let connections = [
                    u64::from(postgres.connections_max),
                    u64::from(postgres.read_connections_max),
                    u64::from(config.resilience.fallback_connections_max),
                    config.resilience.clickhouse_calls_max as u64,
                    config.media.s3_calls_max as u64,
                ];
                CLIENTS + connections.iter().sum::<u64>()
            }
        }
}

fn needed(connections: u64, reserve: u64) -> u64 {
    reserve + connections + connections / CONNECTIONS_PER_TRANSFER
}

fn fitting(limit: u64, reserve: u64) -> u64 {
    limit.saturating_sub(reserve) * CONNECTIONS_PER_TRANSFER / (CONNECTIONS_PER_TRANSFER + 1)
}

/// Raises the soft limit towards what is needed; returns the limit in force.
fn raise(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(soft) = current.filter(|soft| *soft < needed) else { return current.unwrap_or(u64::MAX) };
    let raised = maximum.map_or(needed, |hard| hard.min(needed));
    match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        Ok(()) => raised,
        Err(_) => soft,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_fit_need_no_more_than_the_limit() {
        for limit in [300, 1_024, 4_096, 65_536] {
            let (reserve, most) = (200, fitting(limit, 200));
            assert!(needed(most, reserve) <= limit, "{limit}: {most}");
            assert!(needed(most + 2, reserve) > limit, "{limit}: {most}");
        }
        assert_eq!(fitting(100, 200), 0);
    }
}
