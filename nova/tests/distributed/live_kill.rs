//! What people are told over WebSockets while Redis, one of two query-apis and the networks to each are killed, stopped
//! and cut in turn: every client's own record holds every message of its conversation once, in the order of the seqs,
//! without a gap.
//!
//! | variable | what it sets | without it |
//! |---|---|---|
//! | `NOVA_LIVE_CLIENTS` | clients | 20 |
//! | `NOVA_LIVE_CONVERSATIONS` | conversations that they share | 5 |
//! | `NOVA_LIVE_RATE` | messages a second | 20 |
//! | `NOVA_CHAOS_SECONDS` | how long | 30 |

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::faults::duration;
use crate::live_stage::{Doors, Group, PATIENCE, Stage, number};
use crate::process::Role;

/// A connection that says nothing for so long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(3);

/// What one client was told.
#[derive(Default)]
struct Record {
    /// Seqs and messages, as they came.
    told: Vec<(u64, Uuid)>,
    connections: u64,
    resyncs: u64,
    /// How late messages came that were told live, in milliseconds by the clocks of this machine.
    late_ms: Vec<i64>,
}

struct Client {
    conversation: Uuid,
    token: String,
    record: Arc<Mutex<Record>>,
}

impl Client {
    async fn run(self, doors: Arc<Doors>, mut dice: Dice, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            if let Some(door) = doors.any(&mut dice) {
                self.listen(door, &stop).await;
            }
            tokio::time::sleep(Duration::from_millis(50 + dice.below(200))).await;
        }
    }

    /// Until the connection is of no use any more.
    async fn listen(&self, door: SocketAddr, stop: &AtomicBool) {
        let connecting = tokio::time::timeout(SILENCE_MAX, self.connect(door));
        let Ok(Some(mut socket)) = connecting.await else { return };
        self.record.lock().connections += 1;
        let after = self.record.lock().told.last().map_or(-1, |(seq, _)| i64::try_from(*seq).unwrap());
        let subscribe =
            json!({"op": "subscribe", "conversation_id": self.conversation, "after_seq": after}).to_string();
        if socket.send(Message::text(subscribe)).await.is_err() {
            return;
        }
        let mut pings = tokio::time::interval(Duration::from_secs(1));
        let mut heard = Instant::now();
        while !stop.load(Ordering::Relaxed) && heard.elapsed() < SILENCE_MAX {
            tokio::select! {
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        heard = Instant::now();
                        if !self.hear(&serde_json::from_str(&text).unwrap()) {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                },
                _ = pings.tick() => {
                    let ping = socket.send(Message::text(r#"{"op":"ping"}"#));
                    if !matches!(tokio::time::timeout(SILENCE_MAX, ping).await, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        }
    }

    async fn connect(&self, door: SocketAddr) -> Option<WebSocketStream<TcpStream>> {
        let stream = TcpStream::connect(door).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut request = format!("ws://{door}/api/v1/ws").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        Some(client_async(request, stream).await.ok()?.0)
    }

    /// Writes down whatever came, as it came. Whether the connection is of use.
    fn hear(&self, frame: &Value) -> bool {
        let mut record = self.record.lock();
        match frame["type"].as_str().unwrap() {
            "message.new" => {
                let id = frame["data"]["id"].as_str().unwrap().parse().unwrap();
                record.told.push((frame["seq"].as_u64().unwrap(), id));
                let at = frame["data"]["created_at"].as_str().unwrap();
                let at: chrono::DateTime<chrono::Utc> = at.parse().unwrap();
                record.late_ms.push((chrono::Utc::now() - at).num_milliseconds());
                true
            }
            "resync_required" => {
                record.resyncs += 1;
                false
            }
            "error" => false,
            _ => true,
        }
    }
}

/// Someone who says something, again and again until it is accepted.
async fn say(cluster: &Cluster, token: &str, conversation: Uuid, n: u64) -> (u64, Uuid) {
    let key = Uuid::new_v4().to_string();
    let path = format!("/conversations/{conversation}/messages");
    let body = json!({"text": format!("message {n}")});
    let answer = cluster
        .ask(Role::CommandApi, PATIENCE, |api| {
            api.ask("POST", &path).token(token).header("idempotency-key", &key).json(&body)
        })
        .await;
    let said = answer.expect("it is accepted in the end").ok();
    (said["revision"].as_u64().unwrap(), said["id"].as_str().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everyone_is_told_everything_once_and_in_order() {
    let mut dice = Dice::of_this_run();
    let (clients, conversations) = (number("NOVA_LIVE_CLIENTS", 20), number("NOVA_LIVE_CONVERSATIONS", 5));
    let rate = number("NOVA_LIVE_RATE", 20).max(1);
    let mut stage = Stage::set().await;
    let (cluster, doors) = (Arc::clone(&stage.cluster), Arc::clone(&stage.doors));
    let groups = stage.groups(clients, conversations).await;

    let stop = Arc::new(AtomicBool::new(false));
    let mut listening = Vec::new();
    for Group { conversation, members } in &groups {
        for (_, token) in members {
            let record = Arc::new(Mutex::new(Record::default()));
            let client =
                Client { conversation: *conversation, token: token.clone(), record: Arc::clone(&record) };
            let task = tokio::spawn(client.run(Arc::clone(&doors), dice.split(), Arc::clone(&stop)));
            listening.push((*conversation, record, task));
        }
    }

    let enough = Arc::new(AtomicBool::new(false));
    let said = Arc::new(AtomicU64::new(0));
    let speaking: Vec<_> = groups
        .iter()
        .map(|Group { conversation, members }| {
            let (cluster, enough, said) = (Arc::clone(&cluster), Arc::clone(&enough), Arc::clone(&said));
            let tokens: Vec<String> = members.iter().map(|(_, token)| token.clone()).collect();
            let (conversation, every) =
                (*conversation, Duration::from_secs_f64(conversations as f64 / rate as f64));
            tokio::spawn(async move {
                let mut accepted = Vec::new();
                let mut ticks = tokio::time::interval(every);
                for n in 0.. {
                    if enough.load(Ordering::Relaxed) {
                        break;
                    }
                    ticks.tick().await;
                    let token = &tokens[usize::try_from(n).unwrap() % tokens.len()];
                    accepted.push(say(&cluster, token, conversation, n).await);
                    said.fetch_add(1, Ordering::Relaxed);
                }
                (conversation, accepted)
            })
        })
        .collect();
    let began = Instant::now();
    let seen = stage.faults(&mut dice, duration(30)).await;
    let took = began.elapsed();
    enough.store(true, Ordering::Relaxed);
    let mut accepted = Vec::new();
    for speaker in speaking {
        accepted.push(speaker.await.unwrap());
    }
    assert!(seen.len() > 4, "hardly anything was broken: nothing was tested: {seen:?}");

    let head_of = |conversation: Uuid| {
        let (_, said) = accepted.iter().find(|(id, _)| *id == conversation).unwrap();
        said.iter().map(|(seq, _)| *seq).max().unwrap()
    };
    let began = Instant::now();
    for (conversation, record, _) in &listening {
        let head = head_of(*conversation);
        while record.lock().told.iter().all(|(seq, _)| *seq < head) {
            let last = record.lock().told.last().copied();
            assert!(began.elapsed() < PATIENCE, "a client is at {last:?} of {head}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let caught_up = began.elapsed();
    stop.store(true, Ordering::Relaxed);
    let (mut connections, mut late_ms) = (0, Vec::<i64>::new());
    for (conversation, record, task) in listening {
        task.await.unwrap();
        let record = record.lock();
        let seqs: Vec<u64> = record.told.iter().map(|(seq, _)| *seq).collect();
        let head = head_of(conversation);
        let wrong = seqs.iter().enumerate().find(|(n, seq)| *n as u64 != **seq);
        assert_eq!(wrong, None, "out of order, twice or missing; after {} connections", record.connections);
        assert_eq!(seqs.len() as u64, head + 1);
        assert_eq!(record.resyncs, 0, "nobody was away for that long");
        let (_, said) = accepted.iter().find(|(id, _)| *id == conversation).unwrap();
        for (seq, id) in said {
            assert_eq!(record.told[usize::try_from(*seq).unwrap()], (*seq, *id), "what was accepted is told");
        }
        connections += record.connections;
        late_ms.extend(&record.late_ms);
    }
    late_ms.sort_unstable();
    let quantile = |q: f64| late_ms[((late_ms.len() - 1) as f64 * q) as usize];
    println!(
        "{clients} clients in {conversations} conversations, {} messages in {took:.0?} with {} faults: {} told, each once, \
         in order; {connections} connections; all current {caught_up:.1?} after; p50 {} ms, p99 {} ms, faults and all",
        said.load(Ordering::Relaxed),
        seen.len(),
        late_ms.len(),
        quantile(0.5),
        quantile(0.99)
    );
}
