//! What the executor says rests on what is in the log, also when states are loaded late, when appends fail, and while
//! what was queued is not durable yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use nova_command_api::{CommandError, Context};
use nova_domain::block::{Block, Unblock};
use nova_domain::conversation::{PutMember, RenameConversation};
use nova_domain::follow::{Follow, Unfollow};
use nova_domain::message::SendMessage;
use nova_domain::user::ChangeProfile;
use nova_domain::{Command, Refusal};
use nova_eventlog::{Append, Appended, Direction, EventLog, Filter, LogError, Page, Recorded, StreamId};
use nova_events::block::BlockEvent;
use nova_events::{Event, MessageId, UserId, streams};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout;
use uuid::Uuid;

use crate::support::{Nova, asking, at_once, say};

const PATIENCE: Duration = Duration::from_secs(20);

/// A log that can be slow to answer one read, and full now and then.
struct Trying {
    log: Arc<dyn EventLog>,
    /// The next read of this stream has its answer held back.
    hold: Mutex<Option<StreamId>>,
    held: Notify,
    release: Notify,
    /// The next look-up of an event is held back.
    hold_find: AtomicBool,
    /// The next append fails, but only when it is told to.
    hold_append: AtomicBool,
    fail_append: Arc<Notify>,
    is_full_at_times: AtomicBool,
    appends: AtomicUsize,
}

impl Trying {
    fn new(log: Arc<dyn EventLog>) -> Self {
        Self {
            log,
            hold: Mutex::new(None),
            held: Notify::new(),
            release: Notify::new(),
            hold_find: AtomicBool::new(false),
            hold_append: AtomicBool::new(false),
            fail_append: Arc::default(),
            is_full_at_times: AtomicBool::new(false),
            appends: AtomicUsize::new(0),
        }
    }
}

#[async_trait::async_trait]
impl EventLog for Trying {
    fn append(&self, append: Append) -> BoxFuture<'static, Result<Appended, LogError>> {
        if append.event_count() > 0 && self.hold_append.swap(false, Ordering::Relaxed) {
            self.held.notify_one();
            let fail = self.fail_append.clone();
            return Box::pin(async move {
                fail.notified().await;
                Err(LogError::Overloaded { waiting: 0 })
            });
        }
        let is_full = append.event_count() > 0
            && self.is_full_at_times.load(Ordering::Relaxed)
            && self.appends.fetch_add(1, Ordering::Relaxed).is_multiple_of(5);
        if is_full {
            // Not at once, so that others meanwhile see the state it was to lead to.
            return Box::pin(async {
                tokio::task::yield_now().await;
                Err(LogError::Overloaded { waiting: 0 })
            });
        }
        self.log.append(append)
    }

    async fn read_stream(
        &self,
        stream: &StreamId,
        from: u64,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let answer = self.log.read_stream(stream, from, direction, limit).await;
        let is_held = self.hold.lock().take_if(|held| held == stream).is_some();
        if is_held {
            self.held.notify_one();
            self.release.notified().await;
        }
        answer
    }

    async fn stream_head(&self, stream: &StreamId) -> Result<Option<u64>, LogError> {
        self.log.stream_head(stream).await
    }

    async fn read_all(&self, after: u64, filter: &Filter, limit: usize) -> Result<Page, LogError> {
        self.log.read_all(after, filter, limit).await
    }

    async fn find(&self, event_id: Uuid) -> Result<Option<Recorded>, LogError> {
        let answer = self.log.find(event_id).await;
        if self.hold_find.swap(false, Ordering::Relaxed) {
            self.held.notify_one();
            self.release.notified().await;
        }
        answer
    }

    fn head(&self) -> u64 {
        self.log.head()
    }
}

fn trying() -> (Nova, Arc<Trying>) {
    let mut seen = None;
    let nova = Nova::with(|log| {
        let trying = Arc::new(Trying::new(log));
        seen = Some(trying.clone());
        trying
    });
    (nova, seen.expect("the log was wrapped"))
}

