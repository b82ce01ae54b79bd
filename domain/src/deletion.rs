//! Deletions of posts and comments, and who may undo them.
//!
//! * A deletion stands until someone of the same authority undoes it: what a moderator deleted comes back by a moderator
//!   only, what the author deleted by the author only.
//! * A deletion of higher authority is added over one of lower authority; otherwise the thing is deleted already. So
//!   the deletions that stand are ordered by authority and by time alike.
//! * Undoing the highest deletion uncovers the one below it: the thing stays hidden, and the grace period of that
//!   deletion starts again, because nobody could undo it meanwhile.

use nova_events::UserId;

use crate::refusal::Refusal;
use crate::world::By;

/// By whom, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    pub by: UserId,
    pub at_ms: i64,
}

/// The people whose own deletions are not moderation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owners {
    pub(crate) author: UserId,
    /// The author of the post, for a comment on it.
    pub(crate) host: Option<UserId>,
}

/// In rising order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Authority {
    Author,
    Host,
    Moderator,
}

impl Owners {
    /// Follows from who they are, so that events need not say it.
    fn authority(&self, user: UserId) -> Authority {
        if user == self.author {
            Authority::Author
        } else if self.host == Some(user) {
            Authority::Host
        } else {
            Authority::Moderator
        }
    }
}

/// The deletions of one thing that stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deletions(pub Vec<Deleted>);

impl Deletions {
    pub(crate) fn add(&mut self, by: UserId, at_ms: i64) {
        self.0.push(Deleted { by, at_ms });
    }

    /// `still_deleted_by`: whose deletion is uncovered; `None`: all of them are undone.
    pub(crate) fn undo(&mut self, still_deleted_by: Option<UserId>, at_ms: i64) {
        let stays = |deleted: &Deleted| Some(deleted.by) == still_deleted_by;
        self.0.truncate(self.0.iter().rposition(stays).map_or(0, |last| last + 1));
        if let Some(uncovered) = self.0.last_mut() {
            uncovered.at_ms = at_ms;
        }
    }

    /// The deletion of the highest authority.
    pub fn top(&self) -> Option<&Deleted> {
        self.0.last()
    }

    /// Whether a deletion by this user changes nothing.
    pub(crate) fn covers(&self, user: UserId, owners: Owners) -> bool {
        self.top().is_some_and(|top| owners.authority(user) <= owners.authority(top.by))
    }

    /// Whose deletion is uncovered when this user undoes all that they may.
    pub(crate) fn check_undo(
        &self,
        user: UserId,
        owners: Owners,
        what: &'static str,
        by: &By<'_>,
    ) -> Result<Option<UserId>, Refusal> {
        let may_undo = |deleted: &Deleted| {
            let authority = owners.authority(deleted.by);
            authority == owners.authority(user) || (by.moderator && authority == Authority::Moderator)
        };
        let Some(top) = self.top() else { return Ok(None) };
        if !may_undo(top) {
            return Err(match owners.authority(top.by) {
                Authority::Author => Refusal::DeletedByAuthor,
                Authority::Host | Authority::Moderator => Refusal::DeletedByModerator,
            });
        }
        if by.at_ms.saturating_sub(top.at_ms) > by.limits.restore_grace_ms {
            return Err(Refusal::GraceOver(what));
        }
        Ok(self.0.iter().rfind(|deleted| !may_undo(deleted)).map(|uncovered| uncovered.by))
    }
}
