//! The folder of a spool: its chapters by number, and how far it has been read.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::file::{FileLog, FileLogOptions};
use crate::log::LogError;
use crate::private;

use super::Place;
use super::state::Chapter;

const CURSOR_NAME: &str = "removed";
/// Behind the number of a chapter that is being deleted: a crash in between leaves no half chapter.
const GONE: &str = "gone";
/// Behind the number of a chapter that cannot be read.
const DAMAGED: &str = "damaged";

pub(super) fn unavailable(action: &str, path: &Path, error: &io::Error) -> LogError {
    LogError::Unavailable(format!("cannot {action} {}: {error}", path.display()))
}

pub(super) fn chapter_dir(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}"))
}

/// The chapters that are there, opened for reading, oldest first. Only with `tidy` anything is changed: what is half
/// deleted goes, and what is damaged is set aside. With them the highest number that is known of.
pub(super) fn chapters(
    dir: &Path,
    removed: Place,
    options: &FileLogOptions,
    tidy: bool,
) -> Result<(Vec<Chapter>, u64), LogError> {
    let mut numbers = Vec::new();
    let mut newest = removed.chapter;
    for entry in fs::read_dir(dir).map_err(|error| unavailable("read", dir, &error))? {
        let entry = entry.map_err(|error| unavailable("read", dir, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (stem, end) = name.split_once('.').unwrap_or((&name, ""));
        let Some(number) = number_of(stem) else { continue };
        newest = newest.max(number);
        if end.is_empty() {
            numbers.push(number);
        } else if end == GONE && tidy {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(|error| unavailable("remove", &path, &error))?;
        }
    }
    numbers.sort_unstable();
    let mut chapters = Vec::new();
    for number in numbers {
        let path = chapter_dir(dir, number);
        let begun = holds_a_segment(&path);
        if number < removed.chapter || !begun {
            if tidy {
                delete(dir, number)?;
            }
            continue;
        }
        match FileLog::open_read_only(&path, options.clone()) {
            Ok(log) => chapters.push(Chapter::closed(number, log)),
            Err(error @ (LogError::Corrupt { .. } | LogError::Format { .. })) if tidy => {
                set_aside(dir, number, &error)?;
            }
            // Beside a process that reads and removes.
            Err(_) if !tidy && !path.is_dir() => {}
            Err(error) => return Err(error),
        }
    }
    Ok((chapters, newest))
}

fn number_of(stem: &str) -> Option<u64> {
    let digits = stem.len() == 10 && stem.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| stem.parse().ok()).flatten()
}

/// A crash while a chapter was begun leaves a folder without one.
fn holds_a_segment(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "events"))
    })
}

/// Deletes a chapter.
pub(super) fn delete(dir: &Path, number: u64) -> Result<(), LogError> {
    let (path, gone) = (chapter_dir(dir, number), dir.join(format!("{number:010}.{GONE}")));
    fs::rename(&path, &gone).map_err(|error| unavailable("rename", &path, &error))?;
    fs::remove_dir_all(&gone).map_err(|error| unavailable("remove", &gone, &error))
}

/// What is in it is for an operator to look at; the rest goes on.
pub(super) fn set_aside(dir: &Path, number: u64, error: &LogError) -> Result<(), LogError> {
    let (path, aside) = (chapter_dir(dir, number), dir.join(format!("{number:010}.{DAMAGED}")));
    tracing::error!(%error, aside = %aside.display(), "a part of a queue on disk is damaged and set aside");
    fs::rename(&path, &aside).map_err(|error| unavailable("rename", &path, &error))
}

/// How far the spool has been read; the beginning when that is not known, so that something comes twice rather than not
/// at all.
pub(super) fn read_cursor(dir: &Path) -> Place {
    let text = fs::read_to_string(dir.join(CURSOR_NAME)).unwrap_or_default();
    let mut words = text.split_ascii_whitespace();
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
    let (Some(chapter), Some(position), Some(sum)) = (number(), number(), number()) else {
        return Place::default();
    };
    let place = Place { chapter, position };
    if u64::from(checksum(place)) == sum { place } else { Place::default() }
}

/// Whole or not at all. It is not synced: after a crash of the machine some of what was removed may come again.
pub(super) fn write_cursor(dir: &Path, place: Place) -> Result<(), LogError> {
    let (path, new) = (dir.join(CURSOR_NAME), dir.join(format!("{CURSOR_NAME}.tmp")));
    let text = format!("{} {} {}\n", place.chapter, place.position, checksum(place));
    let open = private::options().write(true).create(true).truncate(true).open(&new);
    let written =
        open.and_then(|mut file| file.write_all(text.as_bytes())).and_then(|()| fs::rename(&new, &path));
    written.map_err(|error| unavailable("write", &path, &error))
}

fn checksum(place: Place) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&place.chapter.to_le_bytes()), &place.position.to_le_bytes())
}
