//! What answers the requests of one connection: the router, and what the connection knows.
//!
//! * Every request carries the address of its peer, as [`ConnectInfo`].
//! * A request is not begun while the answers to earlier ones wait for a client that does not read. With it a client that sends
//!   request after request holds one answer in memory and not all of them.
//! * The connection is in use until the last byte of the body has been handed over, and for ever once it is a WebSocket.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use futures::future::BoxFuture;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::connections::{Connection, RequestInProgress};

#[derive(Clone)]
pub(super) struct ConnectionService {
    router: TowerToHyperService<Router>,
    connection: Arc<Connection>,
}

impl ConnectionService {
    pub(super) fn new(router: Router, connection: Arc<Connection>) -> Self {
        Self { router: TowerToHyperService::new(router), connection }
    }
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = Response<CountedBody>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let in_progress = self.connection.begin();
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(self.connection.peer));
        let (answer, connection) = (self.router.call(request), Arc::clone(&self.connection));
        Box::pin(async move {
            connection.unblocked().await;
            let response = answer.await?;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                connection.hold();
            }
            Ok(response.map(|body| CountedBody { body, _in_progress: in_progress }))
        })
    }
}

/// The body of an answer, which keeps its connection in use.
pub(super) struct CountedBody {
    body: Body,
    _in_progress: RequestInProgress,
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
