//! What the views must say, worked out anew for each question from the whole history: slow, and short enough to be read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use nova_events::block::BlockEvent;
use nova_events::comment::CommentEvent;
use nova_events::conversation::ConversationEvent;
use nova_events::dismissal::DismissalEvent;
use nova_events::follow::FollowEvent;
use nova_events::like::{LikeEvent, Target};
use nova_events::message::MessageEvent;
use nova_events::post::{PostEvent, Visibility};
use nova_events::read::ReadEvent;
use nova_events::user::UserEvent;
use nova_events::{CommentId, ConversationId, Event, MessageId, PostId, UserId};
use nova_views::FeedReason;
use nova_views::discover::{self, Candidate as Acquaintance};
use nova_views::ranking::{self, Candidate, Engagement, Ranked, Trending, Weights};
use uuid::Uuid;

use crate::story::Story;

#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) users: BTreeMap<UserId, bool>,
    pub(super) posts: BTreeMap<PostId, Post>,
    comments: BTreeMap<CommentId, Comment>,
    likes: HashMap<(UserId, Target), (UserId, i64)>,
    /// Since when.
    follows: BTreeMap<(UserId, UserId), i64>,
    blocks: BTreeSet<(UserId, UserId)>,
    dismissals: BTreeSet<(UserId, UserId)>,
    members: BTreeSet<(ConversationId, UserId)>,
    messages: BTreeMap<(ConversationId, u64), (MessageId, UserId, bool)>,
    last_seqs: BTreeMap<ConversationId, u64>,
    reads: BTreeMap<(ConversationId, UserId), u64>,
}

#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) author: UserId,
    visibility: Visibility,
    pub(super) text: String,
    at_ms: i64,
    there: bool,
}

#[derive(Debug)]
struct Comment {
    post: PostId,
    post_author: UserId,
    author: UserId,
    at_ms: i64,
    there: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    Shown,
    Gone,
    Unknown,
}

impl Model {
    pub(super) fn of(story: &Story) -> Self {
        let mut model = Self::default();
        for envelope in &story.events {
            model.see(&envelope.event, envelope.occurred_at_ms(), envelope.revision);
        }
        model
    }

    fn see(&mut self, event: &Event, at_ms: i64, revision: u64) {
        match event {
            Event::User(UserEvent::UserRegistered(e)) => drop(self.users.insert(e.user_id, true)),
            Event::User(UserEvent::UserDeactivated(e)) => drop(self.users.insert(e.user_id, false)),
            Event::User(UserEvent::UserReactivated(e)) => drop(self.users.insert(e.user_id, true)),
            Event::Post(PostEvent::PostPublished(e)) => {
                let text = e.personal.clear().map(|text| text.text.clone()).unwrap_or_default();
                let (author, visibility) = (e.author, e.visibility);
                self.posts.insert(e.post_id, Post { author, visibility, text, at_ms, there: true });
            }
            Event::Post(PostEvent::PostEdited(e)) => {
                let text = e.personal.clear().map(|text| text.text.clone()).unwrap_or_default();
                self.posts.entry(e.post_id).and_modify(|post| post.text = text);
            }
            Event::Post(PostEvent::PostDeleted(e)) => self.post_there(e.post_id, false),
            Event::Post(PostEvent::PostRestored(e)) => self.post_there(e.post_id, true),
            Event::Post(PostEvent::PostPurged(e)) => self.post_there(e.post_id, false),
            Event::Comment(CommentEvent::CommentAdded(e)) => {
                let (post, post_author, author) = (e.post_id, e.post_author, e.author);
                let comment = Comment { post, post_author, author, at_ms, there: true };
                self.comments.insert(e.comment_id, comment);
            }
            Event::Comment(CommentEvent::CommentDeleted(e)) => self.comment_there(e.comment_id, false),
            Event::Comment(CommentEvent::CommentRestored(e)) => self.comment_there(e.comment_id, true),
            Event::Like(LikeEvent::Liked(e)) => {
                self.likes.insert((e.user_id, e.target), (e.author, at_ms));
            }
            Event::Like(LikeEvent::Unliked(e)) => drop(self.likes.remove(&(e.user_id, e.target))),
            Event::Follow(FollowEvent::Followed(e)) => {
                self.follows.insert((e.follower, e.followee), at_ms);
            }
            Event::Follow(FollowEvent::Unfollowed(e)) => {
                self.follows.remove(&(e.follower, e.followee));
            }
            Event::Block(BlockEvent::Blocked(e)) => drop(self.blocks.insert((e.blocker, e.blocked))),
            Event::Block(BlockEvent::Unblocked(e)) => drop(self.blocks.remove(&(e.blocker, e.blocked))),
            Event::Dismissal(DismissalEvent::SuggestionDismissed(e)) => {
                self.dismissals.insert((e.dismisser, e.dismissed));
            }
            Event::Dismissal(DismissalEvent::SuggestionRestored(e)) => {
                self.dismissals.remove(&(e.dismisser, e.dismissed));
            }
            Event::Conversation(ConversationEvent::ConversationStarted(e)) => {
                self.members.extend(e.members.iter().map(|(member, _)| (e.conversation_id, *member)));
            }
            Event::Conversation(ConversationEvent::MemberAdded(e)) => {
                self.members.insert((e.conversation_id, e.user_id));
            }
            Event::Conversation(ConversationEvent::MemberRemoved(e)) => {
                self.members.remove(&(e.conversation_id, e.user_id));
            }
            Event::Message(event) => self.see_message(event, revision),
            Event::Read(ReadEvent::ReadUpTo(e)) => {
                let read = self.reads.entry((e.conversation_id, e.user_id)).or_default();
                *read = (*read).max(e.seq);
            }
            _ => {}
        }
    }

