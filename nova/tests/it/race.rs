//! Edits, deletions and a removal that race over the same messages, through the API of one process or of several. One
//! outcome, and everybody sees it: whoever asked, the log, the views, and every socket.
//!
//! `NOVA_RACE_MESSAGES` says over how many messages.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

use crate::client::User;

/// For whatever has to come sooner or later on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Edits and deletions in flight, each.
const AT_ONCE: usize = 16;

pub(crate) fn messages() -> usize {
    std::env::var("NOVA_RACE_MESSAGES").ok().map_or(1_000, |text| text.parse().unwrap())
}

/// The people of the race: the admin and the one who edits, each at every process that takes commands, and whoever
/// looks on, each where queries are answered.
pub(crate) struct Race {
    /// The group's admin, who deletes half of the messages and takes the editor out.
    pub(crate) admin: Vec<User>,
    /// Wrote all messages, edits each, deletes the other half.
    pub(crate) editor: Vec<User>,
    /// Stays a member.
    pub(crate) member: User,
    /// The same three where queries are answered.
    pub(crate) watchers: Vec<User>,
}

/// What became of the race, as people were told.
pub(crate) struct Told {
    pub(crate) group: Uuid,
    fates: HashMap<Uuid, Fate>,
    records: Vec<Vec<Value>>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Fate {
    edited: bool,
    deleted: bool,
}

/// One client's record of a conversation: every frame with a seq, until it has been removed or is told to end.
struct Recorder {
    socket: WebSocketStream<TcpStream>,
    frames: Vec<Value>,
    removed: bool,
}

impl Recorder {
    async fn open(user: &User, group: Uuid) -> Self {
        let stream = TcpStream::connect(user.api.address).await.unwrap();
        let mut request = format!("ws://{}/api/v1/ws", user.api.address).into_client_request().unwrap();
        let token = format!("Bearer {}", user.token);
        request.headers_mut().insert("authorization", token.parse().unwrap());
        let mut recorder = Self {
            socket: client_async(request, stream).await.unwrap().0,
            frames: Vec::new(),
            removed: false,
        };
        // A process may not have heard of the group yet.
        let began = Instant::now();
        loop {
            let subscribe = json!({"op": "subscribe", "conversation_id": group, "after_seq": -1});
            recorder.socket.send(Message::text(subscribe.to_string())).await.unwrap();
            match recorder.next().await["type"].as_str() {
                Some("subscribed") => return recorder,
                other => assert!(began.elapsed() < PATIENCE, "no subscription: {other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn next(&mut self) -> Value {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(_)) => {}
                other => panic!("the socket ended: {other:?}"),
            }
        }
    }

    /// Listens until everything up to the last seq has arrived, once that is known, or its user is out. It reads while the
    /// race runs: a server closes a connection whose client does not.
    async fn up_to(mut self, mut last_seq: watch::Receiver<Option<u64>>, me: String) -> Vec<Value> {
        loop {
            let wanted = *last_seq.borrow_and_update();
            let newest = self.frames.last().and_then(|frame| frame["seq"].as_u64());
            if self.removed || wanted.is_some_and(|wanted| newest >= Some(wanted)) {
                return self.frames;
            }
            let frame = tokio::select! {
                Ok(()) = last_seq.changed() => continue,
                frame = self.next() => frame,
            };
            self.removed |= frame["type"] == "member.removed" && frame["data"]["user_id"] == me.as_str();
            if frame["seq"].is_u64() {
                self.frames.push(frame);
            }
        }
    }
}

impl Race {
    /// Runs it. Whoever asks hears a success or the refusal that fits.
    pub(crate) async fn run(&self) -> Told {
        let admin = &self.admin[0];
        let group = admin.starts_group("race", &[&self.editor[0], &self.member]).await;
        let said = futures::stream::iter(0..messages()).map(|n| async move {
            let editor = &self.editor[n % self.editor.len()];
            ask(
                editor,
                "POST",
                &format!("/conversations/{group}/messages"),
                json!({"text": format!("said {n}")}),
            )
            .await
        });
        let said: Vec<(u16, Value)> = said.buffered(AT_ONCE).collect().await;
        let said: Vec<Uuid> =
            said.iter().map(|(_, body)| body["id"].as_str().unwrap().parse().unwrap()).collect();
        let (known, last_seq) = watch::channel(None);
        let mut recorders = Vec::new();
        for watcher in &self.watchers {
            let recorder = Recorder::open(watcher, group).await;
            recorders.push(tokio::spawn(recorder.up_to(last_seq.clone(), watcher.id.to_string())));
        }

        let path = |message: &Uuid| format!("/conversations/{group}/messages/{message}");
        let edits =
            futures::stream::iter(said.iter().enumerate()).map(|(n, message)| {
                let (editor, path) = (&self.editor[n % self.editor.len()], path(message));
                async move {
                    (*message, ask(editor, "PATCH", &path, json!({"text": format!("edited {n}")})).await)
                }
            });
        // Deletions go the other way through the processes, so that each pair meets in the log alone.
        let deletions = futures::stream::iter(said.iter().enumerate()).map(|(n, message)| {
            let who = if n % 2 == 0 { &self.admin } else { &self.editor };
            let (who, path) = (&who[(n + 1) % who.len()], path(message));
            async move { (*message, ask(who, "DELETE", &path, json!({})).await) }
        });
        let edits = edits.buffer_unordered(AT_ONCE);
        let (gate, opens) = tokio::sync::oneshot::channel();
        let mut gate = Some(gate);
        let half = said.len() / 2;
        let deletions = deletions.buffer_unordered(AT_ONCE).enumerate().map(|(n, answer)| {
            if n == half
                && let Some(gate) = gate.take()
            {
                let _ = gate.send(());
            }
            answer
        });
        let removal = async {
            let _ = opens.await;
            let path = format!("/conversations/{group}/members/{}", self.editor[0].id);
            ask(&self.admin[self.admin.len() - 1], "DELETE", &path, json!({})).await
        };
        let (edits, deletions, removal): (Vec<_>, Vec<_>, _) =
            tokio::join!(edits.collect(), deletions.collect(), removal);
        assert_eq!(removal.0, 200, "{}", removal.1);

        let mut fates: HashMap<Uuid, Fate> = said.iter().map(|id| (*id, Fate::default())).collect();
        for (message, (status, body)) in edits {
            match (status, body["code"].as_str()) {
                (200, _) => fates.get_mut(&message).unwrap().edited = true,
                (410, Some("gone")) | (404, Some("not_found")) => {}
                _ => panic!("an edit was answered {status} {body}"),
            }
        }
        for (message, (status, body)) in deletions {
            match (status, body["code"].as_str()) {
                (200, _) => fates.get_mut(&message).unwrap().deleted = true,
                (404, Some("not_found")) => {}
                _ => panic!("a deletion was answered {status} {body}"),
            }
        }
        let changes = fates.values().map(|fate| usize::from(fate.edited) + usize::from(fate.deleted));
        let last_seq = (said.len() + changes.sum::<usize>() - 1) as u64;
        known.send_replace(Some(last_seq));
        let records = futures::future::try_join_all(recorders).await.unwrap();
        Told { group, fates, records }
    }
}

/// Asks until there is an answer that is not "later": with one idempotency key, so that it is one command.
async fn ask(who: &User, method: &str, path: &str, body: Value) -> (u16, Value) {
    let (key, began) = (Uuid::new_v4().to_string(), Instant::now());
    loop {
        let ask = who.ask(method, path).header("idempotency-key", &key).json(&body);
        let answer = ask.send().await;
        if !matches!(answer.status.as_u16(), 429 | 503) {
            return (answer.status.as_u16(), answer.body);
        }
        assert!(began.elapsed() < PATIENCE, "{method} {path}: {} {}", answer.status, answer.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Told {
    /// Holds the log (as `nova log read` prints it) against what people were told, and the sockets against the log.
    pub(crate) fn agrees_with_the_log(&self, log: &[Value], editor: &str) {
        let stream = format!("messages-{}", self.group.simple());
        let of_stream = |name: &str| log.iter().filter(|e| e["stream"] == *name).collect::<Vec<_>>();
        let happened = of_stream(&stream);
        let mut found: HashMap<Uuid, Fate> = HashMap::new();
        let conversation = of_stream(&format!("conversation-{}", self.group.simple()));
        let removal = conversation.iter().find(|e| e["kind"] == "MemberRemoved").expect("the removal");
        let removed_at = removal["position"].as_u64().unwrap();
        for (seq, event) in happened.iter().enumerate() {
            assert_eq!(event["revision"], seq, "seqs are dense");
            let id: Uuid = event["data"]["message_id"].as_str().unwrap().parse().unwrap();
            let fate = found.entry(id).or_default();
            match event["kind"].as_str().unwrap() {
                "MessageSent" => {}
                "MessageEdited" => {
                    assert!(!fate.deleted && !fate.edited, "edited once, and not when it was gone: {event}");
                    fate.edited = true;
                }
                "MessageDeleted" => {
                    assert!(!fate.deleted, "deleted once: {event}");
                    fate.deleted = true;
                }
                other => panic!("{other} among messages"),
            }
            let by = event["data"]["deleted_by"].as_str().or(event["data"]["sender"].as_str());
            let after_removal = event["position"].as_u64().unwrap() > removed_at;
            assert!(!after_removal || by != Some(editor), "who is out changes nothing: {event}");
        }
        assert_eq!(found.len(), self.fates.len());
        for (id, told) in &self.fates {
            let fate = found[id];
            assert_eq!(
                (fate.edited, fate.deleted),
                (told.edited, told.deleted),
                "{id}: the log and the answers"
            );
            let kinds: Vec<&str> = of_stream(&format!("message-{}", id.simple()))
                .iter()
                .map(|event| event["kind"].as_str().unwrap())
                .collect();
            let mut marks = Vec::new();
            marks.extend(fate.edited.then_some("MessageEditMarked"));
            marks.extend(fate.deleted.then_some("MessageDeleteMarked"));
            assert_eq!(kinds, marks, "{id}: the marks");
        }
        let in_the_race = self.fates.values();
        assert!(in_the_race.clone().any(|fate| fate.edited) && in_the_race.clone().any(|fate| fate.deleted));

        let kind = |event: &Value| match event["kind"].as_str() {
            Some("MessageSent") => "message.new",
            Some("MessageEdited") => "message.edited",
            Some("MessageDeleted") => "message.deleted",
            other => panic!("{other:?} among messages"),
        };
        let expected: Vec<(u64, &str, &str)> = happened
            .iter()
            .map(|e| (e["revision"].as_u64().unwrap(), kind(e), e["data"]["message_id"].as_str().unwrap()))
            .collect();
        let until_removed = happened.iter().filter(|e| e["position"].as_u64().unwrap() < removed_at).count();
        for (watcher, record) in self.records.iter().enumerate() {
            let record: Vec<(u64, &str, &str)> = record
                .iter()
                .map(|frame| {
                    let id = frame["data"]["id"].as_str().unwrap();
                    (frame["seq"].as_u64().unwrap(), frame["type"].as_str().unwrap(), id)
                })
                .collect();
            let whole = if watcher == EDITOR { until_removed } else { expected.len() };
            assert_eq!(record, expected[..whole], "the record of watcher {watcher}");
        }
    }

    /// Holds the views, as a member sees them, against what people were told.
    pub(crate) async fn agrees_with_the_views(&self, member: &User, editor: &User) {
        let path = format!("/conversations/{}", self.group);
        let (mut after, mut seen) = (-1, 0);
        loop {
            let page = member.items(&format!("{path}/messages?limit=100&after_seq={after}")).await;
            let Some(last) = page.last() else { break };
            after = last["seq"].as_i64().unwrap();
            for message in &page {
                let fate = self.fates[&message["id"].as_str().unwrap().parse::<Uuid>().unwrap()];
                assert_eq!(message["deleted"], fate.deleted, "{message}");
                let text = message["text"].as_str().map(|text| text.split(' ').next().unwrap());
                let expected = match (fate.deleted, fate.edited) {
                    (true, _) => None,
                    (false, true) => Some("edited"),
                    (false, false) => Some("said"),
                };
                assert_eq!(text, expected, "{message}");
            }
            seen += page.len();
        }
        assert_eq!(seen, self.fates.len());
        let there = self.fates.values().filter(|fate| !fate.deleted).count();
        let conversation = member.see(&path).await;
        assert_eq!(conversation["unread_count"], there, "unread is what is there");
        let found = member.all(&format!("{path}/search?q=edited"), "id").await;
        let edited = self.fates.values().filter(|fate| fate.edited && !fate.deleted).count();
        assert_eq!(found.len(), edited, "search finds what was edited and is there");
        assert_eq!(member.all(&format!("{path}/search?q=said"), "id").await.len(), there - edited);
        editor.look(&format!("{path}/messages")).await.problem(404, "not_found");
    }
}

/// Of [`Race::watchers`].
pub(crate) const EDITOR: usize = 1;
