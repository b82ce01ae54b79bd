//! What happens in the demo, before anything of it does.
//!
//! A plan is a list of waves. What is in one wave depends on earlier waves only; a wave is made of chains, which can go
//! beside each other; the steps of a chain go one after the other.

use nova_command_api::Context;
use nova_domain::Command;
use nova_events::like::Target;
use nova_events::post::Visibility;
use nova_events::{Actor, CommentId, ConversationId, PostId, UserId};

use super::dice::Dice;
use super::people::{Person, people};
use super::topics::TOPICS;
use super::words;
use crate::import::id_of;

mod after;
mod chats;
mod graph;

/// How large the community is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub people: usize,
}

impl Size {
    pub const PEOPLE_MIN: usize = 20;
    pub const PEOPLE_MAX: usize = 5_000;
}

impl Default for Size {
    fn default() -> Self {
        Self { people: 400 }
    }
}

/// The posts of how many seconds before now.
const SPAN_S: f64 = 6.0 * DAY_S;
const DAY_S: f64 = 24.0 * 3600.0;

/// Posts per person, on average.
const POSTS_MEAN: f64 = 8.0;

/// Something that someone does.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// Its command id is the hash of it.
    pub(crate) name: String,
    pub(crate) by: UserId,
    pub(crate) moderator: bool,
    /// Seconds before now.
    pub(crate) ago_s: f64,
    pub(crate) act: Act,
}

#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// The person with this number; the hash of the handle is known only when it happens.
    Register(usize),
    Do(Command),
}

impl Step {
    fn new(name: String, by: &Person, ago_s: f64, command: impl Into<Command>) -> Self {
        Self { name, by: by.user, moderator: false, ago_s, act: Act::Do(command.into()) }
    }

    pub(crate) fn context(&self, now_ms: i64) -> Context {
        let command_id = id_of(&self.name);
        let at_ms = now_ms - (self.ago_s * 1000.0) as i64;
        Context {
            actor: Actor::User(self.by),
            moderator: self.moderator,
            ..Context::imported(self.by, command_id, at_ms)
        }
    }
}

pub(crate) type Chain = Vec<Step>;
pub(crate) type Wave = Vec<Chain>;

/// A post of the plan, as later parts need it.
#[derive(Debug, Clone)]
struct Post {
    name: String,
    id: PostId,
    author: usize,
    topic: usize,
    thing: &'static str,
    ago_s: f64,
    /// How much attention it gets; heavy-tailed.
    pull: f64,
}

impl Post {
    /// Seen by everybody, so that anybody can like and answer it. Among the quiet ones are those that are not.
    fn is_open(&self) -> bool {
        self.pull > 0.9
    }
}

/// A comment of the plan.
#[derive(Debug, Clone)]
struct Remark {
    id: CommentId,
    post: usize,
    author: usize,
    ago_s: f64,
}

/// Everything that happens.
#[derive(Debug)]
pub struct Plan {
    pub(crate) people: Vec<Person>,
    pub(crate) waves: Vec<Wave>,
    /// A public post of someone else than the first person, popular and recent: for the example requests.
    pub(crate) example_post: PostId,
    /// A group that the first person is in.
    pub(crate) example_conversation: Option<ConversationId>,
}

impl Plan {
    pub fn new(size: Size) -> Self {
        let people = people(size.people.clamp(Size::PEOPLE_MIN, Size::PEOPLE_MAX));
        let register =
            people.iter().enumerate().map(|(number, person)| vec![registration(number, person)]).collect();
        let graph = graph::graph(&people);
        let posts = posts(&people);
        let chats = chats::chats(&people);
        let (mut first, mut second, mut third, remarks) = comments(&people, &graph, &posts);

        let mut begin: Wave = graph.steps(&people);
        begin.extend(posts.iter().map(|post| vec![publish(&people, post)]));
        begin.extend(chats.starts);
        first.extend(chats.talks);
        second.extend(chats.reads);
        let example = posts.iter().filter(|post| post.author > 3 && post.ago_s < 2.0 * DAY_S);
        let example = example.max_by(|a, b| a.pull.total_cmp(&b.pull)).or(posts.first());
        let example_post = example.map_or(PostId(id_of("demo:post:none")), |post| post.id);
        third.extend(likes(&people, &graph, &posts, &remarks, example_post));
        let after = after::after(&people, &graph, &posts, example_post);
        let waves = vec![register, begin, first, second, third, after, after::last(&people)];
        Self { people, waves, example_post, example_conversation: chats.example }
    }

