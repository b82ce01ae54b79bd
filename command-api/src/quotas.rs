//! How much one person may make in an hour: generous for people, short for programs that flood others.
//!
//! * A quota is a token bucket that holds an hour's worth and fills over an hour. They are of this process and start full with it.
//! * Every command says in `costs` what it counts as. What changes or takes away what is there counts as a request only.
//! * Only requests count. Imports and the demo carry out their commands without quotas.

use std::sync::Arc;

use axum::http::StatusCode;
use metrics::{Counter, counter};
use nova_domain::Command;
use nova_events::UserId;
use nova_events::conversation::ConversationKind;
use nova_http::rate::{Rate, RateLimiter};
use nova_http::{AddressShare, ApiError};

const REFUSED: &str = "quota_refusals_total";

/// The kinds of quota, with the names of their configuration keys.
macro_rules! quotas {
    ($( $(#[$doc:meta])* $kind:ident: $key:ident, )*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Quota { $( $(#[$doc])* $kind, )* }

        /// So many in an hour; 0: no limit.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct QuotaOptions { $( $(#[$doc])* pub $key: u32, )* }

        impl Quota {
            const ALL: &[Self] = &[ $( Self::$kind, )* ];

            /// The name of the configuration key.
            fn key(self) -> &'static str {
                match self { $( Self::$kind => stringify!($key), )* }
            }

            fn of(self, options: &QuotaOptions) -> u32 {
                match self { $( Self::$kind => options.$key, )* }
            }
        }
    };
}

quotas! {
    /// Accounts opened from one address.
    Registrations: registrations_per_hour_per_address,
    /// Accounts opened, and profiles changed.
    Profiles: profile_changes_per_hour,
    Posts: posts_per_hour,
    Comments: comments_per_hour,
    Messages: messages_per_hour,
    Conversations: conversations_per_hour,
    /// People put into groups.
    Members: members_per_hour,
    /// Uploads reserved.
    Uploads: uploads_per_hour,
    /// Following, blocking, dismissing a suggestion.
    Relations: relations_per_hour,
    Likes: likes_per_hour,
    ClientEvents: client_events_per_hour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Client {
    User(UserId),
    Address(AddressShare),
}

/// What everybody has left. Cheap to clone.
#[derive(Clone)]
pub struct Quotas(Arc<Shared>);

struct Shared {
    options: QuotaOptions,
    buckets: RateLimiter<(Client, Quota)>,
    refused: Vec<Counter>,
}

impl std::fmt::Debug for Quotas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Quotas").field(&self.0.options).finish()
    }
}

impl Quotas {
    pub fn new(options: QuotaOptions) -> Self {
        let refused = Quota::ALL.iter().map(|quota| counter!(REFUSED, "quota" => quota.key())).collect();
        Self(Arc::new(Shared { options, buckets: RateLimiter::default(), refused }))
    }

    /// Counts what a command makes. Fails with 429 `quota_exceeded`, which names the quota and when to try again.
    pub(crate) fn check(&self, user: UserId, command: &Command) -> Result<(), ApiError> {
        costs(command).iter().try_for_each(|&(quota, count)| self.take(user, quota, count))
    }

    pub(crate) fn take(&self, user: UserId, quota: Quota, count: usize) -> Result<(), ApiError> {
        self.take_of(Client::User(user), quota, count)
    }

    pub(crate) fn take_of_address(
        &self,
        address: AddressShare,
        quota: Quota,
        count: usize,
    ) -> Result<(), ApiError> {
        self.take_of(Client::Address(address), quota, count)
    }

    fn take_of(&self, client: Client, quota: Quota, count: usize) -> Result<(), ApiError> {
        let per_hour = quota.of(&self.0.options);
        let Some(rate) = Rate::per_hour(per_hour).filter(|_| count > 0) else { return Ok(()) };
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.0.buckets.take((client, quota), count, &rate).map_err(|wait| {
            if let Some(refused) = self.0.refused.get(quota as usize) {
                refused.increment(1);
            }
            exceeded(quota, per_hour).retry_after(wait.as_secs() + 1)
        })
    }
}

fn exceeded(quota: Quota, per_hour: u32) -> ApiError {
    let detail = "You have made as many of these as you may within an hour. Try again later.";
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", detail).field(
        quota.key(),
        "exceeded",
        format!("at most {per_hour}"),
    )
}

