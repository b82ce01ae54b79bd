//! The topics that an installation leaves behind.

use std::time::Duration;

use nova_distributed::topics::Topics;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;

const PATIENCE: Duration = Duration::from_secs(30);

/// Deletes all of them.
pub(crate) async fn delete_all(brokers: &str, prefix: &str) {
    delete(brokers, &Topics { prefix: prefix.to_owned(), partitions: 1 }.names()).await;
}

/// Deletes these.
pub(crate) async fn delete(brokers: &str, names: &[String]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    admin.delete_topics(&names, &options).await.unwrap();
}
