//! Ends the sessions of accounts that are closed while they are open.

use nova_events::UserId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Shared;

/// Waits for closures. `None`: this process does not know of any.
pub(crate) async fn run(shared: &Shared, closures: Option<Receiver<UserId>>) {
    let (Some(closed), Some(mut closures)) = (shared.closed.get(), closures) else {
        return std::future::pending().await;
    };
    let is_closed = |user| closed.reason(user).is_some();
    loop {
        match closures.recv().await {
            Ok(user) => shared.registry.end_closed(Some(user), is_closed),
            Err(RecvError::Lagged(_)) => shared.registry.end_closed(None, is_closed),
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
