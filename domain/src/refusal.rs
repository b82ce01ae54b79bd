//! The ways to say no. A refusal is not a fault: it has a stable code that clients can act on.

use nova_events::media::RejectReason;

/// A field of a request that cannot be as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    pub field: &'static str,
    pub code: &'static str,
    pub detail: String,
}

/// Why a command was not carried out. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All fields that are wrong, at least one.
    #[error("{}", told(.0))]
    Invalid(Vec<InvalidField>),
    #[error("register first: this account has no profile yet")]
    NotRegistered,
    #[error("this account is deactivated")]
    AccountDeactivated,
    #[error("this account is registered already")]
    AlreadyRegistered,
    #[error("this handle is taken")]
    HandleTaken,
    #[error("this handle is reserved")]
    HandleReserved,
    #[error("there is no such {0}")]
    Unknown(&'static str),
    #[error("this {0} is gone")]
    Gone(&'static str),
    #[error("this {0} is not yours to change")]
    NotYours(&'static str),
    #[error("you cannot {0} yourself")]
    Yourself(&'static str),
    #[error("one of you blocks the other")]
    BlockedBetween,
    #[error("only an admin of the conversation can do this")]
    NotAnAdmin,
    #[error("the members of a direct conversation cannot change")]
    DirectConversation,
    #[error("a conversation has at most {0} members")]
    TooManyMembers(usize),
    #[error("the time to edit this message is over")]
    EditWindowOver,
    #[error("this device has used this nonce in this conversation already")]
    NonceReused,
    #[error("the time to restore this {0} is over")]
    GraceOver(&'static str),
    /// Or, for a comment, by the author of the post.
    #[error("it was deleted by a moderator or by the author of the post, and only they restore it")]
    DeletedByModerator,
    #[error("it was deleted by its author, and only they restore it")]
    DeletedByAuthor,
    #[error("this medium is not ready: its upload has not been completed")]
    MediaNotReady,
    #[error("this medium is in use: it is carried by one message or post and goes with that")]
    MediaInUse,
    #[error("the time to upload this is over")]
    UploadExpired,
    #[error("this upload was rejected: {}", reject_reason(*.0))]
    UploadRejected(RejectReason),
}

fn told(fields: &[InvalidField]) -> String {
    let each: Vec<_> = fields.iter().map(|wrong| format!("{} {}", wrong.field, wrong.detail)).collect();
    each.join("; ")
}

fn reject_reason(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::Expired => "nobody completed it in time",
        RejectReason::NotAsReserved => "the bytes are not those that were announced",
        RejectReason::WrongFormat => "the bytes are not of the format that their type says",
        RejectReason::TooLong => "it plays for too long",
    }
}

/// What sort of no it is; each becomes one HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    Invalid,
    Forbidden,
    Unknown,
    Gone,
    Conflict,
}

impl Refusal {
    /// Stable, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "validation_failed",
            Self::NotRegistered => "not_registered",
            Self::AccountDeactivated => "account_deactivated",
            Self::AlreadyRegistered => "already_registered",
            Self::HandleTaken => "handle_taken",
            Self::HandleReserved => "handle_reserved",
            Self::Unknown(_) => "not_found",
            Self::Gone(_) => "gone",
            Self::NotYours(_) => "not_yours",
            Self::Yourself(_) => "yourself",
            Self::BlockedBetween => "blocked",
            Self::NotAnAdmin => "not_an_admin",
            Self::DirectConversation => "direct_conversation",
            Self::TooManyMembers(_) => "too_many_members",
            Self::EditWindowOver => "edit_window_over",
            Self::NonceReused => "nonce_reused",
            Self::GraceOver(_) => "grace_over",
            Self::DeletedByModerator => "deleted_by_moderator",
            Self::DeletedByAuthor => "deleted_by_author",
            Self::MediaNotReady => "media_not_ready",
            Self::MediaInUse => "media_in_use",
            Self::UploadExpired => "upload_expired",
            Self::UploadRejected(_) => "upload_rejected",
        }
    }

    pub fn class(&self) -> RefusalClass {
        match self {
            Self::Invalid(_) | Self::Yourself(_) | Self::TooManyMembers(_) => RefusalClass::Invalid,
            Self::NotRegistered
            | Self::AccountDeactivated
            | Self::NotYours(_)
            | Self::BlockedBetween
            | Self::NotAnAdmin
            | Self::DeletedByModerator
            | Self::DeletedByAuthor => RefusalClass::Forbidden,
            Self::Unknown(_) => RefusalClass::Unknown,
            Self::Gone(_) => RefusalClass::Gone,
            Self::AlreadyRegistered
            | Self::HandleTaken
            | Self::HandleReserved
            | Self::DirectConversation
            | Self::EditWindowOver
            | Self::NonceReused
            | Self::GraceOver(_)
            | Self::MediaNotReady
            | Self::MediaInUse
            | Self::UploadExpired
            | Self::UploadRejected(_) => RefusalClass::Conflict,
        }
    }

    /// The field of the request it is about, when it is about one; the first of several.
    pub fn field(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Invalid(fields) => fields.first().map(|wrong| (wrong.field, wrong.code)),
            Self::HandleTaken => Some(("handle", "taken")),
            Self::HandleReserved => Some(("handle", "reserved")),
            Self::NonceReused => Some(("nonce", "reused")),
            Self::Yourself(_) => Some(("id", "yourself")),
            Self::TooManyMembers(_) => Some(("members", "too_many")),
            _ => None,
        }
    }

    /// Passes if all of the checks do. Otherwise all that is invalid is told at once, and not only the first of it.
    pub(crate) fn unless_all(checks: impl IntoIterator<Item = Result<(), Self>>) -> Result<(), Self> {
        let mut invalid = Vec::new();
        for check in checks {
            match check {
                Err(Self::Invalid(fields)) => invalid.extend(fields),
                other => other?,
            }
        }
        if invalid.is_empty() { Ok(()) } else { Err(Self::Invalid(invalid)) }
    }

    pub(crate) fn invalid(field: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![InvalidField { field, code, detail: detail.into() }])
    }
}
