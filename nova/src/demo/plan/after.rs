//! What happens to things afterwards: edits, deletions by authors and moderators, a restoration, blocks.

use nova_domain::block::Block;
use nova_domain::post::{DeletePost, EditPost, RestorePost};
use nova_domain::user::ChangeProfile;
use nova_events::PostId;

use super::graph::Graph;
use super::{DAY_S, Post, Step, Wave, later};
use crate::demo::dice::Dice;
use crate::demo::people::Person;
use crate::demo::topics::TOPICS;
use crate::demo::words;

/// The name of the very last step.
pub(super) const LAST: &str = "demo:last";

/// `spared` stays as it is.
pub(super) fn after(people: &[Person], graph: &Graph, posts: &[Post], spared: PostId) -> Vec<Vec<Step>> {
    let mut wave = Wave::new();
    for post in posts.iter().filter(|post| post.id != spared) {
        let mut dice = Dice::of(&post.name, 4);
        let author = &people[post.author];
        let ago_s = later(post.ago_s, 2.0 * 3600.0, &mut dice);
        match dice.below(1000) {
            0..25 => {
                let text = words::post(TOPICS[post.topic], post.thing, &mut Dice::of(&post.name, 1));
                let text = format!("{text} (Edit: fixed a typo.)");
                let command = EditPost { post: post.id, text };
                wave.push(vec![Step::new(format!("{}:edit", post.name), author, ago_s, command)]);
            }
            25..33 => {
                let reason = dice.chance(0.5).then(|| "Said it better elsewhere.".to_owned());
                let delete = DeletePost { post: post.id, reason };
                wave.push(vec![Step::new(format!("{}:delete", post.name), author, ago_s, delete)]);
            }
            33..36 => {
                let delete = DeletePost { post: post.id, reason: Some("Posted by mistake.".to_owned()) };
                let restore = RestorePost { post: post.id };
                wave.push(vec![
                    Step::new(format!("{}:delete", post.name), author, ago_s, delete),
                    Step::new(format!("{}:restore", post.name), author, ago_s * 0.5, restore),
                ]);
            }
            36..41 => {
                let reason = Some(dice.pick(words::MODERATION_REASONS).to_owned());
                let delete = DeletePost { post: post.id, reason };
                let step = Step::new(format!("{}:moderate", post.name), &people[1], ago_s, delete);
                wave.push(vec![Step { moderator: true, ..step }]);
            }
            _ => {}
        }
    }
    wave.extend(blocks(people, graph));
    wave
}

/// The wave that ends the plan.
pub(super) fn last(people: &[Person]) -> Wave {
    let bio = Some("I keep it running. Birds before breakfast, dashboards after.".to_owned());
    let command = ChangeProfile { bio, ..ChangeProfile::default() };
    vec![vec![Step::new(LAST.to_owned(), &people[3], 1.0, command)]]
}

fn blocks(people: &[Person], graph: &Graph) -> Wave {
    let mut wave = Wave::new();
    for blocker in 4..people.len() {
        let mut dice = Dice::of("blocks", blocker as u64);
        let blocked = 4 + dice.below(people.len() - 4);
        let strangers = !graph.follows(blocker, blocked) && !graph.follows(blocked, blocker);
        if blocker != blocked && strangers && dice.chance(0.06) {
            let command = Block { user: people[blocked].user };
            let name = format!("demo:block:{blocker}:{blocked}");
            wave.push(vec![Step::new(name, &people[blocker], dice.unit() * DAY_S + 60.0, command)]);
        }
    }
    wave
}
