//! What people say to each other in conversations: little dialogues, strung together. Lines take turns.

use super::dice::Dice;
use super::topics::Topic;
use super::words::fill;

const DIALOGUES: &[&[&str]] = &[
    &[
        "Are you free on Saturday? I want to show you the {thing}.",
        "Saturday is good. Morning or afternoon?",
        "Morning, before it gets crowded.",
        "Nine o'clock then. I bring coffee.",
    ],
    &[
        "Did you see the post about the {thing}?",
        "Which one? There were three.",
        "The one with all the comments.",
        "Oh yes. I typed an answer and deleted it again.",
        "Wise.",
    ],
    &[
        "How is the {thing} coming along?",
        "Slowly. I had a setback yesterday.",
        "What happened?",
        "I was impatient. You know the rule: {find}.",
        "I do know the rule. I break it weekly.",
    ],
    &[
        "Quick question: would you lend me your notes on the {thing}?",
        "Of course. They are a mess though.",
        "Mine are worse.",
        "I will scan them tonight.",
        "You are the best, thank you!",
    ],
    &["Guess where I am.", "At home?", "No: {spot}!", "Without me??", "I will make it up to you."],
    &[
        "Sorry for the late answer, it has been a week.",
        "No problem at all. Everything all right?",
        "Yes, just work. I need an evening with the {thing}.",
        "Same. Thursday?",
        "Thursday it is.",
    ],
    &[
        "I think I finally understand what you meant with the {thing}.",
        "Tell me!",
        "It is simple once you see it: {find}.",
        "I have been saying this for {n} years.",
    ],
    &[
        "Can somebody take my place {spot} next week? I am travelling.",
        "I can, if you show me how everything works.",
        "It takes {n} minutes, I promise.",
        "Last time it took two hours.",
        "Last time was special.",
    ],
    &[
        "Happy birthday!!",
        "Thank you! You remembered!",
        "The calendar remembered. I only typed.",
        "I will take it.",
    ],
    &[
        "What do you think, is the {thing} worth the money?",
        "Honestly? No. Buy it used and spend the rest on dinner.",
        "That is what I hoped you would say.",
    ],
    &[
        "I have {n} of them left over. Do you want one?",
        "Always! When can I come by?",
        "After six, any day.",
        "On my way home tomorrow then.",
    ],
    &[
        "The weather looks terrible for the weekend.",
        "Good weather for the {thing}, actually.",
        "You always say that.",
        "And am I ever wrong?",
        "I have a list.",
    ],
];

/// At least `length` lines, ending with a whole dialogue.
pub(super) fn lines(topic: &Topic, length: usize, dice: &mut Dice) -> Vec<String> {
    let mut lines = Vec::with_capacity(length + 6);
    let mut last = DIALOGUES.len();
    while lines.len() < length {
        let at = dice.below(DIALOGUES.len());
        if at == last {
            continue;
        }
        last = at;
        let thing = dice.pick(topic.things);
        lines.extend(DIALOGUES[at].iter().map(|line| fill(line, topic, thing, dice)));
    }
    lines
}
