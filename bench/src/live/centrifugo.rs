//! Centrifugo with Redis as its engine, history and recovery on, both on free ports.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use tokio::net::TcpListener;

use crate::http::server::{Launch, Server};
use crate::setting;

use super::Arguments;
use super::peer::Peer;
use super::protocol::Protocol;

const HISTORY_MESSAGES: u64 = 300;

pub(crate) async fn start(arguments: &Arguments) -> anyhow::Result<std::sync::Arc<Peer>> {
    let folder = tempfile::tempdir()?;
    let (redis_port, port) = (free_port().await?, free_port().await?);
    let redis = redis(&arguments.redis, folder.path(), redis_port).await?;
    let config = folder.path().join("centrifugo.json");
    let version = setting::said(&arguments.centrifugo.to_string_lossy(), &["version"]);
    std::fs::write(&config, settings(&version, port, redis_port).to_string())?;
    let config = config.to_str().context("the folder's name is not UTF-8")?;
    let launch = Launch { log: Some(folder.path().join("centrifugo.log")), ..Launch::default() };
    let centrifugo = Server::launch_at(&arguments.centrifugo, &["-c", config], &launch, port)
        .await
        .context("Centrifugo: the program is named with --centrifugo")?;
    Ok(std::sync::Arc::new(Peer {
        name: "Centrifugo".to_owned(),
        protocol: Protocol::Centrifugo,
        sockets: ([127, 0, 0, 1], port).into(),
        path: "/connection/websocket",
        api: format!("127.0.0.1:{port}"),
        tokens: Vec::new(),
        channels: (0..arguments.conversations).map(|number| format!("c{number}")).collect(),
        members: arguments.members,
        processes: vec![("centrifugo", centrifugo), ("its redis", redis)],
        database: None,
        folder,
    }))
}

/// As durable as Redis usually is: an append-only file that is synced every second.
async fn redis(program: &Path, folder: &Path, port: u16) -> anyhow::Result<Server> {
    let (port_text, folder) = (port.to_string(), folder.to_str().context("the folder's name is not UTF-8")?);
    let given = [
        "--bind",
        "127.0.0.1",
        "--port",
        &port_text,
        "--dir",
        folder,
        "--save",
        "",
        "--appendonly",
        "yes",
        "--appendfsync",
        "everysec",
        "--daemonize",
        "no",
    ];
    Server::launch_at(program, &given, &Launch::default(), port)
        .await
        .context("Redis: the program is named with --redis")
}

/// The names changed between version 5 and 6.
fn settings(version: &str, port: u16, redis_port: u16) -> serde_json::Value {
    let redis = format!("redis://127.0.0.1:{redis_port}");
    if version.contains("v5.") {
        json!({
            "address": "127.0.0.1", "port": port, "log_level": "error",
            "client_insecure": true, "allowed_origins": ["*"], "api_key": "bench",
            "allow_subscribe_for_client": true, "allow_history_for_client": true,
            "history_size": HISTORY_MESSAGES, "history_ttl": "600s", "force_recovery": true,
            "usage_stats_disable": true, "engine": "redis", "redis_address": redis,
        })
    } else {
        json!({
            "http_server": {"address": "127.0.0.1", "port": port}, "log": {"level": "error"},
            "client": {"insecure": true, "allowed_origins": ["*"]}, "http_api": {"key": "bench"},
            "channel": {"without_namespace": {
                "allow_subscribe_for_client": true, "history_size": HISTORY_MESSAGES, "history_ttl": "600s",
                "force_recovery": true,
            }},
            "usage_stats": {"disabled": true},
            "engine": {"type": "redis", "redis": {"address": redis}},
        })
    }
}

/// Free a moment ago.
async fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}
