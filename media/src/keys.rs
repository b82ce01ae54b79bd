//! What lies where.
//!
//! | key | what |
//! |---|---|
//! | `pending/{id}` | a mark: an upload was reserved and has not ended. The sweeper finds reservations by it |
//! | `staging/{random}` | what a client put there, not looked at yet |
//! | `media/{id}` | what counts |

use nova_events::MediaId;
use uuid::Uuid;

pub const PENDING: &str = "pending";
pub const STAGING: &str = "staging";
pub const MEDIA: &str = "media";

/// One that nobody can guess and nothing else has.
pub fn new_staging() -> String {
    format!("{STAGING}/{}", Uuid::new_v4().simple())
}

pub fn pending(id: MediaId) -> String {
    format!("{PENDING}/{id}")
}

pub fn media(id: MediaId) -> String {
    format!("{MEDIA}/{id}")
}

/// The medium whose mark or bytes lie there.
pub fn medium_of(key: &str) -> Option<MediaId> {
    let (folder, name) = key.split_once('/')?;
    if folder != PENDING && folder != MEDIA {
        return None;
    }
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_their_medium() {
        let id = MediaId::make();
        assert_eq!(medium_of(&pending(id)), Some(id));
        assert_eq!(medium_of(&media(id)), Some(id));
        assert_eq!(medium_of(&new_staging()), None);
        assert_eq!(medium_of("media/x"), None);
        assert_ne!(new_staging(), new_staging());
    }
}
