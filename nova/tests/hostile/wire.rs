//! HTTP/1.1 by hand over sockets whose source address, receive buffer and manners are chosen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// An honest client gives up after so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A loopback address with this last part.
pub(crate) fn loopback(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, last)
}

pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// A client that takes in as little as the kernel lets it.
pub(crate) async fn connect_narrow(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4_096)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// The bytes of a request. `token` and `body` may be empty.
pub(crate) fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    if !token.is_empty() {
        text += &format!("authorization: Bearer {token}\r\n");
    }
    if !body.is_empty() {
        text += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    (text + "\r\n" + body).into_bytes()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// The server closes the connection after it.
    pub(crate) closes: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Reads one answer, of a fixed length or in chunks. `head_only`: it answers HEAD.
pub(crate) async fn read_answer(stream: &mut TcpStream, head_only: bool) -> io::Result<Answer> {
    let mut read = Vec::new();
    let head = read_until(stream, &mut read, b"\r\n\r\n").await?;
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let malformed = || io::Error::new(io::ErrorKind::InvalidData, text.clone());
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(malformed)?;
    let header =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    let mut body = Vec::new();
    if let Some(length) = header("content-length").and_then(|length| length.parse().ok()) {
        if !head_only {
            fill(stream, &mut read, length).await?;
            body = read.drain(..length).collect();
        }
    } else if header("transfer-encoding") == Some("chunked") && !head_only {
        loop {
            let size = read_until(stream, &mut read, b"\r\n").await?;
            let size = String::from_utf8_lossy(&size);
            let size = usize::from_str_radix(size.trim(), 16).map_err(|_| malformed())?;
            fill(stream, &mut read, size + 2).await?;
            body.extend(read.drain(..size + 2).take(size));
            if size == 0 {
                break;
            }
        }
    }
    Ok(Answer { status, body, closes: header("connection") == Some("close") })
}

/// Takes what comes up to and including `end`.
async fn read_until(stream: &mut TcpStream, read: &mut Vec<u8>, end: &[u8]) -> io::Result<Vec<u8>> {
    loop {
        if let Some(at) = read.windows(end.len()).position(|window| window == end) {
            return Ok(read.drain(..at + end.len()).collect());
        }
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn fill(stream: &mut TcpStream, read: &mut Vec<u8>, length: usize) -> io::Result<()> {
    while read.len() < length {
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Sends bytes over a new connection and reads one answer.
pub(crate) async fn exchange(from: Ipv4Addr, to: SocketAddr, bytes: &[u8]) -> io::Result<Answer> {
    let once = async {
        let mut stream = connect(from, to).await?;
        stream.write_all(bytes).await?;
        read_answer(&mut stream, bytes.starts_with(b"HEAD")).await
    };
    tokio::time::timeout(PATIENCE, once).await.map_err(|_| io::ErrorKind::TimedOut)?
}
