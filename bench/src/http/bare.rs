//! The limit: an axum server, in a process of its own as Nova is, that answers given bytes and does nothing else; or has
//! Nova's layer around that, so that the difference is what the layer costs.

use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::http::header;
use axum::routing::any;
use bytes::Bytes;
use nova_http::{AdaptiveOptions, HttpLimits, Verifier, VerifierOptions, with_layers};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many bytes to answer.
    #[arg(long)]
    bytes: usize,
    #[arg(long, value_enum, default_value_t = Around::Nothing)]
    around: Around,
}

/// What is around the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Around {
    Nothing,
    /// Nova's layer with a fixed limit on requests in flight.
    Layer,
    /// Nova's layer with the adaptive limit as well.
    Adaptive,
}

impl Around {
    pub(crate) fn argument(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Layer => "layer",
            Self::Adaptive => "adaptive",
        }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let body = Bytes::from(vec![b'x'; arguments.bytes]);
    let answer = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    };
    let router = surrounded(Router::new().route("/{*path}", any(answer)), arguments.around)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    use axum::serve::ListenerExt;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await.context("the bare server failed")
}

fn surrounded(router: Router, around: Around) -> anyhow::Result<Router> {
    // With the limits that `nova serve` has.
    let adaptive = match around {
        Around::Nothing => return Ok(router),
        Around::Layer => None,
        Around::Adaptive => Some(AdaptiveOptions::new(512, 4096)),
    };
    metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    let limits = HttpLimits { in_flight_max: 4096, adaptive, ..HttpLimits::default() };
    let verifier = Arc::new(Verifier::new([], VerifierOptions::default()));
    Ok(with_layers(router, verifier, &limits))
}
