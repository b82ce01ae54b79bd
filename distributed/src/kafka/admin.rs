//! The topics: made by `nova migrate`, looked at by everything else.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::Metadata;
use rdkafka::producer::{BaseProducer, DeliveryResult, Producer, ProducerContext};

use super::context::about_authentication;
use super::{KafkaContext, KafkaOptions, KafkaSetupError};

/// The largest event that the log takes, with room for its headers. Brokers take half of it by default.
const RECORD_BYTES_MAX: &str = "2097152";

/// How long brokers get to answer.
const ANSWER: Duration = Duration::from_secs(8);

impl ProducerContext for KafkaContext {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// Creates those of Nova's topics that are not there, and checks all of them.
pub async fn ensure_topics(options: &KafkaOptions) -> Result<(), KafkaSetupError> {
    let (partitions, replication) = (options.topics.partitions, options.replication);
    if partitions < 1 || replication < 1 {
        return Err(KafkaSetupError::Counts { partitions, replication });
    }
    let present = blocking(options, partitions_now).await?;
    check_counts(options, &present)?;
    let missing: Vec<String> = names(options).filter(|name| !present.contains_key(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    create(options, &missing).await?;
    let deadline = Instant::now() + ANSWER;
    loop {
        match check_topics(options).await {
            // Every broker learns of a new topic in its own time.
            Err(KafkaSetupError::Missing { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            result => return result,
        }
    }
}

/// Whether all of Nova's topics are there, as they should be. Changes nothing.
pub async fn check_topics(options: &KafkaOptions) -> Result<(), KafkaSetupError> {
    let present = blocking(options, partitions_now).await?;
    check_counts(options, &present)?;
    match names(options).find(|name| !present.contains_key(name)) {
        Some(topic) => Err(KafkaSetupError::Missing { topic, brokers: options.brokers.clone() }),
        None => Ok(()),
    }
}

/// What an operator has to do about a topic that was deleted, or never made.
pub(crate) fn missing_topic(topic: &str) -> String {
    format!("topic {topic} is missing: run nova migrate")
}

/// Those of Nova's topics that the cluster does not have, by its own account of all topics.
pub(crate) fn missing_topics(options: &KafkaOptions, metadata: &Metadata) -> Vec<String> {
    let present = partitions_of(metadata);
    names(options).filter(|name| !present.contains_key(name)).collect()
}

fn names(options: &KafkaOptions) -> impl Iterator<Item = String> {
    options.topics.names().into_iter()
}

fn check_counts(options: &KafkaOptions, present: &BTreeMap<String, usize>) -> Result<(), KafkaSetupError> {
    let configured = options.topics.partitions;
    for topic in names(options) {
        match present.get(&topic) {
            Some(actual) if usize::try_from(configured).ok() != Some(*actual) => {
                return Err(KafkaSetupError::Partitions { topic, actual: *actual, configured });
            }
            Some(_) | None => {}
        }
    }
    Ok(())
}

async fn create(options: &KafkaOptions, missing: &[String]) -> Result<(), KafkaSetupError> {
    let admin: AdminClient<KafkaContext> = FromClientConfigAndContext::from_config_and_context(
        &options.client("admin", &[], &[]),
        KafkaContext::default(),
    )
    .map_err(|error| setup_error(options, &error, None))?;
    let retention_ms = options.retention_ms.to_string();
    // One broker may be away, if there are enough, and what was acknowledged survives another one's loss.
    let in_sync = (options.replication - 1).max(1).to_string();
    let topics: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|name| {
            let copies = TopicReplication::Fixed(options.replication);
            NewTopic::new(name, options.topics.partitions, copies)
                .set("retention.ms", &retention_ms)
                .set("min.insync.replicas", &in_sync)
                .set("max.message.bytes", RECORD_BYTES_MAX)
        })
        .collect();
    let limits = AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
    let results = admin.create_topics(&topics, &limits).await;
    for result in results.map_err(|error| setup_error(options, &error, None))? {
        match result {
            Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(KafkaSetupError::Create { topic, problem: code.to_string() });
            }
        }
    }
    Ok(())
}

/// The client's calls block.
async fn blocking<T: Send + 'static>(
    options: &KafkaOptions,
    ask: impl FnOnce(&KafkaOptions) -> Result<T, KafkaSetupError> + Send + 'static,
) -> Result<T, KafkaSetupError> {
    let asked = options.clone();
    let answer = tokio::task::spawn_blocking(move || ask(&asked)).await;
    answer.unwrap_or_else(|_| {
        Err(KafkaSetupError::Other {
            brokers: options.brokers.clone(),
            problem: "the question was broken off".to_owned(),
        })
    })
}

/// How many partitions each topic of the cluster has. Asks for all, since asking for one by name may create it.
fn partitions_now(options: &KafkaOptions) -> Result<BTreeMap<String, usize>, KafkaSetupError> {
    let client: BaseProducer<KafkaContext> = FromClientConfigAndContext::from_config_and_context(
        &options.client("admin", &[], &[]),
        KafkaContext::default(),
    )
    .map_err(|error| setup_error(options, &error, None))?;
    let metadata = client.client().fetch_metadata(None, ANSWER).map_err(|error| {
        client.poll(Duration::from_millis(100));
        setup_error(options, &error, client.context().last_error())
    })?;
    Ok(partitions_of(&metadata))
}

fn partitions_of(metadata: &Metadata) -> BTreeMap<String, usize> {
    let topics = metadata.topics().iter().filter(|topic| topic.error().is_none());
    topics.map(|topic| (topic.name().to_owned(), topic.partitions().len())).collect()
}

pub(super) fn setup_error(
    options: &KafkaOptions,
    error: &KafkaError,
    heard: Option<(Code, String)>,
) -> KafkaSetupError {
    let brokers = options.brokers.clone();
    if let KafkaError::ClientConfig(_, problem, key, _) = error {
        return KafkaSetupError::Setting { key: key.clone(), problem: problem.clone() };
    }
    if let KafkaError::ClientCreation(problem) = error {
        return KafkaSetupError::Setting { key: "client".to_owned(), problem: problem.clone() };
    }
    let code = error.rdkafka_error_code();
    let problem = heard.as_ref().map_or_else(|| error.to_string(), |(_, reason)| reason.clone());
    if heard.is_some_and(|(code, _)| about_authentication(code)) || code.is_some_and(about_authentication) {
        return KafkaSetupError::Authentication { brokers, problem };
    }
    match code {
        Some(
            Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
            | Code::Resolve,
        ) => KafkaSetupError::Unreachable { brokers, problem },
        _ => KafkaSetupError::Other { brokers, problem },
    }
}
