//! What can be asked of the naive Nova, answered in the words of the views.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use nova_events::conversation::{ConversationKind, Role};
use nova_events::like::Target;
use nova_events::message::MessageType;
use nova_events::post::Visibility;
use nova_events::{ConversationId, PostId, UserId};
use nova_views as views;
use nova_views::search::Phrases;
use nova_views::{
    Author, DeletionQuery, FeedReason, Highlight, Lookup, Member, MessageHit, MessageRange, PostCard, Profile,
};
use uuid::Uuid;

use crate::nova::{Comment, Conversation, Message, Nova, Post, User, time};

const HOUR_MS: i64 = 3_600_000;

impl Nova {
    fn author(&self, id: UserId) -> Arc<Author> {
        let user = self.user(id).expect("authors are registered");
        Arc::new(Author { id, handle: user.handle.clone(), display_name: user.name.clone() })
    }

    /// Not deleted, of someone who is there, and for the viewer's eyes.
    fn is_shown(&self, viewer: UserId, post: &Post) -> bool {
        post.deleted.is_empty()
            && self.is_active(post.author)
            && !self.blocked(viewer, post.author)
            && self.may_see(viewer, post)
    }

    fn counted(&self, post: &Post) -> (u64, u64) {
        let likes = self.likes.iter().filter(|like| like.to == Target::Post(post.id)).count();
        let comments = self.comments.iter().filter(|c| c.post == post.id && c.deleted.is_empty()).count();
        (likes as u64, comments as u64)
    }

    fn card(&self, viewer: UserId, post: &Post) -> PostCard {
        let (like_count, comment_count) = self.counted(post);
        PostCard {
            id: post.id,
            author: self.author(post.author),
            text: post.text.as_str().into(),
            media: [].into(),
            visibility: post.visibility,
            created_at: post.created,
            edited_at: post.edited,
            like_count,
            comment_count,
            share_count: 0,
            liked_by_viewer: self.likes(viewer, Target::Post(post.id)),
        }
    }

    fn cards(&self, viewer: UserId, wanted: impl Fn(&Post) -> bool) -> Vec<PostCard> {
        let mut posts: Vec<&Post> =
            self.posts.iter().filter(|post| wanted(post) && self.is_shown(viewer, post)).collect();
        posts.sort_by_key(|post| Reverse((post.created, post.id)));
        posts.into_iter().map(|post| self.card(viewer, post)).collect()
    }

    pub(crate) fn ask_timeline(&self, viewer: UserId) -> Vec<PostCard> {
        self.cards(viewer, |post| post.author == viewer || self.follows(viewer, post.author))
    }

    pub(crate) fn ask_post(&self, viewer: UserId, id: PostId) -> Lookup<PostCard> {
        match self.post(id) {
            Some(post) if self.blocked(viewer, post.author) || !self.may_see(viewer, post) => Lookup::Unknown,
            Some(post) if self.is_shown(viewer, post) => Lookup::Found(self.card(viewer, post)),
            Some(_) => Lookup::Gone,
            None => Lookup::Unknown,
        }
    }

    pub(crate) fn ask_comments(&self, viewer: UserId, post: PostId) -> Lookup<Vec<views::Comment>> {
        match self.ask_post(viewer, post) {
            Lookup::Unknown => return Lookup::Unknown,
            Lookup::Gone => return Lookup::Gone,
            Lookup::Found(_) => {}
        }
        let shown = |c: &&Comment| {
            c.post == post
                && c.deleted.is_empty()
                && self.is_active(c.author)
                && !self.blocked(viewer, c.author)
        };
        let mut comments: Vec<&Comment> = self.comments.iter().filter(shown).collect();
        comments.sort_by_key(|comment| (comment.created, comment.id));
        let row = |c: &Comment| views::Comment {
            id: c.id,
            post_id: c.post,
            parent_comment_id: c.parent,
            author: self.author(c.author),
            text: c.text.as_str().into(),
            created_at: c.created,
            edited_at: c.edited,
            like_count: self.likes.iter().filter(|like| like.to == Target::Comment(c.id)).count() as u64,
            liked_by_viewer: self.likes(viewer, Target::Comment(c.id)),
        };
        Lookup::Found(comments.into_iter().map(row).collect())
    }

