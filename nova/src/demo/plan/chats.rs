//! Conversations: of two, and groups around a topic.

use nova_domain::conversation::{StartConversation, direct_conversation_id};
use nova_domain::message::{DeleteMessage, EditMessage, SendMessage};
use nova_domain::read::MarkRead;
use nova_events::conversation::ConversationKind;
use nova_events::message::Body;
use nova_events::{ConversationId, MessageId};

use super::{Chain, DAY_S, SPAN_S, Step, Wave};
use crate::demo::dice::Dice;
use crate::demo::people::Person;
use crate::demo::talk;
use crate::demo::topics::TOPICS;
use crate::import::id_of;

/// Three waves: starts, what is said, and who has read how far.
#[derive(Debug, Default)]
pub(super) struct Chats {
    pub(super) starts: Wave,
    pub(super) talks: Wave,
    pub(super) reads: Wave,
    /// A group that the first person is in.
    pub(super) example: Option<ConversationId>,
}

pub(super) fn chats(people: &[Person]) -> Chats {
    let mut all = Chats::default();
    for chat in direct(people).into_iter().chain(groups(people)) {
        all.starts.push(vec![chat.start(people)]);
        let (talk, last_seq) = chat.talk(people);
        all.reads.extend(chat.reads(people, last_seq));
        all.talks.push(talk);
        if chat.title.is_some() && chat.members.contains(&0) {
            all.example.get_or_insert(chat.id);
        }
    }
    all
}

struct Chat {
    name: String,
    id: ConversationId,
    title: Option<String>,
    topic: usize,
    members: Vec<usize>,
    began_ago_s: f64,
    lines_min: usize,
}

/// The first person talks to many, the others to one or two.
fn direct(people: &[Person]) -> Vec<Chat> {
    let mut chats: Vec<Chat> = Vec::new();
    for a in 0..people.len().min(90) {
        let mut dice = Dice::of("direct", a as u64);
        for _ in 0..if a == 0 { 6 } else { dice.between(0, 2) } {
            let b = dice.below(people.len());
            let id = direct_conversation_id(people[a].user, people[b].user);
            if a == b || chats.iter().any(|chat| chat.id == id) {
                continue;
            }
            chats.push(Chat {
                name: format!("demo:direct:{}:{}", a.min(b), a.max(b)),
                id,
                title: None,
                topic: people[a].interests[0],
                members: vec![a, b],
                began_ago_s: DAY_S * (0.5 + dice.unit() * 4.0),
                lines_min: dice.between(4, 18),
            });
        }
    }
    chats
}

fn groups(people: &[Person]) -> Vec<Chat> {
    let mut chats = Vec::new();
    for (topic, words) in TOPICS.iter().enumerate() {
        let circle: Vec<usize> =
            (0..people.len()).filter(|&at| people[at].interests.contains(&topic)).collect();
        for (number, title) in words.groups.iter().enumerate() {
            let name = format!("demo:group:{topic}:{number}");
            let mut dice = Dice::of(&name, 0);
            let mut members: Vec<usize> = Vec::new();
            for _ in 0..dice.between(4, 14) {
                members.extend(circle.get(dice.below(circle.len())).filter(|one| !members.contains(one)));
            }
            // The first person is in the groups of what they like.
            if people[0].interests.contains(&topic) && !members.contains(&0) {
                members.push(0);
            }
            if members.len() < 3 {
                continue;
            }
            chats.push(Chat {
                id: ConversationId(id_of(&name)),
                name,
                title: Some((*title).to_owned()),
                topic,
                members,
                began_ago_s: SPAN_S * (0.4 + 0.6 * dice.unit()),
                lines_min: dice.between(15, 60),
            });
        }
    }
    chats
}

impl Chat {
    fn start(&self, people: &[Person]) -> Step {
        let command = StartConversation {
            conversation: self.id,
            kind: if self.title.is_some() { ConversationKind::Group } else { ConversationKind::Direct },
            title: self.title.clone(),
            members: self.members[1..].iter().map(|&at| people[at].user).collect(),
        };
        Step::new(format!("{}:start", self.name), &people[self.members[0]], self.began_ago_s, command)
    }

    /// What is said, and the seq of the last of it.
    fn talk(&self, people: &[Person]) -> (Chain, u64) {
        let mut dice = Dice::of(&self.name, 1);
        let mut chain = Chain::new();
        let lines = talk::lines(TOPICS[self.topic], self.lines_min, &mut dice);
        let step_s = self.began_ago_s / (lines.len() as f64 + 2.0);
        let mut speaker = dice.below(self.members.len());
        let mut ago_s = self.began_ago_s;
        for (number, text) in lines.into_iter().enumerate() {
            speaker = (speaker + dice.between(1, self.members.len() - 1)) % self.members.len();
            // Bursts: most answers come at once, some the next day. Never later than an even pace would have them.
            let even = self.began_ago_s - step_s * number as f64;
            ago_s =
                if dice.chance(0.8) { (ago_s - 20.0 - dice.unit() * 60.0).max(even - step_s) } else { even };
            ago_s = ago_s.max(20.0).min(chain.last().map_or(self.began_ago_s, |step: &Step| step.ago_s));
            let by = &people[self.members[speaker]];
            let name = format!("{}:message:{number}", self.name);
            chain.push(Step::new(name, by, ago_s, self.message(text)));
        }
        if self.title.is_some() {
            self.second_thoughts(people, &mut chain);
        }
        let last_seq = chain.len().saturating_sub(1) as u64;
        (chain, last_seq)
    }

    fn message(&self, text: String) -> SendMessage {
        let body = Body { text: Some(text), ..Body::default() };
        SendMessage { conversation: self.id, message_type: None, body, reply_to: None, media: None }
    }

    /// In each group someone corrects their last message and someone takes one back.
    fn second_thoughts(&self, people: &[Person], chain: &mut Chain) {
        let [.., first, second] = chain.as_slice() else { return };
        let (message, by, ago_s) = (MessageId(id_of(&first.name)), first.by, second.ago_s);
        let edit = EditMessage {
            conversation: self.id,
            message,
            body: Body { text: Some("(edited) I meant next week, sorry!".to_owned()), ..Body::default() },
        };
        let delete =
            DeleteMessage { conversation: self.id, message: MessageId(id_of(&second.name)), reason: None };
        let (edited, deleted) = (format!("{}:edit", self.name), format!("{}:delete", self.name));
        let deleted_by = second.by;
        let of = |user| people.iter().find(|person| person.user == user).unwrap_or(&people[0]);
        chain.push(Step::new(edited, of(by), ago_s * 0.9, edit));
        chain.push(Step::new(deleted, of(deleted_by), ago_s * 0.8, delete));
    }

    /// Most have read most of it; the first person has something left to read everywhere.
    fn reads(&self, people: &[Person], last_seq: u64) -> Wave {
        let mut dice = Dice::of(&self.name, 2);
        let mut wave = Wave::new();
        for &member in &self.members {
            let unread = if member == 0 { dice.between(2, 5) } else { dice.below(4) } as u64;
            if let Some(seq) = last_seq.checked_sub(unread) {
                let name = format!("{}:read:{member}", self.name);
                let command = MarkRead { conversation: self.id, seq };
                wave.push(vec![Step::new(name, &people[member], 10.0, command)]);
            }
        }
        wave
    }
}
