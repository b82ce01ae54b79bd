//! Which cores threads may use, so that a server and its load do not take each other's.

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// As long as it lives, the calling thread uses one core only, and so does what it starts.
pub(crate) struct Pinned {
    before: CpuSet,
}

pub(crate) fn pin(core: usize) -> anyhow::Result<Pinned> {
    let before = sched_getaffinity(None)?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("cannot stay on core {core}"))?;
    Ok(Pinned { before })
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // The cores were ours before.
        let _ = sched_setaffinity(None, &self.before);
    }
}

/// Work on a thread of its own, with a runtime of that thread only, and on one core if there is one for it.
pub(crate) async fn alone<T, F>(
    core: Option<usize>,
    work: impl FnOnce() -> F + Send + 'static,
) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let running = tokio::task::spawn_blocking(move || {
        let _pinned = core.map(pin).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tokio::task::LocalSet::new().block_on(&runtime, work())
    });
    running.await?
}

/// Lets this process, and what it starts, have as many open files as the system allows; how many that is.
pub(crate) fn all_files() -> anyhow::Result<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}
