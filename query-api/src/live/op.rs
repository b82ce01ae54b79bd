//! What WebSocket clients say: one JSON object per text frame, with the operation's name in `op`.

use std::time::Instant;

use nova_events::ConversationId;
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Op {
    /// Must come first when the request had no token; later it puts off the session's end.
    Auth {
        token: String,
    },
    /// `after_seq`: the last seq that the client has, -1 for none; without it, only what comes.
    Subscribe {
        conversation_id: ConversationId,
        #[serde(default)]
        after_seq: Option<i64>,
    },
    Unsubscribe {
        conversation_id: ConversationId,
    },
    Typing {
        conversation_id: ConversationId,
    },
    Read {
        conversation_id: ConversationId,
        seq: u64,
    },
    /// The device has everything up to `seq`.
    Delivered {
        conversation_id: ConversationId,
        seq: u64,
        device_id: String,
    },
    Ping,
}

impl Op {
    /// `None` when the frame is not an operation.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        nova_http::json::objects::from_slice(text.as_bytes()).ok()
    }
}

/// A token bucket for the operations of one session.
#[derive(Debug)]
pub(crate) struct OpRate {
    per_second: f64,
    burst: f64,
    left: f64,
    filled: Instant,
}

impl OpRate {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_second: f64::from(per_second), burst, left: burst, filled: Instant::now() }
    }

    /// Whether one more operation is within the rate.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.burst);
        self.filled = now;
        let enough = self.left >= 1.0;
        if enough {
            self.left -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    #[test]
    fn operations_are_named() {
        let conversation_id = ConversationId(Uuid::from_u128(1));
        let with = |rest: &str| Op::parse(&format!(r#"{{"conversation_id":"{conversation_id}",{rest}}}"#));
        assert_eq!(
            with(r#""op":"subscribe","after_seq":-1"#),
            Some(Op::Subscribe { conversation_id, after_seq: Some(-1) })
        );
        assert_eq!(with(r#""op":"subscribe""#), Some(Op::Subscribe { conversation_id, after_seq: None }));
        assert_eq!(with(r#""op":"unsubscribe""#), Some(Op::Unsubscribe { conversation_id }));
        assert_eq!(with(r#""op":"typing""#), Some(Op::Typing { conversation_id }));
        assert_eq!(with(r#""op":"read","seq":7"#), Some(Op::Read { conversation_id, seq: 7 }));
        assert_eq!(
            with(r#""op":"delivered","seq":7,"device_id":"d""#),
            Some(Op::Delivered { conversation_id, seq: 7, device_id: "d".to_owned() })
        );
        assert_eq!(with(r#""op":"delivered","seq":7"#), None);
        assert_eq!(Op::parse(r#"{"op":"ping"}"#), Some(Op::Ping));
        assert_eq!(Op::parse(r#"{"op":"auth","token":"t"}"#), Some(Op::Auth { token: "t".to_owned() }));
    }

    #[test]
    fn anything_else_is_no_operation() {
        for text in [
            "",
            "ping",
            "{}",
            r#"{"op":"shout"}"#,
            r#"{"op":"subscribe"}"#,
            r#"{"op":"subscribe","conversation_id":"x"}"#,
            r#"{"op":"read","conversation_id":"00000000-0000-0000-0000-000000000001","seq":-1}"#,
            r#"{"op":"typing","conversation_id":"00000000-0000-0000-0000-000000000001","text":"a"}"#,
            "[1]",
            r#"["ping"]"#,
            r#"["auth",{"token":"t"}]"#,
        ] {
            assert_eq!(Op::parse(text), None, "{text}");
        }
    }

    #[test]
    fn operations_have_a_rate() {
        let mut rate = OpRate::new(10, 3);
        let start = Instant::now();
        assert_eq!((0..9).filter(|_| rate.take(start)).count(), 3);
        assert!(rate.take(start + Duration::from_millis(110)));
        assert!(!rate.take(start + Duration::from_millis(120)));
    }

    #[test]
    fn whatever_a_frame_holds_it_is_an_operation_or_none() {
        let of = format!(r#""conversation_id": "{}""#, Uuid::from_u128(7));
        let sound = [
            r#"{"op": "ping"}"#.to_owned(),
            r#"{"op": "auth", "token": "a.b.c"}"#.to_owned(),
            format!(r#"{{"op": "subscribe", {of}, "after_seq": -1}}"#),
            format!(r#"{{"op": "read", {of}, "seq": 9}}"#),
            format!(r#"{{"op": "delivered", {of}, "seq": 9, "device_id": "d"}}"#),
        ];
        nova_testkit::fuzz::fuzz(
            "websocket-frame",
            sound.into_iter().map(String::into_bytes).collect(),
            |frame| {
                let text = String::from_utf8_lossy(frame);
                Op::parse(&text).map(|op| std::mem::discriminant(&op))
            },
        );
    }
}
