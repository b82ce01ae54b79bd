//! The fault proxy does what it says: each fault is felt, and is over when it ends.
#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nova_testkit::fault_proxy::{
    CHUNK_BYTES_MAX, Counts, FaultProxy, Faults, Flow, HELD_CHUNKS_MAX, NewConnections,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// Long enough for anything on loopback, and short enough to wait for.
const SOON: Duration = Duration::from_secs(5);
/// What has not come by then does not come.
const NEVER: Duration = Duration::from_millis(300);

/// Says again what it hears, until it hears the end. Ends with the test.
struct Echo {
    address: SocketAddr,
    task: AbortHandle,
}

impl Echo {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut one, _) = listener.accept().await.unwrap();
                connections.spawn(async move {
                    let (mut from, mut to) = one.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                    let _ = to.shutdown().await;
                });
            }
        });
        Self { address, task: task.abort_handle() }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn echo_behind_a_proxy() -> (Echo, FaultProxy) {
    let echo = Echo::start().await;
    let proxy = FaultProxy::start_seeded(echo.address, 7).await.unwrap();
    (echo, proxy)
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(proxy.address()).await.unwrap()
}

/// Says something and hears it again; how long that took.
async fn echoed(connection: &mut TcpStream, text: &[u8]) -> Duration {
    let began = Instant::now();
    connection.write_all(text).await.unwrap();
    let mut heard = vec![0; text.len()];
    timeout(SOON, connection.read_exact(&mut heard)).await.expect("an echo").unwrap();
    assert_eq!(heard, text);
    began.elapsed()
}

/// Waits until the counts are so.
async fn until(proxy: &FaultProxy, what: impl Fn(Counts) -> bool) -> Counts {
    let began = Instant::now();
    while !what(proxy.counts()) {
        assert!(began.elapsed() < SOON, "{:?}", proxy.counts());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.counts()
}

fn up(flow: Flow) -> Faults {
    Faults { up: flow, ..Faults::default() }
}

fn down(flow: Flow) -> Faults {
    Faults { down: flow, ..Faults::default() }
}

/// Different at every place.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251) as u8).collect()
}

#[tokio::test]
async fn without_faults_everything_arrives_unchanged_and_the_end_too() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let sent = pattern(3 * 1024 * 1024 + 17);
    let (mut from, mut to) = connect(&proxy).await.into_split();
    let to_send = sent.clone();
    let sender = tokio::spawn(async move {
        to.write_all(&to_send).await.unwrap();
        to.shutdown().await.unwrap();
    });
    let mut heard = Vec::new();
    timeout(SOON, from.read_to_end(&mut heard)).await.expect("the end").unwrap();
    sender.await.unwrap();
    assert!(heard == sent, "{} bytes of {} came, or others", heard.len(), sent.len());
    let counts = until(&proxy, |counts| counts.open == 0).await;
    let all = sent.len() as u64;
    assert_eq!(counts, Counts { accepted: 1, open: 0, resets: 0, bytes_up: all, bytes_down: all });
}

#[tokio::test]
async fn latency_is_felt_in_each_direction_and_ends_for_what_is_on_its_way() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut connection = connect(&proxy).await;
    assert!(echoed(&mut connection, b"at once").await < Duration::from_millis(100));
    let late = Flow { latency: Duration::from_millis(150), ..Flow::default() };
    for (faults, at_least) in
        [(up(late), 150), (down(late), 150), (Faults { up: late, down: late, ..Faults::default() }, 300)]
    {
        proxy.set(faults);
        let took = echoed(&mut connection, b"later").await;
        let expected = Duration::from_millis(at_least);
        assert!(
            took >= expected && took < expected + Duration::from_millis(140),
            "{took:?}, not {expected:?}"
        );
    }
    proxy.set(Faults::slow(Duration::from_secs(60)));
    let healing = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.heal();
    };
    let (took, ()) = tokio::join!(echoed(&mut connection, b"freed"), healing);
    assert!(took >= Duration::from_millis(100) && took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn latency_does_not_hold_up_what_follows_and_jitter_keeps_the_order() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut connection = connect(&proxy).await;
    let jitter = Duration::from_millis(20);
    proxy.set(down(Flow { latency: Duration::from_millis(100), jitter, ..Flow::default() }));
    let (sent, began) = (pattern(40), Instant::now());
    for byte in &sent {
        connection.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut heard = vec![0; sent.len()];
    timeout(SOON, connection.read_exact(&mut heard)).await.expect("an echo").unwrap();
    assert_eq!(heard, sent);
    let took = began.elapsed();
    // One after the other they would take 4 s.
    assert!(took >= Duration::from_millis(295) && took < Duration::from_millis(1_500), "{took:?}");
}

#[tokio::test]
async fn a_limited_rate_is_kept_and_back_pressure_reaches_the_sender() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut connection = connect(&proxy).await;
    proxy.set(down(Flow { bytes_per_second_max: Some(100_000), ..Flow::default() }));
    let took = echoed(&mut connection, &pattern(50_000)).await;
    assert!(took >= Duration::from_millis(480) && took < Duration::from_millis(1_500), "{took:?}");

    // Far more than the proxy and the sockets hold.
    proxy.set(up(Flow { bytes_per_second_max: Some(1), ..Flow::default() }));
    let much = vec![1; 64 * CHUNK_BYTES_MAX * HELD_CHUNKS_MAX];
    assert!(timeout(NEVER, connection.write_all(&much)).await.is_err(), "the sender is held up");
    let passed = proxy.counts().bytes_up - 50_000;
    assert!(passed <= 2, "{passed} bytes passed");
}

