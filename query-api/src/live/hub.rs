//! The one task that follows the log for all sessions.
//!
//! An event is decoded once, if anyone listens to what it is about, made into one frame, and put into the queues of
//! those who do, in the order of the log. It waits for nobody. When the feed breaks, it goes on behind the last event
//! that it has told.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use nova_eventlog::{Batch, Filter, Recorded};
use nova_events::block::BlockEvent;
use nova_events::conversation::ConversationEvent;
use nova_events::delivered::DeliveredEvent;
use nova_events::message::MessageEvent;
use nova_events::post::{PostEvent, Visibility};
use nova_events::read::ReadEvent;
use nova_events::{ConversationId, Envelope, Event, UserId};
use tokio::sync::broadcast::Receiver;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::mailbox::Item;
use super::timeline::{self, NewPost};
use super::{Phase, Shared, closed, elsewhere, facts, frame};

const CATEGORIES: [&str; 6] = ["conversation", "messages", "read", "delivered", "post", "block"];
const BATCH_EVENTS_MAX: usize = 256;
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_LAST: Duration = Duration::from_secs(5);
/// Posts that wait for the worker that finds out who is to be told. It is a hint: beyond it they are left out.
const POSTS_MAX: usize = 1024;

pub(crate) async fn run(shared: Arc<Shared>, after: u64, closures: Option<Receiver<UserId>>) {
    let mut phase = shared.phase.subscribe();
    let stopped = async move {
        // An error means that nobody can stop it any more.
        let _ = phase.wait_for(|phase| *phase == Phase::Stopped).await;
    };
    let (posts, waiting) = mpsc::channel(POSTS_MAX);
    let hub = Hub { shared: Arc::clone(&shared), posts };
    tokio::select! {
        () = stopped => {}
        () = hub.follow(after) => {}
        () = timeline::run(Arc::clone(&shared), waiting) => {}
        () = closed::run(&shared, closures) => {}
        () = elsewhere::run(Arc::clone(&shared)) => {}
    }
}

struct Hub {
    shared: Arc<Shared>,
    posts: mpsc::Sender<NewPost>,
}