    fn profile(&self, viewer: UserId, user: &User) -> Profile {
        let posts = self.posts.iter().filter(|post| post.author == user.id && post.deleted.is_empty());
        Profile {
            id: user.id,
            handle: user.handle.clone(),
            display_name: user.name.clone(),
            bio: user.bio.clone(),
            created_at: user.created,
            post_count: posts.count() as u64,
            follower_count: self.follows.iter().filter(|edge| edge.to == user.id).count() as u64,
            following_count: self.follows.iter().filter(|edge| edge.from == user.id).count() as u64,
            followed_by_viewer: self.follows(viewer, user.id),
            follows_viewer: self.follows(user.id, viewer),
        }
    }

    pub(crate) fn ask_profile(&self, viewer: UserId, id: UserId) -> Lookup<Profile> {
        match self.user(id) {
            Some(user) if !self.blocked(viewer, id) => {
                if user.active {
                    Lookup::Found(self.profile(viewer, user))
                } else {
                    Lookup::Gone
                }
            }
            _ => Lookup::Unknown,
        }
    }

    fn when_shown<T>(&self, viewer: UserId, user: UserId, then: impl FnOnce() -> T) -> Lookup<T> {
        match self.ask_profile(viewer, user) {
            Lookup::Found(_) => Lookup::Found(then()),
            Lookup::Gone => Lookup::Gone,
            Lookup::Unknown => Lookup::Unknown,
        }
    }

    pub(crate) fn ask_posts_of(&self, viewer: UserId, user: UserId) -> Lookup<Vec<PostCard>> {
        self.when_shown(viewer, user, || self.cards(viewer, |post| post.author == user))
    }

    /// Newest edge first.
    fn profiles(&self, viewer: UserId, mut edges: Vec<(i64, UserId)>) -> Vec<Profile> {
        edges.sort_by_key(|(at_ms, _)| Reverse(*at_ms));
        let all = edges.into_iter().filter_map(|(_, user)| self.ask_profile(viewer, user).found());
        all.collect()
    }

    pub(crate) fn ask_followers(&self, viewer: UserId, user: UserId) -> Lookup<Vec<Profile>> {
        let edges = self.follows.iter().filter(|edge| edge.to == user).map(|edge| (edge.at_ms, edge.from));
        self.when_shown(viewer, user, || self.profiles(viewer, edges.collect()))
    }

    pub(crate) fn ask_following(&self, viewer: UserId, user: UserId) -> Lookup<Vec<Profile>> {
        let edges = self.follows.iter().filter(|edge| edge.from == user).map(|edge| (edge.at_ms, edge.to));
        self.when_shown(viewer, user, || self.profiles(viewer, edges.collect()))
    }

    pub(crate) fn ask_blocks(&self, viewer: UserId) -> Vec<Profile> {
        let mut edges: Vec<_> = self.blocks.iter().filter(|edge| edge.from == viewer).collect();
        edges.sort_by_key(|edge| Reverse(edge.at_ms));
        let there = edges.into_iter().filter(|edge| self.is_active(edge.to));
        there.filter_map(|edge| Some(self.profile(viewer, self.user(edge.to)?))).collect()
    }

    /// In any order: which match is best is the product's to say.
    pub(crate) fn ask_search(&self, viewer: UserId, word: &str) -> Vec<PostCard> {
        self.cards(viewer, |post| post.text.split(' ').any(|other| other == word))
    }

    fn engagement(&self, post: &Post) -> f64 {
        let (likes, comments) = self.counted(post);
        likes as f64 + 2.0 * comments as f64
    }

    fn is_trending(&self, post: &Post, now_ms: i64) -> bool {
        let fresh = post.created.timestamp_millis() >= now_ms - 48 * HOUR_MS;
        post.visibility == Visibility::Public && fresh && self.engagement(post) > 0.0
    }

    pub(crate) fn ask_trending(&self, viewer: UserId, now_ms: i64) -> Vec<PostCard> {
        let mut posts: Vec<&Post> = self
            .posts
            .iter()
            .filter(|post| self.is_trending(post, now_ms) && self.is_shown(viewer, post))
            .collect();
        let score = |post: &Post| self.engagement(post) / (age_hours(post, now_ms) + 2.0).powf(1.8);
        posts.sort_by(|a, b| {
            score(b).total_cmp(&score(a)).then(b.created.cmp(&a.created)).then(a.id.cmp(&b.id))
        });
        posts.into_iter().map(|post| self.card(viewer, post)).collect()
    }

