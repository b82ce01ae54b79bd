//! The limit: an axum server, in a process of its own as Nova is, that answers given bytes and does nothing else.

use anyhow::Context;
use axum::Router;
use axum::http::header;
use axum::routing::any;
use bytes::Bytes;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many bytes to answer.
    #[arg(long)]
    bytes: usize,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let body = Bytes::from(vec![b'x'; arguments.bytes]);
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    };
    let router = Router::new().route("/{*path}", any(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    use axum::serve::ListenerExt;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await.context("the bare server failed")
}
