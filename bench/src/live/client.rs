//! One client: a WebSocket, one subscription, a record.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::peer::Peer;
use super::protocol::{Event, Place, Protocol};
use super::record::Record;

/// Enough for a frame; the library's own is 128 KiB for each connection.
const BUFFER_BYTES: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    protocol: Protocol,
    channel: String,
    /// When the run started: times are since then.
    started: Instant,
    pub(crate) record: Record,
    /// Where the channel was when it subscribed.
    head: Option<u64>,
    events: Vec<Event>,
}

impl Client {
    /// Connected and subscribed; with a record, everything after it comes.
    pub(crate) async fn open(
        peer: &Peer,
        person: usize,
        started: Instant,
        resumed: Option<Record>,
    ) -> anyhow::Result<Self> {
        let opening = Self::subscribed(peer, person, started, resumed);
        tokio::time::timeout(PATIENCE, opening).await.context("no subscription in time")?
    }

    async fn subscribed(
        peer: &Peer,
        person: usize,
        started: Instant,
        resumed: Option<Record>,
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(peer.sockets).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{}{}", peer.sockets, peer.path).into_client_request()?;
        if let Some(token) = peer.tokens.get(person) {
            let value = HeaderValue::from_str(&format!("Bearer {token}"))?;
            request.headers_mut().insert("authorization", value);
        }
        let config = WebSocketConfig::default().read_buffer_size(BUFFER_BYTES).write_buffer_size(0);
        let (mut socket, _) =
            tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
        let (protocol, channel) = (peer.protocol, peer.channel_of(person).to_owned());
        if let Some(hello) = protocol.hello() {
            socket.send(Message::text(hello)).await?;
        }
        let after: Option<Place> = resumed.as_ref().map(|record| record.place.clone());
        socket.send(Message::text(protocol.subscribe(&channel, after.as_ref()))).await?;
        let record = resumed.unwrap_or_default();
        let mut client = Self { socket, protocol, channel, started, record, head: None, events: Vec::new() };
        while !client.step().await? {}
        Ok(client)
    }

    /// Reads one frame; whether it confirmed the subscription.
    async fn step(&mut self) -> anyhow::Result<bool> {
        let text = match self.socket.next().await {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {
                return Ok(false);
            }
            Some(Ok(Message::Close(why))) => bail!("closed by the server: {why:?}"),
            Some(Err(error)) => return Err(error.into()),
            None => bail!("the server is gone"),
        };
        let at = self.started.elapsed();
        self.protocol.read(&text, &mut self.events)?;
        let mut is_confirmed = false;
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Message { seq, number } => self.record.message(seq, number, at),
                Event::Subscribed { head, epoch, is_whole } => {
                    if !is_whole {
                        bail!("the channel {} cannot be resumed", self.channel);
                    }
                    let known = &self.record.place.epoch;
                    if !known.is_empty() && *known != epoch {
                        bail!("the channel {} has another epoch", self.channel);
                    }
                    self.record.place.epoch = epoch;
                    self.head = head;
                    is_confirmed = true;
                }
                Event::Ping => self.socket.send(Message::text("{}")).await?,
            }
        }
        Ok(is_confirmed)
    }

    /// Listens until told to stop; the record, or why there was nothing more to hear.
    pub(crate) async fn listen(
        mut self,
        stop: tokio_util::sync::CancellationToken,
    ) -> (Record, anyhow::Result<()>) {
        loop {
            tokio::select! {
                stepped = self.step() => if let Err(error) = stepped {
                    return (self.record, Err(error));
                },
                () = stop.cancelled() => return (self.record, Ok(())),
            }
        }
    }

    /// Listens until it has everything up to the head it was told when it subscribed; when that was.
    pub(crate) async fn until_current(&mut self) -> anyhow::Result<Duration> {
        let following = async {
            while self.record.place.seq < self.head {
                self.step().await?;
            }
            anyhow::Ok(self.started.elapsed())
        };
        tokio::time::timeout(PATIENCE, following).await.context("not current in time")?
    }

    /// Listens until it has so many messages.
    pub(crate) async fn until_has(&mut self, messages: usize) -> anyhow::Result<()> {
        let following = async {
            while self.record.received.len() < messages {
                self.step().await?;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, following).await.context("a message did not come in time")?
    }

    /// Ends it as a cut cable would, without a goodbye.
    pub(crate) fn cut(self) -> Record {
        self.record
    }
}

/// So many at a time are opening: no server has to take thousands of connections in one instant.
const OPENING_MAX: usize = 64;

/// A client for each of the first so many connections; people come again when there are more connections than people.
pub(crate) async fn open_all(
    peer: &Peer,
    connections: usize,
    started: Instant,
) -> anyhow::Result<Vec<Client>> {
    let people = peer.people();
    let opening = (0..connections).map(|number| Client::open(peer, number % people, started, None));
    let opened: Vec<anyhow::Result<Client>> =
        futures::stream::iter(opening).buffered(OPENING_MAX).collect().await;
    opened.into_iter().collect()
}
