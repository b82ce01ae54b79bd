//! What holds for every command, in the worlds that histories lead to and in worlds that none leads to.

use std::collections::HashMap;
use std::sync::Arc;

use nova_domain::command::Command;
use nova_domain::{By, Decision, Limits, Need, Refusal, Stop, World};
use nova_events::conversation::ConversationKind;
use nova_events::{Actor, Event, UserId, streams};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::pool::{self, Step};
use crate::story::{Story, Who, key};

/// Commands that say something anew each time, so a repeat of them is no repeat. (Their command ids are: the log sees
/// to that.)
fn says_anew(command: &Command) -> bool {
    match command {
        Command::SendMessage(_) => true,
        // What it held cannot be compared.
        Command::EditMessage(edit) => edit.body.encrypted_content.is_some(),
        _ => false,
    }
}

fn kinds(decision: &Decision) -> Vec<&'static str> {
    decision.events.iter().map(|(_, event)| event.kind()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    /// After a command the same command changes nothing or is refused, and stays so. `Story::decide` checks each
    /// decision and that it comes within a bounded number of rounds.
    #[test]
    fn a_repeat_is_empty_or_a_stable_refusal(steps in prop::collection::vec(any::<Step>(), 1..60)) {
        let mut story = pool::peopled();
        for step in steps {
            story.later(step.wait_ms());
            let (who, command) = step.asks(&story);
            let command_id = story.id();
            let Ok((first, _)) = story.decide(who, command_id, &command) else {
                let refused = story.decide(who, command_id, &command).map(|(d, _)| d);
                prop_assert!(refused.is_err(), "{command:?} was refused and is not any more");
                continue;
            };
            story.take(&first);
            let second = story.decide(who, command_id, &command).map(|(d, _)| d);
            match &second {
                Ok(again) if says_anew(&command) => prop_assert_eq!(kinds(again), kinds(&first)),
                Ok(again) => {
                    prop_assert_eq!(&again.events, &vec![], "{:?}", command);
                    prop_assert_eq!(again.id, first.id, "{:?} answers another id", command);
                }
                // Leaving a group takes away the right to ask; repeating it is empty, others are refused.
                Err(_) => {}
            }
            let third = story.decide(who, command_id, &command).map(|(d, _)| d);
            prop_assert_eq!(third, second, "{:?}", command);
        }
    }

    /// What no history of accepted commands can lead to.
    #[test]
    fn histories_keep_the_rules(steps in prop::collection::vec(any::<Step>(), 1..80)) {
        let mut story = pool::peopled();
        for step in steps {
            story.later(step.wait_ms());
            let (who, command) = step.asks(&story);
            let before = story.clone();
            if story.tries(who, command.clone()).is_ok() {
                check_rules(&story, &before).map_err(|why| TestCaseError::fail(format!("{command:?}: {why}")))?;
            }
        }
    }

    /// In a world where anything can be anything, every command comes to a decision or a refusal, in bounded time,
    /// without a panic, and writes only to streams that it looked at.
    #[test]
    fn no_world_makes_a_decision_panic(step: Step, seed: u64) {
        let (who, command) = step.asks(&Story::new());
        let limits = Limits { members_max: 3, ..Limits::default() };
        for at_ms in [i64::MIN, 0, i64::MAX] {
            let by = By {
                actor: who.actor,
                moderator: who.moderator,
                at_ms,
                command_id: uuid::Uuid::from_u128(u128::from(seed)),
                limits: &limits,
                names: crate::story::NAMES,
            };
            if let Some((decision, world)) = decide_anywhere(&by, &command, seed) {
                for (stream, _) in &decision.events {
                    prop_assert!(
                        world.seen_stream(stream).is_some() || stream.category() == "messages",
                        "{command:?} writes to {stream} without having looked at it"
                    );
                }
                if let Some((first, _)) = decision.events.first() {
                    prop_assert_eq!(first, &decision.primary);
                }
            }
        }
    }
}

/// Decides in a world that is made up as it is asked about.
fn decide_anywhere(by: &By<'_>, command: &Command, seed: u64) -> Option<(Decision, World)> {
    let mut world = World::default();
    for _ in 0..8 {
        match command.decide(by, &world) {
            Ok(decision) => return Some((decision, world)),
            Err(Stop::Refused(_)) => return None,
            Err(Stop::Need(needs)) => {
                for need in needs {
                    match need {
                        Need::Stream(stream) if world.seen_stream(&stream).is_none() => {
                            let state = pool::any_state(&stream, seed);
                            world.put_stream(stream, None, Arc::new(state));
                        }
                        Need::Stream(_) => {}
                        Need::Length(stream) => world.put_length(stream, seed % 3),
                        Need::Message(id) => world.put_message(id, pool::any_message(id, seed)),
                        Need::Words(id) => world.put_words(id, pool::any_words(seed)),
                    }
                }
            }
        }
    }
    panic!("{command:?} still needs something after 8 rounds");
}

