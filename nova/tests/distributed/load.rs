//! People who use the product, each one thing after the other, for as long as the test wants.
//!
//! Everyone does only what changes something, so that every command that is done has its events. A command that is not
//! answered is sent again with its key, to whoever answers; now and then someone gives up instead, and never finds out.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nova_events::UserId;
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::ledger::{Asked, Deed, Ledger, Told};
use crate::process::Role;

pub(crate) const PEOPLE: usize = 8;

/// So few that the limits of a ranked feed (200 posts that trend, 500 of followees) leave nothing out.
const POSTS_EACH_MAX: usize = 18;
/// Between two commands of a person.
const PAUSE_MS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// Of those who give up.
const LITTLE_PATIENCE: Duration = Duration::from_millis(30);

/// People, one group of all of them, and everything that they were told.
pub(crate) struct Town {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) people: Vec<(UserId, String)>,
    pub(crate) group: Uuid,
    pub(crate) ledger: Ledger,
    posts: Mutex<Vec<Uuid>>,
    /// Counts the texts, so that no two are alike: an edit to the text that is there already does nothing.
    said: AtomicU64,
    reads: AtomicU64,
    unanswered_reads: AtomicU64,
}

impl Town {
    pub(crate) async fn found(cluster: &Arc<Cluster>) -> Arc<Self> {
        let ledger = Ledger::default();
        let people: Vec<_> = (0..PEOPLE)
            .map(|_| {
                let user = UserId::make();
                (user, cluster.token(user))
            })
            .collect();
        let mut group = None;
        let registrations = (0..PEOPLE).map(|n| (n, Deed::Register(format!("person_{n}"))));
        let everyone = people.iter().map(|(user, _)| *user).collect();
        for (n, deed) in registrations.chain([(0, Deed::StartGroup(everyone))]) {
            let (user, token) = &people[n];
            let asked = Asked::new(*user, deed);
            let answer = cluster.ask(Role::CommandApi, PATIENCE, |api| asked.ask(api, token)).await;
            let told = Told::of(answer.as_ref());
            let Told::Done { id, .. } = told else { panic!("{asked:?}: {told:?}; {}", cluster.trouble()) };
            group = Some(id);
            ledger.write(asked, told);
        }
        Arc::new(Self {
            cluster: Arc::clone(cluster),
            people,
            group: group.unwrap(),
            ledger,
            posts: Mutex::default(),
            said: AtomicU64::default(),
            reads: AtomicU64::new(0),
            unanswered_reads: AtomicU64::new(0),
        })
    }

    /// One of them publishes a post.
    pub(crate) async fn publishes(&self, n: usize, text: &str) -> Uuid {
        let (user, token) = &self.people[n];
        let asked = Asked::new(*user, Deed::Publish(text.to_owned()));
        let answer = self.cluster.ask(Role::CommandApi, PATIENCE, |api| asked.ask(api, token)).await;
        let told = Told::of(answer.as_ref());
        let Told::Done { id, .. } = told else { panic!("{asked:?}: {told:?}; {}", self.cluster.trouble()) };
        self.ledger.write(asked, told);
        id
    }

    /// Everyone starts.
    pub(crate) fn busy(self: &Arc<Self>, dice: &mut Dice) -> Busy {
        let stop = Arc::new(AtomicBool::new(false));
        let mut tasks = Vec::new();
        for n in 0..PEOPLE {
            let person = Person::new(self, n, dice.split());
            tasks.push(tokio::spawn(person.run(Arc::clone(&stop))));
        }
        tasks.push(tokio::spawn(Arc::clone(self).look(dice.split(), Arc::clone(&stop))));
        Busy { town: Arc::clone(self), began: Instant::now(), before: self.ledger.counts().0, stop, tasks }
    }