    fn see_message(&mut self, event: &MessageEvent, seq: u64) {
        let conversation = match event {
            MessageEvent::MessageSent(e) => {
                self.messages.insert((e.conversation_id, seq), (e.message_id, e.sender, true));
                e.conversation_id
            }
            MessageEvent::MessageEdited(e) => e.conversation_id,
            MessageEvent::MessageDeleted(e) => {
                for (id, _, there) in self.messages.values_mut() {
                    *there &= *id != e.message_id;
                }
                e.conversation_id
            }
        };
        self.last_seqs.insert(conversation, seq);
    }

    fn post_there(&mut self, post: PostId, there: bool) {
        self.posts.entry(post).and_modify(|post| post.there = there);
    }

    fn comment_there(&mut self, comment: CommentId, there: bool) {
        self.comments.entry(comment).and_modify(|comment| comment.there = there);
    }

    fn active(&self, user: UserId) -> bool {
        self.users.get(&user).copied().unwrap_or(true)
    }

    pub(super) fn apart(&self, a: UserId, b: UserId) -> bool {
        self.blocks.contains(&(a, b)) || self.blocks.contains(&(b, a))
    }

    fn sees_person(&self, viewer: UserId, user: UserId) -> bool {
        self.users.get(&user) == Some(&true) && !self.apart(viewer, user)
    }

    pub(super) fn sight(&self, viewer: UserId, id: PostId) -> Sight {
        let Some(post) = self.posts.get(&id) else { return Sight::Unknown };
        let allowed = post.author == viewer
            || match post.visibility {
                Visibility::Public => true,
                Visibility::Followers => self.follows.contains_key(&(viewer, post.author)),
                Visibility::Private => false,
            };
        if !allowed || self.apart(viewer, post.author) {
            return Sight::Unknown;
        }
        if post.there && self.active(post.author) { Sight::Shown } else { Sight::Gone }
    }

    /// Likes and comments.
    pub(super) fn counts(&self, post: PostId) -> (u64, u64) {
        let likes = self.likes.keys().filter(|(_, target)| *target == Target::Post(post)).count();
        let comments = self.comments.values().filter(|comment| comment.post == post && comment.there).count();
        (likes as u64, comments as u64)
    }

    pub(super) fn liked(&self, viewer: UserId, post: PostId) -> bool {
        self.likes.contains_key(&(viewer, Target::Post(post)))
    }

