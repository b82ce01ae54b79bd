//! Reading the file a conversation at a time.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::import::BYTE_ORDER_MARK;
use crate::import::report::{Place, Report};

/// The largest conversation that is read; a larger one ends the import, because its end cannot be found without
/// reading it.
pub(crate) const CONVERSATION_BYTES_MAX: u64 = 8 << 20;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A conversation as it stands in the file.
#[derive(Debug)]
pub(super) struct RawConversation {
    pub(super) id: String,
    pub(super) place: Place,
    pub(super) texts: Vec<LinedText>,
}

/// A text and its line. What is wrong with a text stands in its place.
type LinedText = (u64, Result<RawText, String>);

#[derive(Debug, Deserialize)]
pub(super) struct RawText {
    pub(super) text: String,
    pub(super) timestamp: String,
    pub(super) sender: String,
}

/// A file, unpacked if it is packed.
fn open(path: &Path, report: Arc<Report>) -> anyhow::Result<Box<dyn BufRead>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = Counted { file: File::open(path).with_context(cannot)?, report };
    let mut file = BufReader::with_capacity(1 << 16, file);
    let is_packed = file.fill_buf().with_context(cannot)?.starts_with(&GZIP_MAGIC);
    let mut text: Box<dyn BufRead> = if is_packed {
        Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)))
    } else {
        Box::new(file)
    };
    if text.fill_buf().is_ok_and(|begin| begin.starts_with(BYTE_ORDER_MARK)) {
        text.consume(BYTE_ORDER_MARK.len());
    }
    Ok(text)
}

/// Reads to the end of the file or to its first mistake as JSON.
pub(super) fn read(
    path: &Path,
    report: &Arc<Report>,
    sender: &mpsc::Sender<RawConversation>,
) -> anyhow::Result<()> {
    let file = Place::file_name(path);
    let consumed = Rc::new(Consumed::default());
    let metered = Metered { inner: open(path, Arc::clone(report))?, consumed: Rc::clone(&consumed) };
    let mut json = serde_json::Deserializer::from_reader(metered);
    let visitor = Conversations { file: &file, consumed: &consumed, report, sender };
    let read = json.deserialize_map(visitor).and_then(|()| json.end());
    // The message can quote the file; where and what sort is enough.
    read.map_err(|error| match error.io_error_kind() {
        Some(_) => anyhow::anyhow!("{file}: {error}"),
        None => anyhow::anyhow!("{file}:{}: {:?} error in the JSON", error.line(), error.classify()),
    })
}

struct Conversations<'a> {
    file: &'a Arc<str>,
    consumed: &'a Consumed,
    report: &'a Report,
    sender: &'a mpsc::Sender<RawConversation>,
}

impl<'de> Visitor<'de> for Conversations<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of conversations")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(id) = map.next_key::<String>()? {
            self.consumed.begin_conversation();
            let raw = map.next_value::<Box<RawValue>>()?;
            let lines_within = count_lines(raw.get());
            // At most one byte behind the value has been looked at.
            let line = 1 + self.consumed.lines.get().saturating_sub(lines_within);
            let place =
                Place { file: Arc::clone(self.file), line, within: Some(format!("conversation {id}")) };
            match texts_of(raw.get(), line) {
                Ok(texts) => {
                    if self.sender.blocking_send(RawConversation { id, place, texts }).is_err() {
                        // The import has failed and says why.
                        return Ok(());
                    }
                }
                Err(reason) => self.report.bad(&place, &reason),
            }
        }
        Ok(())
    }
}

/// The texts of one conversation, across its turns.
fn texts_of(json: &str, first_line: u64) -> Result<Vec<LinedText>, String> {
    #[derive(Deserialize)]
    struct Shape<'a> {
        #[serde(borrow)]
        messages: Vec<Vec<&'a RawValue>>,
    }
    let shape: Shape<'_> =
        serde_json::from_str(json).map_err(|_| "messages must be a list of lists".to_owned())?;
    let mut texts = Vec::new();
    let (mut line, mut counted) = (first_line, 0);
    for raw in shape.messages.into_iter().flatten() {
        // `raw` borrows from `json`: their distance is its offset.
        let offset = (raw.get().as_ptr() as usize).saturating_sub(json.as_ptr() as usize);
        line += json.get(counted..offset).map_or(0, count_lines);
        counted = offset;
        let text = serde_json::from_str(raw.get())
            .map_err(|_| "a text must have text, timestamp and sender, all strings".to_owned());
        texts.push((line, text));
    }
    if texts.is_empty() { Err("it holds no texts".to_owned()) } else { Ok(texts) }
}

fn count_lines(text: &str) -> u64 {
    text.bytes().filter(|&byte| byte == b'\n').count() as u64
}

/// How far the parser has come.
#[derive(Debug, Default)]
struct Consumed {
    lines: Cell<u64>,
    of_conversation: Cell<u64>,
}

impl Consumed {
    fn begin_conversation(&self) {
        self.of_conversation.set(0);
    }
}

/// Counts what the parser takes, which is a byte at a time, and stops it in a conversation that does not end.
struct Metered {
    inner: Box<dyn BufRead>,
    consumed: Rc<Consumed>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        let taken = self.consumed.of_conversation.get() + length as u64;
        if taken > CONVERSATION_BYTES_MAX {
            let problem = format!("a conversation has more than {CONVERSATION_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        self.consumed.of_conversation.set(taken);
        let lines = buffer.iter().take(length).filter(|&&byte| byte == b'\n').count() as u64;
        self.consumed.lines.set(self.consumed.lines.get() + lines);
        Ok(length)
    }
}

/// Tells the report how much of the file has been read.
struct Counted {
    file: File,
    report: Arc<Report>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.report.advance(length as u64);
        Ok(length)
    }
}