/// What a command takes of which quotas.
fn costs(command: &Command) -> Vec<(Quota, usize)> {
    match command {
        Command::Register(_) | Command::ChangeProfile(_) => vec![(Quota::Profiles, 1)],
        Command::PublishPost(_) => vec![(Quota::Posts, 1)],
        Command::AddComment(_) => vec![(Quota::Comments, 1)],
        Command::SendMessage(_) | Command::SendVoice(_) => vec![(Quota::Messages, 1)],
        Command::StartConversation(start) => {
            let members = if start.kind == ConversationKind::Group { start.members.len() } else { 0 };
            vec![(Quota::Conversations, 1), (Quota::Members, members)]
        }
        Command::PutMember(_) => vec![(Quota::Members, 1)],
        Command::ReserveUpload(_) => vec![(Quota::Uploads, 1)],
        Command::Follow(_) | Command::Block(_) | Command::DismissSuggestion(_) => vec![(Quota::Relations, 1)],
        Command::Like(_) => vec![(Quota::Likes, 1)],
        Command::Deactivate(_)
        | Command::Unfollow(_)
        | Command::Unblock(_)
        | Command::RestoreSuggestion(_)
        | Command::EditPost(_)
        | Command::DeletePost(_)
        | Command::RestorePost(_)
        | Command::PurgePost(_)
        | Command::EditComment(_)
        | Command::DeleteComment(_)
        | Command::RestoreComment(_)
        | Command::Unlike(_)
        | Command::RemoveMember(_)
        | Command::RenameConversation(_)
        | Command::EditMessage(_)
        | Command::DeleteMessage(_)
        | Command::MarkRead(_)
        | Command::MarkDelivered(_)
        | Command::CompleteUpload(_)
        | Command::RejectUpload(_)
        | Command::DeleteMedia(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use nova_domain::conversation::StartConversation;
    use nova_domain::post::{DeletePost, PublishPost};
    use nova_events::post::Visibility;
    use nova_events::{ConversationId, PostId};

    use super::*;

    fn publish() -> Command {
        let (post, text, media, visibility) = (PostId::make(), String::new(), Vec::new(), Visibility::Public);
        PublishPost { post, text, media, visibility }.into()
    }

    fn group(members: usize) -> Command {
        let (conversation, kind) = (ConversationId::make(), ConversationKind::Group);
        let members = (0..members).map(|_| UserId::make()).collect();
        StartConversation { conversation, kind, title: None, members }.into()
    }

    #[test]
    fn a_quota_is_of_one_person_and_says_its_name_and_when_to_come_back() {
        let quotas = Quotas::new(QuotaOptions { posts_per_hour: 2, ..QuotaOptions::default() });
        let (ada, bob) = (UserId::make(), UserId::make());
        assert!(quotas.check(ada, &publish()).is_ok() && quotas.check(ada, &publish()).is_ok());
        let refused = quotas.check(ada, &publish()).unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.code()), (429, "quota_exceeded"));
        assert_eq!(refused.errors()[0].field, "posts_per_hour");
        assert!(quotas.check(bob, &publish()).is_ok(), "another person");
        assert!(quotas.check(ada, &group(3)).is_ok(), "another quota");
        let delete = DeletePost { post: PostId::make(), reason: None };
        assert!(quotas.check(ada, &delete.into()).is_ok(), "to take away is free");
    }

    #[test]
    fn a_group_counts_as_one_and_as_its_members() {
        let quotas = Quotas::new(QuotaOptions {
            conversations_per_hour: 10,
            members_per_hour: 5,
            ..QuotaOptions::default()
        });
        let ada = UserId::make();
        assert!(quotas.check(ada, &group(4)).is_ok() && quotas.check(ada, &group(0)).is_ok());
        assert_eq!(quotas.check(ada, &group(2)).unwrap_err().errors()[0].field, "members_per_hour");
        assert!(quotas.check(ada, &group(1)).is_ok());
    }

    #[test]
    fn no_quota_is_no_limit() {
        let quotas = Quotas::new(QuotaOptions::default());
        let ada = UserId::make();
        assert!((0..10_000).all(|_| quotas.check(ada, &publish()).is_ok()));
    }
}