    /// How often the viewer liked what the author wrote or commented on it, in 90 days.
    fn interactions(&self, viewer: UserId, author: UserId, now_ms: i64) -> u64 {
        let since = now_ms - 90 * 24 * HOUR_MS;
        let wrote = |target: Target| match target {
            Target::Post(id) => self.post(id).is_some_and(|post| post.author == author),
            Target::Comment(id) => self.comment(id).is_some_and(|comment| comment.author == author),
        };
        let likes = self.likes.iter().filter(|l| l.from == viewer && l.at_ms >= since && wrote(l.to)).count();
        let comments = self.comments.iter().filter(|c| {
            c.author == viewer
                && c.deleted.is_empty()
                && c.created.timestamp_millis() >= since
                && wrote(Target::Post(c.post))
        });
        (likes + comments.count()) as u64
    }

    /// Post, score, reason.
    pub(crate) fn ask_feed(&self, viewer: UserId, now_ms: i64) -> Vec<(PostCard, f64, FeedReason)> {
        let week = |post: &Post| post.created.timestamp_millis() >= now_ms - 7 * 24 * HOUR_MS;
        let mut found: Vec<(&Post, FeedReason, u64)> = Vec::new();
        let mut by_author: HashMap<UserId, u64> = HashMap::new();
        for post in &self.posts {
            if post.author == viewer || !self.is_shown(viewer, post) {
                continue;
            }
            let author = post.author;
            let interactions =
                *by_author.entry(author).or_insert_with(|| self.interactions(viewer, author, now_ms));
            let reason = if week(post) && self.follows(viewer, author) {
                FeedReason::Following
            } else if week(post) && interactions > 0 {
                FeedReason::Affinity
            } else if self.is_trending(post, now_ms) {
                FeedReason::Trending
            } else {
                continue;
            };
            found.push((post, reason, interactions));
        }
        let most_engagement = found.iter().map(|(post, _, _)| self.engagement(post)).fold(0.0, f64::max);
        let most_interactions = found.iter().map(|(_, _, n)| *n).max().unwrap_or(0) as f64;
        let part = |value: f64, most: f64| if most > 0.0 { value.ln_1p() / most.ln_1p() } else { 0.0 };
        let mut waiting: Vec<(&Post, f64, FeedReason)> = found
            .iter()
            .map(|(post, reason, interactions)| {
                let fresh = (-0.10 * age_hours(post, now_ms)).exp();
                let engaged = part(self.engagement(post), most_engagement);
                let close = part(*interactions as f64, most_interactions);
                (*post, 0.30 * fresh + 0.40 * engaged + 0.30 * close, *reason)
            })
            .collect();
        waiting.sort_by(|(a, a_score, _), (b, b_score, _)| {
            b_score.total_cmp(a_score).then(b.created.cmp(&a.created)).then(a.id.cmp(&b.id))
        });
        // At most 2 of one author in any 10 in a row: each place goes to the best that may stand there.
        let mut feed: Vec<(&Post, f64, FeedReason)> = Vec::new();
        while let Some(next) = waiting.iter().position(|(post, _, _)| {
            let last = &feed[feed.len().saturating_sub(9)..];
            last.iter().filter(|(other, _, _)| other.author == post.author).count() < 2
        }) {
            feed.push(waiting.remove(next));
        }
        feed.into_iter().map(|(post, score, reason)| (self.card(viewer, post), score, reason)).collect()
    }

    /// What someone liked or commented on in 90 days.
    fn cared_for(&self, user: UserId, now_ms: i64) -> HashSet<Uuid> {
        let since = now_ms - 90 * 24 * HOUR_MS;
        let likes = self.likes.iter().filter(|like| like.from == user && like.at_ms >= since);
        let likes = likes.map(|like| match like.to {
            Target::Post(id) => id.0,
            Target::Comment(id) => id.0,
        });
        let comments = self.comments.iter().filter(|comment| {
            comment.author == user
                && comment.deleted.is_empty()
                && comment.created.timestamp_millis() >= since
        });
        likes.chain(comments.map(|comment| comment.post.0)).collect()
    }

