//! A bucket of a test's own, on a real S3 server.

use std::time::Duration;

use nova_resilience::{BreakerOptions, GuardOptions};
#[cfg(feature = "distributed")]
use {
    crate::client::Api,
    nova_media::s3::S3Options,
    nova_media::{MediaStore, StoreError},
    rusty_s3::actions::CreateBucket,
    rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle},
    std::collections::BTreeSet,
    uuid::Uuid,
};

pub(crate) fn guard() -> GuardOptions {
    GuardOptions {
        breaker: BreakerOptions::new(5, Duration::from_secs(1), 1),
        calls_max: 8,
        place_wait: Duration::from_secs(1),
        call_timeout: Duration::from_secs(20),
        probed_apart: false,
    }
}

#[cfg(feature = "distributed")]
fn given(name: &str) -> String {
    std::env::var(format!("NOVA_TEST_S3_{name}")).unwrap_or_else(|_| {
        panic!(
            "NOVA_TEST_S3_{name} is not set: `eval \"$(deploy/local/servers up)\"` starts servers and sets it"
        )
    })
}

/// A new bucket on the given server.
#[cfg(feature = "distributed")]
pub(crate) async fn options() -> S3Options {
    let options = S3Options {
        endpoint: given("URL"),
        public_endpoint: None,
        bucket: format!("test-{}", Uuid::now_v7().simple()),
        region: "us-east-1".to_owned(),
        access_key: given("ACCESS_KEY"),
        secret_key: given("SECRET_KEY"),
        path_style: true,
        connect_timeout: Duration::from_secs(5),
        guard: guard(),
    };
    let url = options.endpoint.parse().unwrap();
    let bucket = Bucket::new(url, UrlStyle::Path, options.bucket.clone(), options.region.clone()).unwrap();
    let credentials = Credentials::new(options.access_key.clone(), options.secret_key.clone());
    let create = CreateBucket::new(&bucket, &credentials).sign(Duration::from_secs(60));
    let api = Api::new(([127, 0, 0, 1], 0).into());
    let answer = api.ask_at("PUT", create.as_str()).send().await;
    assert!(answer.status.is_success(), "{} {}", answer.status, answer.body);
    options
}

/// The keys of all that is in it.
#[cfg(feature = "distributed")]
pub(crate) async fn keys(store: &MediaStore) -> Result<BTreeSet<String>, StoreError> {
    let mut keys = BTreeSet::new();
    for folder in ["pending", "staging", "media"] {
        let objects = store.list(folder, None, 1_000).await?;
        keys.extend(objects.into_iter().map(|object| object.key));
    }
    Ok(keys)
}
