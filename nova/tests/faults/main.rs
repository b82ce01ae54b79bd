//! What people notice while a store of the distributed profile is away: nothing.
//!
//! Every role runs in a process of its own on real servers, with a fault proxy between the processes and each store. People
//! read and write at a constant rate, whether or not they are answered. Then one store after the other is killed, stopped,
//! cut off, made slow, or loses connections, and
//!
//! * every feed, timeline, trend, discovery and conversation is answered, in every phase, without an error;
//! * once the process knows that the store is away, the slowest answer in a hundred takes less than 300 ms;
//! * writes go on as before, because none of these stores is on their way;
//! * soon after the store is back, answers come from where they came before.
//!
//! The short form, which runs among the other tests, does not look at the clock: there, answers have to come, from where they
//! should, and everything has to be as before in the end.
//!
//! What is measured is printed as a table, one line for each route of each case. The environment says what runs:
//!
//! | variable | what | default |
//! |---|---|---|
//! | `NOVA_FAULTS` | cases with commas between them (`clickhouse/blackhole`), or `all` | four of them |
//! | `NOVA_FAULT_SECONDS` | how long each lasts; 60 is the full form | 6 |
//! | `NOVA_FAULT_RATE` | requests a second | 30; 500 in the full form |
//! | `NOVA_FAULT_OPEN_MS` | how long a breaker stays open before it tries the store again | 2000; 10000 in the full form |
//! | `NOVA_CHAOS_SERVERS` | a folder of `deploy/local/servers` whose servers may be killed | one of its own |
//! | `NOVA_CHAOS_SEED` | repeats a run's choices, not its timing | of the clock |

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod case;
#[expect(dead_code, reason = "shared with the stories of the embedded profile, which use all of it")]
#[path = "../it/client.rs"]
mod client;
#[expect(dead_code, reason = "shared with the tests of crashes, which use all of it")]
#[path = "../distributed/cluster.rs"]
mod cluster;
mod community;
#[path = "../distributed/dice.rs"]
mod dice;
mod edges;
mod kill;
#[expect(dead_code, reason = "shared with the tests of crashes, which use all of it")]
#[path = "../distributed/process.rs"]
mod process;
#[expect(dead_code, reason = "shared with the tests of crashes, which use all of it")]
#[path = "../distributed/servers.rs"]
mod servers;
mod settings;
mod tally;
#[path = "../distributed/topics.rs"]
mod topics;
mod traffic;
mod verdict;