fn check_rules(story: &Story, before: &Story) -> Result<(), String> {
    let users: Vec<UserId> = (0..pool::USERS).map(pool::user).collect();
    let edge = |stream| story.state(&stream).1.edge().on;
    let mut holders: HashMap<String, UserId> = HashMap::new();
    for &a in &users {
        for &b in &users {
            let blocked = edge(streams::block(a, b)) || edge(streams::block(b, a));
            if blocked && edge(streams::follow(a, b)) {
                return Err(format!("{a} follows {b} over a block"));
            }
        }
        let (_, state) = story.state(&streams::user(a));
        let state = state.user();
        if state.registered
            && let Some(other) = holders.insert(state.handle_key.clone(), a)
        {
            return Err(format!("{a} and {other} have the same handle"));
        }
    }
    for handle in 0..pool::HANDLES {
        let stream = streams::handle(&key(&pool::handle(handle))).ok_or("no such handle stream")?;
        let claimed = story.state(&stream).1.handle().holder;
        let held = holders.get(&key(&pool::handle(handle))).copied();
        if claimed != held {
            return Err(format!("a handle is claimed by {claimed:?} and held by {held:?}"));
        }
    }
    for conversation in 0..pool::CONVERSATIONS {
        let id = pool::conversation(conversation);
        let (_, state) = story.state(&streams::conversation(id));
        let state = state.conversation();
        let admins =
            state.members.iter().filter(|member| member.role == nova_events::conversation::Role::Admin);
        if admins.count() == 0 && !state.members.is_empty() {
            return Err(format!("{id} has members and no admin"));
        }
        if state.members.len() > story.limits.members_max {
            return Err(format!("{id} has too many members"));
        }
        if state.kind == Some(ConversationKind::Direct) && state.members.len() != 2 {
            return Err(format!("{id} is direct and has not two members"));
        }
        let length = story.length(&streams::messages(id));
        for &user in &users {
            let up_to = story.state(&streams::read(id, user)).1.read().up_to;
            if up_to.is_some_and(|up_to| up_to >= length) {
                return Err(format!("{user} has read {up_to:?} of {length} in {id}"));
            }
            if up_to < before.state(&streams::read(id, user)).1.read().up_to {
                return Err(format!("the mark of {user} went back to {up_to:?}"));
            }
        }
    }
    Ok(())
}

#[test]
fn the_pool_reaches_every_command_and_most_refusals() {
    // A property over commands that are all refused proves nothing: over many histories each command succeeds and each
    // refusal comes up.
    let (mut done, mut refused) = (HashMap::<&str, u32>::new(), HashMap::<&str, u32>::new());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..600 {
        let steps = prop::collection::vec(any::<Step>(), 60).new_tree(&mut runner).unwrap().current();
        let mut story = pool::peopled();
        for step in steps {
            story.later(step.wait_ms());
            let (who, command) = step.asks(&story);
            match story.tries(who, command.clone()) {
                Ok(done_now) if done_now.events.is_empty() => {}
                Ok(_) => *done.entry(command.name()).or_default() += 1,
                Err(refusal) => *refused.entry(refusal.code()).or_default() += 1,
            }
        }
    }
    assert_eq!(done.len(), usize::from(pool::KINDS), "of all commands only these succeeded: {done:?}");
    for code in [
        "validation_failed",
        "not_registered",
        "account_deactivated",
        "already_registered",
        "handle_taken",
        "not_found",
        "gone",
        "not_yours",
        "yourself",
        "blocked",
        "not_an_admin",
        "direct_conversation",
        "too_many_members",
        "edit_window_over",
        "grace_over",
        "deleted_by_moderator",
        "deleted_by_author",
    ] {
        assert!(refused.contains_key(code), "{code} never came up: {refused:?}");
    }
}

#[test]
fn nova_itself_is_no_person() {
    let story = Story::new();
    for kind in 0..pool::KINDS {
        let step = Step::of_kind(kind);
        let (_, command) = step.asks(&story);
        let nova = Who { actor: Actor::System, moderator: true };
        match story.decide(nova, story.id(), &command) {
            Err(Refusal::NotRegistered | Refusal::Unknown(_)) => {}
            other => panic!("{command:?} by Nova itself: {other:?}"),
        }
    }
}

#[test]
fn every_event_names_whom_it_is_about() {
    // The subjects of an event find it again when someone asks what is held about them.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..50 {
        let steps = prop::collection::vec(any::<Step>(), 60).new_tree(&mut runner).unwrap().current();
        let mut story = pool::peopled();
        for step in steps {
            let (who, command) = step.asks(&story);
            let Ok(done) = story.tries(who, command) else { continue };
            for event in done.events {
                let subjects = nova_domain::command::subjects_of(&event);
                let is_mark = matches!(event, Event::MessageMark(_) | Event::Nonce(_));
                assert_eq!(subjects.is_empty(), is_mark, "{event:?}");
                let mut once = subjects.clone();
                once.sort_unstable();
                once.dedup();
                assert_eq!(once.len(), subjects.len(), "{event:?} names someone twice");
            }
        }
    }
}
