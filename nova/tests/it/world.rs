//! The real product in this process: its own folder, its own port.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nova::compose::Product;
use nova::config::{Config, Overrides};
use nova::profile::Roles;
use nova::server::{Server, Stop};
use nova_events::UserId;
use nova_http::{Issuer, Role};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Api, User};
use crate::document::truth;

pub(crate) struct World {
    pub(crate) api: Api,
    /// Where operators are answered.
    pub(crate) operators: Option<Api>,
    pub(crate) data: TempDir,
    pub(crate) issuer: Issuer,
    stop: StopAtEnd,
    served: Option<JoinHandle<()>>,
    /// Starts what was left out at first.
    begin: Option<oneshot::Sender<()>>,
    registered: AtomicU64,
}

/// Stops the product when its world goes out of scope, also in a test that fails.
struct StopAtEnd(Stop);

impl Drop for StopAtEnd {
    fn drop(&mut self) {
        self.0.at_once.cancel();
        self.0.gracefully.cancel();
    }
}

const TTL: Duration = Duration::from_secs(3600);

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With a changed configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        Self::in_folder(data, change).await
    }

    pub(crate) async fn in_folder(data: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let (mut product, issuer) = opened(&data, change).await;
        product.start().await.unwrap();
        // What is in the folder already is there to be seen.
        product.wait_applied().await.unwrap();
        Self::serve(data, product, issuer).await
    }

    /// Nothing fills the views, until [`Self::project`].
    pub(crate) async fn without_projectors(data: TempDir, change: impl FnOnce(&mut Config)) -> Self {
        let (product, issuer) = opened(&data, change).await;
        Self::serve(data, product, issuer).await
    }

    async fn serve(data: TempDir, mut product: Product, issuer: Issuer) -> Self {
        let server = Server::bind(&product, None).await.unwrap();
        let (api, stop) = (truth::client(server.address()), Stop::by_hand());
        let operators = server.operators_address().map(Api::new);
        let stopping = stop.clone();
        let (begin, begins) = oneshot::channel();
        let served = tokio::spawn(async move {
            let running = server.run(stopping);
            tokio::pin!(running);
            tokio::select! {
                ended = &mut running => ended.unwrap(),
                Ok(()) = begins => {
                    product.start().await.unwrap();
                    running.await.unwrap();
                }
            }
            product.close().await;
        });
        let (stop, served, begin) = (StopAtEnd(stop), Some(served), Some(begin));
        Self { api, operators, data, issuer, stop, served, begin, registered: AtomicU64::new(0) }
    }

    pub(crate) fn project(&mut self) {
        self.begin.take().unwrap().send(()).unwrap();
    }

    /// Stops it gracefully; the folder stays.
    pub(crate) async fn stop(mut self) -> TempDir {
        self.stop.0.gracefully.cancel();
        self.served.take().unwrap().await.unwrap();
        self.data
    }

    /// Someone with a token and no profile.
    pub(crate) fn stranger(&self, role: Role) -> User {
        let id = UserId::make();
        self.api.as_user(id, self.issuer.issue(id, role, TTL).unwrap())
    }

    /// The same user in another role.
    pub(crate) fn again_as(&self, user: &User, role: Role) -> User {
        self.api.as_user(user.id, self.issuer.issue(user.id, role, TTL).unwrap())
    }

    /// Someone who has registered.
    pub(crate) async fn someone(&self, handle: &str) -> User {
        let user = self.stranger(Role::User);
        let body = json!({"handle": handle, "display_name": handle.to_uppercase()});
        user.post("/users", body).await.ok();
        self.registered.fetch_add(1, Ordering::Relaxed);
        user
    }

    pub(crate) async fn someones<const N: usize>(&self, handles: [&str; N]) -> [User; N] {
        let mut users = Vec::new();
        for handle in handles {
            users.push(self.someone(handle).await);
        }
        users.try_into().ok().unwrap()
    }

    pub(crate) fn auditor(&self) -> User {
        self.stranger(Role::Auditor)
    }

    /// The head of the log.
    pub(crate) async fn head(&self) -> u64 {
        self.api.ask("GET", "/health/ready").send().await.body["head"].as_u64().unwrap()
    }
}

async fn opened(data: &TempDir, change: impl FnOnce(&mut Config)) -> (Product, Issuer) {
    let config = config_for(data, change);
    let issuer = Issuer::with_options(&config.token_key_file(), config.verifier_options()).unwrap();
    (Product::open(config, Roles::ALL).await.unwrap(), issuer)
}

pub(crate) fn config_for(data: &TempDir, change: impl FnOnce(&mut Config)) -> Config {
    let overrides =
        Overrides { data: Some(data.path().to_owned()), listen: Some(([127, 0, 0, 1], 0).into()) };
    let mut config = Config::load(None, &overrides).unwrap();
    config.auth.leeway_s = 0;
    // Small enough for many products beside each other in one test process.
    config.views.readers_max = 2;
    // They all have the machine together: that it is busy is not the doing of any one of them.
    config.http.adaptive_limit = false;
    // Stories are told faster than people live. What is limited for each client is tested where it is set again.
    config.lift_client_limits();
    config.log.segment_bytes = 4 << 20;
    // People here are called by what they do. `people.rs` has a test of the rule.
    config.limits.handles_reserved.clear();
    change(&mut config);
    config
}
