use nova_domain::Refusal;
use nova_domain::block::Block;
use nova_domain::dismissal::{DismissSuggestion, RestoreSuggestion};
use nova_domain::follow::Follow;
use nova_events::dismissal::{SuggestionDismissed, SuggestionRestored};

use crate::story::Story;

#[test]
fn dismissing_and_back() {
    let mut story = Story::new();
    let [dismisser, dismissed] = story.people();
    story.is_already_so(dismisser, RestoreSuggestion { user: dismissed });
    story.happens(
        dismisser,
        DismissSuggestion { user: dismissed },
        &[SuggestionDismissed { dismisser, dismissed }.into()],
    );
    story.is_already_so(dismisser, DismissSuggestion { user: dismissed });
    story.is_already_so(dismissed, RestoreSuggestion { user: dismisser });
    story.happens(
        dismisser,
        RestoreSuggestion { user: dismissed },
        &[SuggestionRestored { dismisser, dismissed }.into()],
    );
    story.is_already_so(dismisser, RestoreSuggestion { user: dismissed });
}

#[test]
fn it_stands_beside_following_and_blocking() {
    let mut story = Story::new();
    let [ann, bob] = story.people();
    story.does(ann, DismissSuggestion { user: bob });
    story.does(ann, Follow { user: bob });
    story.does(bob, Follow { user: ann });
    story.does(bob, Block { user: ann });
    // What she has done herself she can undo. Otherwise someone who blocks her is someone who is not there.
    story.does(ann, RestoreSuggestion { user: bob });
    story.refuses(ann, DismissSuggestion { user: bob }, Refusal::Unknown("user"));
    story.refuses(ann, RestoreSuggestion { user: bob }, Refusal::Unknown("user"));
}

#[test]
fn nobody_dismisses_themselves_or_a_stranger_but_one_who_left_yes() {
    let mut story = Story::new();
    let ann = story.person();
    let (stranger, gone) = (story.nobody(), story.deactivated());
    story.refuses(ann, DismissSuggestion { user: ann }, Refusal::Yourself("dismiss"));
    story.refuses(ann, DismissSuggestion { user: stranger }, Refusal::Unknown("user"));
    story.refuses(ann, RestoreSuggestion { user: stranger }, Refusal::Unknown("user"));
    story.does(ann, DismissSuggestion { user: gone });
    story.does(ann, RestoreSuggestion { user: gone });
    story.refuses(stranger, DismissSuggestion { user: ann }, Refusal::NotRegistered);
    story.refuses(gone, DismissSuggestion { user: ann }, Refusal::AccountDeactivated);
}
