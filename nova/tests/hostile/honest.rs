//! Honest clients: they keep their connections, read what they are sent, and take their time between requests.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::stage::{Person, Stage};
use crate::wire::{Answer, PATIENCE, connect, read_answer, request};

/// Between the requests of one client.
const PAUSE: Duration = Duration::from_millis(900);

pub(crate) struct Crowd {
    stopped: Arc<AtomicBool>,
    clients: JoinSet<Record>,
}

/// What a client or all of them saw.
pub(crate) struct Record {
    pub(crate) latency_us: Histogram<u64>,
    /// Answers of 500 and above, refusals, and requests without an answer.
    pub(crate) failures: Vec<String>,
}

impl Record {
    fn new() -> Self {
        Self { latency_us: Histogram::new(3).unwrap(), failures: Vec::new() }
    }

    pub(crate) fn percentile(&self, percentile: f64) -> Duration {
        Duration::from_micros(self.latency_us.value_at_percentile(percentile))
    }
}

impl Crowd {
    /// So many clients, from addresses of their own.
    pub(crate) fn come(stage: &Stage, people: &[Person], clients: usize) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..clients {
            let from = Ipv4Addr::new(127, 0, 1, u8::try_from(number % 8).unwrap() + 1);
            let client = Client {
                from,
                to: stage.address,
                person: people[number % people.len()].clone(),
                stream: None,
            };
            let stopped = Arc::clone(&stopped);
            tasks.spawn(async move {
                tokio::time::sleep(PAUSE.mul_f64(number as f64 / clients as f64)).await;
                client.live(number, &stopped).await
            });
        }
        Self { stopped, clients: tasks }
    }

    pub(crate) async fn leave(mut self) -> Record {
        self.stopped.store(true, Ordering::SeqCst);
        let mut all = Record::new();
        while let Some(record) = self.clients.join_next().await {
            let record = record.unwrap();
            all.latency_us.add(&record.latency_us).unwrap();
            all.failures.extend(record.failures);
        }
        all
    }
}

struct Client {
    from: Ipv4Addr,
    to: std::net::SocketAddr,
    person: Person,
    stream: Option<TcpStream>,
}

impl Client {
    async fn live(mut self, number: usize, stopped: &AtomicBool) -> Record {
        let mut record = Record::new();
        for turn in number.. {
            if stopped.load(Ordering::SeqCst) {
                break;
            }
            let (method, path, body) = match turn % 8 {
                0 => ("POST", "/api/v1/posts", format!("{{\"text\":\"post {turn}\"}}")),
                1 | 2 => ("GET", "/api/v1/users/me", String::new()),
                3 => ("GET", "/api/v1/conversations", String::new()),
                4 => ("GET", "/health/ready", String::new()),
                _ => ("GET", "/api/v1/feed?limit=5", String::new()),
            };
            let began = Instant::now();
            let bytes = request(method, path, &self.person.token, &body);
            let answered = tokio::time::timeout(PATIENCE, self.answer(&bytes)).await;
            record.latency_us.record(began.elapsed().as_micros() as u64).unwrap();
            match answered {
                Ok(Ok(answer)) if answer.status < 400 => {}
                Ok(Ok(answer)) => {
                    let body = String::from_utf8_lossy(&answer.body).into_owned();
                    record.failures.push(format!("{method} {path}: {} {body}", answer.status));
                }
                Ok(Err(error)) => record.failures.push(format!("{method} {path}: {error}")),
                Err(_) => {
                    self.stream = None;
                    record.failures.push(format!("{method} {path}: no answer in {PATIENCE:?}"));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        record
    }

    /// As clients do: over the connection that is there, and over a new one if that was closed while it was idle.
    async fn answer(&mut self, bytes: &[u8]) -> std::io::Result<Answer> {
        if let Some(mut stream) = self.stream.take()
            && stream.write_all(bytes).await.is_ok()
            && let Ok(answer) = read_answer(&mut stream, false).await
        {
            self.stream = (!answer.closes).then_some(stream);
            return Ok(answer);
        }
        let mut stream = connect(self.from, self.to).await?;
        stream.write_all(bytes).await?;
        let answer = read_answer(&mut stream, false).await?;
        self.stream = (!answer.closes).then_some(stream);
        Ok(answer)
    }
}