#[tokio::test]
async fn a_black_hole_swallows_nothing_for_good() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut old = connect(&proxy).await;
    echoed(&mut old, b"before").await;
    proxy.set(Faults::blackhole());
    let mut new = connect(&proxy).await;
    let gone = connect(&proxy).await;
    for connection in [&mut old, &mut new] {
        connection.write_all(b"hello").await.unwrap();
        let mut heard = [0; 5];
        assert!(timeout(NEVER, connection.read(&mut heard)).await.is_err(), "nothing comes");
    }
    drop(gone);
    // Whoever went away while it hung is forgotten; the others stay.
    until(&proxy, |counts| counts.accepted == 3 && counts.open == 2).await;
    proxy.heal();
    for connection in [&mut old, &mut new] {
        let mut heard = [0; 5];
        timeout(SOON, connection.read_exact(&mut heard)).await.expect("it goes on").unwrap();
        assert_eq!(&heard, b"hello");
        echoed(connection, b"and on").await;
    }
}

#[tokio::test]
async fn refused_connections_are_reset_and_open_ones_go_on() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut old = connect(&proxy).await;
    echoed(&mut old, b"before").await;
    proxy.set(Faults::refuse());
    assert_eq!(fate(&proxy).await, Err(ErrorKind::ConnectionReset));
    echoed(&mut old, b"still").await;
    proxy.heal();
    assert_eq!(fate(&proxy).await, Ok(()));
    assert_eq!(proxy.counts().resets, 1);
}

/// Whether a new connection is good for anything.
async fn fate(proxy: &FaultProxy) -> Result<(), ErrorKind> {
    let talk = async {
        let mut connection = TcpStream::connect(proxy.address()).await?;
        // Said by the other side first if it is reset, so that it is read and not met while writing.
        let mut heard = [0; 4];
        if let Ok(read) = timeout(Duration::from_millis(20), connection.read(&mut heard)).await {
            return read.map(|_| ());
        }
        connection.write_all(b"ping").await?;
        connection.read_exact(&mut heard).await.map(|_| ())
    };
    timeout(SOON, talk).await.expect("an end").map_err(|error: std::io::Error| error.kind())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_connection_that_breaks() {
    let (echo, proxy) = echo_behind_a_proxy().await;
    let mut open = connect(&proxy).await;
    echoed(&mut open, b"before").await;
    drop(echo);
    let mut heard = [0; 1];
    let end = timeout(SOON, open.read(&mut heard)).await.expect("the end");
    assert!(end.as_ref().map_or(true, |count| *count == 0), "{end:?}");
    assert_eq!(fate(&proxy).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(proxy.counts().resets, 0, "the proxy did not do that");
}

#[tokio::test]
async fn a_reset_ends_all_open_connections_and_none_that_come_after() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut connection = connect(&proxy).await;
        echoed(&mut connection, b"before").await;
        open.push(connection);
    }
    proxy.reset_open();
    for mut connection in open {
        let mut heard = [0; 1];
        let error = timeout(SOON, connection.read(&mut heard)).await.expect("an end").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(fate(&proxy).await, Ok(()));
    assert_eq!(until(&proxy, |counts| counts.open == 0).await.resets, 5);
}

#[tokio::test]
async fn the_share_that_is_reset_is_what_was_asked_for_and_the_same_again() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (_echo, proxy) = echo_behind_a_proxy().await;
        proxy.set(Faults::resets(0.2));
        let mut fates = Vec::new();
        for _ in 0..100 {
            fates.push(fate(&proxy).await);
        }
        let reset = fates.iter().filter(|fate| **fate == Err(ErrorKind::ConnectionReset)).count();
        let good = fates.iter().filter(|fate| fate.is_ok()).count();
        assert_eq!(reset + good, 100, "{fates:?}");
        assert!((10..=32).contains(&reset), "{reset} of 100 were reset");
        assert_eq!(proxy.counts().resets, reset as u64);
        seen.push(fates);
    }
    assert_eq!(seen[0], seen[1], "the seed decides");
}

