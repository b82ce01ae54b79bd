//! Listens to the channels of the conversations that somebody on this process follows.

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt as _;
use nova_events::ConversationId;
use nova_events::live::Heard;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::mpsc;

use super::{RedisLiveOptions, channel, names, wire};

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// Channels that one command names.
const CHANNELS_PER_CALL: usize = 512;
const WISHES_PER_CALL: usize = 1_024;

#[derive(Debug, Clone, Copy)]
pub(super) enum Wish {
    Follow(ConversationId),
    Leave(ConversationId),
}

pub(super) struct Listener {
    client: redis::Client,
    options: RedisLiveOptions,
    id: u64,
    hearing: mpsc::Sender<Heard>,
    followed: HashSet<ConversationId>,
}

/// Why listening has ended.
enum Ended {
    /// Nobody wants anything any more.
    Unwanted,
    Broken,
}

impl Listener {
    pub(super) fn new(
        client: redis::Client,
        options: RedisLiveOptions,
        id: u64,
        hearing: mpsc::Sender<Heard>,
    ) -> Self {
        Self { client, options, id, hearing, followed: HashSet::new() }
    }

    pub(super) async fn run(mut self, mut wishes: mpsc::UnboundedReceiver<Wish>) {
        let mut pause = RETRY_FIRST;
        loop {
            // A process that nobody listens on needs no connection.
            while self.followed.is_empty() {
                let Some(wish) = wishes.recv().await else { return };
                self.note(wish);
            }
            let connecting =
                tokio::time::timeout(self.options.connect_timeout, self.client.get_async_pubsub());
            match connecting.await {
                Ok(Ok(connection)) => {
                    metrics::counter!(names::CONNECTED).increment(1);
                    pause = RETRY_FIRST;
                    let (sink, stream) = connection.split();
                    if let Ended::Unwanted = self.listen(sink, stream, &mut wishes).await {
                        return;
                    }
                    tracing::debug!("announcements are not heard any more, connecting again");
                }
                Ok(Err(error)) => {
                    tracing::debug!(problem = error.category(), "announcements cannot be listened to");
                }
                Err(_) => tracing::debug!("Redis does not let anybody listen"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    fn note(&mut self, wish: Wish) {
        match wish {
            Wish::Follow(conversation) => self.followed.insert(conversation),
            Wish::Leave(conversation) => self.followed.remove(&conversation),
        };
    }

    async fn listen(
        &mut self,
        mut sink: PubSubSink,
        mut stream: PubSubStream,
        wishes: &mut mpsc::UnboundedReceiver<Wish>,
    ) -> Ended {
        let all: Vec<ConversationId> = self.followed.iter().copied().collect();
        let (asking, mut wanted) = mpsc::channel(1);
        let (prefix, limit, every) =
            (self.options.prefix.clone(), self.options.connect_timeout, self.options.ping_interval);
        // Apart from what is heard: whoever asks waits for answers that come between messages.
        let asks = async move {
            if follow(&mut sink, &prefix, &all, limit).await.is_err() {
                return;
            }
            loop {
                let wishes: Vec<Wish> = match tokio::time::timeout(every, wanted.recv()).await {
                    Ok(Some(wishes)) => wishes,
                    Ok(None) => return,
                    Err(_) => {
                        let pong = tokio::time::timeout(limit, sink.ping::<redis::Value>());
                        if !matches!(pong.await, Ok(Ok(_))) {
                            return;
                        }
                        continue;
                    }
                };
                // The last wish about a conversation holds.
                let (mut joined, mut left) = (HashSet::new(), HashSet::new());
                for wish in wishes {
                    match wish {
                        Wish::Follow(id) => (joined.insert(id), left.remove(&id)),
                        Wish::Leave(id) => (left.insert(id), joined.remove(&id)),
                    };
                }
                let (joined, left): (Vec<_>, Vec<_>) =
                    (joined.into_iter().collect(), left.into_iter().collect());
                if follow(&mut sink, &prefix, &joined, limit).await.is_err()
                    || leave(&mut sink, &prefix, &left, limit).await.is_err()
                {
                    return;
                }
            }
        };
        let mut asks = std::pin::pin!(asks);
        let mut new = Vec::new();
        loop {
            tokio::select! {
                () = &mut asks => return Ended::Broken,
                message = stream.next() => match message {
                    Some(message) => self.hear(message.get_payload_bytes()),
                    None => return Ended::Broken,
                },
                many = wishes.recv_many(&mut new, WISHES_PER_CALL), if new.is_empty() => {
                    if many == 0 {
                        return Ended::Unwanted;
                    }
                    for wish in &new {
                        self.note(*wish);
                    }
                }
                place = asking.reserve(), if !new.is_empty() => match place {
                    Ok(place) => place.send(std::mem::take(&mut new)),
                    Err(_) => return Ended::Broken,
                },
            }
        }
    }

    fn hear(&self, payload: &[u8]) {
        let Some(heard) = wire::decode(payload) else {
            metrics::counter!(names::DROPPED).increment(1);
            return;
        };
        if matches!(&heard, Heard::Note { from, .. } if *from == self.id) {
            return;
        }
        metrics::counter!(names::HEARD).increment(1);
        if self.hearing.try_send(heard).is_err() {
            metrics::counter!(names::DROPPED).increment(1);
        }
    }
}

/// The connection is of no use any more.
struct Lost;

async fn follow(
    sink: &mut PubSubSink,
    prefix: &str,
    conversations: &[ConversationId],
    limit: Duration,
) -> Result<(), Lost> {
    for some in conversations.chunks(CHANNELS_PER_CALL) {
        let channels: Vec<String> = some.iter().map(|id| channel(prefix, *id)).collect();
        let done = tokio::time::timeout(limit, sink.subscribe(channels)).await;
        done.map_err(|_| Lost)?.map_err(|_| Lost)?;
    }
    Ok(())
}

async fn leave(
    sink: &mut PubSubSink,
    prefix: &str,
    conversations: &[ConversationId],
    limit: Duration,
) -> Result<(), Lost> {
    for some in conversations.chunks(CHANNELS_PER_CALL) {
        let channels: Vec<String> = some.iter().map(|id| channel(prefix, *id)).collect();
        let done = tokio::time::timeout(limit, sink.unsubscribe(channels)).await;
        done.map_err(|_| Lost)?.map_err(|_| Lost)?;
    }
    Ok(())
}
