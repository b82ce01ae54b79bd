//! The rules that several commands have in common.

use nova_events::conversation::Role;
use nova_events::post::Visibility;
use nova_events::{CommentId, PostId, UserId};

use crate::nova::{Asked, Comment, Conversation, DAY_MS, Nova, Post};

impl Nova {
    /// Whether the viewer may know that the post is, or was, there.
    pub(crate) fn may_see(&self, viewer: UserId, post: &Post) -> bool {
        viewer == post.author
            || match post.visibility {
                Visibility::Public => true,
                Visibility::Followers => self.follows(viewer, post.author),
                Visibility::Private => false,
            }
    }

    pub(crate) fn is_there(&self, user: UserId, need: &mut impl FnMut(bool, &'static str)) {
        match self.user(user) {
            None => need(false, "not_found"),
            Some(user) => need(user.active, "gone"),
        }
    }

    pub(crate) fn is_seen(&self, viewer: UserId, post: PostId, need: &mut impl FnMut(bool, &'static str)) {
        let Some(post) = self.post(post) else { return need(false, "not_found") };
        need(!self.blocked(viewer, post.author), "not_found");
        if !self.may_see(viewer, post) {
            return need(false, "not_found");
        }
        need(post.deleted.is_empty(), "gone");
        need(post.author == viewer || self.is_active(post.author), "gone");
    }

    /// To change what is someone else's: a refusal, which says no more than the viewer may know.
    pub(crate) fn is_not_mine(&self, who: UserId, post: &Post, need: &mut impl FnMut(bool, &'static str)) {
        if self.blocked(who, post.author) {
            need(false, "not_found");
        }
        if !self.may_see(who, post) {
            return need(false, "not_found");
        }
        need(post.deleted.is_empty() && self.is_active(post.author), "gone");
        need(false, "not_yours");
    }

    /// What must hold to comment must hold to edit or restore what one wrote.
    pub(crate) fn may_say_again(
        &self,
        who: UserId,
        comment: &Comment,
        need: &mut impl FnMut(bool, &'static str),
    ) {
        self.is_seen(who, comment.post, need);
        if let Some(parent) = comment.parent.and_then(|parent| self.comment(parent)) {
            need(!self.blocked(who, parent.author), "not_found");
        }
    }

    /// An admin; or, while no admin has an open account, the first member with one.
    pub(crate) fn manages(&self, who: UserId, conversation: &Conversation) -> bool {
        if conversation.admins().any(|admin| self.is_active(admin)) {
            return conversation.role(who) == Some(Role::Admin);
        }
        conversation.in_order().into_iter().find(|member| self.is_active(*member)) == Some(who)
    }

    pub(crate) fn post_author(&self, comment: CommentId) -> Vec<UserId> {
        let post = self.comment(comment).and_then(|comment| self.post(comment.post));
        post.map(|post| post.author).into_iter().collect()
    }
}

impl Conversation {
    pub(crate) fn role(&self, user: UserId) -> Option<Role> {
        self.members.iter().find(|(member, _, _)| *member == user).map(|(_, role, _)| *role)
    }

    pub(crate) fn admins(&self) -> impl Iterator<Item = UserId> {
        self.members.iter().filter(|(_, role, _)| *role == Role::Admin).map(|(member, _, _)| *member)
    }

    /// The members as they joined; of those who joined at once by id.
    pub(crate) fn in_order(&self) -> Vec<UserId> {
        let mut members: Vec<_> = self.members.iter().map(|(member, _, joined)| (*joined, *member)).collect();
        members.sort_unstable();
        members.into_iter().map(|(_, member)| member).collect()
    }
}

/// Of the author, of the author of the post, of a moderator.
pub(crate) fn rank(user: UserId, owners: &[UserId]) -> usize {
    owners.iter().position(|owner| *owner == user).unwrap_or(2)
}

/// Whether the one who asks may undo a deletion by `by`.
pub(crate) fn undoes(asked: &Asked, by: UserId, owners: &[UserId]) -> bool {
    let rank_of_by = rank(by, owners);
    rank(asked.who, owners) == rank_of_by || (asked.moderator && rank_of_by == 2)
}

/// Whether there is nothing to restore.
pub(crate) fn restorable(
    asked: &Asked,
    deleted: &[(UserId, i64)],
    owners: &[UserId],
    need: &mut impl FnMut(bool, &'static str),
) -> bool {
    let Some((by, at_ms)) = deleted.last() else { return true };
    let code = if rank(*by, owners) == 0 { "deleted_by_author" } else { "deleted_by_moderator" };
    need(undoes(asked, *by, owners), code);
    need(asked.at_ms - at_ms <= 30 * DAY_MS, "grace_over");
    false
}
