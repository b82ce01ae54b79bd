//! What every store of views must do: the rules that [`nova_views::ViewReader`] and [`nova_views::ViewWriter`] state,
//! one question after the other; then whole random histories, compared with a model and with themselves in any order.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

mod answers;
mod audit;
mod conversations;
mod discover;
mod feed;
mod generations;
mod histories;
mod model;
mod people;
mod posts;
mod search;
mod trending;

use std::sync::Arc;

use nova_events::Envelope;
use nova_projectors::{ALL, Projection};
use nova_views::{Apply, Change, Cursor, Generation, List, PageRequest, ViewError, ViewReader, ViewWriter};

use crate::story::Story;

pub use audit::*;
pub use conversations::*;
pub use discover::*;
pub use feed::*;
pub use generations::*;
pub use histories::*;
pub use people::*;
pub use posts::*;
pub use search::*;
pub use trending::*;

/// An empty store, with no caching of ranked lists: each is worked out when it is asked for.
#[derive(Clone)]
pub struct Ports {
    pub writer: Arc<dyn ViewWriter>,
    pub reader: Arc<dyn ViewReader>,
}

impl Ports {
    pub fn of<T: ViewWriter + ViewReader>(views: Arc<T>) -> Self {
        Self { writer: Arc::clone(&views) as _, reader: views }
    }

    /// Tells the store a whole story.
    pub async fn tell(&self, story: &Story) {
        self.tell_from(story, 0).await;
    }

    /// Tells the store what a story says behind a position.
    pub async fn tell_from(&self, story: &Story, after: u64) {
        for projection in ALL {
            let changes = changes_of(projection, &story.events[after as usize..]);
            self.writer.apply(step(projection, changes, story.head())).await.unwrap();
        }
    }
}

impl std::fmt::Debug for Ports {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ports")
    }
}

fn changes_of<'a>(projection: &Projection, events: impl IntoIterator<Item = &'a Envelope>) -> Vec<Change> {
    events
        .into_iter()
        .filter(|event| projection.categories.contains(&event.stream.category()))
        .flat_map(|event| (projection.project)(event))
        .collect()
}

fn step(projection: &Projection, changes: Vec<Change>, cursor: u64) -> Arc<Apply> {
    Arc::new(Apply {
        projection: projection.name,
        generation: Generation::Live,
        changes,
        dead_letters: Vec::new(),
        redriven: Vec::new(),
        cursor,
    })
}

/// Every item of a list, read `limit` at a time. No page may be longer, and no list endless.
async fn all_pages<T, F: Future<Output = Result<List<T>, ViewError>>>(
    limit: usize,
    mut page: impl FnMut(PageRequest) -> F,
) -> Vec<T> {
    let (mut items, mut cursor): (Vec<T>, Option<Cursor>) = (Vec::new(), None);
    for _ in 0..1_000 {
        let list = page(PageRequest { cursor, limit, after: 0 }).await.unwrap();
        assert!(list.items.len() <= limit, "a page is longer than its limit");
        items.extend(list.items);
        cursor = list.next;
        if cursor.is_none() {
            return items;
        }
    }
    panic!("a list does not end");
}

/// Runs the suite: `views_contract!(open)`, where `open` is an `async fn() -> (Ports, Guard)` that opens an empty store.
#[macro_export]
macro_rules! views_contract {
    ($open:path) => {
        $crate::views_contract!(@each $open:
            a_profile_shows_who_someone_is_and_how_they_stand,
            handles_lead_to_those_who_hold_them_now,
            a_closed_account_is_gone_with_all_it_wrote,
            followers_and_following_are_listed_newest_first,
            blocked_people_see_nothing_of_each_other,
            the_blocks_of_a_viewer_are_listed_for_them,
            people_one_may_know_are_suggested,
            each_sign_of_an_acquaintance_counts,
            whom_nobody_wants_suggested_is_not,
            popular_people_fill_the_suggestions,
            suggestions_keep_their_order_and_hide_what_was_hidden,
            suggestions_are_bounded_on_hubs,
            a_post_is_seen_as_its_visibility_says,
            a_post_shows_its_media_until_it_is_gone,
            deleted_posts_are_gone_and_unknown_ones_unknown,
            a_purged_post_does_not_come_back,
            counts_follow_the_edges,
            comments_are_listed_oldest_first,
            the_posts_of_someone_are_listed_newest_first,
            the_timeline_has_what_followees_and_oneself_posted,
            nothing_is_dated_after_it_was_recorded,
            a_timeline_goes_deep,
            cursors_are_stable_while_things_are_inserted,
            cursors_of_other_lists_are_refused,
            the_feed_is_the_ranking,
            a_feed_session_keeps_its_order_and_hides_what_was_hidden,
            trending_is_public_and_decays,
            trending_leaves_out_what_it_must,
            trending_keeps_its_order_and_hides_what_was_hidden,
            conversations_are_for_their_members,
            a_group_shows_who_manages_it,
            unread_counts_are_what_a_recount_says,
            members_show_how_far_they_have_received_and_read,
            messages_are_read_by_ranges,
            edited_and_deleted_messages_keep_their_place,
            a_message_shows_its_medium_until_it_is_deleted,
            the_busiest_conversation_comes_first,
            each_conversation_is_on_one_page_of_a_pass_whatever_is_said_meanwhile,
            search_finds_every_word_and_nothing_hidden,
            search_is_never_syntax,
            messages_are_found_in_their_conversation_only,
            the_best_match_comes_first_and_shows_where_it_matches,
            pages_of_found_messages_go_on_whatever_happens_meanwhile,
            what_was_edited_deleted_or_encrypted_is_not_found,
            a_search_passes_over_any_number_of_hidden_posts,
            the_best_post_comes_first_in_every_store,
            words_of_twenty_scripts_are_found,
            deletions_are_listed_as_of_a_time,
            a_moderators_deletion_is_listed_beside_the_authors,
            posts_to_purge_are_listed_oldest_first,
            whoever_waits_for_a_position_sees_it,
            what_was_applied_is_in_every_later_answer,
            cursors_never_go_back,
            unknown_projections_are_refused,
            dead_letters_are_kept_and_taken_off,
            a_rebuild_is_invisible_until_it_is_switched_to,
            random_histories_are_answered_like_the_model_does,
            any_order_across_streams_gives_the_same_answers,
        );
    };
    (@each $open:path: $($name:ident,)*) => { $(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $crate::contract::views::$name($open).await;
        }
    )* };
}
