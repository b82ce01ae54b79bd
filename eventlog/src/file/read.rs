//! Reading: streams, the whole log, and pages of it by category and kind. Everything here blocks for as long as the disk
//! takes; [`FileLog`](super::FileLog) sends what may take long to a thread where that does no harm.

use crate::log::{LogError, Page};
use crate::record::{Direction, Filter, Recorded};
use crate::stream::StreamId;

use super::catalog::Catalog;
use super::context::{Context, FileKind};
use super::disk::corrupt;
use super::memory::StreamPart;

pub(crate) struct Reader<'a> {
    pub(crate) context: &'a Context,
    pub(crate) catalog: &'a Catalog,
}

impl Reader<'_> {
    pub(crate) fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let segments = self.catalog.segments();
        let Some(newest) = self.catalog.stream(&segments, stream, u64::MAX)? else { return Ok(Vec::new()) };
        if limit == 0 || (direction == Direction::Forwards && from > newest.1.last_revision()) {
            return Ok(Vec::new());
        }
        let mut events = Vec::new();
        let mut bytes = 0;
        let mut cursor = Some(newest);
        match direction {
            Direction::Backwards => {
                while let Some((at, part)) = cursor {
                    if from >= part.first_revision
                        && events.len() < limit
                        && bytes < self.context.options.page_bytes_max
                    {
                        let end = (from.min(part.last_revision()) - part.first_revision) as u32 + 1;
                        let take = (end as usize).min(limit - events.len()) as u32;
                        let mut read =
                            self.read_part(&segments, stream, at, &part, end - take, take, usize::MAX)?;
                        bytes += size_of_all(&read);
                        read.reverse();
                        events.append(&mut read);
                    }
                    if events.len() >= limit {
                        break;
                    }
                    cursor = self.before(&segments, stream, at, &part)?;
                }
            }
            Direction::Forwards => {
                let mut parts = Vec::new();
                while let Some((at, part)) = cursor {
                    parts.push((at, part));
                    cursor = if part.first_revision <= from {
                        None
                    } else {
                        self.before(&segments, stream, at, &part)?
                    };
                }
                for (at, part) in parts.into_iter().rev() {
                    if events.len() >= limit || bytes >= self.context.options.page_bytes_max {
                        break;
                    }
                    let skip = from.saturating_sub(part.first_revision) as u32;
                    let take = ((part.count - skip) as usize).min(limit - events.len()) as u32;
                    let left = self.context.options.page_bytes_max - bytes;
                    let mut read = self.read_part(&segments, stream, at, &part, skip, take, left)?;
                    let complete = read.len() == take as usize;
                    bytes += size_of_all(&read);
                    events.append(&mut read);
                    if !complete {
                        break;
                    }
                }
            }
        }
        Ok(events)
    }

    fn before(
        &self,
        segments: &[std::sync::Arc<super::segment::Segment>],
        stream: &StreamId,
        at: usize,
        part: &StreamPart,
    ) -> Result<Option<(usize, StreamPart)>, LogError> {
        let before = self.catalog.previous(segments, stream, at, part)?;
        let joined = match &before {
            Some((_, before)) => before.last_revision() + 1 == part.first_revision,
            None => part.first_revision == 0,
        };
        if joined {
            return Ok(before);
        }
        let path = self.context.path(segments[at].first_position, FileKind::Events);
        Err(corrupt(
            &path,
            0,
            format!("{stream} begins here with revision {} and no predecessor", part.first_revision),
        ))
    }

    #[expect(clippy::too_many_arguments, reason = "one place in one stream")]
    fn read_part(
        &self,
        segments: &[std::sync::Arc<super::segment::Segment>],
        stream: &StreamId,
        at: usize,
        part: &StreamPart,
        skip: u32,
        take: u32,
        bytes_max: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let segment = &segments[at];
        let offsets = segment.stream_offsets(stream, part, skip, take)?;
        let mut events = Vec::with_capacity(offsets.len());
        segment.read_offsets(&offsets, bytes_max, &mut events)?;
        let path = || self.context.path(segment.first_position, FileKind::Events);
        if offsets.len() != take as usize {
            return Err(corrupt(&path(), 0, format!("the index of {stream} is incomplete")));
        }
        for (revision, event) in (part.first_revision + u64::from(skip)..).zip(&events) {
            if event.revision != revision || event.stream != *stream {
                let problem =
                    format!("{} {} stands where {stream} {revision} belongs", event.stream, event.revision);
                return Err(corrupt(&path(), 0, problem));
            }
        }
        Ok(events)
    }

    /// A page of what lies behind `after`, with nothing beyond `head`.
    pub(crate) fn read_all(
        &self,
        after: u64,
        filter: &Filter,
        limit: usize,
        head: u64,
    ) -> Result<Page, LogError> {
        let mut page = Page { events: Vec::new(), position: after, mark: None, head };
        if limit == 0 {
            return Ok(page);
        }
        let segments = self.catalog.segments();
        let mut bytes = 0;
        let bytes_max = self.context.options.page_bytes_max;
        while page.position < head && page.events.len() < limit && bytes < bytes_max {
            let next = page.position + 1;
            let at = segments.partition_point(|segment| segment.first_position <= next).saturating_sub(1);
            let segment = &segments[at];
            let last = segment.last_position().min(head);
            if last < next {
                let path = self.context.path(segment.first_position, FileKind::Events);
                return Err(corrupt(&path, 0, format!("position {next} is missing")));
            }
            let from = page.events.len();
            let left = limit - from;
            if filter.is_all() {
                let count = (last - page.position).min(left as u64) as usize;
                segment.read_run(next, count, bytes_max - bytes, &mut page.events)?;
                page.position = page.events.last().map_or(page.position, |event| event.position);
            } else {
                let offset = if next == segment.first_position { 0 } else { segment.offset(next)? };
                let offsets = segment.matching(filter, offset, left)?;
                segment.read_offsets(&offsets, bytes_max - bytes, &mut page.events)?;
                let all_read = page.events.len() - from == offsets.len() && offsets.len() < left;
                page.events.truncate(page.events.partition_point(|event| event.position <= head));
                page.position = match page.events.last() {
                    Some(event) if !all_read => event.position,
                    _ => last,
                };
            }
            bytes += size_of_all(&page.events[from..]);
        }
        Ok(page)
    }
}

fn size_of_all(events: &[Recorded]) -> usize {
    let size = |event: &Recorded| size_of::<Recorded>() + event.data.len() + event.meta.len();
    events.iter().map(size).sum()
}
