//! Records to events, once for all projections. What cannot be decoded is poison; a keyring or a log that does not
//! answer is not: it is asked again until it does.

use std::time::Duration;

use nova_eventlog::{Recorded, StreamId};
use nova_events::{Codec, CodecError, Envelope, KeyError};
use tokio_util::sync::CancellationToken;

/// An event, or why there is none.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are events, and a box for each would cost more")]
pub(crate) enum Decoded {
    Event(Envelope),
    Poison(Poison),
}

#[derive(Debug)]
pub(crate) struct Poison {
    pub(crate) stream: StreamId,
    pub(crate) position: u64,
    pub(crate) kind: String,
    /// Holds nothing personal: the codec sees to that.
    pub(crate) error: String,
}

impl Decoded {
    pub(crate) fn position(&self) -> u64 {
        match self {
            Self::Event(envelope) => envelope.position,
            Self::Poison(poison) => poison.position,
        }
    }

    pub(crate) fn stream(&self) -> &StreamId {
        match self {
            Self::Event(envelope) => &envelope.stream,
            Self::Poison(poison) => &poison.stream,
        }
    }

    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Event(envelope) => envelope.event.kind(),
            Self::Poison(poison) => &poison.kind,
        }
    }
}

/// `None`: stopped while waiting for the keyring.
pub(crate) async fn decode(codec: &Codec, recorded: &Recorded, stop: &CancellationToken) -> Option<Decoded> {
    let mut backoff = Backoff::default();
    loop {
        match codec.decode(recorded).await {
            Ok(envelope) => return Some(Decoded::Event(envelope)),
            Err(CodecError::Keys(KeyError::Unavailable(problem))) => {
                tracing::warn!(position = recorded.position, problem, "waiting for the keyring");
                if !backoff.wait(stop).await {
                    return None;
                }
            }
            Err(
                error @ (CodecError::UnknownKind(_)
                | CodecError::Shape { .. }
                | CodecError::Seal { .. }
                | CodecError::Upcast(_)
                | CodecError::Keys(
                    KeyError::Destroyed(_) | KeyError::Missing(_) | KeyError::Corrupt(_),
                )),
            ) => {
                return Some(Decoded::Poison(Poison {
                    stream: recorded.stream.clone(),
                    position: recorded.position,
                    kind: recorded.kind.as_str().to_owned(),
                    error: error.to_string(),
                }));
            }
        }
    }
}

/// Waits longer each time, up to [`Backoff::LONGEST`].
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: Duration::from_millis(20) }
    }
}

impl Backoff {
    const LONGEST: Duration = Duration::from_secs(5);

    /// `false`: stopped.
    pub(crate) async fn wait(&mut self, stop: &CancellationToken) -> bool {
        let pause = self.next;
        self.next = (pause * 2).min(Self::LONGEST);
        tokio::select! {
            () = stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}
