//! Two protocols with the same meaning: subscribe to a channel after a place in it, get what comes with its place.

use anyhow::Context as _;
use serde::Deserialize;
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `/api/v1/ws`: one JSON object per frame.
    Nova,
    /// `/connection/websocket`: lines of JSON.
    Centrifugo,
}

/// How far a client is in a channel. Places of one epoch mean nothing in another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Of the last message.
    pub(crate) seq: Option<u64>,
    pub(crate) epoch: String,
}

/// What a server says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// `head`: the last place there is. `is_whole`: everything after where the client was comes, or is here already.
    Subscribed { head: Option<u64>, epoch: String, is_whole: bool },
    /// `number`: which message it is, as its sender says.
    Message { seq: u64, number: usize },
    /// To be answered with the same.
    Ping,
}

impl Protocol {
    /// What a client says first.
    pub(crate) fn hello(self) -> Option<&'static str> {
        match self {
            Self::Nova => None,
            Self::Centrifugo => Some(r#"{"id":1,"connect":{}}"#),
        }
    }

    /// Subscribes to what comes, or to everything after a place.
    pub(crate) fn subscribe(self, channel: &str, after: Option<&Place>) -> String {
        match (self, after) {
            (Self::Nova, None) => format!(r#"{{"op":"subscribe","conversation_id":"{channel}"}}"#),
            (Self::Nova, Some(place)) => {
                let seq = place.seq.map_or(-1, |seq| i64::try_from(seq).unwrap_or(i64::MAX));
                format!(r#"{{"op":"subscribe","conversation_id":"{channel}","after_seq":{seq}}}"#)
            }
            (Self::Centrifugo, None) => format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#),
            (Self::Centrifugo, Some(Place { seq, epoch })) => format!(
                r#"{{"id":2,"subscribe":{{"channel":"{channel}","recover":true,"offset":{},"epoch":"{epoch}"}}}}"#,
                seq.unwrap_or(0)
            ),
        }
    }

    /// What a text frame says, in its order.
    pub(crate) fn read(self, text: &str, events: &mut Vec<Event>) -> anyhow::Result<()> {
        match self {
            Self::Nova => nova(text, events),
            Self::Centrifugo => text.lines().try_for_each(|line| centrifugo(line, events)),
        }
        .with_context(|| format!("what the server said is not understood: {text}"))
    }
}

#[derive(Deserialize)]
struct NovaFrame<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    seq: Option<u64>,
    #[serde(borrow)]
    data: Option<NovaData<'a>>,
}

#[derive(Deserialize)]
struct NovaData<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    head_seq: Option<u64>,
    epoch: Option<&'a str>,
}

fn nova(text: &str, events: &mut Vec<Event>) -> anyhow::Result<()> {
    let frame: NovaFrame<'_> = serde_json::from_str(text)?;
    match frame.kind {
        "message.new" => {
            let text = frame.data.and_then(|data| data.text).context("a message without text")?;
            events.push(Event::Message {
                seq: frame.seq.context("a message without seq")?,
                number: number(&text)?,
            });
        }
        "subscribed" => {
            let data = frame.data.context("subscribed to nothing")?;
            let epoch = data.epoch.unwrap_or_default().to_owned();
            events.push(Event::Subscribed { head: data.head_seq, epoch, is_whole: true });
        }
        "resync_required" => {
            events.push(Event::Subscribed { head: None, epoch: String::new(), is_whole: false });
        }
        "error" => anyhow::bail!("an error"),
        // Who is there, who has read how far: not measured.
        _ => {}
    }
    Ok(())
}

#[derive(Deserialize)]
struct Reply<'a> {
    id: Option<u32>,
    #[serde(borrow)]
    push: Option<Push<'a>>,
    #[serde(borrow)]
    subscribe: Option<Subscribed<'a>>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow, rename = "pub")]
    publication: Option<Publication<'a>>,
    disconnect: Option<serde_json::Value>,
    unsubscribe: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Publication<'a> {
    #[serde(borrow)]
    data: Data<'a>,
    offset: u64,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// What is zero or false is left out.
#[derive(Deserialize)]
struct Subscribed<'a> {
    #[serde(default)]
    recovered: bool,
    #[serde(default)]
    was_recovering: bool,
    #[serde(default)]
    epoch: &'a str,
    #[serde(default)]
    offset: u64,
    #[serde(borrow, default)]
    publications: Vec<Publication<'a>>,
}

