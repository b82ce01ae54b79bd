//! Who follows whom: communities around topics, with hubs that many follow.

use std::collections::{BTreeSet, HashSet};

use nova_domain::follow::Follow;

use super::{DAY_S, SPAN_S, Step, Wave};
use crate::demo::dice::Dice;
use crate::demo::people::Person;
use crate::demo::topics::TOPICS;

#[derive(Debug)]
pub(super) struct Graph {
    /// By follower, in the order of their number.
    following: Vec<BTreeSet<usize>>,
    followers: Vec<Vec<usize>>,
    /// By topic: those who are interested in it.
    circles: Vec<Vec<usize>>,
}

pub(super) fn graph(people: &[Person]) -> Graph {
    let circles: Vec<Vec<usize>> = (0..TOPICS.len())
        .map(|topic| (0..people.len()).filter(|&at| people[at].interests.contains(&topic)).collect())
        .collect();
    let everybody: Vec<usize> = (0..people.len()).collect();
    let hubs = Ranked::of(people, &everybody);
    let ranked: Vec<Ranked> = circles.iter().map(|circle| Ranked::of(people, circle)).collect();
    let mut following = vec![BTreeSet::new(); people.len()];
    for (follower, person) in people.iter().enumerate() {
        let mut dice = Dice::of("follows", follower as u64);
        let wanted = if follower == 0 { 60 } else { 5 + (dice.heavy_tail(1.4, 6.0) * 9.0) as usize };
        for _ in 0..wanted {
            let near = &ranked[person.interests[dice.below(person.interests.len())]];
            let whom = if dice.chance(0.8) { near.pick(&mut dice) } else { hubs.pick(&mut dice) };
            if whom.is_some_and(|whom| whom != follower) {
                following[follower].extend(whom);
            }
        }
    }
    // Every third is answered.
    for follower in 0..people.len() {
        let mut dice = Dice::of("answers", follower as u64);
        for whom in following[follower].clone() {
            if dice.chance(0.33) {
                following[whom].insert(follower);
            }
        }
    }
    let mut followers = vec![Vec::new(); people.len()];
    for (follower, whom) in following.iter().enumerate() {
        for &whom in whom {
            followers[whom].push(follower);
        }
    }
    Graph { following, followers, circles }
}

impl Graph {
    pub(super) fn steps(&self, people: &[Person]) -> Wave {
        let mut wave = Wave::new();
        for (follower, whom) in self.following.iter().enumerate() {
            let mut dice = Dice::of("follow times", follower as u64);
            for &whom in whom {
                let name = format!("demo:follow:{follower}:{whom}");
                let ago_s = SPAN_S * 0.5 + dice.unit() * 30.0 * DAY_S;
                let user = people[whom].user;
                wave.push(vec![Step::new(name, &people[follower], ago_s, Follow { user })]);
            }
        }
        wave
    }

    pub(super) fn follows(&self, follower: usize, whom: usize) -> bool {
        self.following[follower].contains(&whom)
    }

    /// Someone who follows `author` or is interested in the topic, and is not the author.
    pub(super) fn someone_near(&self, author: usize, topic: usize, dice: &mut Dice) -> Option<usize> {
        let (followers, circle) = (&self.followers[author], &self.circles[topic]);
        let from = if dice.chance(0.7) && !followers.is_empty() { followers } else { circle };
        from.get(dice.below(from.len())).copied().filter(|&someone| someone != author)
    }

    /// Up to `wanted` different ones.
    pub(super) fn several_near(
        &self,
        author: usize,
        topic: usize,
        wanted: usize,
        dice: &mut Dice,
    ) -> Vec<usize> {
        let mut seen = HashSet::new();
        // Some are drawn twice: then there are a few less than wanted, as in life.
        (0..wanted)
            .filter_map(|_| self.someone_near(author, topic, dice))
            .filter(|&one| seen.insert(one))
            .collect()
    }
}

/// People to pick from, the famous ones more often.
struct Ranked {
    people: Vec<usize>,
    /// The sum of fame up to and including each.
    sums: Vec<f64>,
}

impl Ranked {
    fn of(people: &[Person], among: &[usize]) -> Self {
        let mut sum = 0.0;
        let sums = among.iter().map(|&at| {
            sum += people[at].fame;
            sum
        });
        Self { sums: sums.collect(), people: among.to_vec() }
    }

    fn pick(&self, dice: &mut Dice) -> Option<usize> {
        let point = dice.unit() * self.sums.last()?;
        let at = self.sums.partition_point(|&sum| sum <= point);
        self.people.get(at).copied()
    }
}
