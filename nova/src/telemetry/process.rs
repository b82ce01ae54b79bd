//! The metrics that Prometheus expects of every process, by the names of its client libraries, from `/proc`. Where there is none,
//! there are no such metrics.

#[cfg(target_os = "linux")]
pub use linux::observe;

/// Sets them. For when metrics are read.
#[cfg(not(target_os = "linux"))]
pub fn observe() {}

#[cfg(target_os = "linux")]
mod linux {
    use metrics::gauge;
    use procfs::process::{LimitValue, Process};
    use procfs::{ProcResult, WithCurrentSystemInfo as _, boot_time_secs, ticks_per_second};

    /// Sets them. For when metrics are read. What cannot be read stays as it was.
    pub fn observe() {
        if let Err(error) = try_observe() {
            tracing::debug!(%error, "the metrics of this process cannot be read");
        }
    }

    fn try_observe() -> ProcResult<()> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second() as f64;
        // The recorder counts in whole numbers, which is too coarse for seconds: so this is a gauge that only grows.
        gauge!("process_cpu_seconds_total").set(seconds(stat.utime + stat.stime));
        gauge!("process_resident_memory_bytes").set(stat.rss_bytes().get() as f64);
        gauge!("process_virtual_memory_bytes").set(stat.vsize as f64);
        gauge!("process_threads").set(stat.num_threads as f64);
        gauge!("process_start_time_seconds").set(boot_time_secs()? as f64 + seconds(stat.starttime));
        gauge!("process_open_fds").set(process.fd_count()? as f64);
        if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
            gauge!("process_max_fds").set(most as f64);
        }
        Ok(())
    }
}
