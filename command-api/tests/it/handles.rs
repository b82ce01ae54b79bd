//! Handles are unique, whoever claims them when.

use std::collections::HashMap;

use nova_command_api::CommandError;
use nova_domain::Refusal;
use nova_domain::user::{ChangeProfile, Deactivate};
use nova_events::handle::HandleEvent;
use nova_events::user::UserEvent;
use nova_events::{Envelope, Event, UserId, streams};

use crate::support::{Nova, asking, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn of_50_who_claim_a_handle_one_gets_it() {
    fifty_claim_one_handle(Nova::new()).await;
    fifty_claim_one_handle(Nova::with_writers(3)).await;
}

async fn fifty_claim_one_handle(nova: Nova) {
    for round in 0..10 {
        let handle = format!("wanted_{round}");
        let outcomes = at_once((0..50).map(|_| {
            let (executor, register) = (nova.executor(), nova.register(&handle));
            let user = UserId::make();
            async move { (user, executor.execute(asking(user), register).await) }
        }))
        .await;
        let winners: Vec<UserId> =
            outcomes.iter().filter(|(_, o)| o.is_ok()).map(|(user, _)| *user).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        for (_, outcome) in outcomes.iter().filter(|(user, _)| *user != winners[0]) {
            assert!(matches!(outcome, Err(CommandError::Refused(Refusal::HandleTaken))), "{outcome:?}");
        }
        // Who was refused has no account: the claim and the account are one append.
        let loser = outcomes.iter().find(|(user, _)| *user != winners[0]).unwrap().0;
        assert_eq!(nova.refused(loser, Deactivate::default()).await, Refusal::NotRegistered);
    }
    one_holder_at_every_position(&nova.history().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_handle_is_claimed_by_one_of_those_who_wait_for_it() {
    twenty_wait_for_a_handle(Nova::new()).await;
    twenty_wait_for_a_handle(Nova::with_writers(3)).await;
}

async fn twenty_wait_for_a_handle(nova: Nova) {
    let mut owner = UserId::make();
    nova.does(owner, nova.register("the_one")).await;
    for round in 0..15 {
        let rename = |handle: String| ChangeProfile {
            handle: Some((handle.clone(), nova.executor().handle_key(&handle))),
            ..ChangeProfile::default()
        };
        let people = nova.people(20).await;
        let away = (owner, rename(format!("gone_{round}")));
        let runs = people.iter().map(|user| (*user, rename("the_one".to_owned())));
        let outcomes = at_once(runs.chain([away]).map(|(user, command)| {
            let executor = nova.executor();
            // Trying until the owner has let go: one of the twenty must get it.
            async move {
                let outcome = executor.execute(asking(user), command).await;
                (user, outcome)
            }
        }))
        .await;
        let left = outcomes.last().unwrap();
        assert!(left.1.is_ok(), "the owner can always change: {left:?}");
        let mut winners: Vec<UserId> =
            outcomes[..20].iter().filter(|(_, o)| o.is_ok()).map(|(user, _)| *user).collect();
        assert!(winners.len() <= 1, "round {round}: {winners:?}");
        if winners.is_empty() {
            nova.does(people[0], rename("the_one".to_owned())).await;
            winners.push(people[0]);
        }
        owner = winners[0];
        assert_eq!(nova.refused(UserId::make(), nova.register("the_one")).await, Refusal::HandleTaken);
    }
    one_holder_at_every_position(&nova.history().await);
}

/// Folds the log: between commands every registered user holds the handle of their profile, and nobody holds another's.
fn one_holder_at_every_position(history: &[Envelope]) {
    let mut holders = HashMap::new();
    let mut wants: HashMap<UserId, String> = HashMap::new();
    for (at, envelope) in history.iter().enumerate() {
        match &envelope.event {
            Event::User(UserEvent::UserRegistered(e)) => drop(wants.insert(e.user_id, e.handle_key.clone())),
            Event::User(UserEvent::ProfileChanged(e)) => drop(wants.insert(e.user_id, e.handle_key.clone())),
            Event::Handle(HandleEvent::HandleClaimed(e)) => {
                let before = holders.insert(envelope.stream.clone(), e.user_id);
                assert_eq!(before, None, "{} is claimed twice at {}", envelope.stream, envelope.position);
            }
            Event::Handle(HandleEvent::HandleReleased(e)) => {
                let before = holders.remove(&envelope.stream);
                assert_eq!(before, Some(e.user_id), "released by another at {}", envelope.position);
            }
            _ => {}
        }
        if history.get(at + 1).is_none_or(|next| next.command_id != envelope.command_id) {
            assert_eq!(holders.len(), wants.len(), "at {}", envelope.position);
        }
    }
    for (user, key) in wants {
        assert_eq!(holders.get(&streams::handle(&key).unwrap()), Some(&user));
    }
}
