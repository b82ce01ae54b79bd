//! The real server, killed (kill -9) at random moments under load, again and again in one data folder.
//!
//! * What was acknowledged is there, once, where the answer said; what was not is there whole or not at all.
//! * A command whose answer never came is sent again with its `Idempotency-Key`, and has then happened once.
//! * Views answer as a replay of the log would.
//!
//! `NOVA_CRASHES` sets how often; 50 by default.

mod log;
mod server;
mod work;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use self::log::Replay;
use self::server::Server;
use self::work::{Task, Town};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_crash_loses_doubles_or_halves_anything() {
    let crashes = std::env::var("NOVA_CRASHES").map_or(50, |text| text.parse::<u32>().unwrap());
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start(data.path());
    let town = Arc::new(Town::found(data.path(), server.address).await);
    let mut unanswered_ever = 0;
    for crash in 0..crashes {
        let tasks: Vec<_> =
            (0..work::CLIENTS).map(|n| tokio::spawn(Task::new(&town, n, server.address).run())).collect();
        // The moment is what is random here; nothing waits for it.
        tokio::time::sleep(Duration::from_millis(5 + random(140))).await;
        server.kill();
        let mut unanswered = Vec::new();
        for task in tasks {
            unanswered.extend(task.await.unwrap());
        }
        unanswered_ever += unanswered.len();

        // Now and then it dies again while it starts.
        for _ in 0..random(8) / 5 {
            Server::start_and_kill(data.path(), Duration::from_millis(random(60)));
        }
        server = Server::start(data.path());
        let before = Replay::read(data.path());
        before.holds_whole_commands();
        town.holds_what_it_acknowledged(&before);
        for asked in unanswered {
            let there = before.of(asked.command_id());
            let answer = town.again(&asked, server.address).await;
            if let Some(first) = there {
                assert_eq!(
                    answer.position, first,
                    "crash {crash}: the same command is answered as it happened"
                );
            }
            town.acknowledge(asked, answer);
        }
        let after = Replay::read(data.path());
        town.holds_what_it_acknowledged(&after);
        town.sees_what_the_log_says(&after, server.address).await;
    }
    let acknowledged = town.acknowledged();
    println!("{crashes} crashes, {acknowledged} acknowledged, {unanswered_ever} left without an answer");
    assert!(acknowledged > 10 * crashes as usize, "only {acknowledged} commands: nothing was tested");
    assert!(unanswered_ever > crashes as usize / 2, "hardly any command was under way when the server died");

    let live = town.everything(server.address).await;
    server.kill();
    Server::rebuild_views(data.path());
    let server = Server::start(data.path());
    assert_eq!(town.everything(server.address).await, live, "views rebuilt from the log answer alike");
}

/// Below `end`.
fn random(end: u64) -> u64 {
    Uuid::new_v4().as_u64_pair().0 % end
}
