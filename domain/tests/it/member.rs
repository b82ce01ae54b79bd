use nova_domain::Refusal;
use nova_domain::conversation::{PutMember, RemoveMember, RenameConversation};
use nova_domain::message::DeleteMessage;
use nova_domain::user::Deactivate;
use nova_events::ConversationId;
use nova_events::conversation::{MemberAdded, MemberRemoved, MemberRoleChanged, Role};

use crate::story::{Story, moderator, register, say};

#[test]
fn admins_add_members_and_change_roles() {
    let mut story = Story::new();
    let [admin, bob, cat] = story.people();
    let conversation = story.group(&[admin]);
    let put = |user, role| PutMember { conversation, user, role };
    let added =
        |user_id, role| MemberAdded { conversation_id: conversation, user_id, role, added_by: admin }.into();
    let changed = |user_id, role, changed_by| {
        MemberRoleChanged { conversation_id: conversation, user_id, role, changed_by }.into()
    };
    story.happens(admin, put(bob, None), &[added(bob, Role::Member)]);
    story.is_already_so(admin, put(bob, None));
    story.is_already_so(admin, put(bob, Some(Role::Member)));
    story.happens(admin, put(cat, Some(Role::Admin)), &[added(cat, Role::Admin)]);
    story.is_already_so(admin, put(cat, None));
    story.happens(admin, put(bob, Some(Role::Admin)), &[changed(bob, Role::Admin, admin)]);
    story.happens(bob, put(cat, Some(Role::Member)), &[changed(cat, Role::Member, bob)]);
    story.refuses(cat, put(bob, Some(Role::Member)), Refusal::NotAnAdmin);
    story.happens(admin, put(admin, Some(Role::Member)), &[changed(admin, Role::Member, admin)]);
}

#[test]
fn the_last_admin_stays_one() {
    let mut story = Story::new();
    let [admin, bob] = story.people();
    let conversation = story.group(&[admin, bob]);
    let step_down = PutMember { conversation, user: admin, role: Some(Role::Member) };
    story.invalid(admin, step_down.clone(), "role", "last_admin");
    story.makes_admin(admin, conversation, bob);
    story.does(admin, step_down);
    let bob_down = PutMember { conversation, user: bob, role: Some(Role::Member) };
    story.invalid(bob, bob_down, "role", "last_admin");
}

#[test]
fn nobody_is_added_over_a_block_or_who_is_not_there() {
    let mut story = Story::new();
    let [admin, bob, cat, dan] = story.people();
    let (gone, stranger) = (story.deactivated(), story.nobody());
    let conversation = story.group(&[admin, dan]);
    story.blocks(admin, bob);
    story.blocks(cat, admin);
    for (user, refusal) in [
        (bob, Refusal::Unknown("user")),
        (cat, Refusal::Unknown("user")),
        (gone, Refusal::Gone("user")),
        (stranger, Refusal::Unknown("user")),
    ] {
        story.refuses(admin, PutMember { conversation, user, role: None }, refusal);
    }
    // Who is in already can be made an admin whatever happened since.
    story.blocks(dan, admin);
    story.does(admin, PutMember { conversation, user: dan, role: Some(Role::Admin) });
}

#[test]
fn a_full_group_takes_nobody() {
    let mut story = Story::new();
    story.limits.members_max = 2;
    let [admin, bob, cat] = story.people();
    let conversation = story.group(&[admin, bob]);
    let put_cat = PutMember { conversation, user: cat, role: None };
    story.refuses(admin, put_cat.clone(), Refusal::TooManyMembers(2));
    story.is_already_so(admin, PutMember { conversation, user: bob, role: None });
    story.does(admin, RemoveMember { conversation, user: bob });
    story.does(admin, put_cat);
}

