//! Processor time: what other work on the machine does not blur.

/// Seconds of processor time that this process has used, in itself and in the system for it. 0 where the system does not
/// say.
pub(crate) fn seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    // utime and stime, in hundredths of a second.
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
