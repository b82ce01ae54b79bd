//! Every limit of the product that a decision depends on.

use nova_events::media::MediaKind;

/// Limits in force. [`Limits::default`] holds those that Nova comes with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    pub post_text_bytes_max: usize,
    pub comment_text_bytes_max: usize,
    pub message_text_bytes_max: usize,
    pub handle_chars_min: usize,
    pub handle_chars_max: usize,
    /// Handles that nobody can take. Underscores do not count: `ad_min` is `admin`.
    pub handles_reserved: Vec<String>,
    pub display_name_bytes_max: usize,
    pub bio_bytes_max: usize,
    pub title_bytes_max: usize,
    pub reason_bytes_max: usize,
    pub nonce_bytes_max: usize,
    pub client_id_bytes_max: usize,
    pub members_max: usize,
    /// How long after it was sent a message can be edited.
    pub message_edit_window_ms: i64,
    /// How long after it was deleted a post or comment can be restored.
    pub restore_grace_ms: i64,
    pub audio_bytes_max: u64,
    pub image_bytes_max: u64,
    pub video_bytes_max: u64,
    /// How long audio may play.
    pub audio_ms_max: u64,
    /// Loudness samples of a voice message.
    pub waveform_samples_max: usize,
    /// Media of one post.
    pub post_media_max: usize,
    /// How long after its time is over an upload can still be completed: a slow one may have begun in time.
    pub upload_grace_ms: i64,
}

impl Limits {
    pub(crate) fn is_reserved(&self, handle: &str) -> bool {
        let letters = |name: &str| name.bytes().filter(|b| *b != b'_').collect::<Vec<_>>();
        let handle = letters(handle);
        self.handles_reserved.iter().any(|reserved| letters(reserved) == handle)
    }

    pub fn media_bytes_max(&self, kind: MediaKind) -> u64 {
        match kind {
            MediaKind::Audio => self.audio_bytes_max,
            MediaKind::Image => self.image_bytes_max,
            MediaKind::Video => self.video_bytes_max,
        }
    }
}

/// Names that people would take for those of the installation, of the people who run it, or of everybody.
const HANDLES_RESERVED: [&str; 32] = [
    "abuse",
    "admin",
    "administrator",
    "admins",
    "all",
    "anonymous",
    "api",
    "auditor",
    "everyone",
    "help",
    "here",
    "hostmaster",
    "info",
    "mod",
    "moderation",
    "moderator",
    "moderators",
    "mods",
    "nobody",
    "nova",
    "null",
    "official",
    "operator",
    "postmaster",
    "root",
    "security",
    "staff",
    "support",
    "sysadmin",
    "system",
    "team",
    "webmaster",
];

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            post_text_bytes_max: 10_000,
            comment_text_bytes_max: 10_000,
            message_text_bytes_max: 64 * 1024,
            handle_chars_min: 3,
            handle_chars_max: 30,
            handles_reserved: HANDLES_RESERVED.map(str::to_owned).to_vec(),
            display_name_bytes_max: 200,
            bio_bytes_max: 2_000,
            title_bytes_max: 200,
            reason_bytes_max: 1_000,
            nonce_bytes_max: 128,
            client_id_bytes_max: 128,
            members_max: 500,
            message_edit_window_ms: DAY_MS,
            restore_grace_ms: 30 * DAY_MS,
            audio_bytes_max: 5 << 20,
            image_bytes_max: 10 << 20,
            video_bytes_max: 100 << 20,
            audio_ms_max: 5 * 60 * 1000,
            waveform_samples_max: 100,
            post_media_max: 10,
            upload_grace_ms: 5 * 60 * 1000,
        }
    }
}