/// A reader that was slow to load a stream must not put its old state in the place of a newer one that was forgotten
/// meanwhile, and then answer from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_loaded_late_decides_nothing() {
    let (nova, log) = trying();
    let people = nova.people(2).await;
    let (ann, bob) = (people[0], people[1]);
    let used = asking(ann);
    // Something that looks at no edge between the two.
    nova.executor()
        .execute(used.clone(), ChangeProfile { bio: Some("hm".to_owned()), ..ChangeProfile::default() })
        .await
        .unwrap();

    *log.hold.lock() = Some(streams::block(ann, bob));
    let slow = tokio::spawn({
        let executor = nova.executor();
        async move { executor.execute(asking(ann), Unblock { user: bob }).await }
    });
    timeout(PATIENCE, log.held.notified()).await.expect("the stream is loaded");
    // Meanwhile the block happens, and the state of its stream is forgotten: a command id used before makes the log
    // answer with what that command did, so the executor drops what it had thought ahead.
    nova.does(ann, Block { user: bob }).await;
    let reused = Context { repeatable: false, command_id: used.command_id, ..asking(ann) };
    let outcome = nova.executor().execute(reused, Unblock { user: bob }).await;
    assert!(matches!(outcome, Err(CommandError::KeyReused)), "{outcome:?}");
    log.release.notify_one();
    slow.await.unwrap().unwrap();

    let history = nova.history().await;
    let is_on = history.iter().rev().find_map(|envelope| match &envelope.event {
        Event::Block(BlockEvent::Blocked(_)) => Some(true),
        Event::Block(BlockEvent::Unblocked(_)) => Some(false),
        _ => None,
    });
    let lifted = nova.does(ann, Unblock { user: bob }).await;
    assert_eq!(Some(lifted.changed), is_on, "it is lifted now if it was on");
    assert!(nova.does(bob, Follow { user: ann }).await.changed);
}

/// A command rests on a guess: someone is being added to a group. The addition fails, and another event takes the
/// revision that it would have had. The log compares revisions only; nothing may come of the command all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_a_guess_that_failed_comes_to_nothing() {
    let (nova, log) = trying();
    // Someone else's executor prepares the town, so that the one that is tried has cached nothing.
    let earlier = Nova::over(&nova);
    let people = earlier.people(3).await;
    let [admin, member, outsider] = people[..] else { panic!() };
    let conversation = earlier.group(admin, &[member]).await;
    let message = MessageId(earlier.does(member, say(conversation, "who is there?")).await.id);

    log.hold_append.store(true, Ordering::Relaxed);
    let add = PutMember { conversation, user: outsider, role: None };
    let adding = tokio::spawn({
        let (executor, add) = (nova.executor(), add.clone());
        async move { executor.execute(asking(admin), add).await }
    });
    timeout(PATIENCE, log.held.notified()).await.expect("the addition is queued");

    log.hold_find.store(true, Ordering::Relaxed);
    let speaking = tokio::spawn({
        let executor = nova.executor();
        let answer = SendMessage { reply_to: Some(message), ..say(conversation, "me") };
        async move { executor.execute(asking(outsider), answer).await }
    });
    timeout(PATIENCE, log.held.notified()).await.expect("it is taken for a member and goes on");

    log.fail_append.notify_one();
    assert!(matches!(adding.await.unwrap(), Err(CommandError::Overloaded)));
    nova.does(admin, RenameConversation { conversation, title: "us two".to_owned() }).await;
    log.release.notify_one();
    let spoke = speaking.await.unwrap();
    assert!(matches!(spoke, Err(CommandError::Refused(Refusal::Unknown("conversation")))), "{spoke:?}");

    nova.does(admin, add).await;
    nova.does(outsider, say(conversation, "now")).await;
}

/// What one call came to, and the heads of the log before and after it: the answer must be true at a position between.
struct Said {
    from: u64,
    outcome: Result<bool, Refusal>,
    to: u64,
}

