//! How the stores are doing, for operators and for whoever sends requests here.

use std::sync::Arc;

use nova_resilience::{BreakerStatus, Dependency, Trouble, Verdict};
use nova_views::ViewError;

use super::Views;
use super::sources::{Source, judge};

/// One of the stores, as something this process depends on.
#[derive(Debug)]
pub struct StoreHealth {
    views: Views,
    source: Source,
    address: String,
}

fn trouble(error: &ViewError) -> Trouble {
    let class = match judge(error) {
        Verdict::Failed(class) => class,
        Verdict::Fine => "refused",
    };
    Trouble { class, message: error.to_string() }
}

#[async_trait::async_trait]
impl Dependency for StoreHealth {
    fn name(&self) -> &'static str {
        self.source.name()
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    fn is_required(&self) -> bool {
        matches!(self.source, Source::Postgres)
    }

    async fn check(&self) -> Result<(), Trouble> {
        let found = self.views.sources().ping(self.source).await;
        found.map_err(|error| trouble(&error))
    }

    fn breaker(&self) -> Option<BreakerStatus> {
        Some(self.views.sources().guard(self.source).status())
    }
}

impl Views {
    /// The stores, each with the address to show.
    pub fn dependencies(&self, postgres: &str, clickhouse: &str, redis: &str) -> Vec<Arc<dyn Dependency>> {
        let all = [
            (Source::Postgres, postgres),
            (Source::Fallback, postgres),
            (Source::ClickHouse, clickhouse),
            (Source::Redis, redis),
        ];
        let store = |(source, address): (Source, &str)| {
            let address = address.to_owned();
            Arc::new(StoreHealth { views: self.clone(), source, address }) as Arc<dyn Dependency>
        };
        all.into_iter().map(store).collect()
    }
}
