//! Who is in a conversation, and what was said in it last.
//!
//! * Members are edges that hold the version they were turned at; they stay. Roles are of no matter here.
//! * A window holds the newest messages of a conversation, as many and as large as the options allow, with what was
//!   edited and deleted. A deleted message holds no text. What is below the window's floor is dropped for good.
//! * Every event of a conversation's messages has a seq, without gaps, and it is the version of what it changes. So a
//!   window knows which events it has not seen (its holes): they may come late, twice and in any order, and nothing is
//!   claimed to be complete that is not.
//! * A window ends `window_ttl_ms` after the last word; the memory may be full and it goes before. Either way the next
//!   message begins another one, whose floor is that message.

use nova_events::message::MessageType;
use nova_views::{Apply, Change, ViewError, What};
use uuid::Uuid;

use super::RedisViews;
use super::generations::{Standing, offset_text};
use super::scripts::Call;
use super::window::{encode_body, encode_sent};
use crate::shard::ShardCursor;

const MEMBERS_PER_CALL: usize = 500;
/// Changes for each call, and bytes of what they say. Redis does nothing else meanwhile.
const CHANGES_PER_CALL: usize = 250;
const BYTES_PER_CALL: usize = 512 * 1_024;

#[derive(Debug)]
struct Membership {
    conversation: Uuid,
    user: Uuid,
    /// 2 * version + member.
    edge: u64,
    version: u64,
    at_ms: i64,
}

/// What happened to a message.
#[derive(Debug)]
struct Said {
    conversation: Uuid,
    seq: u64,
    message: Uuid,
    version: u64,
    happened: Happened,
}

#[derive(Debug)]
enum Happened {
    Sent { at_ms: i64, about: Vec<u8>, body: Vec<u8> },
    Edited { at_ms: i64, body: Vec<u8> },
    Deleted,
}

impl Said {
    fn bytes(&self) -> usize {
        match &self.happened {
            Happened::Sent { body, .. } | Happened::Edited { body, .. } => body.len(),
            Happened::Deleted => 0,
        }
    }
}

impl RedisViews {
    pub(super) async fn apply_conversations(
        &self,
        standing: &Standing,
        step: &Apply,
        cursor: ShardCursor,
    ) -> Result<(), ViewError> {
        let members: Vec<Membership> = step.changes.iter().flat_map(memberships).collect();
        let mut all_said: Vec<Said> = step.changes.iter().filter_map(said).collect();
        all_said.sort_by_key(|said| (said.conversation, said.seq));
        let parts = parts(&all_said);
        let mut left = members.len().div_ceil(MEMBERS_PER_CALL) + parts.len();
        let has_letters = !step.dead_letters.is_empty() || !step.redriven.is_empty();
        if left == 0 || has_letters {
            // One more, which moves the cursor.
            left += 1;
        }
        for some in members.chunks(MEMBERS_PER_CALL) {
            left -= 1;
            self.take_members(standing, some, cursor, left == 0).await?;
        }
        for some in parts {
            left -= 1;
            self.take_said(standing, some, cursor, left == 0).await?;
        }
        if left > 0 {
            self.commit(standing, cursor, &step.dead_letters, &step.redriven).await?;
        }
        Ok(())
    }

    async fn take_members(
        &self,
        standing: &Standing,
        members: &[Membership],
        cursor: ShardCursor,
        is_last: bool,
    ) -> Result<(), ViewError> {
        let mut call = stands(self.shared.scripts.members.call(), standing, cursor, is_last);
        for Membership { conversation, user, edge, version, at_ms } in members {
            call = call.arg(&conversation.as_bytes()[..]).arg(&user.as_bytes()[..]);
            call = call.arg(edge).arg(version).arg(at_ms);
        }
        call.run(self.writes()).await?.written()
    }

    async fn take_said(
        &self,
        standing: &Standing,
        some: &[Said],
        cursor: ShardCursor,
        is_last: bool,
    ) -> Result<(), ViewError> {
        let options = &self.shared.options;
        let mut call = stands(self.shared.scripts.window.call(), standing, cursor, is_last);
        call = call.arg(options.window_messages_max.max(1)).arg(options.window_bytes_max);
        call = call.arg(options.window_ttl_ms);
        for of_one in some.chunk_by(|one, next| one.conversation == next.conversation) {
            if let [first, ..] = of_one {
                call = call.arg(&first.conversation.as_bytes()[..]).arg(of_one.len());
            }
            for said in of_one {
                let id = &said.message.as_bytes()[..];
                let (what, at_ms, about, body): (_, _, &[u8], &[u8]) = match &said.happened {
                    Happened::Sent { at_ms, about, body } => ("m", at_ms.to_string(), about, body),
                    Happened::Edited { at_ms, body } => ("e", at_ms.to_string(), &[], body),
                    Happened::Deleted => ("d", String::new(), &[], &[]),
                };
                call = call.arg(what).arg(id).arg(said.seq).arg(said.version);
                call = call.arg(at_ms).arg(about).arg(body);
            }
        }
        call.run(self.writes()).await?.written()
    }
}

