//! A WebSocket client that says what it is told.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use crate::client::{Api, User};

const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Socket(pub(crate) WebSocketStream<TcpStream>);

/// What a socket had to say.
#[derive(Debug)]
pub(crate) enum Told {
    Frame(Value),
    Closed(Option<CloseFrame>),
}

impl Socket {
    pub(crate) async fn open(api: &Api, token: Option<&str>) -> Self {
        let stream = TcpStream::connect(api.address).await.unwrap();
        let mut request = format!("ws://{}/api/v1/ws", api.address).into_client_request().unwrap();
        if let Some(token) = token {
            request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        }
        Self(client_async(request, stream).await.unwrap().0)
    }

    pub(crate) async fn of(user: &User) -> Self {
        Self::open(&user.api, Some(&user.token)).await
    }

    pub(crate) async fn op(&mut self, op: Value) {
        self.0.send(Message::text(op.to_string())).await.unwrap();
    }

    pub(crate) async fn subscribe(&mut self, conversation: Uuid, after_seq: i64) -> Value {
        self.op(json!({"op": "subscribe", "conversation_id": conversation, "after_seq": after_seq})).await;
        self.until("subscribed").await
    }

    pub(crate) async fn next(&mut self) -> Told {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => return Told::Frame(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Told::Closed(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Told::Closed(None),
            }
        }
    }

    /// The next frame of this type; others are passed over.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            match self.next().await {
                Told::Frame(frame) if frame["type"] == kind => return frame,
                Told::Frame(_) => {}
                Told::Closed(frame) => panic!("closed while waiting for {kind}: {frame:?}"),
            }
        }
    }

    /// The next frame that has a seq.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            match self.next().await {
                Told::Frame(frame) if frame["seq"].is_u64() => return frame,
                Told::Frame(_) => {}
                Told::Closed(frame) => panic!("closed while waiting for a message: {frame:?}"),
            }
        }
    }

    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Told::Closed(frame) = self.next().await {
                return frame.map_or(0, |frame| frame.code.into());
            }
        }
    }
}