fn centrifugo(line: &str, events: &mut Vec<Event>) -> anyhow::Result<()> {
    let reply: Reply<'_> = serde_json::from_str(line)?;
    anyhow::ensure!(reply.error.is_none(), "an error");
    if let Some(subscribed) = reply.subscribe {
        events.push(Event::Subscribed {
            head: Some(subscribed.offset).filter(|offset| *offset > 0),
            epoch: subscribed.epoch.to_owned(),
            is_whole: subscribed.recovered || !subscribed.was_recovering,
        });
        for publication in subscribed.publications {
            events.push(message(&publication)?);
        }
    } else if let Some(push) = reply.push {
        anyhow::ensure!(push.disconnect.is_none() && push.unsubscribe.is_none(), "sent away");
        if let Some(publication) = push.publication {
            events.push(message(&publication)?);
        }
    } else if reply.id.is_none() {
        events.push(Event::Ping);
    }
    Ok(())
}

fn message(publication: &Publication<'_>) -> anyhow::Result<Event> {
    Ok(Event::Message { seq: publication.offset, number: number(&publication.data.text)? })
}

/// A message's text with its number in front, of a given length.
pub(crate) fn text(number: usize, bytes: usize) -> String {
    let mut text = format!("{number} ");
    while text.len() < bytes {
        text.push((b'a' + (text.len() % 26) as u8) as char);
    }
    text
}

fn number(text: &str) -> anyhow::Result<usize> {
    let (number, _) = text.split_once(' ').context("a text without a number")?;
    Ok(number.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(protocol: Protocol, text: &str) -> Vec<Event> {
        let mut events = Vec::new();
        protocol.read(text, &mut events).unwrap();
        events
    }

    #[test]
    fn nova_tells_messages_with_their_seq() {
        let told = r#"{"type":"message.new","conversation_id":"c","seq":4,"data":{"id":"m","text":"17 hello","client_message_id":null}}"#;
        assert_eq!(read(Protocol::Nova, told), [Event::Message { seq: 4, number: 17 }]);
        let told =
            r#"{"type":"subscribed","conversation_id":"c","seq":null,"data":{"head_seq":3,"epoch":"e"}}"#;
        let subscribed = Event::Subscribed { head: Some(3), epoch: "e".to_owned(), is_whole: true };
        assert_eq!(read(Protocol::Nova, told), [subscribed]);
        let told =
            r#"{"type":"presence","conversation_id":"c","seq":null,"data":{"online":["u"],"offline":[]}}"#;
        assert_eq!(read(Protocol::Nova, told), []);
        let told = r#"{"type":"error","conversation_id":null,"seq":null,"data":{"code":"x","detail":"y"}}"#;
        assert!(Protocol::Nova.read(told, &mut Vec::new()).is_err());
    }

    #[test]
    fn centrifugo_tells_what_was_missed_with_the_subscription() {
        let told = "{\"id\":1,\"connect\":{\"client\":\"x\",\"version\":\"5\"}}\n{\"id\":2,\"subscribe\":{\"recoverable\":true,\
                    \"epoch\":\"e\",\"recovered\":true,\"was_recovering\":true,\"offset\":9,\"publications\":[{\"data\":{\"text\":\"8 a\"},\"offset\":9}]}}\n{}";
        let subscribed = Event::Subscribed { head: Some(9), epoch: "e".to_owned(), is_whole: true };
        assert_eq!(
            read(Protocol::Centrifugo, told),
            [subscribed, Event::Message { seq: 9, number: 8 }, Event::Ping]
        );
        let told = r#"{"push":{"channel":"c","pub":{"data":{"text":"3 x"},"offset":2}}}"#;
        assert_eq!(read(Protocol::Centrifugo, told), [Event::Message { seq: 2, number: 3 }]);
        let told = r#"{"id":2,"subscribe":{"was_recovering":true,"epoch":"f"}}"#;
        let lost = Event::Subscribed { head: None, epoch: "f".to_owned(), is_whole: false };
        assert_eq!(read(Protocol::Centrifugo, told), [lost]);
    }

    #[test]
    fn a_text_has_its_number_and_its_length() {
        let text = text(1234, 64);
        assert_eq!((text.len(), number(&text).unwrap()), (64, 1234));
    }
}
