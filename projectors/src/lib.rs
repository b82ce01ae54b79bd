//! From events to changes. Each projection is one pure function over one or a few areas of events; one loop follows the
//! log for all of them and hands their changes to a [`nova_views::ViewWriter`].
//!
//! Reading order: the projections ([`profiles`] to [`deletions`]), then the loop: [`run`] (follow, decode, dispatch),
//! `lane` (one projection's steps), `rebuild`, [`progress`]; [`apart`] (the same from outside of the loop).

pub mod profiles;

pub mod posts;

pub mod engagement;

pub mod graph;

pub mod conversations;

pub mod deletions;

pub mod apart;
pub mod progress;
pub mod run;

mod decode;
mod lane;
mod names;
mod rebuild;
mod step;

pub use apart::Apart;
pub use progress::{Progress, ProjectionProgress};
pub use run::{Options, Projectors, Redriven, RunError};

use nova_events::Envelope;
use nova_views::Change;

/// One view of the log: which streams it looks at, and what each event of them changes.
#[derive(Debug, Clone, Copy)]
pub struct Projection {
    pub name: &'static str,
    /// The categories of its streams.
    pub categories: &'static [&'static str],
    /// Pure and total. Its changes carry the event's position as their version.
    pub project: fn(&Envelope) -> Vec<Change>,
}

/// Every projection there is.
pub const ALL: &[Projection] = &[
    profiles::PROFILES,
    posts::POSTS,
    engagement::ENGAGEMENT,
    graph::GRAPH,
    conversations::CONVERSATIONS,
    deletions::DELETIONS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_that_stores_know() {
        let names: Vec<_> = ALL.iter().map(|projection| projection.name).collect();
        assert_eq!(names, nova_views::projection::ALL);
    }
}