    pub fn steps(&self) -> usize {
        self.waves.iter().flatten().map(Vec::len).sum()
    }

    /// The step that only happens when all waves before it have: whoever finds it finds the whole community.
    pub(crate) fn last_command(&self) -> uuid::Uuid {
        id_of(after::LAST)
    }
}

fn registration(number: usize, person: &Person) -> Step {
    let mut dice = Dice::of("registration", number as u64);
    Step {
        name: format!("demo:person:{number}:register"),
        by: person.user,
        moderator: false,
        ago_s: SPAN_S + dice.unit() * 200.0 * DAY_S,
        act: Act::Register(number),
    }
}

fn posts(people: &[Person]) -> Vec<Post> {
    let mut posts = Vec::with_capacity(people.len() * POSTS_MEAN as usize);
    for (author, person) in people.iter().enumerate() {
        let mut dice = Dice::of("posts", author as u64);
        let count = (POSTS_MEAN * person.activity * (0.5 + dice.unit())) as usize;
        for at in 0..count {
            let topic = if dice.chance(0.7) {
                person.interests[0]
            } else {
                person.interests[dice.below(person.interests.len())]
            };
            let name = format!("demo:post:{author}:{at}");
            // The newest ones are minutes old: half of everything is of the last two days.
            let ago_s = 90.0 + dice.unit().powf(1.6) * SPAN_S;
            let pull = person.fame.sqrt() * (0.3 + dice.heavy_tail(1.3, 25.0));
            let id = PostId(id_of(&name));
            posts.push(Post { name, id, author, topic, thing: "", ago_s, pull });
        }
    }
    for (at, post) in posts.iter_mut().enumerate() {
        let mut dice = Dice::of("text", at as u64);
        post.thing = TOPICS[post.topic].things[dice.below(TOPICS[post.topic].things.len())];
    }
    posts
}

fn publish(people: &[Person], post: &Post) -> Step {
    let mut dice = Dice::of(&post.name, 1);
    let visibility = match dice.below(100) {
        _ if post.is_open() => Visibility::Public,
        0..10 => Visibility::Followers,
        10..13 => Visibility::Private,
        _ => Visibility::Public,
    };
    let text = words::post(TOPICS[post.topic], post.thing, &mut dice);
    let command = nova_domain::post::PublishPost { post: post.id, text, media: Vec::new(), visibility };
    Step::new(post.name.clone(), &people[post.author], post.ago_s, command)
}

/// Comments on posts, answers to them, and answers to those: a wave each.
fn comments(people: &[Person], graph: &graph::Graph, posts: &[Post]) -> (Wave, Wave, Wave, Vec<Remark>) {
    let (mut first, mut second, mut third) = (Wave::new(), Wave::new(), Wave::new());
    let mut remarks = Vec::new();
    for (at, post) in posts.iter().enumerate().filter(|(_, post)| post.is_open()) {
        let mut dice = Dice::of(&post.name, 2);
        let topic = TOPICS[post.topic];
        let count = (dice.heavy_tail(1.5, 12.0) * post.pull.sqrt()).round() as usize;
        for number in 0..count.min(30) {
            let Some(author) = graph.someone_near(post.author, post.topic, &mut dice) else { continue };
            let name = format!("{}:comment:{number}", post.name);
            let ago_s = later(post.ago_s, 3.0 * 3600.0, &mut dice);
            let text = words::reply(topic, post.thing, &mut dice);
            let id = CommentId(id_of(&name));
            first.push(vec![comment(name.clone(), &people[author], ago_s, id, post.id, None, text)]);
            remarks.push(Remark { id, post: at, author, ago_s });
            // Mostly it is the post's author who answers.
            if !dice.chance(0.35) || author == post.author {
                continue;
            }
            let (back_name, back_ago_s) = (format!("{name}:back"), later(ago_s, 3600.0, &mut dice));
            let back = CommentId(id_of(&back_name));
            let text = words::reply_back(topic, post.thing, &mut dice);
            let answerer = &people[post.author];
            second.push(vec![comment(back_name, answerer, back_ago_s, back, post.id, Some(id), text)]);
            remarks.push(Remark { id: back, post: at, author: post.author, ago_s: back_ago_s });
            if dice.chance(0.3) {
                let last_name = format!("{name}:again");
                let last = CommentId(id_of(&last_name));
                let ago_s = later(back_ago_s, 3600.0, &mut dice);
                let text = words::reply_back(topic, post.thing, &mut dice);
                third.push(vec![comment(last_name, &people[author], ago_s, last, post.id, Some(back), text)]);
            }
        }
    }
    (first, second, third, remarks)
}