    fn newest_first(&self, viewer: UserId, wanted: impl Fn(&Post) -> bool) -> Vec<PostId> {
        let mut posts: Vec<_> = self
            .posts
            .iter()
            .filter(|(id, post)| wanted(post) && self.sight(viewer, **id) == Sight::Shown)
            .map(|(id, post)| (post.at_ms, *id))
            .collect();
        posts.sort_unstable_by(|a, b| b.cmp(a));
        posts.into_iter().map(|(_, id)| id).collect()
    }

    pub(super) fn timeline(&self, viewer: UserId) -> Vec<PostId> {
        self.newest_first(viewer, |post| {
            post.author == viewer || self.follows.contains_key(&(viewer, post.author))
        })
    }

    pub(super) fn posts_of(&self, viewer: UserId, user: UserId) -> Vec<PostId> {
        self.newest_first(viewer, |post| post.author == user)
    }

    pub(super) fn comments(&self, viewer: UserId, post: PostId) -> Vec<CommentId> {
        let mut comments: Vec<_> = self
            .comments
            .iter()
            .filter(|(_, c)| {
                c.post == post && c.there && self.active(c.author) && !self.apart(viewer, c.author)
            })
            .map(|(id, comment)| (comment.at_ms, *id))
            .collect();
        comments.sort_unstable();
        comments.into_iter().map(|(_, id)| id).collect()
    }

    fn people(&self, viewer: UserId, mut edges: Vec<(i64, UserId)>) -> Vec<UserId> {
        edges.retain(|(_, user)| self.sees_person(viewer, *user));
        edges.sort_unstable_by(|a, b| b.cmp(a));
        edges.into_iter().map(|(_, user)| user).collect()
    }

    pub(super) fn followers(&self, viewer: UserId, user: UserId) -> Vec<UserId> {
        let edges = self.follows.iter().filter(|((_, to), _)| *to == user);
        self.people(viewer, edges.map(|((from, _), at)| (*at, *from)).collect())
    }

    pub(super) fn following(&self, viewer: UserId, user: UserId) -> Vec<UserId> {
        let edges = self.follows.iter().filter(|((from, _), _)| *from == user);
        self.people(viewer, edges.map(|((_, to), at)| (*at, *to)).collect())
    }

    /// Posts, followers, following.
    pub(super) fn profile_counts(&self, user: UserId) -> (u64, u64, u64) {
        let posts = self.posts.values().filter(|post| post.author == user && post.there).count();
        let followers = self.follows.keys().filter(|(_, to)| *to == user).count();
        let following = self.follows.keys().filter(|(from, _)| *from == user).count();
        (posts as u64, followers as u64, following as u64)
    }

    fn interactions(&self, viewer: UserId, now_ms: i64) -> HashMap<UserId, u64> {
        let likes = self.likes.iter().filter(|((user, _), _)| *user == viewer);
        let likes = likes.map(|(_, (author, at))| (*author, *at));
        let comments = self.comments.values().filter(|c| c.author == viewer && c.there);
        let mut counts = HashMap::new();
        for (author, at) in likes.chain(comments.map(|c| (c.post_author, c.at_ms))) {
            if author != viewer && at >= now_ms - ranking::AFFINITY_MS {
                *counts.entry(author).or_default() += 1;
            }
        }
        counts
    }

    pub(super) fn trending(&self, now_ms: i64) -> Vec<Trending> {
        let public = self
            .posts
            .iter()
            .filter(|(_, p)| p.there && self.active(p.author) && p.visibility == Visibility::Public);
        let posts = public.map(|(id, post)| Trending {
            post: *id,
            created_at_ms: post.at_ms,
            engagement: self.engagement(*id),
        });
        ranking::trending(posts, now_ms, 1_000)
    }

    fn engagement(&self, post: PostId) -> Engagement {
        let (likes, comments) = self.counts(post);
        Engagement { likes, comments, shares: 0 }
    }

