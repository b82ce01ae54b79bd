//! Brokers that are not there, or do not do as they should.

use std::time::{Duration, Instant};

use nova_distributed::kafka::{KafkaOptions, KafkaSetupError, check_topics, ensure_topics};
use nova_distributed::relay::{RelayOptions, outbox_status};
use nova_distributed::topics::{CATEGORIES, Topics};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::world::{Everything, PARTITIONS, World, brokers, own_topics, streams, until};

struct Mock {
    cluster: MockCluster<'static, DefaultProducerContext>,
    kafka: KafkaOptions,
}

impl Mock {
    fn start() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        let mut kafka = KafkaOptions::new(cluster.bootstrap_servers(), own_topics());
        // A broker refuses a request whose sequence numbers leave a gap, and the client counts on that: when a later request
        // is taken, it takes the earlier ones for taken too. This one does not look at them.
        kafka.settings.insert("max.in.flight.requests.per.connection".to_owned(), "1".to_owned());
        for category in CATEGORIES {
            cluster.create_topic(&kafka.topics.name(category), PARTITIONS, 1).unwrap();
        }
        Self { cluster, kafka }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_created_once_and_checked() {
    let kafka = KafkaOptions::new(brokers(), own_topics());
    let Err(KafkaSetupError::Missing { topic, .. }) = check_topics(&kafka).await else {
        panic!("there are no topics");
    };
    assert_eq!(topic, kafka.topics.name("user"));
    let world = World::new().await;
    ensure_topics(&world.kafka).await.unwrap();
    check_topics(&world.kafka).await.unwrap();
    let topics = Topics { partitions: 5, ..world.kafka.topics.clone() };
    let other = KafkaOptions { topics, ..world.kafka.clone() };
    for result in [ensure_topics(&other).await, check_topics(&other).await] {
        let problem = result.unwrap_err();
        assert!(matches!(problem, KafkaSetupError::Partitions { actual: 2, configured: 5, .. }), "{problem}");
    }
    let none = KafkaOptions { replication: 0, ..world.kafka.clone() };
    assert!(matches!(ensure_topics(&none).await, Err(KafkaSetupError::Counts { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_one_line() {
    let begun = Instant::now();
    // Nobody listens there.
    let mut kafka = KafkaOptions::new("127.0.0.1:1", own_topics());
    let problem = check_topics(&kafka).await.unwrap_err();
    assert!(matches!(problem, KafkaSetupError::Unreachable { .. }), "{problem:?}");
    let text = problem.to_string();
    assert!(text.contains("127.0.0.1:1") && !text.contains('\n'), "{text}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    kafka.settings.insert("no.such.setting".to_owned(), "secret".to_owned());
    let text = ensure_topics(&kafka).await.unwrap_err().to_string();
    assert!(text.contains("no.such.setting") && !text.contains("secret"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_everything_waits() {
    let mock = Mock::start();
    let world = World::with(mock.kafka.clone()).await;
    let names = streams("post", 10);
    let options = RelayOptions { stall_ms: 700, ..RelayOptions::default() };
    let relay = world.relay(options);
    let before = world.append_many(&names, 5).await;
    world.cursor_at(before).await;
    mock.cluster.broker_down(1).unwrap();
    let last = world.append_many(&names, 20).await;
    until("it says so", async || relay.status().problem.is_some()).await;
    let status = outbox_status(&world.pool).await.unwrap();
    assert_eq!(status.backlog_events, last - before);
    assert!(status.oldest_unpublished_seconds.is_some_and(|seconds| seconds > 0.5));
    mock.cluster.broker_up(1).unwrap();
    world.cursor_at(last).await;
    relay.stop().await;
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_broker_cost_time_and_nothing_else() {
    use RDKafkaRespErr::{
        RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
    };
    let mock = Mock::start();
    let world = World::with(mock.kafka.clone()).await;
    let names = streams("post", 10);
    let relay = world.relay(RelayOptions::default());
    let mut last = world.append_many(&names, 3).await;
    world.cursor_at(last).await;
    for errors in [
        vec![RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS; 3],
        vec![RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 2],
        // For good, but about no record.
        vec![RD_KAFKA_RESP_ERR_INVALID_REQUIRED_ACKS],
        // About a whole batch: none of its events is to blame.
        vec![RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE],
    ] {
        mock.cluster.request_errors(RDKafkaApiKey::Produce, &errors);
        last = world.append_many(&names, 10).await;
        world.cursor_at(last).await;
    }
    relay.stop().await;
    let (all, log) = (Everything::up_to(&world.kafka, last).await, world.all().await);
    all.assert_complete(&log);
    all.assert_watermarks(&world.kafka, &log, &[]);
    assert_eq!(outbox_status(&world.pool).await.unwrap().parked.events, 0);
}
