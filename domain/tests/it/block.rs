use nova_domain::Refusal;
use nova_domain::block::{Block, Unblock};
use nova_domain::dismissal::{DismissSuggestion, RestoreSuggestion};
use nova_domain::follow::{Follow, Unfollow};
use nova_events::block::{Blocked, Unblocked};
use nova_events::follow::Unfollowed;

use crate::story::Story;

#[test]
fn blocking_and_back() {
    let mut story = Story::new();
    let [blocker, blocked] = story.people();
    story.happens(blocker, Block { user: blocked }, &[Blocked { blocker, blocked }.into()]);
    story.is_already_so(blocker, Block { user: blocked });
    story.is_already_so(blocked, Unblock { user: blocker });
    story.happens(blocker, Unblock { user: blocked }, &[Unblocked { blocker, blocked }.into()]);
    story.is_already_so(blocker, Unblock { user: blocked });
}

#[test]
fn blocking_ends_the_following_both_ways_at_once() {
    let mut story = Story::new();
    let [blocker, blocked] = story.people();
    story.follows(blocker, blocked);
    story.follows(blocked, blocker);
    story.happens(
        blocker,
        Block { user: blocked },
        &[
            Blocked { blocker, blocked }.into(),
            Unfollowed { follower: blocker, followee: blocked }.into(),
            Unfollowed { follower: blocked, followee: blocker }.into(),
        ],
    );
    story.does(blocker, Unblock { user: blocked });
    // Lifting the block brings no edge back: both can follow anew.
    story.does(blocked, Follow { user: blocker });
    story.does(blocker, Follow { user: blocked });
}

#[test]
fn each_can_block_the_other() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    story.blocks(ann, bob);
    story.blocks(bob, ann);
    story.does(ann, Unblock { user: bob });
    story.refuses(ann, Follow { user: bob }, Refusal::Unknown("user"));
}

#[test]
fn someone_who_blocks_is_unknown_to_whom_they_block_but_can_be_blocked_in_turn() {
    let mut story = Story::new();
    let [blocker, blocked] = story.people();
    let stranger = story.nobody();
    story.blocks(blocker, blocked);
    for user in [blocker, stranger] {
        story.refuses(blocked, Follow { user }, Refusal::Unknown("user"));
        story.refuses(blocked, Unfollow { user }, Refusal::Unknown("user"));
        story.refuses(blocked, DismissSuggestion { user }, Refusal::Unknown("user"));
        story.refuses(blocked, RestoreSuggestion { user }, Refusal::Unknown("user"));
    }
    story.does(blocked, Block { user: blocker });
    story.does(blocked, Unblock { user: blocker });
}

#[test]
fn nobody_blocks_themselves_or_a_stranger_but_one_who_left_yes() {
    let mut story = Story::new();
    let ann = story.person();
    let (stranger, gone) = (story.nobody(), story.deactivated());
    story.refuses(ann, Block { user: ann }, Refusal::Yourself("block"));
    story.refuses(ann, Block { user: stranger }, Refusal::Unknown("user"));
    story.refuses(ann, Unblock { user: stranger }, Refusal::Unknown("user"));
    story.does(ann, Block { user: gone });
    story.does(ann, Unblock { user: gone });
}
