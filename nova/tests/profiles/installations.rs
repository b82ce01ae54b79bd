//! An installation of each profile, and who answers for it.

use std::net::SocketAddr;

use nova::compose::Product;
use nova::config::{Config, Overrides};
use nova::profile::Roles;
use nova::server::{Server, Stop};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A product that serves, until its stop is called.
struct Serving {
    address: SocketAddr,
    stop: Stop,
    served: JoinHandle<()>,
}

impl Serving {
    async fn start(mut product: Product) -> Self {
        product.start().await.unwrap();
        let server = Server::bind(&product, None).await.unwrap();
        let (address, stop) = (server.address(), Stop::by_hand());
        let stopping = stop.clone();
        let served = tokio::spawn(async move {
            server.run(stopping).await.unwrap();
            product.close().await;
        });
        Self { address, stop, served }
    }

    async fn end(self) {
        self.stop.gracefully.cancel();
        self.served.await.unwrap();
    }
}

/// One that is filled by the test and asked over HTTP.
pub(crate) trait Installation {
    /// Where commands are carried out.
    fn writer(&self) -> &Product;
    /// Whom to ask, in turn.
    fn addresses(&self) -> Vec<SocketAddr>;
    async fn end(self);
}

/// The embedded profile is one product, and stays with the test until it serves.
pub(crate) struct Embedded {
    product: Product,
    address: SocketAddr,
    server: JoinHandle<()>,
    stop: Stop,
    _data: TempDir,
}

impl Embedded {
    pub(crate) async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut product = Product::open(config_in(&data), Roles::ALL).await.unwrap();
        product.start().await.unwrap();
        let server = Server::bind(&product, None).await.unwrap();
        let (address, stop) = (server.address(), Stop::by_hand());
        let stopping = stop.clone();
        let server = tokio::spawn(async move { server.run(stopping).await.unwrap() });
        Self { product, address, server, stop, _data: data }
    }
}

impl Installation for Embedded {
    fn writer(&self) -> &Product {
        &self.product
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        vec![self.address]
    }

    async fn end(self) {
        self.stop.gracefully.cancel();
        self.server.await.unwrap();
        self.product.close().await;
    }
}

/// The distributed profile with each role by itself: two projectors and two query-apis, one relay, one for commands.
pub(crate) struct Distributed {
    writer: Product,
    queries: Vec<Serving>,
    others: Vec<Serving>,
    name: String,
    _data: TempDir,
}

fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: `eval \"$(deploy/local/servers up)\"` starts servers and sets it")
    })
}

impl Distributed {
    pub(crate) async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let name = format!("nova_profiles_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&given("NOVA_TEST_POSTGRES_URL")).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.unwrap();
        let config = on_servers(&data, &name);
        nova::compose::migrate(&config).await.unwrap();
        let open = async |roles| Product::open(config.clone(), roles).await.unwrap();
        let mut others = Vec::new();
        for roles in [Roles::RELAY, Roles::PROJECTORS, Roles::PROJECTORS] {
            others.push(Serving::start(open(roles).await).await);
        }
        let queries = vec![
            Serving::start(open(Roles::QUERIES).await).await,
            Serving::start(open(Roles::QUERIES).await).await,
        ];
        Self { writer: open(Roles::COMMANDS).await, queries, others, name, _data: data }
    }
}

impl Installation for Distributed {
    fn writer(&self) -> &Product {
        &self.writer
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        self.queries.iter().map(|serving| serving.address).collect()
    }

    async fn end(self) {
        for serving in self.queries.into_iter().chain(self.others) {
            serving.end().await;
        }
        self.writer.close().await;
        let mut admin = PgConnection::connect(&given("NOVA_TEST_POSTGRES_URL")).await.unwrap();
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
        let clickhouse = clickhouse::Client::default()
            .with_url(given("NOVA_TEST_CLICKHOUSE_URL"))
            .with_user(given("NOVA_TEST_CLICKHOUSE_USER"))
            .with_password(given("NOVA_TEST_CLICKHOUSE_PASSWORD"));
        clickhouse.query(&format!("DROP DATABASE IF EXISTS {}", self.name)).execute().await.unwrap();
        crate::topics::delete_all(&given("NOVA_TEST_KAFKA_BROKERS"), &self.name).await;
    }
}

fn config_in(data: &TempDir) -> Config {
    let overrides =
        Overrides { data: Some(data.path().to_owned()), listen: Some(([127, 0, 0, 1], 0).into()) };
    let mut config = Config::load(None, &overrides).unwrap();
    // Each ranking is worked out when it is asked for, in both.
    config.views.feed_ranking_ttl_ms = 0;
    // What is compared are the best answers, however busy the machine is.
    let resilience = &mut config.resilience;
    for call_ms in
        [&mut resilience.clickhouse_call_ms, &mut resilience.redis_call_ms, &mut resilience.postgres_call_ms]
    {
        *call_ms = 20_000;
    }
    config.clickhouse.query_timeout_ms = 20_000;
    config.postgres.read_statement_ms_max = 20_000;
    config.queries.read_ms_max = 60_000;
    config.views.trending_ttl_ms = 0;
    // Nor is anybody refused because other programs keep the machine busy.
    config.http.adaptive_limit = false;
    config.lift_client_limits();
    config
}

fn on_servers(data: &TempDir, name: &str) -> Config {
    let mut config = config_in(data);
    let (server, _) =
        given("NOVA_TEST_POSTGRES_URL").rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    config.profile = nova::config::Profile::Distributed;
    config.keys.master_key = "5f".repeat(32).into();
    config.postgres.url = format!("{server}/{name}").into();
    config.postgres.connections_max = 4;
    config.postgres.read_connections_max = 4;
    config.kafka.brokers = given("NOVA_TEST_KAFKA_BROKERS");
    config.kafka.topic_prefix = name.to_owned();
    config.kafka.partitions = 2;
    config.clickhouse.url = given("NOVA_TEST_CLICKHOUSE_URL");
    config.clickhouse.user = given("NOVA_TEST_CLICKHOUSE_USER");
    config.clickhouse.password = given("NOVA_TEST_CLICKHOUSE_PASSWORD").into();
    config.clickhouse.database = name.to_owned();
    config.redis.url = given("NOVA_TEST_REDIS_URL").into();
    config.redis.key_prefix = format!("{name}:");
    config
}