/// What every script of a step begins with.
fn stands<'a>(call: Call<'a>, standing: &Standing, cursor: ShardCursor, is_last: bool) -> Call<'a> {
    let call = call.arg(standing.kind()).arg(&standing.token).arg(standing.shard.as_str());
    call.arg(standing.seen).arg(cursor.position).arg(offset_text(cursor)).arg(u8::from(is_last))
}

/// Cut where one call would be too large for Redis.
fn parts(mut all: &[Said]) -> Vec<&[Said]> {
    let mut parts = Vec::new();
    while !all.is_empty() {
        let (mut many, mut bytes) = (0, 0);
        while let Some(next) = all.get(many)
            && many < CHANGES_PER_CALL
            && (many == 0 || bytes + next.bytes() <= BYTES_PER_CALL)
        {
            (many, bytes) = (many + 1, bytes + next.bytes());
        }
        let (part, rest) = all.split_at(many);
        parts.push(part);
        all = rest;
    }
    parts
}

fn memberships(change: &Change) -> Vec<Membership> {
    let version = change.version;
    let edge = |user: Uuid, conversation: Uuid, on: bool, at_ms: i64| {
        let edge = 2 * version + u64::from(on);
        Membership { conversation, user, edge, version, at_ms }
    };
    match &change.what {
        What::Conversation { conversation, created_at, members, .. } => {
            let at_ms = created_at.timestamp_millis();
            members.iter().map(|(user, _)| edge(user.0, conversation.0, true, at_ms)).collect()
        }
        What::Member { conversation, user, role, at, .. } => {
            vec![edge(user.0, conversation.0, role.is_some(), at.timestamp_millis())]
        }
        // What was said, and what is of no matter here or of other views.
        What::Message { .. }
        | What::MessageBody { .. }
        | What::MessageDeleted { .. }
        | What::ConversationTitle { .. }
        | What::ReadUpTo { .. }
        | What::DeliveredUpTo { .. }
        | What::Registered { .. }
        | What::ProfileIs { .. }
        | What::UserActive { .. }
        | What::Post { .. }
        | What::PostText { .. }
        | What::PostDeleted { .. }
        | What::PostPurged { .. }
        | What::Comment { .. }
        | What::CommentText { .. }
        | What::CommentDeleted { .. }
        | What::Like { .. }
        | What::Follow { .. }
        | What::Block { .. }
        | What::Dismissal { .. }
        | What::Deletion { .. }
        | What::Restoration { .. } => Vec::new(),
    }
}

fn said(change: &Change) -> Option<Said> {
    let (message, conversation, seq, happened) = match &change.what {
        What::Message {
            message,
            conversation,
            seq,
            sender,
            message_type,
            body,
            reply_to,
            media,
            created_at,
        } => {
            let at_ms = created_at.timestamp_millis();
            let about = encode_sent(
                sender.0,
                at_ms,
                type_code(*message_type),
                reply_to.map(|id| id.0),
                media.map(|id| id.0),
            );
            (message, conversation, *seq, Happened::Sent { at_ms, about, body: encode_body(body.as_ref()) })
        }
        What::MessageBody { message, conversation, seq, body, edited_at } => {
            let body = encode_body(body.as_ref());
            (message, conversation, *seq, Happened::Edited { at_ms: edited_at.timestamp_millis(), body })
        }
        What::MessageDeleted { message, conversation, seq } => {
            (message, conversation, *seq, Happened::Deleted)
        }
        // Members, and what is of no matter here or of other views.
        What::Conversation { .. }
        | What::Member { .. }
        | What::ConversationTitle { .. }
        | What::ReadUpTo { .. }
        | What::DeliveredUpTo { .. }
        | What::Registered { .. }
        | What::ProfileIs { .. }
        | What::UserActive { .. }
        | What::Post { .. }
        | What::PostText { .. }
        | What::PostDeleted { .. }
        | What::PostPurged { .. }
        | What::Comment { .. }
        | What::CommentText { .. }
        | What::CommentDeleted { .. }
        | What::Like { .. }
        | What::Follow { .. }
        | What::Block { .. }
        | What::Dismissal { .. }
        | What::Deletion { .. }
        | What::Restoration { .. } => return None,
    };
    let (message, conversation) = (message.0, conversation.0);
    Some(Said { conversation, seq, message, version: change.version, happened })
}

pub(super) fn type_code(message_type: MessageType) -> u8 {
    match message_type {
        MessageType::Text => 0,
        MessageType::Encrypted => 1,
        MessageType::Audio => 2,
        MessageType::Image => 3,
        MessageType::Video => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deleted(seq: u64) -> Said {
        let (conversation, message) = (Uuid::nil(), Uuid::nil());
        Said { conversation, seq, message, version: seq, happened: Happened::Deleted }
    }

    #[test]
    fn calls_are_bounded_in_changes_and_bytes() {
        let few: Vec<Said> = (0..600).map(deleted).collect();
        assert_eq!(parts(&few).iter().map(|part| part.len()).collect::<Vec<_>>(), [250, 250, 100]);
        let large = |seq| {
            let happened = Happened::Edited { at_ms: 0, body: vec![0; 200 * 1_024] };
            Said { happened, ..deleted(seq) }
        };
        let many: Vec<Said> = (0..5).map(large).collect();
        assert_eq!(parts(&many).iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 2, 1]);
        assert!(parts(&[]).is_empty());
    }
}
