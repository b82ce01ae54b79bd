//! librdkafka's own log and errors, in ours. A broker that is away makes it say so several times a second; here that
//! is one line now and then.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// The same kind of trouble is told at most this often.
const QUIET: Duration = Duration::from_secs(30);
/// Kinds of trouble that are kept apart; there are some dozens in librdkafka.
const KINDS_MAX: usize = 256;

/// Of one client.
#[derive(Debug, Default)]
pub struct KafkaContext {
    told: Mutex<HashMap<String, Instant>>,
    last: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

impl KafkaContext {
    /// The error that says most about why nothing gets through: one about authentication is kept over others.
    pub fn last_error(&self) -> Option<(RDKafkaErrorCode, String)> {
        self.last.lock().clone()
    }

    fn tell(&self, kind: &str) -> bool {
        let (now, mut told) = (Instant::now(), self.told.lock());
        if told.get(kind).is_some_and(|last| now.duration_since(*last) < QUIET) || told.len() >= KINDS_MAX {
            return false;
        }
        told.insert(kind.to_owned(), now);
        true
    }
}

pub(super) fn about_authentication(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode::{
        Authentication, IllegalSASLState, SSL, SaslAuthenticationFailed, UnsupportedSASLMechanism,
    };
    matches!(
        code,
        Authentication | SaslAuthenticationFailed | SSL | UnsupportedSASLMechanism | IllegalSASLState
    )
}

impl ClientContext for KafkaContext {
    fn log(&self, level: RDKafkaLogLevel, kind: &str, text: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning
                if self.tell(kind) =>
            {
                tracing::warn!(target: "librdkafka", kind, "{text}");
            }
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning
            | RDKafkaLogLevel::Notice
            | RDKafkaLogLevel::Info
            | RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", kind, "{text}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        tracing::debug!(target: "librdkafka", ?code, "{reason}");
        let mut last = self.last.lock();
        let better = match &*last {
            None | Some((RDKafkaErrorCode::AllBrokersDown, _)) => true,
            Some((held, _)) => {
                about_authentication(code)
                    || (!about_authentication(*held) && code != RDKafkaErrorCode::AllBrokersDown)
            }
        };
        if better {
            *last = Some((code, reason.to_owned()));
        }
    }

    fn stats_raw(&self, _statistics: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_told_once() {
        let context = KafkaContext::default();
        assert!(context.tell("FAIL"));
        assert!(!context.tell("FAIL"));
        assert!(context.tell("SSL"));
    }

    #[test]
    fn the_telling_error_is_kept() {
        let context = KafkaContext::default();
        let told = |code| {
            context.error(KafkaError::Global(code), &format!("{code:?}"));
            context.last_error().unwrap().0
        };
        use RDKafkaErrorCode::{AllBrokersDown, Authentication, BrokerTransportFailure};
        assert_eq!(told(AllBrokersDown), AllBrokersDown);
        assert_eq!(told(BrokerTransportFailure), BrokerTransportFailure);
        assert_eq!(told(AllBrokersDown), BrokerTransportFailure);
        assert_eq!(told(Authentication), Authentication);
        assert_eq!(told(BrokerTransportFailure), Authentication);
    }
}
