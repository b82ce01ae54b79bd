//! A prefix of its own for each test, on the Redis that `NOVA_TEST_REDIS_URL` names.

use std::sync::atomic::{AtomicU32, Ordering};

use nova_distributed::views::redis::RedisOptions;
use redis::IntoConnectionInfo as _;

/// Its keys are deleted when the test is over.
#[derive(Debug)]
pub(crate) struct Prefix {
    pub(crate) url: String,
    pub(crate) prefix: String,
}

/// Where the server is, as it stands in the URL.
#[allow(dead_code, reason = "not every binary of tests puts a proxy before it")]
pub(crate) fn address() -> String {
    let url = Prefix::new("address").url.clone();
    url.into_connection_info().unwrap().addr().to_string()
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Prefix {
    pub(crate) fn new(of: &str) -> Self {
        let url = std::env::var("NOVA_TEST_REDIS_URL")
            .expect("NOVA_TEST_REDIS_URL must name a Redis server for tests: ./test.sh starts one");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self { url, prefix: format!("test-{of}-{}-{number}:", std::process::id()) }
    }

    pub(crate) fn options(&self) -> RedisOptions {
        RedisOptions { url: self.url.clone(), prefix: self.prefix.clone(), ..RedisOptions::default() }
    }

    pub(crate) fn connection(&self) -> redis::Connection {
        redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap()
    }

    /// Every key of the test that begins with this behind the prefix.
    pub(crate) fn keys(&self, begin: &str) -> Vec<Vec<u8>> {
        let (mut connection, mut from, mut all) = (self.connection(), "0".to_owned(), Vec::new());
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&from).arg("MATCH").arg(format!("{}{begin}*", self.prefix)).arg("COUNT").arg(1_000);
            let (next, keys): (String, Vec<Vec<u8>>) = scan.query(&mut connection).unwrap();
            all.extend(keys);
            if next == "0" {
                return all;
            }
            from = next;
        }
    }

    #[allow(dead_code, reason = "not every binary of tests counts")]
    pub(crate) fn count(&self, begin: &str) -> usize {
        self.keys(begin).len()
    }

    pub(crate) fn delete(&self, begin: &str) {
        for keys in self.keys(begin).chunks(500) {
            let _: () = redis::cmd("UNLINK").arg(keys).query(&mut self.connection()).unwrap();
        }
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.delete("");
        }
    }
}
