//! What an import has come to: counts by kind, and the lines that were bad.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Person,
    Follow,
    Post,
    Comment,
    Like,
    Conversation,
    Message,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Person,
        Self::Follow,
        Self::Post,
        Self::Comment,
        Self::Like,
        Self::Conversation,
        Self::Message,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "people",
            Self::Follow => "follows",
            Self::Post => "posts",
            Self::Comment => "comments",
            Self::Like => "likes",
            Self::Conversation => "conversations",
            Self::Message => "messages",
        }
    }
}

/// Where something stands in the imported data.
#[derive(Debug, Clone)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u64,
    /// More than the line, for files that have everything in one.
    pub within: Option<String>,
}

impl Place {
    pub(crate) fn file_name(path: &Path) -> Arc<str> {
        path.display().to_string().into()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        self.within.as_ref().map_or(Ok(()), |within| write!(f, "{within}: "))
    }
}

/// The counts of an import, shared by all that work on it.
#[derive(Debug)]
pub struct Report {
    started: Instant,
    /// By kind.
    fresh: [AtomicU64; Kind::ALL.len()],
    known: [AtomicU64; Kind::ALL.len()],
    bad: AtomicU64,
    /// Nothing is imported as later than this.
    started_ms: i64,
    moved_to_now: AtomicU64,
    bar: ProgressBar,
}

impl Report {
    /// `units` of input are to be worked through. The bar is drawn on a terminal only.
    pub(crate) fn begin(units: u64) -> Arc<Self> {
        let bar = ProgressBar::with_draw_target(Some(units), ProgressDrawTarget::stderr_with_hz(5));
        if let Ok(style) =
            ProgressStyle::with_template("{msg:>14} {wide_bar} {percent:>3} %  {elapsed_precise}")
        {
            bar.set_style(style);
        }
        Arc::new(Self {
            started: Instant::now(),
            fresh: Default::default(),
            known: Default::default(),
            bad: AtomicU64::new(0),
            started_ms: chrono::Utc::now().timestamp_millis(),
            moved_to_now: AtomicU64::new(0),
            bar,
        })
    }

    pub(crate) fn phase(&self, kind: Kind) {
        self.bar.set_message(kind.name());
    }

    pub(crate) fn advance(&self, units: u64) {
        self.bar.inc(units);
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    pub(crate) fn count(&self, kind: Kind, is_new: bool) {
        let counts = if is_new { &self.fresh } else { &self.known };
        counts[kind as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Tells that a line is bad. `reason` holds nothing personal: what a field said is never part of it.
    pub(crate) fn bad(&self, place: &Place, reason: &str) {
        self.bad_lines(1, place, reason);
    }

    /// One line for several that are bad for one reason.
    pub(crate) fn bad_lines(&self, lines: u64, place: &Place, reason: &str) {
        self.bad.fetch_add(lines, Ordering::Relaxed);
        self.bar.suspend(|| eprintln!("{place}{reason}"));
    }

    /// How many were written by this import.
    pub fn new_of(&self, kind: Kind) -> u64 {
        self.fresh[kind as usize].load(Ordering::Relaxed)
    }

    /// How many were there already.
    pub fn known_of(&self, kind: Kind) -> u64 {
        self.known[kind as usize].load(Ordering::Relaxed)
    }

    pub fn bad_count(&self) -> u64 {
        self.bad.load(Ordering::Relaxed)
    }

    /// The time of something that is imported: what the data dates after the beginning of the import happened then.
    pub(crate) fn time_of(&self, at_ms: i64) -> i64 {
        if at_ms > self.started_ms {
            self.moved_to_now.fetch_add(1, Ordering::Relaxed);
        }
        at_ms.min(self.started_ms)
    }

    /// How many times lay in the future.
    pub fn moved_to_now_count(&self) -> u64 {
        self.moved_to_now.load(Ordering::Relaxed)
    }

    pub fn took(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The summary: a line per kind, then the total and the rate.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut fresh, mut known) = (0, 0);
        for kind in Kind::ALL {
            let (new_ones, old_ones) = (self.new_of(kind), self.known_of(kind));
            if new_ones + old_ones > 0 {
                writeln!(f, "{:>14}  {new_ones:>9} new  {old_ones:>9} there already", kind.name())?;
            }
            fresh += new_ones;
            known += old_ones;
        }
        let moved = self.moved_to_now_count();
        if moved > 0 {
            writeln!(
                f,
                "warning: {moved} times lay in the future and were taken as the beginning of this import"
            )?;
        }
        let seconds = self.took().as_secs_f64().max(0.001);
        let rate = (fresh + known) as f64 / seconds;
        let bad = self.bad_count();
        write!(f, "{fresh} new, {known} there already, {bad} bad lines; {seconds:.1} s, {rate:.0} commands/s")
    }
}