    /// Whoever is followed by followees of the viewer, best first; then the others who are followed by anyone, most
    /// followers first.
    pub(crate) fn ask_discover(&self, viewer: UserId, now_ms: i64) -> Vec<UserId> {
        let mine = self.cared_for(viewer, now_ms);
        let mut people: Vec<(f64, usize, UserId)> = Vec::new();
        for user in self.users.iter().filter(|user| user.active && user.id != viewer) {
            let id = user.id;
            if self.blocked(viewer, id) || self.follows(viewer, id) || self.dismissed(viewer, id) {
                continue;
            }
            let followers: Vec<_> = self.follows.iter().filter(|edge| edge.to == id).collect();
            let mutual = followers.iter().filter(|edge| self.follows(viewer, edge.from)).count();
            if mutual > 0 {
                let shared = self.cared_for(id, now_ms).intersection(&mine).count();
                let back = if self.follows(id, viewer) { 0.5 } else { 0.0 };
                let score = (mutual as f64).ln_1p() + 0.5 * (shared as f64).ln_1p() + back;
                people.push((score, followers.len(), id));
            } else if !followers.is_empty() {
                people.push((0.0, followers.len(), id));
            }
        }
        people.sort_by(|a, b| b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)));
        people.into_iter().map(|(_, _, id)| id).collect()
    }

    pub(crate) fn ask_conversations(&self, viewer: UserId) -> Vec<views::Conversation> {
        let mut all: Vec<&Conversation> =
            self.conversations.iter().filter(|conversation| conversation.role(viewer).is_some()).collect();
        all.sort_by_key(|conversation| {
            let newest = conversation.messages.iter().map(|message| message.created_ms).max();
            Reverse(newest.unwrap_or(0).max(conversation.created.timestamp_millis()))
        });
        all.into_iter().map(|conversation| conversation.seen_by(self, viewer)).collect()
    }

    pub(crate) fn ask_conversation(&self, viewer: UserId, id: ConversationId) -> Lookup<views::Conversation> {
        match self.conversation(id) {
            Some(found) if found.role(viewer).is_some() => Lookup::Found(found.seen_by(self, viewer)),
            _ => Lookup::Unknown,
        }
    }

    pub(crate) fn ask_messages(
        &self,
        viewer: UserId,
        id: ConversationId,
        range: MessageRange,
        limit: usize,
    ) -> Lookup<Vec<views::Message>> {
        let Some(conversation) = self.conversation(id).filter(|found| found.role(viewer).is_some()) else {
            return Lookup::Unknown;
        };
        let all = conversation.messages.iter();
        let rows: Vec<&Message> = match range {
            MessageRange::After(seq) => {
                all.filter(|message| i64::try_from(message.seq).unwrap() > seq).take(limit).collect()
            }
            MessageRange::Before(seq) => {
                let before: Vec<_> = all.filter(|message| message.seq < seq).collect();
                before[before.len().saturating_sub(limit)..].to_vec()
            }
        };
        Lookup::Found(rows.into_iter().map(|message| message.row(id)).collect())
    }

    pub(crate) fn ask_message_search(
        &self,
        viewer: UserId,
        id: ConversationId,
        word: &str,
    ) -> Lookup<Vec<MessageHit>> {
        let Some(conversation) = self.conversation(id).filter(|found| found.role(viewer).is_some()) else {
            return Lookup::Unknown;
        };
        let text = |message: &Message| message.body.text.clone().unwrap_or_default();
        let says =
            |message: &&Message| !message.deleted && text(message).split(' ').any(|other| other == word);
        let mut found: Vec<&Message> = conversation.messages.iter().filter(says).collect();
        let phrases = Phrases::of(word);
        found.sort_by_key(|message| Reverse((phrases.score(&text(message)), message.seq)));
        let highlights = |message: &Message| {
            let mut start = 0;
            let mut found = Vec::new();
            for other in text(message).split(' ') {
                let end = start + other.encode_utf16().count();
                found.extend((other == word).then_some(Highlight { start, end }));
                start = end + 1;
            }
            found
        };
        let hit =
            |message: &&Message| MessageHit { highlights: highlights(message), message: message.row(id) };
        Lookup::Found(found.iter().map(hit).collect())
    }

    pub(crate) fn ask_deletions(&self, query: &DeletionQuery) -> Vec<views::Deletion> {
        let mut found: Vec<_> = self
            .deletions
            .iter()
            .filter(|deletion| query.entity.is_none_or(|entity| entity == deletion.entity))
            .filter(|deletion| query.deleted_by.is_none_or(|by| by == deletion.by))
            .filter(|deletion| {
                query.as_of.is_none_or(|as_of| {
                    deletion.at <= as_of && deletion.restored.is_none_or(|restored| restored > as_of)
                })
            })
            .map(|deletion| views::Deletion {
                entity: deletion.entity,
                id: deletion.id,
                owner_id: deletion.owner,
                deleted_at: deletion.at,
                deleted_by: Some(deletion.by),
                reason: deletion.reason.clone(),
                correlation_id: deletion.correlation,
                causation_id: None,
                restored_at: deletion.restored,
                position: deletion.position,
            })
            .collect();
        found.sort_by_key(|deletion| Reverse((deletion.deleted_at, deletion.position)));
        found
    }
}

