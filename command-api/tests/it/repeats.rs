//! The same command again: at once, later, after a restart, and a key taken for something else.

use nova_command_api::{CommandError, Context, Outcome, scoped_command_id};
use nova_domain::block::Block;
use nova_domain::follow::Follow;
use nova_domain::post::{DeletePost, PublishPost};
use nova_domain::{Command, Refusal};
use nova_events::post::Visibility;
use nova_events::{PostId, UserId};
use uuid::Uuid;

use crate::support::{Nova, at_once, repeatable, say};

fn publish(text: &str) -> PublishPost {
    // As over HTTP: each request makes up an id of its own.
    PublishPost {
        post: PostId::make(),
        text: text.to_owned(),
        media: Vec::new(),
        visibility: Visibility::Public,
    }
}

/// All of these answers are of one carrying out.
fn assert_one(outcomes: &[Result<Outcome, CommandError>]) -> Outcome {
    let outcomes: Vec<&Outcome> =
        outcomes.iter().map(|outcome| outcome.as_ref().expect("accepted")).collect();
    let first = outcomes.iter().filter(|outcome| !outcome.duplicate).count();
    assert_eq!(first, 1, "one is the first");
    let of = |outcome: &Outcome| (outcome.id, outcome.revision, outcome.position, outcome.changed);
    assert!(
        outcomes.iter().all(|outcome| of(outcome) == of(outcomes[0])),
        "all answers are alike: {outcomes:?}"
    );
    outcomes[0].clone()
}

