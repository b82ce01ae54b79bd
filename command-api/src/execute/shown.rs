//! Whether something may still be shown to anybody, as the log has it.

use nova_events::media::Carrier;
use nova_events::{MediaId, streams};

use super::{CommandError, Executor};

impl Executor {
    /// Returns whether a medium is still there to be shown to anybody: it is not deleted, nor the post that carries it, nor is
    /// the account of that post's author closed. What never was reserved is not known to be gone.
    pub async fn is_medium_shown(&self, id: MediaId) -> Result<bool, CommandError> {
        let medium = self.media(id).await?;
        if medium.deleted {
            return Ok(false);
        }
        let (Some(Carrier::Post { post_id }), Some(reserved)) = (medium.carrier, &medium.reserved) else {
            return Ok(true);
        };
        let (_, post) = self.states.load(&streams::post(post_id)).await?;
        Ok(!post.post().is_hidden() && self.closed.reason(reserved.owner).is_none())
    }
}
