use nova_domain::Refusal;
use nova_domain::user::{ChangeProfile, Deactivate};
use nova_events::Personal;
use nova_events::handle::{HandleClaimed, HandleReleased};
use nova_events::user::{Profile, ProfileChanged, Reason, UserDeactivated, UserReactivated, UserRegistered};

use crate::story::{NOVA, Story, key, register};

fn profile(handle: &str) -> Profile {
    Profile { handle: handle.to_owned(), display_name: "Somebody".to_owned(), bio: None }
}

fn rename(handle: &str) -> ChangeProfile {
    ChangeProfile { handle: Some((handle.to_owned(), key(handle))), ..ChangeProfile::default() }
}

#[test]
fn registering_claims_the_handle() {
    let mut story = Story::new();
    let user_id = story.nobody();
    let personal = Personal::Clear(profile("ann"));
    story.happens(
        user_id,
        register("ann"),
        &[
            UserRegistered { user_id, handle_key: key("ann"), personal }.into(),
            HandleClaimed { user_id }.into(),
        ],
    );
    story.is_already_so(user_id, register("ann"));
}

#[test]
fn an_empty_bio_is_none() {
    let mut story = Story::new();
    let user = story.nobody();
    let mut with_empty_bio = register("ann");
    with_empty_bio.bio = Some(String::new());
    story.does(user, with_empty_bio);
    story.is_already_so(user, register("ann"));
}

#[test]
fn registering_again_as_someone_else_is_refused() {
    let mut story = Story::new();
    let user = story.nobody();
    story.does(user, register("ann"));
    story.refuses(user, register("other"), Refusal::AlreadyRegistered);
}

#[test]
fn a_taken_handle_is_refused_also_after_its_owner_left() {
    let mut story = Story::new();
    let (ann, bob) = (story.nobody(), story.nobody());
    story.does(ann, register("ann"));
    story.refuses(bob, register("ann"), Refusal::HandleTaken);
    story.does(ann, Deactivate::default());
    story.refuses(bob, register("ann"), Refusal::HandleTaken);
    story.does(bob, register("bob"));
    story.refuses(bob, rename("ann"), Refusal::HandleTaken);
}

#[test]
fn coming_back_keeps_the_handle_or_changes_it() {
    let mut story = Story::new();
    let user_id = story.nobody();
    story.does(user_id, register("ann"));
    story.does(user_id, Deactivate::default());
    let changed = |handle: &str| ProfileChanged {
        user_id,
        handle_key: key(handle),
        personal: Personal::Clear(profile(handle)),
    };
    story.happens(user_id, register("ann"), &[UserReactivated { user_id }.into(), changed("ann").into()]);
    story.does(user_id, Deactivate::default());
    story.happens(
        user_id,
        register("anna"),
        &[
            UserReactivated { user_id }.into(),
            changed("anna").into(),
            HandleReleased { user_id }.into(),
            HandleClaimed { user_id }.into(),
        ],
    );
    let other = story.nobody();
    story.does(other, register("ann"));
    story.refuses(story.nobody(), register("anna"), Refusal::HandleTaken);
}

#[test]
fn coming_back_under_a_handle_of_someone_else_is_refused() {
    let mut story = Story::new();
    let (ann, bob) = (story.nobody(), story.nobody());
    story.does(ann, register("ann"));
    story.does(bob, register("bob"));
    story.does(ann, Deactivate::default());
    story.refuses(ann, register("bob"), Refusal::HandleTaken);
}

#[test]
fn a_changed_handle_frees_the_old_one() {
    let mut story = Story::new();
    let user_id = story.nobody();
    story.does(user_id, register("ann"));
    story.happens(
        user_id,
        rename("anna"),
        &[
            ProfileChanged { user_id, handle_key: key("anna"), personal: Personal::Clear(profile("anna")) }
                .into(),
            HandleClaimed { user_id }.into(),
            HandleReleased { user_id }.into(),
        ],
    );
    story.is_already_so(user_id, rename("anna"));
    let other = story.nobody();
    story.does(other, register("ann"));
    story.refuses(user_id, rename("ann"), Refusal::HandleTaken);
}

#[test]
fn what_is_left_out_of_a_change_stays() {
    let mut story = Story::new();
    let user_id = story.nobody();
    story.does(user_id, register("ann"));
    let with_bio = |bio: Option<&str>| {
        let personal = Profile { bio: bio.map(str::to_owned), ..profile("ann") };
        ProfileChanged { user_id, handle_key: key("ann"), personal: Personal::Clear(personal) }.into()
    };
    let bio = |bio: &str| ChangeProfile { bio: Some(bio.to_owned()), ..ChangeProfile::default() };
    story.happens(user_id, bio("born to run"), &[with_bio(Some("born to run"))]);
    story.is_already_so(user_id, ChangeProfile::default());
    story.is_already_so(user_id, rename("ann"));
    story.happens(user_id, bio(""), &[with_bio(None)]);
    story.is_already_so(user_id, bio(""));
}

