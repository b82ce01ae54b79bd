//! All segments in order, and the questions that concern several of them.

use std::sync::Arc;

use parking_lot::RwLock;
use uuid::Uuid;

use crate::log::LogError;
use crate::record::Recorded;
use crate::stream::StreamId;

use super::hash::Key;
use super::memory::{CommandPart, Previous, StreamPart, prefix};
use super::segment::Segment;

/// A snapshot; the last one is the segment that is written. Never empty.
pub(crate) type Segments = Arc<Vec<Arc<Segment>>>;

pub(crate) struct Catalog {
    segments: RwLock<Segments>,
    key: Key,
}

/// The last event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) revision: u64,
    /// The first position of the segment it lies in.
    pub(crate) segment: u64,
}

impl Catalog {
    pub(crate) fn new(segments: Vec<Arc<Segment>>, key: Key) -> Self {
        Self { segments: RwLock::new(Arc::new(segments)), key }
    }

    pub(crate) fn segments(&self) -> Segments {
        self.segments.read().clone()
    }

    pub(crate) fn add(&self, segment: Arc<Segment>) {
        let mut segments = self.segments.write();
        let mut more = Vec::with_capacity(segments.len() + 1);
        more.extend(segments.iter().cloned());
        more.push(segment);
        *segments = Arc::new(more);
    }

    /// The newest segment that holds the stream, of those that begin before position `before`.
    pub(crate) fn stream(
        &self,
        segments: &[Arc<Segment>],
        stream: &StreamId,
        before: u64,
    ) -> Result<Option<(usize, StreamPart)>, LogError> {
        let hash = self.key.bytes(stream.as_str().as_bytes());
        let end = segments.partition_point(|segment| segment.first_position < before);
        for (at, segment) in segments[..end].iter().enumerate().rev() {
            if let Some(part) = segment.stream(stream, hash)? {
                return Ok(Some((at, part)));
            }
        }
        Ok(None)
    }

    /// The stream's part before `part`, which lies in segment `at`.
    pub(crate) fn previous(
        &self,
        segments: &[Arc<Segment>],
        stream: &StreamId,
        at: usize,
        part: &StreamPart,
    ) -> Result<Option<(usize, StreamPart)>, LogError> {
        let hash = self.key.bytes(stream.as_str().as_bytes());
        match part.previous {
            Previous::None => Ok(None),
            Previous::Unknown => self.stream(segments, stream, segments[at].first_position),
            Previous::Segment(first_position) => {
                let Ok(at) =
                    segments[..at].binary_search_by_key(&first_position, |segment| segment.first_position)
                else {
                    return Ok(None);
                };
                Ok(segments[at].stream(stream, hash)?.map(|part| (at, part)))
            }
        }
    }

    pub(crate) fn head(&self, stream: &StreamId) -> Result<Option<Head>, LogError> {
        let segments = self.segments();
        let found = self.stream(&segments, stream, u64::MAX)?;
        Ok(found
            .map(|(at, part)| Head { revision: part.last_revision(), segment: segments[at].first_position }))
    }

    pub(crate) fn command(&self, id: Uuid) -> Result<Option<(Arc<Segment>, CommandPart)>, LogError> {
        let hash = self.key.id(prefix(id.as_u128()));
        for segment in self.segments().iter().rev() {
            if let Some(part) = segment.command(id, hash)? {
                return Ok(Some((segment.clone(), part)));
            }
        }
        Ok(None)
    }

    pub(crate) fn event(&self, id: Uuid) -> Result<Option<Recorded>, LogError> {
        let hash = self.key.id(prefix(id.as_u128()));
        for segment in self.segments().iter().rev() {
            if let Some(event) = segment.event(id, hash)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}