fn comment(
    name: String,
    by: &Person,
    ago_s: f64,
    comment: CommentId,
    post: PostId,
    parent: Option<CommentId>,
    text: String,
) -> Step {
    Step::new(name, by, ago_s, nova_domain::comment::AddComment { comment, post, parent, text })
}

/// Likes of posts, few of most and many of few, and some of comments. The first person leaves `spared` to be liked.
fn likes(
    people: &[Person],
    graph: &graph::Graph,
    posts: &[Post],
    remarks: &[Remark],
    spared: PostId,
) -> Wave {
    let mut wave = Wave::new();
    let mut like = |user: usize, target: Target, what: &str, ago_s: f64| {
        let name = format!("demo:like:{user}:{what}");
        wave.push(vec![Step::new(name, &people[user], ago_s, nova_domain::like::Like { target })]);
    };
    for post in posts.iter().filter(|post| post.is_open()) {
        let mut dice = Dice::of(&post.name, 3);
        let wanted = (post.pull * (1.0 + dice.unit() * 2.5)) as usize;
        for user in graph.several_near(post.author, post.topic, wanted.min(people.len() / 2), &mut dice) {
            let ago_s = later(post.ago_s, 5.0 * 3600.0, &mut dice);
            if user != 0 || post.id != spared {
                like(user, Target::Post(post.id), &post.name, ago_s);
            }
        }
    }
    for remark in remarks {
        let mut dice = Dice::of("remark", remark.id.0.as_u64_pair().0);
        let post = &posts[remark.post];
        let wanted = (dice.heavy_tail(1.6, 8.0) * 0.7) as usize;
        for user in graph.several_near(post.author, post.topic, wanted, &mut dice) {
            if user != remark.author {
                let what = remark.id.0.simple().to_string();
                like(user, Target::Comment(remark.id), &what, later(remark.ago_s, 3600.0, &mut dice));
            }
        }
    }
    wave
}

/// A while after something that was `ago_s` seconds ago, and before now.
fn later(ago_s: f64, mean_s: f64, dice: &mut Dice) -> f64 {
    let waited = dice.waiting(mean_s);
    if waited < ago_s - 5.0 { ago_s - waited } else { ago_s * (0.1 + 0.8 * dice.unit()) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_plan_is_the_same_every_time_and_names_nothing_twice() {
        let plan = Plan::new(Size { people: 120 });
        let names: Vec<_> = plan.waves.iter().flatten().flatten().map(|step| step.name.clone()).collect();
        let again = Plan::new(Size { people: 120 });
        let names_again: Vec<_> =
            again.waves.iter().flatten().flatten().map(|step| step.name.clone()).collect();
        assert_eq!(names, names_again);
        let different: HashSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        assert_eq!(names.last().map(String::as_str), Some(after::LAST));
    }

    #[test]
    fn nothing_happens_in_the_future_or_before_its_cause() {
        let plan = Plan::new(Size { people: 120 });
        assert!(plan.waves.iter().flatten().flatten().all(|step| step.ago_s > 0.0));
        for chain in plan.waves.iter().flatten() {
            assert!(chain.windows(2).all(|two| two[0].ago_s >= two[1].ago_s), "{}", chain[0].name);
        }
    }

    #[test]
    fn the_community_is_of_the_size_that_a_feed_needs() {
        let plan = Plan::new(Size::default());
        let count = |wanted: &str| {
            let steps = plan.waves.iter().flatten().flatten();
            steps.filter(|step| matches!(&step.act, Act::Do(command) if command.name() == wanted)).count()
        };
        assert!((2_000..8_000).contains(&count("PublishPost")), "{} posts", count("PublishPost"));
        assert!((2_000..12_000).contains(&count("AddComment")), "{} comments", count("AddComment"));
        assert!((8_000..40_000).contains(&count("Like")), "{} likes", count("Like"));
        assert!((4_000..15_000).contains(&count("Follow")), "{} follows", count("Follow"));
        assert!((1_000..6_000).contains(&count("SendMessage")), "{} messages", count("SendMessage"));
        for rare in
            ["EditPost", "DeletePost", "Block", "EditMessage", "DeleteMessage", "MarkRead", "RestorePost"]
        {
            assert!(count(rare) > 0, "{rare}");
        }
    }
}