#[tokio::test]
async fn a_connection_is_cut_after_exactly_so_many_bytes() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut old = connect(&proxy).await;
    echoed(&mut old, b"these do not count").await;
    proxy.set(down(Flow { cut_after_bytes: Some(20_011), ..Flow::default() }));
    for mut connection in [old, connect(&proxy).await] {
        let sent = pattern(50_000);
        connection.write_all(&sent).await.unwrap();
        let mut heard = Vec::new();
        // What was on its way to the server may make the end a reset.
        let _ = timeout(SOON, connection.read_to_end(&mut heard)).await.expect("the end");
        assert!(heard == sent[..20_011], "{} bytes came, or others", heard.len());
    }
    until(&proxy, |counts| counts.open == 0).await;
}

#[tokio::test]
async fn half_open_connections_hear_and_are_not_heard() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    let mut connection = connect(&proxy).await;
    echoed(&mut connection, b"before").await;
    let before = proxy.counts();
    proxy.set(down(Flow { silent: true, ..Flow::default() }));
    connection.write_all(b"heard").await.unwrap();
    let mut heard = [0; 5];
    assert!(timeout(NEVER, connection.read(&mut heard)).await.is_err(), "no answer comes");
    let during = proxy.counts();
    assert_eq!((during.bytes_up - before.bytes_up, during.bytes_down), (5, before.bytes_down));
    proxy.heal();
    timeout(SOON, connection.read_exact(&mut heard)).await.expect("it goes on").unwrap();
    assert_eq!(&heard, b"heard");
}

#[tokio::test]
async fn half_closed_connections_end_for_the_receiver_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = FaultProxy::start(listener.local_addr().unwrap()).await.unwrap();
    let mut client = connect(&proxy).await;
    let (mut server, _) = timeout(SOON, listener.accept()).await.expect("a connection").unwrap();
    proxy.set(down(Flow { half_closed: true, ..Flow::default() }));
    let mut heard = [0; 5];
    let count = timeout(SOON, client.read(&mut heard)).await.expect("the end").unwrap();
    assert_eq!(count, 0, "the client hears the end though the server has said nothing");
    server.write_all(b"thrown away").await.unwrap();
    client.write_all(b"hello").await.unwrap();
    timeout(SOON, server.read_exact(&mut heard)).await.expect("the other way is open").unwrap();
    assert_eq!(&heard, b"hello");
    assert_eq!(proxy.counts().bytes_down, 0);
}

#[tokio::test]
async fn connections_that_hung_are_refused_if_that_comes_next() {
    let (_echo, proxy) = echo_behind_a_proxy().await;
    proxy.set(Faults { new_connections: NewConnections::Hang, ..Faults::default() });
    let mut hanging = connect(&proxy).await;
    until(&proxy, |counts| counts.open == 1).await;
    proxy.set(Faults::refuse());
    let mut heard = [0; 1];
    let error = timeout(SOON, hanging.read(&mut heard)).await.expect("an end").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn nothing_is_left_when_it_ends() {
    let (echo, proxy) = echo_behind_a_proxy().await;
    let address = proxy.address();
    let mut open = connect(&proxy).await;
    echoed(&mut open, b"before").await;
    proxy.set(Faults::blackhole());
    let mut hanging = connect(&proxy).await;
    proxy.stop().await;
    for connection in [&mut open, &mut hanging] {
        let mut heard = [0; 1];
        let end = timeout(SOON, connection.read(&mut heard)).await.expect("the end");
        assert!(end.as_ref().map_or(true, |count| *count == 0), "{end:?}");
    }
    let again = TcpStream::connect(address).await;
    assert_eq!(again.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    drop(echo);
}
