//! Where operators' commands do their work: in this process, or, while a server has the data folder, in that server.

use nova_embedded::OpenError;
use nova_eventlog::LogError;
use nova_query_api::jobs::{JobOutcome, Progress, Task};
use nova_views::{DeadLetter, ProjectionStatus};

use super::bar::Bar;
use crate::compose::Product;
use crate::config::{Config, Profile};
use crate::profile::Roles;
use crate::server::RunningServer;

mod remote;

use remote::Remote;

/// What one question for dead letters gets at most, as the API has it.
pub(super) const PAGE: usize = 100;

pub(super) enum Operator {
    Here(Box<Product>),
    There(Box<Remote>),
}

impl Operator {
    /// `roles`: what this process opens of an installation that no server has.
    pub(super) async fn open(config: Config, roles: Roles) -> anyhow::Result<Self> {
        match Product::open_existing(config.clone(), roles).await {
            Ok(product) => Ok(Self::Here(Box::new(product))),
            Err(error) => match server_in(&config, &error) {
                Some(server) => Ok(Self::There(Box::new(Remote::new(&config, &server)?))),
                None if is_locked(&error) => Err(error.context(
                    "the process that has the data folder answers no operators: it is no server, is starting or stopping, or \
                     runs with server.admin_listen = \"\"",
                )),
                None => Err(error),
            },
        }
    }

    /// The head of the log, and how far the projections are.
    pub(super) async fn projections(&self) -> anyhow::Result<(u64, Vec<ProjectionStatus>)> {
        match self {
            Self::Here(product) => {
                let head = product.log().head();
                Ok((head, product.view_writer().status().await?))
            }
            Self::There(remote) => remote.projections().await,
        }
    }

    /// Those behind a position, at most [`PAGE`].
    pub(super) async fn dead_letters(
        &self,
        projection: Option<&str>,
        after: u64,
    ) -> anyhow::Result<Vec<DeadLetter>> {
        match self {
            Self::Here(product) => Ok(product.view_writer().dead_letters(projection, after, PAGE).await?),
            Self::There(remote) => remote.dead_letters(projection, after).await,
        }
    }

    /// Shows how far it is, and returns what it came to.
    pub(super) async fn perform(&self, task: &Task) -> anyhow::Result<JobOutcome> {
        let bar = Bar::new("working");
        let progress: Progress<'_> = &mut |done, total| bar.at(done, total);
        match self {
            Self::Here(product) => product.perform(task, progress).await,
            Self::There(remote) => remote.perform(task, progress).await,
        }
    }

    pub(super) async fn close(self) {
        if let Self::Here(product) = self {
            product.close().await;
        }
    }
}

/// The server that has the data folder, when that is why it could not be opened.
pub(super) fn server_in(config: &Config, error: &anyhow::Error) -> Option<RunningServer> {
    let may_be = is_locked(error) && config.profile == Profile::Embedded;
    if may_be { RunningServer::of(config) } else { None }
}

fn is_locked(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref::<OpenError>(), Some(OpenError::Log(LogError::Locked { .. })))
    })
}
