//! Requests that are not quite HTTP are answered at once, and the answer arrives.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::stage::{HOME, Stage};
use crate::wire::{connect, exchange, request};

/// At once, on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn malformed_requests_are_answered_with_their_status() {
    let stage = Stage::start("[server]\nheader_timeout_ms = 60000\n", None);
    let headers = |count: usize| (0..count).map(|number| format!("x-{number}: 1\r\n")).collect::<String>();
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("bad request line", b"NONSENSE\r\n\r\n".to_vec(), 400),
        ("bad version", b"GET / HTTP/9.9\r\nhost: 127.0.0.1\r\n\r\n".to_vec(), 400),
        ("bad header", b"GET / HTTP/1.1\r\nhost nova\r\n\r\n".to_vec(), 400),
        ("binary", [&b"\x16\x03\x01"[..], &[0xff; 5_000]].concat(), 400),
        ("101 headers", format!("GET / HTTP/1.1\r\n{}\r\n", headers(101)).into_bytes(), 431),
        ("large header", format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "a".repeat(300_000)).into_bytes(), 431),
        (
            "long target",
            format!("GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n", "a".repeat(70_000)).into_bytes(),
            414,
        ),
    ];
    for (name, bytes, status) in cases {
        for _ in 0..5 {
            let began = Instant::now();
            let answer = exchange(HOME, stage.address, &bytes).await;
            let answer = answer.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!((answer.status, answer.closes), (status, true), "{name}");
            assert!(began.elapsed() < AT_ONCE, "{name}: {:?}", began.elapsed());
        }
    }
    stage.connections_fall_to(0.0, Duration::from_secs(30)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_followed_by_more_bytes_are_answered_at_once() {
    let stage = Stage::start("[server]\nheader_timeout_ms = 60000\n", None);
    let ada = stage.person("ada").await;
    let post = request("POST", "/api/v1/posts", &ada.token, "{\"text\":\"with a line break behind it\"}");
    for more in [&b"\r\n"[..], b"\r\n\r\n", b"GET /health/li", b"G"] {
        let began = Instant::now();
        let answer = exchange(HOME, stage.address, &[&post, more].concat()).await.unwrap();
        assert_eq!(answer.status, 201, "{more:?}");
        assert!(began.elapsed() < AT_ONCE, "{more:?}: {:?}", began.elapsed());
    }
    // Requests in one packet are answered in their order.
    let mut stream = connect(HOME, stage.address).await.unwrap();
    let (live, missing) = (request("GET", "/health/live", "", ""), request("GET", "/nowhere", "", ""));
    stream.write_all(&[&live[..], &missing, b"\r\n", &live].concat()).await.unwrap();
    let mut read = Vec::new();
    let statuses = |read: &[u8]| {
        let text = String::from_utf8_lossy(read).into_owned();
        text.match_indices("HTTP/1.1 ").map(|(at, _)| text[at + 9..at + 12].to_owned()).collect::<Vec<_>>()
    };
    while statuses(&read).len() < 3 {
        let count = tokio::time::timeout(AT_ONCE, stream.read_buf(&mut read)).await.unwrap().unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&read));
    }
    assert_eq!(statuses(&read), ["200", "404", "200"]);
}
