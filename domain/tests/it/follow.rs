use nova_domain::Refusal;
use nova_domain::block::Unblock;
use nova_domain::follow::{Follow, Unfollow};
use nova_events::follow::{Followed, Unfollowed};

use crate::story::Story;

#[test]
fn following_goes_one_way_and_ends() {
    let mut story = Story::new();
    let [follower, followee] = story.people();
    story.happens(follower, Follow { user: followee }, &[Followed { follower, followee }.into()]);
    story.is_already_so(follower, Follow { user: followee });
    story.is_already_so(followee, Unfollow { user: follower });
    story.happens(follower, Unfollow { user: followee }, &[Unfollowed { follower, followee }.into()]);
    story.is_already_so(follower, Unfollow { user: followee });
    story.does(follower, Follow { user: followee });
}

#[test]
fn nobody_follows_themselves_a_stranger_or_someone_who_left() {
    let mut story = Story::new();
    let [ann] = story.people();
    let (stranger, gone) = (story.nobody(), story.deactivated());
    story.refuses(ann, Follow { user: ann }, Refusal::Yourself("follow"));
    story.refuses(ann, Follow { user: stranger }, Refusal::Unknown("user"));
    story.refuses(ann, Unfollow { user: stranger }, Refusal::Unknown("user"));
    story.refuses(ann, Follow { user: gone }, Refusal::Gone("user"));
    story.is_already_so(ann, Unfollow { user: gone });
}

#[test]
fn one_can_stop_following_someone_who_left() {
    let mut story = Story::new();
    let [follower, followee] = story.people();
    story.follows(follower, followee);
    story.does(followee, nova_domain::user::Deactivate::default());
    story.does(follower, Unfollow { user: followee });
}

#[test]
fn a_block_either_way_forbids_following_until_it_is_lifted() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    story.blocks(ann, bob);
    story.refuses(ann, Follow { user: bob }, Refusal::Unknown("user"));
    story.refuses(bob, Follow { user: ann }, Refusal::Unknown("user"));
    story.refuses(bob, Unfollow { user: ann }, Refusal::Unknown("user"));
    story.does(ann, Unblock { user: bob });
    story.does(bob, Follow { user: ann });
}

#[test]
fn a_block_of_someone_else_is_no_matter() {
    let mut story = Story::new();
    let [ann, bob, cat] = story.people();
    story.blocks(ann, cat);
    story.blocks(cat, bob);
    story.follows(ann, bob);
}
