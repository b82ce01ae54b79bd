//! Many writers on one stream.

use std::sync::Arc;

use bytes::Bytes;
use nova_domain::post::EditPost;
use nova_domain::post::PublishPost;
use nova_eventlog::{Append, Expected, Kind, LogError, NewEvent, StreamId, Write};
use nova_events::PostId;
use nova_events::post::Visibility;
use uuid::Uuid;

use crate::support::{Nova, at_once};

#[tokio::test(flavor = "multi_thread")]
async fn of_20_writers_with_the_same_expected_revision_one_wins() {
    let nova = Nova::new();
    let stream = StreamId::new("post-contended").unwrap();
    for round in 0..30u64 {
        let expected = Expected::at(round.checked_sub(1));
        let outcomes = at_once((0..20).map(|_| {
            let (log, stream) = (Arc::clone(&nova.log), stream.clone());
            async move {
                let event = NewEvent {
                    kind: Kind::new("PostEdited").unwrap(),
                    data: Bytes::new(),
                    meta: Bytes::new(),
                };
                let writes = vec![Write { stream, expected, events: vec![event] }];
                log.append(Append { command_id: Uuid::new_v4(), writes }).await
            }
        }))
        .await;
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "round {round}");
        for lost in outcomes.into_iter().filter_map(Result::err) {
            assert!(
                matches!(&lost, LogError::Conflict { actual, .. } if *actual == Some(round)),
                "round {round}: {lost:?}"
            );
        }
        assert_eq!(nova.log.head(), round + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_edits_of_one_post_all_happen_in_some_order() {
    let nova = Nova::new();
    let author = nova.person().await;
    let post = PostId::make();
    let publish =
        PublishPost { post, text: "first".to_owned(), media: Vec::new(), visibility: Visibility::Public };
    nova.does(author, publish).await;
    let outcomes =
        at_once((0..100).map(|n| nova.does(author, EditPost { post, text: format!("edit {n}") }))).await;
    let mut revisions: Vec<u64> = outcomes.iter().filter_map(|outcome| outcome.revision).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=100).collect::<Vec<u64>>(), "each edit has a revision of its own");
    nova.history().await;
}
