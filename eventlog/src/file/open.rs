//! Opening a folder: what is in it, what a crash left undone, and what must not be touched.
//!
//! * Only the last segment is read (and at most a few before it that were not sealed yet); of the others the headers.
//! * Nothing is changed before it is clear that the folder holds a log of this format, or nothing.
//! * What is read back is durable before anyone sees it: the last batch may have been in the page cache only, so it is
//!   written and synced again.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::log::LogError;
use crate::private;

use super::acknowledged::{self, ACKNOWLEDGED_NAME, Acknowledged};
use super::catalog::Catalog;
use super::context::{Context, FileKind};
use super::disk::{Disk, corrupt, unavailable};
use super::format::{BadHeader, FORMAT_VERSION, SEGMENT_HEADER_BYTES, SegmentHeader};
use super::lock::{LOCK_NAME, Lock};
use super::memory::MemIndex;
use super::options::FileLogOptions;
use super::prepare::{SPARE_NAME, create_segment, next_segment_bytes};
use super::scan::{Mode, Scanned, scan};
use super::seal;
use super::segment::Segment;
use super::sidecar::Sidecar;
use super::writer::OpenSegment;

/// Segments before the last whose index is built in memory at the start and sealed in the background.
const UNSEALED_AT_OPEN_MAX: usize = 2;

pub(crate) struct Opened {
    pub(crate) context: Arc<Context>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) head: u64,
    pub(crate) last_recorded_at_ms: u64,
    /// `None` when the log is only read.
    pub(crate) writable: Option<Writable>,
}

/// What the writer needs.
pub(crate) struct Writable {
    pub(crate) open: OpenSegment,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) lock: Lock,
}

#[derive(Default)]
struct Listing {
    segments: Vec<u64>,
    indexes: Vec<u64>,
    leftovers: Vec<String>,
    foreign: Vec<String>,
    /// The file is there that says how far the log is acknowledged.
    acknowledged: bool,
}

fn format_error(place: &Path, problem: impl Into<String>) -> LogError {
    LogError::Format { place: place.display().to_string(), problem: problem.into() }
}

fn list(dir: &Path) -> Result<Listing, LogError> {
    let mut listing = Listing::default();
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(format_error(dir, "it is not a folder"));
        }
        Err(error) => return Err(unavailable("read", dir, &error)),
    };
    for entry in entries {
        let name = entry.map_err(|error| unavailable("read", dir, &error))?.file_name();
        let name = name.to_string_lossy().into_owned();
        let position = |stem: &str| {
            (stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit()))
                .then(|| stem.parse::<u64>().ok())
                .flatten()
        };
        match name.split_once('.') {
            Some((stem, "events")) if position(stem).is_some() => listing.segments.extend(position(stem)),
            Some((stem, "index")) if position(stem).is_some() => listing.indexes.extend(position(stem)),
            Some((stem, "index.tmp")) if position(stem).is_some() => listing.leftovers.push(name),
            Some((ACKNOWLEDGED_NAME, "tmp")) => listing.leftovers.push(name),
            _ if name == SPARE_NAME => listing.leftovers.push(name),
            _ if name == ACKNOWLEDGED_NAME => listing.acknowledged = true,
            _ if name == LOCK_NAME || name == "lost+found" || name.starts_with('.') => {}
            _ => listing.foreign.push(name),
        }
    }
    listing.segments.sort_unstable();
    listing.indexes.sort_unstable();
    Ok(listing)
}

fn read_header(dir: &Path, first_position: u64) -> Result<SegmentHeader, LogError> {
    let path = dir.join(super::context::file_name(first_position, FileKind::Events));
    let mut page = vec![0; SEGMENT_HEADER_BYTES as usize];
    let read = File::open(&path).and_then(|file| file.read_exact_at(&mut page, 0));
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(corrupt(&path, 0, "the segment's header is cut off"));
        }
        Err(error) => return Err(unavailable("read", &path, &error)),
    }
    let header = SegmentHeader::decode(&page).map_err(|bad| match bad {
        BadHeader::NotASegment => corrupt(&path, 0, "this is not a segment of an event log"),
        BadHeader::Version(version) => format_error(
            &path,
            format!("its format is version {version}; this program knows version {FORMAT_VERSION}"),
        ),
        BadHeader::Damaged => corrupt(&path, 0, "the segment's header is damaged"),
    })?;
    if header.first_position != first_position {
        return Err(corrupt(&path, 32, "the segment's name does not tell its first position"));
    }
    Ok(header)
}