    /// Someone who looks at timelines, feeds and posts.
    async fn look(self: Arc<Self>, mut dice: Dice, stop: Arc<AtomicBool>) {
        while !stop.load(Ordering::Relaxed) {
            let (_, token) = &self.people[dice.below(PEOPLE as u64) as usize];
            let paths = ["/timeline", "/feed", "/trending", "/conversations"];
            let path = paths[dice.below(paths.len() as u64) as usize];
            let patience = Duration::from_secs(2);
            let answer =
                self.cluster.ask(Role::QueryApi, patience, |api| api.ask("GET", path).token(token)).await;
            self.reads.fetch_add(1, Ordering::Relaxed);
            match answer {
                Some(answer) => assert!(answer.status.is_success(), "{path}: {}", answer.body),
                None => {
                    self.unanswered_reads.fetch_add(1, Ordering::Relaxed);
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// People who are at it.
pub(crate) struct Busy {
    town: Arc<Town>,
    began: Instant,
    before: usize,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Busy {
    /// They finish what they have begun.
    pub(crate) async fn rest(self) {
        let took = self.began.elapsed();
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("nobody was told something wrong");
        }
        let (done, refused, maybe) = self.town.ledger.counts();
        let (reads, unanswered) =
            (self.town.reads.load(Ordering::Relaxed), self.town.unanswered_reads.load(Ordering::Relaxed));
        println!(
            "{done} commands done, {refused} refused, {maybe} maybe; {:.0} a second over {:.0} s; {reads} reads, \
             {unanswered} of them unanswered for 2 s; attempts by status: {:?}",
            (done - self.before) as f64 / took.as_secs_f64(),
            took.as_secs_f64(),
            self.town.cluster.attempts()
        );
        let faults_of_ours = self.town.cluster.attempts().get(&500).copied();
        assert_eq!(faults_of_ours, None, "what is not there is answered with 503");
        let changed = done - self.before;
        assert!(
            changed > 50,
            "only {changed} commands were done: nothing was tested; {}",
            self.town.cluster.trouble()
        );
    }
}

struct Person {
    town: Arc<Town>,
    n: usize,
    dice: Dice,
    /// Published, deleted.
    mine: Vec<(Uuid, bool)>,
    published: usize,
    likes: HashSet<Uuid>,
    follows: HashSet<UserId>,
    /// What became of these was never found out.
    unsure: HashSet<Uuid>,
}

impl Person {
    fn new(town: &Arc<Town>, n: usize, dice: Dice) -> Self {
        // They go on where they stopped.
        let (user, _) = town.people[n];
        let mut person = Self {
            town: Arc::clone(town),
            n,
            dice,
            mine: Vec::new(),
            published: 0,
            likes: HashSet::new(),
            follows: HashSet::new(),
            unsure: HashSet::new(),
        };
        for (asked, told) in town.ledger.lines() {
            if asked.user == user {
                person.learn(&asked.deed, &told);
            }
        }
        person
    }

    async fn run(mut self, stop: Arc<AtomicBool>) {
        let (user, token) = self.town.people[self.n].clone();
        while !stop.load(Ordering::Relaxed) {
            let asked = Asked::new(user, self.next());
            let patience = if self.dice.below(20) == 0 { LITTLE_PATIENCE } else { PATIENCE };
            let cluster = &self.town.cluster;
            let answer = cluster.ask(Role::CommandApi, patience, |api| asked.ask(api, &token)).await;
            let told = Told::of(answer.as_ref());
            if let Told::Refused(why) = &told {
                // Someone else may just have deleted the post. Nothing else is in the way.
                let about_a_post = matches!(asked.deed, Deed::Like(_) | Deed::Comment(..));
                assert!(about_a_post && why.starts_with("410"), "{asked:?} is refused: {why}");
            }
            self.learn(&asked.deed, &told);
            if let (Deed::Publish(_), Told::Done { id, .. }) = (&asked.deed, &told) {
                self.town.posts.lock().push(*id);
            }
            self.town.ledger.write(asked, told);
            tokio::time::sleep(Duration::from_millis(PAUSE_MS)).await;
        }
    }

    fn learn(&mut self, deed: &Deed, told: &Told) {
        let done = match told {
            Told::Done { id, .. } => Some(*id),
            Told::Refused(_) => return,
            Told::Maybe => None,
        };
        match (deed, done) {
            (Deed::Publish(_), done) => {
                self.published += 1;
                self.mine.extend(done.map(|id| (id, false)));
            }
            (Deed::Delete(post) | Deed::Restore(post), Some(_)) => {
                let deleted = matches!(deed, Deed::Delete(_));
                self.mine.iter_mut().filter(|(id, _)| id == post).for_each(|(_, is)| *is = deleted);
            }
            (Deed::Delete(post) | Deed::Restore(post), None) => self.mine.retain(|(id, _)| id != post),
            (Deed::Like(post), Some(_)) => drop(self.likes.insert(*post)),
            (Deed::Unlike(post), Some(_)) => drop(self.likes.remove(post)),
            (Deed::Like(post) | Deed::Unlike(post), None) => drop(self.unsure.insert(*post)),
            (Deed::Follow(user), Some(_)) => drop(self.follows.insert(*user)),
            (Deed::Unfollow(user), Some(_)) => drop(self.follows.remove(user)),
            (Deed::Follow(user) | Deed::Unfollow(user), None) => drop(self.unsure.insert(user.0)),
            (
                Deed::Register(_) | Deed::StartGroup(_) | Deed::Edit(..) | Deed::Comment(..) | Deed::Say(..),
                _,
            ) => {}
        }
    }

    fn next(&mut self) -> Deed {
        let said = self.town.said.fetch_add(1, Ordering::Relaxed);
        let text = format!("{said} words of person {}, word{}", self.n, self.dice.below(7));
        loop {
            if let Some(deed) = self.think_of(&text) {
                return deed;
            }
        }
    }

    fn think_of(&mut self, text: &str) -> Option<Deed> {
        let posts = self.town.posts.lock().clone();
        let text = text.to_owned();
        match self.dice.below(100) {
            0..=14 if self.published < POSTS_EACH_MAX => Some(Deed::Publish(text)),
            0..=14 => {
                let (post, deleted) = self.dice.pick(&self.mine)?;
                (!deleted).then_some(Deed::Edit(post, text))
            }
            15..=39 => {
                let post = self.dice.pick(&posts).filter(|post| !self.unsure.contains(post))?;
                Some(if self.likes.contains(&post) { Deed::Unlike(post) } else { Deed::Like(post) })
            }
            40..=54 => Some(Deed::Comment(self.dice.pick(&posts)?, text)),
            55..=64 => {
                let (other, _) = self.dice.pick(&self.town.people)?;
                let sure = other != self.town.people[self.n].0 && !self.unsure.contains(&other.0);
                let deed =
                    if self.follows.contains(&other) { Deed::Unfollow(other) } else { Deed::Follow(other) };
                sure.then_some(deed)
            }
            65..=74 => {
                let (post, deleted) = self.dice.pick(&self.mine)?;
                Some(if deleted { Deed::Restore(post) } else { Deed::Delete(post) })
            }
            _ => Some(Deed::Say(self.town.group, text)),
        }
    }
}
