//! The accounts that are closed, in memory, for the check behind every token.
//!
//! * Whoever feeds it ([`ClosedAccounts::note`]) knows the log; whoever asks it ([`ClosedAccounts::reason`]) waits for nothing.
//! * An account takes 16 bytes, and up to a quarter more of spare room: 10 million closed accounts take about 200 MB, ten
//!   thousand 200 kB. There is no limit, because an account that is forgotten would be let in again; the gauge
//!   `auth_closed_accounts` says how many there are.
//! * What is noted of one account takes effect in the order of the log, whichever way it comes, and however often.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::gauge;
use nova_events::UserId;
use parking_lot::{Mutex, RwLock};
use tokio::sync::broadcast;

/// Few enough to cost nothing when they are empty, so many that taking in one of ten million moves 20 kB.
const SHARDS: usize = 4096;
/// Closures that wait for a listener. One that is further behind looks through its sessions instead.
const CLOSURES_WAITING_MAX: usize = 1024;

/// Why an account is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedReason {
    /// By its owner, who can come back.
    Deactivated,
}

/// The closed accounts of an installation, as far as this process knows them. Cheap to clone.
#[derive(Clone)]
pub struct ClosedAccounts {
    shared: Arc<Shared>,
}

struct Shared {
    /// Sorted. Ids of deactivated accounts; another reason will be another set.
    deactivated: Box<[RwLock<Vec<u128>>]>,
    count: AtomicUsize,
    ahead: Mutex<Ahead>,
    closures: broadcast::Sender<UserId>,
}

/// Closures noted by commands before the log was read as far.
#[derive(Default)]
struct Ahead {
    followed: u64,
    /// The position of the newest event noted, by account.
    noted: HashMap<UserId, u64>,
}

impl Default for ClosedAccounts {
    fn default() -> Self {
        let shared = Shared {
            deactivated: (0..SHARDS).map(|_| RwLock::default()).collect(),
            count: AtomicUsize::new(0),
            ahead: Mutex::default(),
            closures: broadcast::Sender::new(CLOSURES_WAITING_MAX),
        };
        Self { shared: Arc::new(shared) }
    }
}

impl std::fmt::Debug for ClosedAccounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClosedAccounts").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl ClosedAccounts {
    /// Returns why the account is closed; `None` when it is not.
    pub fn reason(&self, user: UserId) -> Option<ClosedReason> {
        if self.is_empty() {
            return None;
        }
        let id = user.0.as_u128();
        let is_closed = self.shard(id).read().binary_search(&id).is_ok();
        is_closed.then_some(ClosedReason::Deactivated)
    }

    /// Returns how many accounts are closed.
    pub fn len(&self) -> usize {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// Returns whether no account is closed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in that the event at this position of the log closed the account, or opened it again. An event that is older
    /// than one already noted of the account changes nothing.
    pub fn note(&self, user: UserId, closed: bool, position: u64) {
        // Held while the set changes, so that of two events of one account the newer one has the last word.
        let mut ahead = self.shared.ahead.lock();
        if ahead.noted.get(&user).is_some_and(|newest| *newest > position) {
            return;
        }
        if position > ahead.followed {
            ahead.noted.insert(user, position);
        }
        let changed = self.change(user.0.as_u128(), closed);
        drop(ahead);
        if changed && closed {
            // An error means that this process has no live sessions.
            let _ = self.shared.closures.send(user);
        }
    }

    /// Takes in that everything up to this position of the log has been noted.
    pub fn followed_to(&self, position: u64) {
        let mut ahead = self.shared.ahead.lock();
        ahead.followed = ahead.followed.max(position);
        let followed = ahead.followed;
        ahead.noted.retain(|_, noted| *noted > followed);
        drop(ahead);
        gauge!("auth_closed_accounts").set(self.len() as f64);
    }

    /// Returns a receiver of the accounts that are closed from now on. The set knows of each before it is received.
    pub fn closures(&self) -> broadcast::Receiver<UserId> {
        self.shared.closures.subscribe()
    }

    fn change(&self, id: u128, closed: bool) -> bool {
        let mut shard = self.shard(id).write();
        match (shard.binary_search(&id), closed) {
            (Err(at), true) => {
                if shard.len() == shard.capacity() {
                    let more = shard.len() / 4 + 1;
                    shard.reserve_exact(more);
                }
                shard.insert(at, id);
                self.shared.count.fetch_add(1, Ordering::Relaxed);
                true
            }
            (Ok(at), false) => {
                shard.remove(at);
                self.shared.count.fetch_sub(1, Ordering::Relaxed);
                true
            }
            (Ok(_), true) | (Err(_), false) => false,
        }
    }

    /// By the last bits, which are random in every kind of id that accounts have.
    fn shard(&self, id: u128) -> &RwLock<Vec<u128>> {
        &self.shared.deactivated[(id % SHARDS as u128) as usize]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn an_account_is_closed_until_it_is_opened_again() {
        let accounts = ClosedAccounts::default();
        let (ada, bob) = (UserId::make(), UserId::make());
        assert_eq!(accounts.reason(ada), None);
        accounts.note(ada, true, 3);
        accounts.note(ada, true, 3);
        assert_eq!((accounts.reason(ada), accounts.len()), (Some(ClosedReason::Deactivated), 1));
        assert_eq!(accounts.reason(bob), None);
        accounts.note(ada, false, 5);
        assert_eq!((accounts.reason(ada), accounts.len()), (None, 0));
    }

    #[test]
    fn an_older_event_that_comes_late_changes_nothing() {
        let accounts = ClosedAccounts::default();
        let ada = UserId::make();
        accounts.note(ada, true, 3);
        accounts.note(ada, false, 5);
        // The log is followed later than the command noted both.
        accounts.note(ada, true, 3);
        assert_eq!(accounts.reason(ada), None);
        accounts.followed_to(5);
        assert!(accounts.shared.ahead.lock().noted.is_empty(), "nothing is kept of what was followed");
        accounts.note(ada, true, 9);
        assert!(accounts.reason(ada).is_some());
    }

    #[test]
    fn a_listener_hears_of_each_closure_once_and_the_set_knows_it_before() {
        let accounts = ClosedAccounts::default();
        let mut closures = accounts.closures();
        let ada = UserId::make();
        accounts.note(ada, true, 3);
        accounts.note(ada, true, 3);
        assert_eq!(closures.try_recv().unwrap(), ada);
        assert!(closures.try_recv().is_err());
    }

    /// The memory that the module promises, and that asking and taking in stay quick.
    #[test]
    fn a_million_closed_accounts_take_twenty_bytes_each() {
        let accounts = ClosedAccounts::default();
        let users: Vec<UserId> = (0..1_000_000).map(|_| UserId(uuid::Uuid::new_v4())).collect();
        let started = Instant::now();
        for (n, user) in users.iter().enumerate() {
            accounts.note(*user, true, n as u64 + 1);
            if n % 4096 == 0 {
                accounts.followed_to(n as u64 + 1);
            }
        }
        let noted = started.elapsed();
        let started = Instant::now();
        assert!(users.iter().all(|user| accounts.reason(*user).is_some()));
        let asked = started.elapsed();
        let bytes: usize = accounts.shared.deactivated.iter().map(|shard| shard.read().capacity() * 16).sum();
        println!("1,000,000 accounts: {bytes} bytes, noted in {noted:?}, asked in {asked:?}");
        assert!(bytes <= 20 * users.len() + SHARDS * 16, "{bytes}");
    }
}
