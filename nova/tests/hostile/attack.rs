//! What hostile clients do with one connection. Each attack ends when the server closes the connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::stage::{Person, Stage};
use crate::wire::{connect, connect_narrow, exchange, read_answer, request};

/// Between two bytes of a client that dribbles, and between two signs of life of one that stalls.
const DRIBBLE: Duration = Duration::from_millis(300);
/// Bytes of the medium that is downloaded and not read.
const MEDIUM_BYTES: usize = 20 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    PipelinedAnswers,
    /// Answers without a body, which are there before the request's body has been read.
    PipelinedHeads,
    PipelinedMetrics,
    UnreadStream,
    UnreadWebSocket,
    UnreadDownload,
    DribbledHead,
    DribbledBody,
    Idle,
    WebSocketFlood,
    /// Pongs that nobody asked for, and pings before the token.
    ControlFrameFlood,
    /// Parts of a message that never ends, without a byte in them.
    EmptyFrameFlood,
    NotHttp,
}

impl Attack {
    pub(crate) const ALL: [Self; 13] = [
        Self::PipelinedAnswers,
        Self::PipelinedHeads,
        Self::PipelinedMetrics,
        Self::UnreadStream,
        Self::UnreadWebSocket,
        Self::UnreadDownload,
        Self::DribbledHead,
        Self::DribbledBody,
        Self::Idle,
        Self::WebSocketFlood,
        Self::ControlFrameFlood,
        Self::EmptyFrameFlood,
        Self::NotHttp,
    ];

    /// Attacks in which a client does not read what it asked for.
    pub(crate) const STALLED: [Self; 6] = [
        Self::PipelinedAnswers,
        Self::PipelinedHeads,
        Self::PipelinedMetrics,
        Self::UnreadStream,
        Self::UnreadWebSocket,
        Self::UnreadDownload,
    ];
}

/// The target of the attacks.
#[derive(Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    /// They have accounts.
    attackers: Vec<Person>,
    /// A group that all of them are in, and somebody who talks there.
    group: String,
    speaker: Person,
    medium: String,
}

impl Target {
    pub(crate) async fn new(stage: &Stage, attackers: usize) -> Self {
        let speaker = stage.person("speaker").await;
        let mut all = Vec::new();
        for number in 0..attackers {
            all.push(stage.person(&format!("attacker{number}")).await);
        }
        let group = speaker.group(&all).await;
        let medium = upload(stage, &speaker).await;
        Self { address: stage.address, attackers: all, group, speaker, medium }
    }

    /// Says something long to everybody in the group.
    pub(crate) async fn say(&self) {
        let text = "x".repeat(16_000);
        self.speaker.post(&format!("/conversations/{}/messages", self.group), &json!({"text": text})).await;
    }

