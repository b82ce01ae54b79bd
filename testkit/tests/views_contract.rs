//! The embedded views keep the contract.

#![expect(clippy::unwrap_used, reason = "whatever is not as it should be fails the test")]

use std::sync::Arc;

use nova_embedded::{Views, ViewsOptions};
use nova_testkit::contract::views::Ports;
use tempfile::TempDir;

fn options() -> ViewsOptions {
    ViewsOptions { feed_ranking_ttl_ms: 0, trending_ttl_ms: 0, readers_max: 2, ..ViewsOptions::default() }
}

mod with_the_default_sizes {
    async fn embedded() -> (super::Ports, super::TempDir) {
        super::open(super::options())
    }

    nova_testkit::views_contract!(embedded);
}

/// Nothing is remembered for long, and the window holds next to nothing.
mod with_tiny_caches {
    async fn embedded() -> (super::Ports, super::TempDir) {
        super::open(super::ViewsOptions { cache_bytes: 20_000, session_bytes: 1 << 20, ..super::options() })
    }

    nova_testkit::views_contract!(embedded);
}

fn open(options: ViewsOptions) -> (Ports, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let views = Views::open(&dir.path().join("views"), options, u64::MAX).unwrap();
    (Ports::of(Arc::new(views)), dir)
}

/// Ranked lists that are kept for a while, as in production.
mod with_kept_rankings {
    use nova_testkit::story::{Story, post, user};
    use nova_views::PageRequest;

    use super::{Ports, ViewsOptions};

    async fn feed(ports: &Ports, story: &Story, limit: usize) -> Vec<nova_events::PostId> {
        let mut cursor = None;
        let mut posts = Vec::new();
        loop {
            let page = PageRequest { cursor, limit, after: 0 };
            let list = ports.reader.feed(user(1), page, story.now()).await.unwrap().value;
            posts.extend(list.items.iter().map(|item| item.card.id));
            cursor = list.next;
            if cursor.is_none() {
                return posts;
            }
        }
    }

    #[tokio::test]
    async fn what_the_viewer_does_shows_at_once_and_the_rest_when_it_is_ranked_anew() {
        let options = ViewsOptions { feed_ranking_ttl_ms: 600_000, ..super::options() };
        let (ports, _dir) = super::open(options);
        let mut story = Story::of([1, 2, 3]);
        story.publish(1, 2, "by two");
        story.publish(2, 3, "by three");
        story.follow(1, 2);
        ports.tell(&story).await;
        assert_eq!(feed(&ports, &story, 5).await, [post(1)]);
        story.publish(3, 2, "not ranked yet");
        ports.tell(&story).await;
        assert_eq!(feed(&ports, &story, 5).await, [post(1)]);
        story.follow(1, 3);
        ports.tell(&story).await;
        assert_eq!(feed(&ports, &story, 5).await, [3, 2, 1].map(post));
        story.delete(2);
        ports.tell(&story).await;
        assert_eq!(feed(&ports, &story, 5).await, [3, 1].map(post), "what is hidden goes at once");
        story.publish(4, 2, "after the ranking was kept long enough");
        story.at_ms += 600_000;
        ports.tell(&story).await;
        assert_eq!(feed(&ports, &story, 5).await[0], post(4));
    }

    #[tokio::test]
    async fn a_cursor_outlives_the_order_it_goes_through() {
        let options = ViewsOptions { session_ttl_ms: 0, ..super::options() };
        let (ports, _dir) = super::open(options);
        let mut story = Story::of(1..30);
        for n in 2..30 {
            story.follow(1, n);
            story.publish(n, n, "one of many");
        }
        ports.tell(&story).await;
        let expected: Vec<_> = (2..30).rev().map(post).collect();
        assert_eq!(feed(&ports, &story, 100).await, expected);
        assert_eq!(feed(&ports, &story, 3).await, expected);
    }
}