impl Hub {
    async fn follow(&self, mut after: u64) {
        let mut pause = RETRY_FIRST;
        loop {
            let mut batches =
                self.shared.feed.follow(after, Filter::categories(CATEGORIES), BATCH_EVENTS_MAX);
            while let Some(batch) = batches.next().await {
                match batch {
                    Ok(batch) => {
                        self.tell(&batch).await;
                        after = batch.position;
                        self.shared.told.send_replace(after);
                        pause = RETRY_FIRST;
                    }
                    Err(error) => {
                        tracing::warn!(error.message = %error, log.position = after, "the live feed broke off");
                        break;
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
    }

    async fn tell(&self, batch: &Batch) {
        for recorded in &batch.events {
            match recorded.stream.category() {
                "messages" => self.message(recorded).await,
                "conversation" => self.membership(recorded).await,
                "read" | "delivered" => self.receipt(recorded).await,
                "block" => self.block(recorded).await,
                "post" if recorded.kind.as_str() == "PostPublished" => self.post(recorded).await,
                _ => {}
            }
        }
    }

    async fn message(&self, recorded: &Recorded) {
        let Some(conversation) = conversation_of(recorded.stream.id()) else { return };
        let (registry, seq) = (&self.shared.registry, recorded.revision);
        if !registry.wants(conversation, seq) {
            return;
        }
        match self.shared.codec.decode(recorded).await {
            Ok(envelope) => {
                let Event::Message(event) = &envelope.event else { return };
                let frame = frame::message(&envelope, event, false);
                let (message, deletes) = (event.message(), matches!(event, MessageEvent::MessageDeleted(_)));
                let item = Arc::new(Item::Message { conversation, seq, message, deletes, frame });
                self.count(registry.logged(conversation, seq, &item));
            }
            Err(error) => {
                tracing::warn!(error.message = %error, log.position = recorded.position, "a message cannot be told");
                let item = Arc::new(Item::Missed { conversation, seq });
                self.count(registry.missed(conversation, seq, &item));
            }
        }
    }

    /// Takes effect on whoever is connected.
    async fn block(&self, recorded: &Recorded) {
        if self.shared.registry.is_idle() {
            return;
        }
        let Some(envelope) = self.decode(recorded).await else { return };
        let Event::Block(event) = &envelope.event else { return };
        let (one, other) = match event {
            BlockEvent::Blocked(event) => (event.blocker, event.blocked),
            BlockEvent::Unblocked(event) => (event.blocker, event.blocked),
        };
        match facts::is_blocked(&self.shared, one, other).await {
            Ok(blocked) => self.shared.registry.blocked(one, other, blocked),
            Err(error) => tracing::warn!(error.message = %error, "who blocks whom cannot be read"),
        }
    }

    async fn membership(&self, recorded: &Recorded) {
        if self.shared.registry.is_idle() {
            return;
        }
        let Some(envelope) = self.decode(recorded).await else { return };
        let Event::Conversation(event) = &envelope.event else { return };
        match event {
            ConversationEvent::ConversationStarted(started) => {
                for (user, role) in &started.members {
                    let id = started.conversation_id;
                    let by = started.started_by;
                    let told = frame::member_added(id, *user, *role, by, envelope.position);
                    self.member(&envelope, id, *user, true, told);
                }
            }
            ConversationEvent::MemberAdded(added) => {
                let (id, user) = (added.conversation_id, added.user_id);
                let told = frame::member_added(id, user, added.role, added.added_by, envelope.position);
                self.member(&envelope, id, user, true, told);
            }
            ConversationEvent::MemberRoleChanged(changed) => {
                let (id, user) = (changed.conversation_id, changed.user_id);
                let told = frame::member_added(id, user, changed.role, changed.changed_by, envelope.position);
                self.member(&envelope, id, user, true, told);
            }
            ConversationEvent::MemberRemoved(removed) => {
                let (id, user) = (removed.conversation_id, removed.user_id);
                let told = frame::member_removed(id, user, removed.removed_by, envelope.position);
                self.member(&envelope, id, user, false, told);
            }
            ConversationEvent::ConversationRenamed(_) => {}
        }
        if let Some(id) = conversation_of(recorded.stream.id()) {
            self.count(self.shared.registry.changed(id, envelope.revision, event));
        }
    }

    /// Tells the room, and the member themselves wherever they are.
    fn member(
        &self,
        envelope: &Envelope,
        conversation: ConversationId,
        user: UserId,
        added: bool,
        frame: frame::Frame,
    ) {
        let (revision, position) = (envelope.revision, envelope.position);
        let item = Arc::new(Item::Member { conversation, user, added, revision, position, frame });
        let registry = &self.shared.registry;
        self.count(
            registry.tell_room(conversation, &item) + registry.tell_user_outside(user, conversation, &item),
        );
    }

    async fn receipt(&self, recorded: &Recorded) {
        let Some((conversation, _)) = recorded.stream.id().split_once('.') else { return };
        let Some(conversation) = conversation_of(conversation) else { return };
        if !self.shared.registry.has_room(conversation) {
            return;
        }
        let Some(envelope) = self.decode(recorded).await else { return };
        let position = envelope.position;
        let frame = match &envelope.event {
            Event::Read(ReadEvent::ReadUpTo(read)) => {
                frame::read(conversation, read.user_id, read.seq, position)
            }
            Event::Delivered(DeliveredEvent::DeliveredUpTo(mark)) => {
                frame::delivered(conversation, mark.user_id, mark.seq, position)
            }
            _ => return,
        };
        let item = Arc::new(Item::Note { conversation, frame });
        self.count(self.shared.registry.tell_unless_silenced(conversation, &item));
    }

    async fn post(&self, recorded: &Recorded) {
        if !self.shared.registry.has_users() {
            return;
        }
        let Some(envelope) = self.decode(recorded).await else { return };
        let Event::Post(PostEvent::PostPublished(post)) = &envelope.event else { return };
        if post.visibility == Visibility::Private {
            return;
        }
        let created_at = envelope.occurred_at();
        let new =
            NewPost { post: post.post_id, author: post.author, created_at, position: envelope.position };
        if self.posts.try_send(new).is_err() {
            self.shared.metrics.timeline_skipped.increment(1);
        }
    }

    async fn decode(&self, recorded: &Recorded) -> Option<Envelope> {
        match self.shared.codec.decode(recorded).await {
            Ok(envelope) => Some(envelope),
            Err(error) => {
                tracing::warn!(error.message = %error, log.position = recorded.position, "an event cannot be told");
                None
            }
        }
    }

    fn count(&self, told: usize) {
        self.shared.metrics.frames.increment(told as u64);
    }
}

fn conversation_of(id: &str) -> Option<ConversationId> {
    Uuid::try_parse(id).ok().map(ConversationId)
}