pub(crate) fn open(
    dir: &Path,
    options: FileLogOptions,
    disk: Disk,
    read_only: bool,
) -> Result<Opened, LogError> {
    let acknowledged = || {
        let bytes = acknowledged::Bytes::read(dir);
        bytes.map_err(|error| unavailable("read", &dir.join(ACKNOWLEDGED_NAME), &error))
    };
    if read_only {
        let acknowledged = acknowledged()?;
        let listing = checked_list(dir)?;
        if listing.segments.is_empty() {
            return Err(format_error(dir, "there is no event log"));
        }
        return load(dir, &listing, &acknowledged, options, disk, None);
    }
    checked_list(dir)?;
    private::create_dir_all(dir).map_err(|error| unavailable("create", dir, &error))?;
    let lock = Lock::acquire(dir)?;
    // Until now another process may have been at work.
    let listing = checked_list(dir)?;
    load(dir, &listing, &acknowledged()?, options, disk, Some(lock))
}

fn checked_list(dir: &Path) -> Result<Listing, LogError> {
    let listing = list(dir)?;
    if let (true, Some(name)) = (listing.segments.is_empty(), listing.foreign.first()) {
        return Err(format_error(dir, format!("the folder holds something else: {name}")));
    }
    if let (true, Some(first)) = (listing.segments.is_empty(), listing.indexes.first()) {
        return Err(corrupt(dir, 0, format!("the segment of position {first} is missing")));
    }
    if listing.segments.is_empty() && listing.acknowledged {
        let problem = "a log was begun here and its segments are missing: restore them from a backup, or begin another \
                       log by removing what is left in the folder";
        return Err(corrupt(dir, 0, problem));
    }
    Ok(listing)
}

fn load(
    dir: &Path,
    listing: &Listing,
    acknowledged: &acknowledged::Bytes,
    options: FileLogOptions,
    disk: Disk,
    lock: Option<Lock>,
) -> Result<Opened, LogError> {
    let headers: Vec<SegmentHeader> = listing
        .segments
        .iter()
        .map(|&first_position| read_header(dir, first_position))
        .collect::<Result<_, _>>()?;
    let log_id = headers.first().map_or_else(|| Uuid::new_v4().as_u128(), |header| header.log_id);
    let context = Arc::new(Context::new(dir, log_id, options, disk));
    if let Some(other) = headers.iter().find(|header| header.log_id != log_id) {
        let path = context.path(other.first_position, FileKind::Events);
        return Err(corrupt(&path, 16, "the segment belongs to another log"));
    }
    if let Some(orphan) = listing.indexes.iter().find(|index| listing.segments.binary_search(index).is_err())
    {
        return Err(corrupt(dir, 0, format!("the segment of position {orphan} is missing")));
    }
    if lock.is_some() {
        for name in &listing.leftovers {
            let path = dir.join(name);
            fs::remove_file(&path).map_err(|error| unavailable("remove", &path, &error))?;
        }
    }
    let Some((&last, sealed)) = listing.segments.split_last() else { return create(context, lock) };
    if listing.indexes.last() == Some(&last) {
        let path = context.path(last, FileKind::Events);
        return Err(corrupt(&path, 0, "the segment has been sealed, but the one after it is missing"));
    }

    let catalog = Arc::new(Catalog::new(Vec::new(), context.key));
    let mut expected = 1;
    for (at, &first_position) in sealed.iter().enumerate() {
        dense(&context, first_position, expected)?;
        let segment = load_sealed(&context, &catalog, first_position, lock.is_some(), sealed.len() - at)?;
        expected = first_position + segment.extent().events;
        catalog.add(Arc::new(segment));
    }
    dense(&context, last, expected)?;
    let path = context.path(last, FileKind::Events);
    let file = File::options().read(true).write(lock.is_some()).open(&path);
    let file = file.map_err(|error| unavailable("open", &path, &error))?;
    let scanned = scan_tail(&context, &path, &file, last)?;
    let head = last - 1 + scanned.index.offsets.len() as u64;
    check_acknowledged(&context, &path, &scanned, head, acknowledged)?;
    if lock.is_some() {
        repair(&context, &file, &scanned).map_err(|error| unavailable("write", &path, &error))?;
        context.disk.sync_dir(dir).map_err(|error| unavailable("sync", dir, &error))?;
    }
    let data_end = scanned.index.data_end;
    let before = catalog.segments().last().map_or(0, |segment| segment.extent().last_recorded_at_ms);
    let last_recorded_at_ms = scanned.index.last_recorded_at_ms.max(before);
    let bytes = file.metadata().map_err(|error| unavailable("read", &path, &error))?.len();
    let segment = Arc::new(Segment::in_memory(context.clone(), scanned.index));
    catalog.add(segment.clone());
    let writable = lock.map(|lock| Writable {
        open: OpenSegment { segment, file, bytes, data_end, spare: None },
        // Events found here are served from now on, so they count as acknowledged.
        acknowledged: Acknowledged::begin(&context, head),
        lock,
    });
    Ok(Opened { context, catalog, head, last_recorded_at_ms, writable })
}