    /// Attacks over one connection until the server closes it. `number` chooses among the attackers.
    pub(crate) async fn attack(&self, attack: Attack, from: Ipv4Addr, number: usize) -> io::Result<()> {
        let token = &self.attackers[number % self.attackers.len()].token;
        match attack {
            Attack::PipelinedAnswers => self.pipeline(from, &request("GET", "/openapi.json", "", "")).await,
            Attack::PipelinedHeads => self.pipeline(from, &request("HEAD", "/openapi.json", "", "{}")).await,
            Attack::PipelinedMetrics => self.pipeline(from, &request("GET", "/metrics", "", "")).await,
            Attack::UnreadStream => {
                let path = format!("/api/v1/stream?conversation_id={}&after_seq=-1", self.group);
                let mut stream = connect_narrow(from, self.address).await?;
                stream.write_all(&request("GET", &path, token, "")).await?;
                dribble(&mut stream, b"\r\n").await
            }
            Attack::UnreadWebSocket => {
                let mut stream = connect_narrow(from, self.address).await?;
                stream.write_all(&upgrade(Some(token.as_str()))).await?;
                read_answer(&mut stream, true).await?;
                let subscribe = json!({"op": "subscribe", "conversation_id": self.group, "after_seq": -1});
                stream.write_all(&frame(0x1, subscribe.to_string().as_bytes())).await?;
                // Pongs, so that the server takes the client for alive.
                dribble(&mut stream, &frame(0xa, b"")).await
            }
            Attack::UnreadDownload => {
                let mut stream = connect_narrow(from, self.address).await?;
                stream.write_all(&request("GET", &self.medium, "", "")).await?;
                dribble(&mut stream, b"\r\n").await
            }
            Attack::DribbledHead => {
                let mut stream = connect(from, self.address).await?;
                stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ").await?;
                dribble(&mut stream, b"a").await
            }
            Attack::DribbledBody => {
                let mut stream = connect(from, self.address).await?;
                let head = format!(
                    "POST /api/v1/posts HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\ncontent-type: \
                     application/json\r\ncontent-length: 100000\r\n\r\n{{\"text\":\""
                );
                stream.write_all(head.as_bytes()).await?;
                dribble(&mut stream, b"a").await
            }
            Attack::Idle => {
                let stream = connect(from, self.address).await?;
                let mut nothing = [0];
                stream.readable().await?;
                stream.try_read(&mut nothing).map(drop)
            }
            Attack::WebSocketFlood => {
                let mut stream = connect_narrow(from, self.address).await?;
                stream.write_all(&upgrade(Some(token.as_str()))).await?;
                read_answer(&mut stream, true).await?;
                let frames =
                    [frame(0x1, b"{\"op\":\"ping\"}"), frame(0x9, b"ping"), frame(0x1, b"not an operation")];
                let frames = frames.concat().repeat(100);
                loop {
                    stream.write_all(&frames).await?;
                }
            }
            Attack::ControlFrameFlood => {
                let with_token = (number / Attack::ALL.len()).is_multiple_of(2);
                let mut stream = connect_narrow(from, self.address).await?;
                stream.write_all(&upgrade(with_token.then_some(token.as_str()))).await?;
                read_answer(&mut stream, true).await?;
                let frames = frame(if with_token { 0xa } else { 0x9 }, b"").repeat(300);
                loop {
                    stream.write_all(&frames).await?;
                }
            }
            Attack::EmptyFrameFlood => {
                let mut stream = connect_narrow(from, self.address).await?;
                stream.write_all(&upgrade(Some(token.as_str()))).await?;
                read_answer(&mut stream, true).await?;
                let (first, more) = empty_parts();
                stream.write_all(&first).await?;
                loop {
                    stream.write_all(&more).await?;
                }
            }
            Attack::NotHttp => {
                let _ =
                    exchange(from, self.address, &[b"\x16\x03\x01".as_slice(), &[b'\xff'; 2_000]].concat())
                        .await?;
                exchange(from, self.address, b"GET  HTTP/1.1\r\n\r\n").await.map(drop)
            }
        }
    }

    /// Sends the request for as long as the server takes it in, and reads nothing.
    async fn pipeline(&self, from: Ipv4Addr, request: &[u8]) -> io::Result<()> {
        let mut stream = connect_narrow(from, self.address).await?;
        let requests = request.repeat(100);
        loop {
            stream.write_all(&requests).await?;
        }
    }
}

/// Sends this from time to time until the connection is closed.
async fn dribble(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    loop {
        tokio::time::sleep(DRIBBLE).await;
        stream.write_all(bytes).await?;
    }
}

/// The first part of a text without a byte, and many further ones (RFC 6455, 5.4).
pub(crate) fn empty_parts() -> ([u8; 6], Vec<u8>) {
    ([0x01, 0x80, 0, 0, 0, 0], [0x00, 0x80, 0, 0, 0, 0].repeat(1_000))
}

pub(crate) fn upgrade(token: Option<&str>) -> Vec<u8> {
    let authorization = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    format!(
        "GET /api/v1/ws HTTP/1.1\r\nhost: 127.0.0.1\r\n{authorization}connection: upgrade\r\nupgrade: \
         websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// A frame of a client (RFC 6455), masked with zeros.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | opcode];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(0x80 | length),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Uploads a large medium; returns the path of its presigned address.
async fn upload(stage: &Stage, owner: &Person) -> String {
    let free = u32::try_from(MEDIUM_BYTES).unwrap().to_be_bytes();
    let bytes =
        [&b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41"[..], &free, b"free", &vec![0; MEDIUM_BYTES - 8]]
            .concat();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let sha256: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let body = json!({"content_type": "video/mp4", "content_length": bytes.len(), "sha256": sha256});
    let reserved = owner.post("/uploads", &body).await;
    let mut put = format!(
        "PUT {} HTTP/1.1\r\nhost: 127.0.0.1\r\n",
        path_of(reserved["presigned_url"].as_str().unwrap())
    );
    for (name, value) in reserved["headers"].as_object().unwrap() {
        put += &format!("{name}: {}\r\n", value.as_str().unwrap());
    }
    let put = [format!("{put}\r\n").as_bytes(), &bytes].concat();
    let answer = exchange(crate::stage::HOME, stage.address, &put).await.unwrap();
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let upload = reserved["upload_id"].as_str().unwrap();
    let medium = owner.post(&format!("/uploads/{upload}/complete"), &json!({})).await;
    let answer = owner.send("GET", &format!("/media/{}", medium["id"].as_str().unwrap()), "").await;
    path_of(answer.json()["url"].as_str().unwrap()).to_owned()
}

/// The path and the query of an address.
fn path_of(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    url[authority..].find('/').map_or("/", |at| &url[authority + at..])
}