#[test]
fn handles_are_3_to_30_of_lower_case_letters_digits_and_underscores() {
    let mut story = Story::new();
    let user = story.nobody();
    let long = "a".repeat(31);
    for (handle, code) in [
        ("", "too_short"),
        ("ab", "too_short"),
        (&*long, "too_long"),
        ("Ann", "character"),
        ("an n", "character"),
        ("an-n", "character"),
        ("ännn", "character"),
        ("an.n", "character"),
    ] {
        story.invalid(user, register(handle), "handle", code);
    }
    let longest = "a".repeat(30);
    for handle in ["a_1", &longest] {
        let user = story.nobody();
        story.does(user, register(handle));
        story.invalid(user, rename("no"), "handle", "too_short");
    }
}

#[test]
fn names_and_bios_have_limits() {
    let mut story = Story::new();
    let user = story.nobody();
    let named = |name: String| nova_domain::user::Register { display_name: name, ..register("ann") };
    story.invalid(user, named(String::new()), "display_name", "empty");
    story.invalid(user, named(" \n\t ".to_owned()), "display_name", "empty");
    story.invalid(user, named("x".repeat(201)), "display_name", "too_long");
    story.invalid(user, named("a\0b".to_owned()), "display_name", "control_character");
    let bio = |bio: String| nova_domain::user::Register { bio: Some(bio), ..register("ann") };
    story.invalid(user, bio("x".repeat(2_001)), "bio", "too_long");
    story.does(user, bio("x".repeat(2_000)));
    let name = |name: &str| ChangeProfile { display_name: Some(name.to_owned()), ..ChangeProfile::default() };
    story.invalid(user, name(""), "display_name", "empty");
    story.does(user, name("ä".repeat(100).as_str()));
    story.invalid(user, name("ä".repeat(101).as_str()), "display_name", "too_long");
}

#[test]
fn a_handle_key_that_names_no_stream_is_refused() {
    let mut story = Story::new();
    let user = story.nobody();
    let register = nova_domain::user::Register { handle_key: String::new(), ..register("ann") };
    story.invalid(user, register, "handle", "character");
}

#[test]
fn deactivating_says_why_once() {
    let mut story = Story::new();
    let user_id = story.person();
    let reason = "tired".to_owned();
    let deactivate = Deactivate { reason: Some(reason.clone()) };
    let personal = Personal::Clear(Reason { reason });
    story.happens(user_id, deactivate.clone(), &[UserDeactivated { user_id, personal }.into()]);
    story.is_already_so(user_id, deactivate);
    story.is_already_so(user_id, Deactivate::default());
}

#[test]
fn reasons_have_a_limit() {
    let mut story = Story::new();
    let user = story.person();
    let because = |reason: String| Deactivate { reason: Some(reason) };
    story.invalid(user, because("x".repeat(1_001)), "reason", "too_long");
    story.invalid(user, because("  ".to_owned()), "reason", "empty");
    story.does(user, because("x".repeat(1_000)));
}

#[test]
fn only_the_registered_and_active_change_their_profile() {
    let mut story = Story::new();
    let stranger = story.nobody();
    story.refuses(stranger, ChangeProfile::default(), Refusal::NotRegistered);
    story.refuses(stranger, Deactivate::default(), Refusal::NotRegistered);
    let gone = story.deactivated();
    story.refuses(gone, ChangeProfile::default(), Refusal::AccountDeactivated);
    story.refuses(NOVA, register("nova"), Refusal::NotRegistered);
}

#[test]
fn reserved_handles_are_refused_and_kept_by_those_who_have_them() {
    let mut story = Story::new();
    let (early, late) = (story.nobody(), story.nobody());
    let reserved = std::mem::take(&mut story.limits.handles_reserved);
    story.does(early, register("moderator"));
    story.limits.handles_reserved = reserved;
    for handle in ["admin", "nova", "support", "ad_min", "_nova_"] {
        story.refuses(late, register(handle), Refusal::HandleReserved);
    }
    story.does(late, register("admin_of_hearts"));
    story.refuses(late, rename("staff"), Refusal::HandleReserved);
    // One from before the rule is kept, also over a change and a return.
    story.is_already_so(early, register("moderator"));
    story.does(early, ChangeProfile { bio: Some("still here".to_owned()), ..ChangeProfile::default() });
    story.does(early, Deactivate::default());
    story.does(early, register("moderator"));
    story.does(early, rename("ann"));
    story.refuses(early, rename("moderator"), Refusal::HandleReserved);
}

#[test]
fn names_are_to_be_seen_and_turn_nothing_around_them() {
    let mut story = Story::new();
    let (user, new) = (story.person(), story.nobody());
    for (name, code) in [
        ("\u{2060}", "empty"),
        ("\u{200b}\u{feff}", "empty"),
        ("\u{202e}nimda", "direction_control"),
        ("a\u{2066}b", "direction_control"),
        ("a\u{200f}", "direction_control"),
    ] {
        let display_name = name.to_owned();
        let register = nova_domain::user::Register { display_name: display_name.clone(), ..register("new") };
        story.invalid(new, register, "display_name", code);
        let change = ChangeProfile { display_name: Some(display_name), ..ChangeProfile::default() };
        story.invalid(user, change, "display_name", code);
    }
    story.does(user, ChangeProfile { display_name: Some("שלום".to_owned()), ..ChangeProfile::default() });
}
