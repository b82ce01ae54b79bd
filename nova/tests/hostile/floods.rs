//! What a client sends without end is not taken in without end.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;

use crate::attack::{empty_parts, upgrade};
use crate::stage::{HOME, Stage};
use crate::wire::{connect, read_answer};

const CLOSED_WITHIN: Duration = Duration::from_secs(20);
/// What the kernel takes in for a server that does not read, with the burst and the pace of so many seconds.
const TAKEN_MAX: usize = 16 << 20;

/// Frames of which no message comes are counted by nobody, so their bytes are.
#[tokio::test(flavor = "multi_thread")]
async fn empty_frames_are_read_at_a_pace() {
    let stage = Stage::start("", None);
    let person = stage.person("endless").await;
    let mut stream = connect(HOME, stage.address).await.unwrap();
    stream.write_all(&upgrade(Some(person.token.as_str()))).await.unwrap();
    read_answer(&mut stream, true).await.unwrap();
    let (first, more) = empty_parts();
    stream.write_all(&first).await.unwrap();
    let mut taken = 0;
    let flood = async {
        while let Ok(bytes) = stream.write(&more).await {
            taken += bytes;
        }
    };
    let began = Instant::now();
    let ended = tokio::time::timeout(CLOSED_WITHIN, flood).await;
    println!("{taken} bytes were taken in {:?}", began.elapsed());
    assert!(ended.is_ok(), "it is still open");
    assert!(taken < TAKEN_MAX, "{taken} bytes");
    assert_eq!(stage.metric("http_connections_closed_total", "flood").await, 1.0);
}
