//! The tables: what columns they have, and reading them row by row. Fields are separated by `|`; quotes are plain text.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::import::BYTE_ORDER_MARK;
use crate::import::report::Place;

/// No line of the benchmark is near it.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// A table and its columns.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) name: &'static str,
    pub(super) header: &'static str,
    /// The column with the time of creation.
    pub(super) time: usize,
}

pub(super) static PERSON: Layout = Layout {
    name: "person",
    header: "id|firstName|lastName|gender|birthday|creationDate|locationIP|browserUsed|place",
    time: 5,
};
pub(super) static KNOWS: Layout =
    Layout { name: "person_knows_person", header: "Person.id|Person.id|creationDate", time: 2 };
pub(super) static POST: Layout = Layout {
    name: "post",
    header: "id|imageFile|creationDate|locationIP|browserUsed|language|content|length|creator|Forum.id|place",
    time: 2,
};
pub(super) static COMMENT: Layout = Layout {
    name: "comment",
    header: "id|creationDate|locationIP|browserUsed|content|length|creator|place|replyOfPost|replyOfComment",
    time: 1,
};
pub(super) static LIKES_POST: Layout =
    Layout { name: "person_likes_post", header: "Person.id|Post.id|creationDate", time: 2 };
pub(super) static LIKES_COMMENT: Layout =
    Layout { name: "person_likes_comment", header: "Person.id|Comment.id|creationDate", time: 2 };

pub(super) static ALL: [&Layout; 6] = [&PERSON, &KNOWS, &POST, &COMMENT, &LIKES_POST, &LIKES_COMMENT];

/// One file of a table.
#[derive(Debug)]
pub(super) struct Table {
    reader: BufReader<File>,
    file: Arc<str>,
    line: u64,
    offset: u64,
}

/// One line that is not blank.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) place: Place,
    /// Where the line begins in its file.
    pub(super) offset: u64,
    pub(super) bytes: u64,
    line: Vec<u8>,
}

impl Table {
    /// Opens a file and checks that it has the columns of its table.
    pub(super) fn open(path: &Path, layout: &Layout) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        let reader = BufReader::with_capacity(1 << 16, file);
        let mut table = Self { reader, file: Place::file_name(path), line: 0, offset: 0 };
        match table.next()?.as_ref().map(|row| row.line.as_slice()) {
            Some(line) if line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line) == layout.header.as_bytes() => {
                Ok(table)
            }
            _ => bail!("{}:1: the columns must be {}", table.file, layout.header),
        }
    }

    pub(super) fn next(&mut self) -> anyhow::Result<Option<Row>> {
        loop {
            let mut line = Vec::new();
            let bytes = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
            if bytes == 0 {
                return Ok(None);
            }
            let offset = self.offset;
            self.line += 1;
            self.offset += bytes;
            if line.last() == Some(&b'\n') {
                line.pop();
            } else if bytes == LINE_BYTES_MAX {
                bail!("{}:{}: the line has more than {LINE_BYTES_MAX} bytes", self.file, self.line);
            }
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            if !line.is_empty() {
                let place = Place { file: Arc::clone(&self.file), line: self.line, within: None };
                return Ok(Some(Row { place, offset, bytes, line }));
            }
        }
    }

    /// The row that begins at `offset`, which is number `line`.
    pub(super) fn row_at(&mut self, offset: u64, line: u64) -> anyhow::Result<Option<Row>> {
        // Within what is buffered a relative seek keeps the buffer: rows near each other cost no read.
        let distance = i64::try_from(offset)? - i64::try_from(self.offset)?;
        if distance.unsigned_abs() < 1 << 15 {
            self.reader.seek_relative(distance)?;
        } else {
            self.reader.seek(SeekFrom::Start(offset))?;
        }
        (self.offset, self.line) = (offset, line - 1);
        self.next()
    }
}

impl Row {
    /// The fields: as many as the table has columns.
    pub(super) fn fields(&self, layout: &Layout) -> Result<Vec<&str>, String> {
        let text = std::str::from_utf8(&self.line).map_err(|_| "the line is not UTF-8".to_owned())?;
        let fields: Vec<_> = text.split('|').collect();
        let columns = layout.header.split('|').count();
        if fields.len() == columns {
            Ok(fields)
        } else {
            Err(format!("the line has {} fields instead of {columns}", fields.len()))
        }
    }
}
