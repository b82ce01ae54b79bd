//! A server that delivers, started for the run, with its people and conversations.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::http::server::Server;
use crate::table::Table;

use super::protocol::{Protocol, text};

pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) protocol: Protocol,
    /// Where WebSockets are served, and under which path.
    pub(crate) sockets: SocketAddr,
    pub(crate) path: &'static str,
    /// Where messages are sent to.
    pub(crate) api: String,
    /// Of every person; the person `p` is in the conversation `p / members`.
    pub(crate) tokens: Vec<String>,
    pub(crate) channels: Vec<String>,
    pub(crate) members: usize,
    pub(crate) processes: Vec<(&'static str, Server)>,
    pub(crate) database: Option<Database>,
    /// Kept until the end.
    pub(crate) folder: tempfile::TempDir,
}

/// The database that it has made for itself.
pub(crate) struct Database {
    /// Counts what it has done.
    pub(crate) transactions: Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<i64>> + Send + Sync>,
    pub(crate) remove: Box<dyn FnOnce() -> BoxFuture<'static, anyhow::Result<()>> + Send + Sync>,
}

/// Processor time and resident memory of one process.
pub(crate) type Usage = Vec<(&'static str, Duration, u64)>;

impl Peer {
    pub(crate) fn channel_of(&self, person: usize) -> &str {
        &self.channels[person / self.members]
    }

    pub(crate) fn people(&self) -> usize {
        self.channels.len() * self.members
    }

    /// The request that sends the message `number` to a conversation, from one of its members.
    pub(crate) fn publish(&self, conversation: usize, number: usize, bytes: usize) -> Vec<u8> {
        let (channel, text) = (&self.channels[conversation], text(number, bytes));
        let (path, authorization, body) = match self.protocol {
            Protocol::Nova => {
                let sender = conversation * self.members + number % self.members;
                let path = format!("/api/v1/conversations/{channel}/messages");
                (
                    path,
                    format!("authorization: Bearer {}", self.tokens[sender]),
                    format!(r#"{{"text":"{text}"}}"#),
                )
            }
            Protocol::Centrifugo => {
                let body = format!(r#"{{"channel":"{channel}","data":{{"text":"{text}"}}}}"#);
                ("/api/publish".to_owned(), "x-api-key: bench".to_owned(), body)
            }
        };
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\n{authorization}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }

    pub(crate) fn usage(&self) -> anyhow::Result<Usage> {
        let of = |(name, server): &(&'static str, Server)| {
            server.usage().map(|(busy, resident)| (*name, busy, resident))
        };
        self.processes.iter().map(of).collect()
    }

    /// How busy each process was between two looks.
    pub(crate) fn tell_busy(
        &self,
        mode: &str,
        before: &Usage,
        after: &Usage,
        took: Duration,
        table: &mut Table,
    ) {
        for ((name, before, _), (_, after, resident)) in before.iter().zip(after) {
            let busy = (*after - *before).as_secs_f64() / took.as_secs_f64() * 100.0;
            let what = format!("{}, processor time of {name}", self.name);
            table.row(&what, mode, "% of a core", &[busy]);
            table.row(
                &format!("{}, resident memory of {name}", self.name),
                mode,
                "MB",
                &[*resident as f64 / 1e6],
            );
        }
    }

    /// Whether what a server answered to a published message means that it was accepted.
    pub(crate) fn is_accepted(&self, status: u16, body: &[u8]) -> bool {
        match self.protocol {
            Protocol::Nova => status == 201,
            // Errors come as 200 with an error in it.
            Protocol::Centrifugo => status == 200 && body.starts_with(br#"{"result":"#),
        }
    }

    pub(crate) async fn end(self) -> anyhow::Result<()> {
        for (_, process) in self.processes {
            process.kill().await?;
        }
        if let Some(database) = self.database {
            (database.remove)().await?;
        }
        Ok(self.folder.close()?)
    }
}