#[test]
fn leaving_and_being_taken_out() {
    let mut story = Story::new();
    let [admin, bob, cat, other] = story.people();
    let conversation = story.group(&[admin, bob, cat]);
    let remove = |user| RemoveMember { conversation, user };
    let removed =
        |user_id, removed_by| MemberRemoved { conversation_id: conversation, user_id, removed_by }.into();
    story.refuses(bob, remove(cat), Refusal::NotAnAdmin);
    story.refuses(other, remove(cat), Refusal::Unknown("conversation"));
    story.refuses(moderator(other), remove(cat), Refusal::Unknown("conversation"));
    story.happens(bob, remove(bob), &[removed(bob, bob)]);
    story.refuses(bob, remove(bob), Refusal::Unknown("conversation"));
    story.is_already_so(admin, remove(bob));
    story.is_already_so(admin, remove(other));
    story.happens(admin, remove(cat), &[removed(cat, admin)]);
    story.refuses(cat, say(conversation, "wait"), Refusal::Unknown("conversation"));
    story.does(admin, PutMember { conversation, user: cat, role: None });
    story.does(cat, say(conversation, "thanks"));
    story.refuses(
        admin,
        RemoveMember { conversation: ConversationId(story.id()), user: bob },
        Refusal::Unknown("conversation"),
    );
}

#[test]
fn when_the_last_admin_leaves_the_one_longest_in_becomes_admin() {
    let mut story = Story::new();
    let [admin, bob, cat] = story.people();
    let conversation = story.group(&[admin, bob, cat]);
    // Bob leaves and comes back, so cat has been in longer.
    story.later(1);
    story.does(bob, RemoveMember { conversation, user: bob });
    story.does(admin, PutMember { conversation, user: bob, role: None });
    let conversation_id = conversation;
    story.happens(
        admin,
        RemoveMember { conversation, user: admin },
        &[
            MemberRemoved { conversation_id, user_id: admin, removed_by: admin }.into(),
            MemberRoleChanged { conversation_id, user_id: cat, role: Role::Admin, changed_by: admin }.into(),
        ],
    );
    story.does(cat, RemoveMember { conversation, user: bob });
    // The last one out leaves nothing to inherit.
    let done = story.does(cat, RemoveMember { conversation, user: cat });
    assert_eq!(done.events.len(), 1);
    let again = RemoveMember { conversation, user: cat };
    story.refuses(cat, again, Refusal::Unknown("conversation"));
}

#[test]
fn an_admin_among_others_leaves_without_an_heir() {
    let mut story = Story::new();
    let [admin, bob, cat] = story.people();
    let conversation = story.group(&[admin, bob, cat]);
    story.makes_admin(admin, conversation, cat);
    let done = story.does(admin, RemoveMember { conversation, user: admin });
    assert_eq!(done.events.len(), 1, "cat is an admin already");
}

#[test]
fn the_members_of_a_direct_conversation_stay() {
    let mut story = Story::new();
    let [ann, bob, cat] = story.people();
    let conversation = story.direct(ann, bob);
    for user in [ann, bob, cat] {
        story.refuses(
            ann,
            PutMember { conversation, user, role: Some(Role::Member) },
            Refusal::DirectConversation,
        );
        story.refuses(ann, RemoveMember { conversation, user }, Refusal::DirectConversation);
    }
    story.refuses(cat, PutMember { conversation, user: cat, role: None }, Refusal::Unknown("conversation"));
    story.refuses(cat, RemoveMember { conversation, user: bob }, Refusal::Unknown("conversation"));
}

#[test]
fn only_the_registered_and_active_manage() {
    let mut story = Story::new();
    let [admin, bob] = story.people();
    let conversation = story.group(&[admin, bob]);
    story.does(admin, Deactivate::default());
    let stranger = story.nobody();
    for (who, refusal) in [(admin, Refusal::AccountDeactivated), (stranger, Refusal::NotRegistered)] {
        story.refuses(who, PutMember { conversation, user: bob, role: Some(Role::Admin) }, refusal.clone());
        story.refuses(who, RemoveMember { conversation, user: bob }, refusal);
    }
}