    pub(super) fn feed(&self, viewer: UserId, now_ms: i64) -> Vec<Ranked> {
        let interactions = self.interactions(viewer, now_ms);
        let follows = |author: UserId| self.follows.contains_key(&(viewer, author));
        let trending: BTreeSet<PostId> = self.trending(now_ms).iter().map(|post| post.post).collect();
        let candidates = self
            .posts
            .iter()
            .filter(|(id, post)| post.author != viewer && self.sight(viewer, **id) == Sight::Shown)
            .filter(|(id, post)| {
                let near = follows(post.author) || interactions.contains_key(&post.author);
                near && post.at_ms >= now_ms - ranking::FEED_AGE_MAX_MS || trending.contains(id)
            })
            .map(|(id, post)| Candidate {
                post: *id,
                author: post.author,
                created_at_ms: post.at_ms,
                engagement: self.engagement(*id),
                interactions: interactions.get(&post.author).copied().unwrap_or(0),
                reason: if follows(post.author) {
                    FeedReason::Following
                } else if interactions.contains_key(&post.author) {
                    FeedReason::Affinity
                } else {
                    FeedReason::Trending
                },
            })
            .collect();
        ranking::rank(candidates, &Weights::default(), now_ms)
    }

    /// What someone has lately liked or commented on.
    fn engaged(&self, user: UserId, now_ms: i64) -> BTreeSet<Uuid> {
        let since = now_ms - discover::SHARED_MS;
        let likes = self.likes.iter().filter(|((liker, _), (_, at))| *liker == user && *at >= since);
        let likes = likes.map(|((_, target), _)| match target {
            Target::Post(id) => id.0,
            Target::Comment(id) => id.0,
        });
        let comments = self.comments.values().filter(|c| c.author == user && c.there && c.at_ms >= since);
        likes.chain(comments.map(|c| c.post.0)).collect()
    }

    /// Without bounds: histories are small.
    pub(super) fn discover(&self, viewer: UserId, now_ms: i64) -> Vec<UserId> {
        let follows = |a: UserId, b: UserId| self.follows.contains_key(&(a, b));
        let followers = |id: UserId| self.follows.keys().filter(move |(_, to)| *to == id);
        let mine = self.engaged(viewer, now_ms);
        let people = self.users.keys().copied().filter(|id| {
            let suggestable = *id != viewer && !follows(viewer, *id) && self.sees_person(viewer, *id);
            suggestable && !self.dismissals.contains(&(viewer, *id))
        });
        let all = people.map(|user| Acquaintance {
            user,
            mutual: followers(user).filter(|(from, _)| follows(viewer, *from)).count() as u64,
            shared: self.engaged(user, now_ms).intersection(&mine).count() as u64,
            follows_viewer: follows(user, viewer),
            followers: followers(user).count() as u64,
        });
        let (graph, mut others): (Vec<_>, Vec<_>) = all.partition(|person| person.mutual > 0);
        others.retain(|person| person.followers > 0);
        others.sort_by_key(|person| (std::cmp::Reverse(person.followers), person.user));
        discover::list(discover::rank(graph), others.into_iter().map(|person| person.user))
    }

    pub(super) fn conversations(&self) -> BTreeSet<ConversationId> {
        self.members.iter().map(|(conversation, _)| *conversation).collect()
    }

    pub(super) fn is_member(&self, viewer: UserId, conversation: ConversationId) -> bool {
        self.members.contains(&(conversation, viewer))
    }

    /// Unread ones, the last seq, the read mark.
    pub(super) fn conversation(&self, viewer: UserId, id: ConversationId) -> (u64, Option<u64>, Option<u64>) {
        let read = self.reads.get(&(id, viewer)).copied();
        let unread = self.messages.iter().filter(|((conversation, seq), (_, sender, there))| {
            *conversation == id && *there && *sender != viewer && read.is_none_or(|read| *seq > read)
        });
        (unread.count() as u64, self.last_seqs.get(&id).copied(), read)
    }

    /// Seq and whether it is there.
    pub(super) fn messages(&self, id: ConversationId) -> Vec<(u64, bool)> {
        let of = self.messages.iter().filter(|((conversation, _), _)| *conversation == id);
        of.map(|((_, seq), (_, _, there))| (*seq, *there)).collect()
    }
}