impl Nova {
    pub(crate) fn is_known_to(&self, viewer: UserId, user: UserId) -> bool {
        self.user(user).is_some() && !self.blocked(viewer, user)
    }

    pub(crate) fn is_hidden_from(&self, viewer: UserId, target: Target) -> bool {
        let (author, post) = match target {
            Target::Post(post) => (None, Some(post)),
            Target::Comment(comment) => {
                let comment = self.comment(comment);
                (comment.map(|comment| comment.author), comment.map(|comment| comment.post))
            }
        };
        let post = post.and_then(|post| self.post(post));
        author.is_some_and(|author| self.blocked(viewer, author))
            || post.is_none_or(|post| self.blocked(viewer, post.author) || !self.may_see(viewer, post))
    }
}

impl Conversation {
    pub(crate) fn delivered_up_to(&self, user: UserId) -> Option<u64> {
        self.delivered.iter().filter(|(whose, ..)| *whose == user).map(|(.., seq)| *seq).max()
    }

    pub(crate) fn read_up_to(&self, user: UserId) -> Option<u64> {
        self.reads.iter().find(|(reader, _)| *reader == user).map(|(_, seq)| *seq)
    }

    fn seen_by(&self, nova: &Nova, viewer: UserId) -> views::Conversation {
        let last_read_seq = self.read_up_to(viewer);
        let unread = self.messages.iter().filter(|message| {
            message.sender != viewer
                && !message.deleted
                && last_read_seq.is_none_or(|read| message.seq > read)
        });
        let mut members: Vec<_> = self.members.clone();
        members.sort_by_key(|(member, _, joined)| (*joined, *member));
        views::Conversation {
            id: self.id,
            kind: self.kind,
            title: self.title.clone(),
            members: members
                .into_iter()
                .map(|(user_id, role, joined_at)| {
                    let silent = self.kind == ConversationKind::Direct && nova.blocked(viewer, user_id);
                    let manages = self.kind == ConversationKind::Group && nova.manages(user_id, self);
                    Member {
                        user_id,
                        role: if manages { Role::Admin } else { role },
                        joined_at,
                        last_read_seq: self.read_up_to(user_id).filter(|_| !silent),
                        delivered_seq: self.delivered_up_to(user_id).filter(|_| !silent),
                    }
                })
                .collect(),
            last_seq: self.length.checked_sub(1),
            last_read_seq,
            unread_count: unread.count() as u64,
            last_message: self.messages.iter().rfind(|message| !message.deleted).map(|m| m.row(self.id)),
        }
    }
}

impl Message {
    fn row(&self, conversation_id: ConversationId) -> views::Message {
        let body = if self.deleted { nova_events::message::Body::default() } else { self.body.clone() };
        views::Message {
            id: self.id,
            conversation_id,
            seq: self.seq,
            sender_id: self.sender,
            message_type: if self.body.text.is_some() { MessageType::Text } else { MessageType::Encrypted },
            text: body.text,
            encrypted_content: body.encrypted_content,
            nonce: body.nonce,
            media: None,
            reply_to: self.reply_to,
            created_at: time(self.created_ms),
            edited_at: self.edited,
            deleted: self.deleted,
        }
    }
}

fn age_hours(post: &Post, now_ms: i64) -> f64 {
    (now_ms - post.created.timestamp_millis()).max(0) as f64 / HOUR_MS as f64
}
