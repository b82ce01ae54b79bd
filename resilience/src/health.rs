//! How what Nova depends on is doing: one trait, for every adapter.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use crate::breaker::BreakerStatus;

/// What is wrong with a dependency. Never holds what was asked or stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// A word such as `unreachable`.
    pub class: &'static str,
    /// In a line, for operators.
    pub message: String,
}

/// Something outside of this process that it works with.
#[async_trait::async_trait]
pub trait Dependency: Send + Sync + 'static {
    /// `postgres`, `clickhouse`, ...
    fn name(&self) -> &'static str;

    /// Where it is, without anything secret.
    fn address(&self) -> String;

    /// Whether this process can do nothing without it.
    fn is_required(&self) -> bool;

    /// Asks it something cheap, now, past the breaker.
    async fn check(&self) -> Result<(), Trouble>;

    /// Returns what the last check found, in words for everybody: no addresses and nothing secret.
    fn detail(&self) -> Option<String> {
        None
    }

    /// The breaker between this process and it, if there is one.
    fn breaker(&self) -> Option<BreakerStatus> {
        None
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DependencyHealth {
    pub name: &'static str,
    pub address: String,
    pub required: bool,
    pub up: bool,
    /// How long it took to find out.
    pub latency_ms: f64,
    pub error_class: Option<&'static str>,
    pub error: Option<String>,
    /// Details of the finding, public; `None` when up or down says it all.
    pub detail: Option<String>,
    pub breaker: Option<BreakerStatus>,
}

/// Asks all of them at once; whoever does not answer within `limit` is down.
pub async fn check_all(dependencies: &[Arc<dyn Dependency>], limit: Duration) -> Vec<DependencyHealth> {
    let checks = dependencies.iter().map(|dependency| async move {
        let began = Instant::now();
        let found = match tokio::time::timeout(limit, dependency.check()).await {
            Ok(found) => found,
            Err(_) => {
                let message = format!("no answer within {} ms", limit.as_millis());
                Err(Trouble { class: "timeout", message })
            }
        };
        let trouble = found.err();
        DependencyHealth {
            name: dependency.name(),
            address: dependency.address(),
            required: dependency.is_required(),
            up: trouble.is_none(),
            latency_ms: began.elapsed().as_secs_f64() * 1_000.0,
            error_class: trouble.as_ref().map(|trouble| trouble.class),
            error: trouble.map(|trouble| trouble.message),
            detail: dependency.detail(),
            breaker: dependency.breaker(),
        }
    });
    futures::future::join_all(checks).await
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Store(&'static str);

    #[async_trait::async_trait]
    impl Dependency for Store {
        fn name(&self) -> &'static str {
            self.0
        }

        fn address(&self) -> String {
            "here".to_owned()
        }

        fn is_required(&self) -> bool {
            false
        }

        async fn check(&self) -> Result<(), Trouble> {
            match self.0 {
                "up" => Ok(()),
                "down" => Err(Trouble { class: "unreachable", message: "connection refused".to_owned() }),
                _ => std::future::pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_answer_is_down() {
        let all = ["up", "down", "hangs"].map(|name| Arc::new(Store(name)) as Arc<dyn Dependency>);
        let found = check_all(&all, Duration::from_millis(100)).await;
        let told: Vec<_> = found.iter().map(|one| (one.up, one.error_class)).collect();
        assert_eq!(told, [(true, None), (false, Some("unreachable")), (false, Some("timeout"))]);
    }
}