async fn a_thousand_at_once(nova: &Nova, user: UserId, command: impl Fn() -> Command) -> Outcome {
    let command_id = Uuid::new_v4();
    let before = nova.log.head();
    let outcomes = at_once((0..1_000).map(|_| {
        let (executor, command) = (nova.executor(), command());
        async move { executor.execute(repeatable(user, command_id), command).await }
    }))
    .await;
    let outcome = assert_one(&outcomes);
    assert_eq!(nova.log.head(), before + 1, "one event");
    let later = nova.executor().execute(repeatable(user, command_id), command()).await.unwrap();
    assert_eq!(later, Outcome { duplicate: true, ..outcome.clone() });
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_are_one_post() {
    let nova = Nova::new();
    let user = nova.person().await;
    let outcome = a_thousand_at_once(&nova, user, || publish("once").into()).await;
    assert_eq!(outcome.revision, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_are_one_message() {
    let nova = Nova::new();
    let people = nova.people(2).await;
    let conversation = nova.group(people[0], &people[1..]).await;
    let outcome = a_thousand_at_once(&nova, people[1], || say(conversation, "once").into()).await;
    assert_eq!(outcome.revision, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_at_once_are_one_follow() {
    let nova = Nova::new();
    let people = nova.people(2).await;
    let outcome = a_thousand_at_once(&nova, people[0], || Follow { user: people[1] }.into()).await;
    assert_eq!((outcome.id, outcome.revision), (people[1].0, Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_answers_as_the_first_time_whatever_happened_since() {
    let nova = Nova::new();
    let people = nova.people(2).await;
    let (follow_id, post_id) = (Uuid::new_v4(), Uuid::new_v4());
    let context = |id| repeatable(people[0], id);
    let followed = nova.executor().execute(context(follow_id), Follow { user: people[1] }).await.unwrap();
    let posted = nova.executor().execute(context(post_id), publish("hello")).await.unwrap();
    nova.does(people[1], Block { user: people[0] }).await;
    nova.does(people[0], DeletePost { post: PostId(posted.id), reason: None }).await;
    let head = nova.log.head();
    let again = nova.executor().execute(context(follow_id), Follow { user: people[1] }).await.unwrap();
    assert_eq!(again, Outcome { duplicate: true, ..followed });
    let again = nova.executor().execute(context(post_id), publish("hello")).await.unwrap();
    assert_eq!(again, Outcome { duplicate: true, ..posted });
    assert_eq!(nova.log.head(), head);
    // A new command of the same kind is decided on what holds now.
    assert_eq!(nova.refused(people[0], Follow { user: people[1] }).await, Refusal::Unknown("user"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_another_command_is_refused() {
    let nova = Nova::new();
    let people = nova.people(2).await;
    let key = Uuid::new_v4();
    let context = || repeatable(people[0], scoped_command_id(people[0], key));
    nova.executor().execute(context(), publish("hello")).await.unwrap();
    let head = nova.log.head();
    for other in [Command::from(Follow { user: people[1] }), Block { user: people[1] }.into()] {
        let outcome = nova.executor().execute(context(), other).await;
        assert!(matches!(outcome, Err(CommandError::KeyReused)), "{outcome:?}");
    }
    // The same kind of command about something else is another command too.
    let (follow, others) = (Uuid::new_v4(), nova.people(2).await);
    for (other, happens) in [(others[0], true), (others[1], false), (others[0], true)] {
        let outcome = nova.executor().execute(repeatable(people[0], follow), Follow { user: other }).await;
        match outcome {
            Ok(outcome) => assert!(happens && outcome.id == other.0),
            Err(error) => assert!(!happens && matches!(error, CommandError::KeyReused), "{error:?}"),
        }
    }
    let head = head + 5;
    // Someone else's key of the same name is another command.
    let theirs = repeatable(people[1], scoped_command_id(people[1], key));
    let theirs = nova.executor().execute(theirs, Follow { user: people[0] }).await.unwrap();
    assert!(theirs.changed && !theirs.duplicate);
    assert_eq!(nova.log.head(), head + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_different_commands_with_one_key_at_once_one_happens() {
    one_key_for_several(Nova::new()).await;
    one_key_for_several(Nova::with_writers(3)).await;
}

async fn one_key_for_several(nova: Nova) {
    for _ in 0..20 {
        let people = nova.people(2).await;
        let command_id = Uuid::new_v4();
        let head = nova.log.head();
        let commands = [
            Command::from(publish("hello")),
            Follow { user: people[1] }.into(),
            Block { user: people[1] }.into(),
        ];
        let outcomes = at_once((0..12).map(|n| {
            let (executor, command) = (nova.executor(), commands[n % 3].clone());
            let context = repeatable(people[0], command_id);
            async move { (n % 3, executor.execute(context, command).await) }
        }))
        .await;
        let done: Vec<usize> = outcomes.iter().filter(|(_, o)| o.is_ok()).map(|(n, _)| *n).collect();
        assert!(
            !done.is_empty() && done.iter().all(|n| *n == done[0]),
            "one kind of command happened: {outcomes:?}"
        );
        for (_, outcome) in outcomes.iter().filter(|(n, _)| *n != done[0]) {
            assert!(matches!(outcome, Err(CommandError::KeyReused)), "{outcome:?}");
        }
        assert_eq!(nova.log.head(), head + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_nothing_can_be_repeated_too() {
    let nova = Nova::new();
    let people = nova.people(2).await;
    nova.does(people[0], Follow { user: people[1] }).await;
    let key = Uuid::new_v4();
    for _ in 0..2 {
        let again =
            nova.executor().execute(repeatable(people[0], key), Follow { user: people[1] }).await.unwrap();
        assert!(!again.changed);
        assert_eq!((again.revision, again.position), (Some(0), nova.log.head()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_left_no_trace_and_its_key_is_free() {
    let nova = Nova::new();
    let people = nova.people(2).await;
    nova.does(people[1], Block { user: people[0] }).await;
    let (head, key) = (nova.log.head(), Uuid::new_v4());
    let executor = nova.executor();
    let follow = || executor.execute(repeatable(people[0], key), Follow { user: people[1] });
    assert!(matches!(follow().await, Err(CommandError::Refused(Refusal::Unknown("user")))));
    assert_eq!(nova.log.head(), head);
    nova.does(people[1], nova_domain::block::Unblock { user: people[0] }).await;
    assert!(follow().await.unwrap().changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_another_body_is_refused() {
    for nova in [Nova::new(), Nova::with_writers(3)] {
        let people = nova.people(2).await;
        let conversation = nova.group(people[0], &people[1..]).await;
        let key = Uuid::new_v4();
        let executor = nova.executor();
        let send = |text: &'static str| executor.execute(repeatable(people[0], key), say(conversation, text));
        let first = send("yes").await.unwrap();
        let head = nova.log.head();
        assert!(matches!(send("no").await, Err(CommandError::KeyReused)));
        assert_eq!(send("yes").await.unwrap(), Outcome { duplicate: true, ..first });
        assert_eq!(nova.log.head(), head);
        // Of two different ones at once, one happens and the other learns of it.
        let (key, sender) = (Uuid::new_v4(), people[0]);
        let outcomes = at_once(["yes", "no"].map(|text| {
            let executor = nova.executor();
            async move { executor.execute(repeatable(sender, key), say(conversation, text)).await }
        }))
        .await;
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(CommandError::KeyReused)));
        assert_eq!((refused.count(), outcomes.iter().filter(|o| o.is_ok()).count()), (1, 1), "{outcomes:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_fingerprint_answers_whatever_is_asked_of_its_kind() {
    let nova = Nova::new();
    let user = nova.person().await;
    let key = Uuid::new_v4();
    // Events from before fingerprints have none, and those of imports.
    let import = Context { imported: true, ..repeatable(user, key) };
    let first = nova.executor().execute(import.clone(), publish("yes")).await.unwrap();
    let again = nova.executor().execute(repeatable(user, key), publish("no")).await.unwrap();
    assert_eq!(again, Outcome { duplicate: true, ..first.clone() });
    // And an import that comes again is the same import, whatever its data says now.
    let client = Uuid::new_v4();
    let first = nova.executor().execute(repeatable(user, client), publish("yes")).await.unwrap();
    let import = Context { command_id: client, ..import };
    let again = nova.executor().execute(import, publish("no")).await.unwrap();
    assert_eq!(again, Outcome { duplicate: true, ..first });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fingerprint_is_on_the_first_event_only_and_tells_nothing() {
    let key = Uuid::new_v4();
    let mut fingerprints = Vec::new();
    for _ in 0..2 {
        let nova = Nova::new();
        let user = UserId(Uuid::from_u128(7));
        nova.executor().execute(repeatable(user, key), nova.register("somebody")).await.unwrap();
        nova.does(user, publish("without a key")).await;
        let history = nova.history().await;
        let found: Vec<_> = history.iter().map(|envelope| envelope.meta.fingerprint.clone()).collect();
        // Registered, claimed, published.
        assert!(matches!(&found[..], [Some(_), None, None]), "{found:?}");
        fingerprints.push(found[0].clone());
    }
    assert_ne!(fingerprints[0], fingerprints[1], "each installation has a key of its own");
}
