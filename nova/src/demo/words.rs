//! From templates to texts.

use super::dice::Dice;
use super::topics::Topic;

/// Said after a post now and then.
const TAILS: &[&str] = &[
    "Anyone around here who does the same?",
    "Pictures follow when I find the cable.",
    "That is all. Carry on.",
    "More on this when I know more.",
    "I am still smiling.",
    "Tell me I am not the only one.",
    "Next attempt on Sunday.",
    "No further questions.",
    "Thanks to everybody who answered last week!",
    "It has been a long week and this was the good part.",
];

/// Answers that fit any topic.
const ANY_REPLIES: &[&str] = &[
    "This made my morning.",
    "Saving this for later, thank you.",
    "I had exactly the same last month.",
    "Please keep us posted!",
    "You make it sound easy.",
    "Now I want to try it myself.",
    "Best thing I have read today.",
    "How long did it take you in the end?",
    "Not sure I agree, but I like how you put it.",
    "My partner says I am not allowed to start another hobby. I showed them this.",
];

/// Answers to an answer.
const BACK_REPLIES: &[&str] = &[
    "Good point, I had not thought of that.",
    "Thank you! I will try it and report back.",
    "Ha, fair enough.",
    "About an afternoon, if nothing goes wrong. Something always goes wrong.",
    "Yes, exactly that.",
    "I can show you next time, it is easier than explaining.",
    "Let me look it up, I wrote it down somewhere.",
    "You are too kind.",
];

/// Why a moderator took something down.
pub(crate) const MODERATION_REASONS: &[&str] = &[
    "Advertising, third time this week.",
    "Insults another member.",
    "Posted in five places at once.",
    "Spam link.",
];

/// A post about `thing`.
pub(crate) fn post(topic: &Topic, thing: &str, dice: &mut Dice) -> String {
    let mut text = fill(dice.pick(topic.posts), topic, thing, dice);
    if dice.chance(0.22) {
        text.push(' ');
        text.push_str(dice.pick(TAILS));
    }
    if dice.chance(0.3) {
        text.push_str(" #");
        text.push_str(topic.name);
    }
    text
}

/// A comment on a post about `thing`.
pub(crate) fn reply(topic: &Topic, thing: &str, dice: &mut Dice) -> String {
    if dice.chance(0.3) {
        return dice.pick(ANY_REPLIES).to_owned();
    }
    fill(dice.pick(topic.replies), topic, thing, dice)
}

/// A comment on a comment.
pub(crate) fn reply_back(topic: &Topic, thing: &str, dice: &mut Dice) -> String {
    if dice.chance(0.65) { dice.pick(BACK_REPLIES).to_owned() } else { reply(topic, thing, dice) }
}

/// Fills the slots of a template.
pub(crate) fn fill(template: &str, topic: &Topic, thing: &str, dice: &mut Dice) -> String {
    let mut text = String::with_capacity(template.len() + 60);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let (slot, after) = after.split_once('}').unwrap_or((after, ""));
        rest = after;
        match slot {
            "thing" => {
                let begins_with_vowel = thing.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O']);
                if begins_with_vowel && text.ends_with(" a ") {
                    text.insert(text.len() - 1, 'n');
                }
                text.push_str(thing);
            }
            "spot" => text.push_str(dice.pick(topic.spots)),
            "find" => push_sentence(&mut text, dice.pick(topic.finds)),
            "n" => text.push_str(&dice.between(2, 12).to_string()),
            _ => text.push_str(slot),
        }
    }
    text.push_str(rest);
    text
}

/// With a capital where a sentence begins.
fn push_sentence(text: &mut String, sentence: &str) {
    let begins = text.is_empty() || text.ends_with(". ") || text.ends_with("! ") || text.ends_with("? ");
    let mut chars = sentence.chars();
    match chars.next() {
        Some(first) if begins => text.extend(first.to_uppercase().chain(chars)),
        _ => text.push_str(sentence),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::topics::TOPICS;
    use super::*;

    #[test]
    fn every_template_of_every_topic_fills_without_a_slot_left() {
        let mut dice = Dice::of("test", 0);
        for topic in TOPICS {
            for template in topic.posts.iter().chain(topic.replies) {
                for thing in topic.things {
                    let text = fill(template, topic, thing, &mut dice);
                    assert!(!text.contains(['{', '}']), "{text}");
                    assert!(text.chars().next().is_some_and(|c| c.is_uppercase() || c == '\''), "{text}");
                }
            }
        }
    }

    #[test]
    fn articles_and_capitals_fit() {
        let topic = TOPICS[0];
        let mut dice = Dice::of("test", 1);
        assert_eq!(fill("Such a {thing}.", topic, "old apple tree", &mut dice), "Such an old apple tree.");
        let text = fill("Yes! {find}.", topic, "", &mut dice);
        assert!(text.chars().nth(5).is_some_and(char::is_uppercase), "{text}");
    }

    #[test]
    fn posts_are_varied() {
        let mut dice = Dice::of("test", 2);
        let texts: HashSet<_> = (0..4000)
            .map(|at| {
                let topic = TOPICS[at % TOPICS.len()];
                let thing = dice.pick(topic.things);
                post(topic, thing, &mut dice)
            })
            .collect();
        assert!(texts.len() > 2800, "{} different texts of 4000", texts.len());
    }
}