async fn answers_are_true(nova: Nova, people: Vec<UserId>) {
    let (ann, bob) = (people[0], people[1]);
    let runs = (0..8usize).map(|task| {
        let (executor, log) = (nova.executor(), nova.log.clone());
        async move {
            let mut said = Vec::new();
            for n in 0..150usize {
                let (who, command): (UserId, Command) = match (task, n % 2) {
                    (0, 0) => (ann, Block { user: bob }.into()),
                    (0, _) => (ann, Unblock { user: bob }.into()),
                    (_, 0) => (bob, Follow { user: ann }.into()),
                    _ => (bob, Unfollow { user: ann }.into()),
                };
                let from = log.head();
                let outcome = match executor.execute(asking(who), command.clone()).await {
                    Ok(outcome) => Ok(outcome.changed),
                    Err(CommandError::Refused(refusal)) => Err(refusal),
                    // Nothing was written, nothing was said.
                    Err(CommandError::Overloaded | CommandError::Busy) => continue,
                    Err(other) => panic!("{other:?}"),
                };
                said.push((command.name(), Said { from, outcome, to: log.head() }));
            }
            said
        }
    });
    let said: Vec<_> = at_once(runs).await.into_iter().flatten().collect();

    // What held after each position, and once more at the end for those who answered before anything happened.
    let (mut blocked, mut followed) = (vec![false], vec![false]);
    for envelope in nova.history().await {
        let (was_blocked, was_followed) = (blocked[blocked.len() - 1], followed[followed.len() - 1]);
        blocked.push(match &envelope.event {
            Event::Block(event) => matches!(event, BlockEvent::Blocked(_)),
            _ => was_blocked,
        });
        followed.push(match &envelope.event {
            Event::Follow(event) => matches!(event, nova_events::follow::FollowEvent::Followed(_)),
            _ => was_followed,
        });
    }
    let (mut refusals, mut already) = (0, 0);
    for (name, Said { from, outcome, to }) in said {
        let at = |held: &[bool], wanted: bool| {
            let span = usize::try_from(from).unwrap()..=usize::try_from(to).unwrap();
            assert!(held[span].contains(&wanted), "{name}: {outcome:?} was not so anywhere in {from}..={to}");
        };
        match (&outcome, name) {
            (Err(Refusal::Unknown("user")), _) => {
                refusals += 1;
                at(&blocked, true);
            }
            (Err(other), _) => panic!("{name}: {other:?}"),
            (Ok(true), _) => {}
            (Ok(false), name) => {
                already += 1;
                match name {
                    "Follow" => at(&followed, true),
                    "Unfollow" => at(&followed, false),
                    "Block" => at(&blocked, true),
                    _ => at(&blocked, false),
                }
            }
        }
    }
    assert!(refusals > 5 && already > 5, "nothing raced: {refusals} refusals, {already} already so");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_true_when_it_is_given() {
    for _ in 0..3 {
        let nova = Nova::new();
        let people = nova.people(2).await;
        answers_are_true(nova, people).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_true_where_others_write_too() {
    let nova = Nova::with_writers(3);
    let people = nova.people(2).await;
    answers_are_true(nova, people).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_never_rests_on_what_failed_to_be_written() {
    for _ in 0..3 {
        let (nova, log) = trying();
        let people = nova.people(2).await;
        log.is_full_at_times.store(true, Ordering::Relaxed);
        answers_are_true(nova, people).await;
    }
}

/// A caller that goes away leaves a command that is carried out or not, and never a lie.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_lie() {
    let nova = Nova::new();
    let people = nova.people(2).await;
    let (ann, bob) = (people[0], people[1]);
    for n in 0..200u32 {
        let command: Command =
            if n.is_multiple_of(2) { Block { user: bob }.into() } else { Unblock { user: bob }.into() };
        let task = tokio::spawn({
            let executor = nova.executor();
            async move { executor.execute(asking(ann), command).await }
        });
        for _ in 0..n % 7 {
            tokio::task::yield_now().await;
        }
        task.abort();
        let follow = nova.tries(bob, Follow { user: ann }).await;
        let history = nova.history().await;
        let is_on = history.iter().rev().find_map(|envelope| match &envelope.event {
            Event::Block(event) => Some(matches!(event, BlockEvent::Blocked(_))),
            _ => None,
        });
        match follow {
            // The block may still come in between.
            Ok(_) => match nova.tries(bob, Unfollow { user: ann }).await {
                Ok(_) | Err(CommandError::Refused(Refusal::Unknown("user"))) => {}
                Err(other) => panic!("{other:?}"),
            },
            Err(CommandError::Refused(Refusal::Unknown("user"))) => {
                assert_ne!(is_on, None, "no block was ever on");
                continue;
            }
            Err(other) => panic!("{other:?}"),
        };
    }
}
