//! Where people are told what happens, and what breaks around them: Redis, one of two query-apis, the networks to each.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nova_events::UserId;
use nova_testkit::fault_proxy::{FaultProxy, Faults};
use parking_lot::Mutex;
use serde_json::json;
use uuid::Uuid;

use crate::cluster::Cluster;
use crate::dice::Dice;
use crate::process::Role;
use crate::servers::Servers;

pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A number of the environment.
pub(crate) fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// One query-api behind a network of its own.
struct Instance {
    process: u32,
    proxy: FaultProxy,
}

/// Where clients connect to.
#[derive(Default)]
pub(crate) struct Doors(Mutex<Vec<SocketAddr>>);

impl Doors {
    pub(crate) fn any(&self, dice: &mut Dice) -> Option<SocketAddr> {
        dice.pick(&self.0.lock())
    }
}

/// A conversation and those in it, with their tokens.
pub(crate) struct Group {
    pub(crate) conversation: Uuid,
    pub(crate) members: Vec<(UserId, String)>,
}

/// All roles on real servers, of which some may break.
pub(crate) struct Stage {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) doors: Arc<Doors>,
    instances: Vec<Instance>,
    to_redis: FaultProxy,
}

impl Stage {
    /// Everything runs: two of command-api, two of query-api, each of these with a network of its own.
    pub(crate) async fn set() -> Self {
        let more = [("NOVA__LIVE__DRAIN_MS", "2000"), ("NOVA__LIVE__CONNECTIONS_PER_USER_MAX", "200")];
        let cluster = Arc::new(Cluster::found(Servers::own, &more).await);
        let redis = cluster.servers.redis.clone();
        let to_redis = FaultProxy::start(place(&redis).to_owned()).await.unwrap();
        let through = redis.replace(place(&redis), &to_redis.address().to_string());
        cluster.set_for(Role::QueryApi, "NOVA__REDIS__URL", through);
        cluster.start(&[Role::CommandApi], 2).await;
        let mut stage = Self { cluster, doors: Arc::default(), instances: Vec::new(), to_redis };
        stage.open().await;
        stage.open().await;
        stage
    }

    /// People, registered, and the groups that they talk in: each is in one of them.
    pub(crate) async fn groups(&self, clients: usize, conversations: usize) -> Vec<Group> {
        let people: Vec<(UserId, String)> = (0..clients)
            .map(|_| {
                let user = UserId::make();
                (user, self.cluster.token(user))
            })
            .collect();
        for (n, (_, token)) in people.iter().enumerate() {
            let body = json!({"handle": format!("someone_{n}"), "display_name": "Someone"});
            let asked = self.cluster.ask(Role::CommandApi, PATIENCE, |api| {
                api.ask("POST", "/users")
                    .token(token)
                    .header("idempotency-key", Uuid::new_v4().to_string())
                    .json(&body)
            });
            asked.await.unwrap().ok();
        }
        let mut groups = Vec::new();
        for n in 0..conversations {
            let members: Vec<_> = people.iter().skip(n).step_by(conversations).cloned().collect();
            let ids: Vec<UserId> = members.iter().map(|(user, _)| *user).collect();
            let body = json!({"kind": "group", "title": format!("group {n}"), "members": ids});
            let asked = self.cluster.ask(Role::CommandApi, PATIENCE, |api| {
                api.ask("POST", "/conversations").token(&members[0].1).json(&body)
            });
            groups.push(Group { conversation: asked.await.unwrap().id(), members });
        }
        groups
    }
    /// One kind of fault after the other, until the time is over; how often each was seen.
    pub(crate) async fn faults(&mut self, dice: &mut Dice, lasting: Duration) -> Vec<&'static str> {
        const KINDS: [&str; 9] = [
            "redis killed",
            "query-api killed",
            "network to query-api silent",
            "redis stopped",
            "query-api stopped",
            "network to query-api cut",
            "network to redis silent",
            "query-api drained",
            "network to redis cut",
        ];
        let (began, mut seen) = (Instant::now(), Vec::new());
        let pause = Duration::from_millis(1_000);
        for kind in KINDS.iter().cycle() {
            if began.elapsed() >= lasting {
                break;
            }
            let which = usize::try_from(dice.below(2)).unwrap();
            match *kind {
                "redis killed" => {
                    let servers = self.cluster.servers.clone();
                    tokio::task::block_in_place(|| servers.kill_and_start("redis", Duration::from_secs(1)));
                }
                "redis stopped" => {
                    let servers = self.cluster.servers.clone();
                    tokio::task::block_in_place(|| servers.stop_for("redis", Duration::from_secs(3)));
                }
                "query-api killed" => self.replace(which, false).await,
                "query-api drained" => self.replace(which, true).await,
                "query-api stopped" => {
                    let process = self.instances[which].process;
                    self.cluster.with(process, |process| process.signal("STOP"));
                    tokio::time::sleep(Duration::from_secs(4)).await;
                    self.cluster.with(process, |process| process.signal("CONT"));
                }
                "network to query-api silent" => {
                    self.instances[which].proxy.set(Faults::blackhole());
                    tokio::time::sleep(Duration::from_secs(4)).await;
                    self.instances[which].proxy.reset_open();
                    self.instances[which].proxy.heal();
                }
                "network to query-api cut" => {
                    for _ in 0..4 {
                        self.instances[which].proxy.reset_open();
                        tokio::time::sleep(Duration::from_millis(dice.below(400))).await;
                    }
                }
                "network to redis silent" => {
                    self.to_redis.set(Faults::blackhole());
                    tokio::time::sleep(Duration::from_secs(4)).await;
                    self.to_redis.heal();
                }
                _ => self.to_redis.reset_open(),
            }
            seen.push(*kind);
            tokio::time::sleep(pause).await;
        }
        seen
    }

    /// Another process in its place, with a network of its own.
    async fn replace(&mut self, which: usize, gently: bool) {
        let old = self.instances.remove(which);
        if gently {
            self.cluster.with(old.process, |process| process.signal("TERM"));
            self.cluster.has_left(old.process, Instant::now(), PATIENCE).await;
        } else {
            self.cluster.kill(old.process);
        }
        self.open().await;
    }

    async fn open(&mut self) {
        let process = self.cluster.launch(Role::QueryApi, &[]);
        self.cluster.ready(process).await;
        let address = self.cluster.with(process, |process| process.address()).unwrap();
        let proxy = FaultProxy::start(address).await.unwrap();
        self.instances.push(Instance { process, proxy });
        let doors = self.instances.iter().map(|instance| instance.proxy.address()).collect();
        *self.doors.0.lock() = doors;
    }
}

fn place(url: &str) -> &str {
    let rest = url.split_once("://").unwrap().1;
    rest.split('/').next().unwrap().rsplit('@').next().unwrap()
}