#[test]
fn an_heir_has_an_open_account() {
    let mut story = Story::new();
    let [admin, gone, cat] = story.people();
    let conversation = story.group(&[admin, gone, cat]);
    story.does(gone, Deactivate::default());
    let done = story.does(admin, RemoveMember { conversation, user: admin });
    let heir = MemberRoleChanged {
        conversation_id: conversation,
        user_id: cat,
        role: Role::Admin,
        changed_by: admin,
    };
    assert_eq!(done.events[1], heir.into());
}

#[test]
fn of_closed_accounts_the_first_to_come_back_manages() {
    let mut story = Story::new();
    let [admin, ann, bob] = story.people();
    let conversation = story.group(&[admin, ann, bob]);
    story.does(ann, Deactivate::default());
    story.does(bob, Deactivate::default());
    story.does(admin, RemoveMember { conversation, user: admin });
    let handle = story.handle_of(bob);
    story.does(bob, register(&handle));
    story.does(bob, RenameConversation { conversation, title: "Still here".to_owned() });
}

#[test]
fn the_one_longest_in_acts_as_admin_while_all_admins_are_closed() {
    let mut story = Story::new();
    let [admin, gone, ann, bob] = story.people();
    let conversation = story.group(&[admin, gone, ann, bob]);
    let message = story.message(bob, conversation);
    story.does(gone, Deactivate::default());
    let rename = |title: &str| RenameConversation { conversation, title: title.to_owned() };
    let delete = DeleteMessage { conversation, message, reason: None };
    story.refuses(ann, rename("Ours"), Refusal::NotAnAdmin);
    story.does(admin, Deactivate::default());
    // Ann, not the member who is gone, and not Bob, who came with her but has the higher id.
    story.refuses(bob, rename("Ours"), Refusal::NotAnAdmin);
    story.refuses(bob, RemoveMember { conversation, user: ann }, Refusal::NotAnAdmin);
    story.does(ann, rename("Ours"));
    story.does(ann, delete);
    let cat = story.person();
    story.does(ann, PutMember { conversation, user: cat, role: None });
    story.does(ann, RemoveMember { conversation, user: bob });
    // An admin who comes back has the role still.
    let handle = story.handle_of(admin);
    story.does(admin, register(&handle));
    story.refuses(ann, rename("Mine"), Refusal::NotAnAdmin);
    story.does(admin, rename("Ours again"));
}

#[test]
fn a_stand_in_makes_the_role_their_own() {
    let mut story = Story::new();
    let [admin, ann, bob] = story.people();
    let conversation = story.group(&[admin, ann, bob]);
    story.does(admin, Deactivate::default());
    let step_down = |user| PutMember { conversation, user, role: Some(Role::Member) };
    // The group would have no admin but in name.
    story.invalid(ann, step_down(admin), "role", "last_admin");
    story.makes_admin(ann, conversation, ann);
    story.does(ann, step_down(admin));
    let handle = story.handle_of(admin);
    story.does(admin, register(&handle));
    story.refuses(admin, step_down(ann), Refusal::NotAnAdmin);
    // An admin beside whom all are closed is the last one.
    story.makes_admin(ann, conversation, bob);
    story.does(bob, Deactivate::default());
    story.invalid(ann, step_down(ann), "role", "last_admin");
}

#[test]
fn a_stand_in_is_found_in_a_large_group() {
    let mut story = Story::new();
    let admin = story.person();
    let others: Vec<_> = (0..100).map(|_| story.person()).collect();
    let members: Vec<_> = std::iter::once(admin).chain(others.iter().copied()).collect();
    let conversation = story.group(&members);
    for user in &members[..99] {
        story.does(*user, Deactivate::default());
    }
    let title = "The last two".to_owned();
    let rename = RenameConversation { conversation, title };
    story.refuses(members[100], rename.clone(), Refusal::NotAnAdmin);
    story.does(members[99], rename);
}
