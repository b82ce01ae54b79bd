use nova_domain::Refusal;
use nova_domain::conversation::{RenameConversation, StartConversation, direct_conversation_id};
use nova_domain::user::Deactivate;
use nova_events::conversation::{ConversationKind, ConversationRenamed, ConversationStarted, Role, Title};
use nova_events::{ConversationId, Personal, UserId};

use crate::story::{Story, direct};

fn group(conversation: ConversationId, members: &[UserId]) -> StartConversation {
    StartConversation { conversation, kind: ConversationKind::Group, title: None, members: members.to_vec() }
}

#[test]
fn a_group_has_its_starter_as_admin_and_the_others_as_members() {
    let mut story = Story::new();
    let [started_by, ann, bob] = story.people();
    let conversation_id = ConversationId(story.id());
    let title = "the hikers".to_owned();
    // Naming someone twice, or oneself, changes nothing.
    let members = [ann, started_by, bob, ann];
    let start = StartConversation { title: Some(title.clone()), ..group(conversation_id, &members) };
    let started = ConversationStarted {
        conversation_id,
        kind: ConversationKind::Group,
        started_by,
        members: vec![(started_by, Role::Admin), (ann, Role::Member), (bob, Role::Member)],
        personal: Personal::Clear(Title { title }),
    };
    story.happens(started_by, start.clone(), &[started.into()]);
    story.is_already_so(started_by, start);
}

#[test]
fn a_group_of_one_is_a_group() {
    let mut story = Story::new();
    let ann = story.person();
    let conversation = ConversationId(story.id());
    story.does(ann, group(conversation, &[]));
}

#[test]
fn two_people_have_one_direct_conversation() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    assert_eq!(direct_conversation_id(ann, bob), direct_conversation_id(bob, ann));
    let started = ConversationStarted {
        conversation_id: direct_conversation_id(ann, bob),
        kind: ConversationKind::Direct,
        started_by: ann,
        members: vec![(ann, Role::Admin), (bob, Role::Admin)],
        personal: Personal::Absent,
    };
    story.happens(ann, direct(ann, bob), &[started.into()]);
    story.is_already_so(ann, direct(ann, bob));
    story.is_already_so(bob, direct(bob, ann));
    // It is found again also when they do not speak any more.
    story.blocks(bob, ann);
    story.is_already_so(ann, direct(ann, bob));
    story.does(bob, Deactivate::default());
    story.is_already_so(ann, direct(ann, bob));
}

#[test]
fn a_direct_conversation_names_exactly_one_other_person_and_no_title() {
    let mut story = Story::new();
    let [ann, bob, cat] = story.people();
    for members in [vec![], vec![ann], vec![bob, cat]] {
        let start = StartConversation { members, ..direct(ann, bob) };
        story.invalid(ann, start, "members", "direct_needs_one");
    }
    let titled = StartConversation { title: Some("us".to_owned()), ..direct(ann, bob) };
    story.invalid(ann, titled, "title", "not_allowed");
    story.does(ann, StartConversation { members: vec![ann, bob, bob], ..direct(ann, bob) });
}

#[test]
fn nobody_is_drawn_into_a_conversation_over_a_block_or_who_is_not_there() {
    let mut story = Story::new();
    let [ann, bob, cat, dan] = story.people();
    let (gone, stranger) = (story.deactivated(), story.nobody());
    story.blocks(bob, ann);
    story.blocks(ann, cat);
    let new = ConversationId(story.id());
    for (other, refusal) in [
        (bob, Refusal::Unknown("user")),
        (cat, Refusal::Unknown("user")),
        (gone, Refusal::Gone("user")),
        (stranger, Refusal::Unknown("user")),
    ] {
        story.refuses(ann, direct(ann, other), refusal.clone());
        story.refuses(ann, group(new, &[dan, other]), refusal);
    }
    story.refuses(gone, group(new, &[ann]), Refusal::AccountDeactivated);
    story.refuses(stranger, group(new, &[ann]), Refusal::NotRegistered);
    // A block between two of the others is their matter.
    story.does(dan, group(new, &[ann, bob, cat]));
}

#[test]
fn the_id_of_a_conversation_of_others_cannot_be_taken() {
    let mut story = Story::new();
    let [ann, bob, cat] = story.people();
    let conversation = story.group(&[ann, bob]);
    story.refuses(cat, group(conversation, &[ann]), Refusal::Unknown("conversation"));
    story.is_already_so(bob, group(conversation, &[cat]));
}

#[test]
fn a_group_has_at_most_so_many_members_with_the_one_who_starts_it() {
    let mut story = Story::new();
    story.limits.members_max = 4;
    let [ann, a, b, c, d] = story.people();
    let new = ConversationId(story.id());
    story.refuses(ann, group(new, &[a, b, c, d]), Refusal::TooManyMembers(4));
    story.does(ann, group(new, &[a, b, c, c, ann]));
}

#[test]
fn the_limit_is_checked_before_anyone_is_looked_at() {
    let mut story = Story::new();
    let ann = story.person();
    let strangers: Vec<UserId> = (0..500).map(|_| story.nobody()).collect();
    let new = ConversationId(story.id());
    story.refuses(ann, group(new, &strangers), Refusal::TooManyMembers(500));
    story.refuses(ann, group(new, &strangers[..499]), Refusal::Unknown("user"));
}

#[test]
fn admins_rename_groups() {
    let mut story = Story::new();
    let [renamed_by, bob, other] = story.people();
    let conversation = story.group(&[renamed_by, bob]);
    let rename = |title: &str| RenameConversation { conversation, title: title.to_owned() };
    let personal = Personal::Clear(Title { title: "peaks".to_owned() });
    story.happens(
        renamed_by,
        rename("peaks"),
        &[ConversationRenamed { conversation_id: conversation, renamed_by, personal }.into()],
    );
    story.is_already_so(renamed_by, rename("peaks"));
    story.refuses(bob, rename("x"), Refusal::NotAnAdmin);
    story.refuses(other, rename("x"), Refusal::Unknown("conversation"));
    story.invalid(renamed_by, rename(" "), "title", "empty");
    story.invalid(renamed_by, rename(&"x".repeat(201)), "title", "too_long");
    let unknown = RenameConversation { conversation: ConversationId(story.id()), title: "x".to_owned() };
    story.refuses(renamed_by, unknown, Refusal::Unknown("conversation"));
    let conversation = story.direct(renamed_by, bob);
    let direct = RenameConversation { conversation, title: "x".to_owned() };
    story.refuses(bob, direct, Refusal::DirectConversation);
    let new = ConversationId(story.id());
    let long = StartConversation { title: Some("x".repeat(201)), ..group(new, &[bob]) };
    story.invalid(renamed_by, long, "title", "too_long");
    story.does(renamed_by, Deactivate::default());
    story.refuses(renamed_by, rename("y"), Refusal::AccountDeactivated);
}