fn create(context: Arc<Context>, lock: Option<Lock>) -> Result<Opened, LogError> {
    let bytes = next_segment_bytes(None, context.options.segment_bytes);
    let (file, bytes) = create_segment(&context, None, 1, bytes)?;
    let index = MemIndex::new(1, SEGMENT_HEADER_BYTES, context.key);
    let segment = Arc::new(Segment::in_memory(context.clone(), index));
    let catalog = Arc::new(Catalog::new(vec![segment.clone()], context.key));
    let open = OpenSegment { segment, file, bytes, data_end: SEGMENT_HEADER_BYTES, spare: None };
    let acknowledged = Acknowledged::begin(&context, 0);
    let writable = lock.map(|lock| Writable { open, acknowledged, lock });
    Ok(Opened { context, catalog, head: 0, last_recorded_at_ms: 0, writable })
}

fn dense(context: &Context, first_position: u64, expected: u64) -> Result<(), LogError> {
    if first_position == expected {
        return Ok(());
    }
    let path = context.path(first_position, FileKind::Events);
    Err(corrupt(
        &path,
        32,
        format!("the segment begins with position {first_position} instead of {expected}"),
    ))
}

fn load_sealed(
    context: &Arc<Context>,
    catalog: &Arc<Catalog>,
    first_position: u64,
    writable: bool,
    from_the_end: usize,
) -> Result<Segment, LogError> {
    match Sidecar::open(context, first_position) {
        Ok(sidecar) => return Ok(Segment::sealed(context.clone(), sidecar)),
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::NotFound) => {}
        Err(error) => {
            return Err(unavailable("read", &context.path(first_position, FileKind::Index), &error));
        }
    }
    context.forget_file(first_position, FileKind::Index);
    let path = context.path(first_position, FileKind::Events);
    let file =
        context.file(first_position, FileKind::Events).map_err(|error| unavailable("open", &path, &error))?;
    let index = scan(context, &path, &file, first_position, Mode::Sealed)?.index;
    if writable && from_the_end > UNSEALED_AT_OPEN_MAX {
        seal::write(context, catalog, &index)?;
        if let Ok(sidecar) = Sidecar::open(context, first_position) {
            return Ok(Segment::sealed(context.clone(), sidecar));
        }
    }
    Ok(Segment::in_memory(context.clone(), index))
}

/// Reading beside a writer may see a frame that is being written, and a moment later the one after it.
fn scan_tail(context: &Context, path: &Path, file: &File, first_position: u64) -> Result<Scanned, LogError> {
    let mut attempts = 0;
    loop {
        let scanned = scan(context, path, file, first_position, Mode::Tail);
        attempts += 1;
        if scanned.is_ok() || attempts == 5 || !Lock::is_held(&context.dir) {
            return scanned;
        }
    }
}

/// Refuses a log that ends before what it had acknowledged, unless its owner gives that up.
fn check_acknowledged(
    context: &Context,
    path: &Path,
    scanned: &Scanned,
    head: u64,
    acknowledged: &acknowledged::Bytes,
) -> Result<(), LogError> {
    let acknowledged = acknowledged.position(context.seed);
    if acknowledged <= head {
        return Ok(());
    }
    let missing = format!("the acknowledged events at positions {} to {acknowledged} are missing", head + 1);
    if context.options.cut_damaged_tail {
        tracing::error!(path = %path.display(), "{missing}: they are given up, as cut_damaged_tail says");
        return Ok(());
    }
    let problem = format!(
        "{missing}: restore the file, or give them up by opening with cut_damaged_tail (the log is then whole up to \
         position {head})"
    );
    Err(corrupt(path, scanned.index.data_end, problem))
}

/// Makes the last batch durable and wipes what a crash left behind it.
fn repair(context: &Context, file: &File, scanned: &Scanned) -> io::Result<()> {
    let end = scanned.index.data_end;
    if let Some(start) = scanned.last_frame {
        let mut frame = vec![0; (end - start) as usize];
        file.read_exact_at(&mut frame, start)?;
        context.disk.write_at(file, &frame, start)?;
    }
    if let Some(torn_until) = scanned.torn_until {
        tracing::warn!(
            segment = scanned.index.first_position,
            offset = end,
            bytes = torn_until - end,
            "cut off a batch that was being written at a crash: no acknowledgement of it is recorded"
        );
        let zeros = vec![0; 1 << 20];
        let mut at = end;
        while at < torn_until {
            let step = (torn_until - at).min(zeros.len() as u64);
            context.disk.write_at(file, &zeros[..step as usize], at)?;
            at += step;
        }
    }
    context.disk.sync(file)
}
