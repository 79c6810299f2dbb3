//! Pages that are cut after one in a hundred events and go to any node, while something is wrong with the backplane. No event
//! is lost, doubled or out of order unless a reset reports it, whether nodes deliver alone meanwhile or wait.
//!
//! `SSEKIT_CUTS_SEED` is the first seed, `SSEKIT_RUNS` the number of seeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ssekit_core::{Connect, Hub, Link, Options};

use crate::chance::Chance;
use crate::ledger::{Account, Ledger};
use crate::node_process::node_options;
use crate::pull::Pull;
use crate::{Engine, PATIENCE, data, eventually};

const NODES: usize = 3;
const PAGES: usize = 60;
const USERS: [&str; 3] = ["ada", "bob", "eve"];
const CUT_ONE_IN: usize = 100;
/// The bytes that a page reads at once: not many more events than it keeps before the next cut.
const PIECE: usize = 4_096;
const ROUNDS: usize = 2;

/// Where the history is, and what goes wrong there.
pub trait Place {
    /// A node.
    fn node(&self, options: Options) -> Engine;
    /// Lets it go wrong, and be over.
    fn fail(&mut self, chance: &mut Chance);
}

/// One page's life.
struct Page {
    hubs: Arc<Vec<Hub>>,
    chance: Chance,
    account: Account,
    user: &'static str,
    last: Option<String>,
    cuts: usize,
}

impl Page {
    async fn connect(&mut self) -> Pull {
        let hub = self.chance.pick(&self.hubs).clone();
        hub.caught_up(self.last.as_deref()).await;
        let who = Connect { user: Some(self.user), last_event_id: self.last.as_deref(), ..Connect::default() };
        let pull = Pull::by(hub.connect(who).unwrap(), PIECE);
        self.last = Some(pull.ready.id.clone());
        pull
    }

    /// Until it has got everything, or is not going to.
    async fn live(mut self, over: Arc<AtomicBool>) -> Self {
        let mut pull = self.connect().await;
        let mut patience = Instant::now() + PATIENCE;
        // Nothing is missing in that moment. A later look would also ask for a round that has begun since.
        while !(over.load(Ordering::Relaxed) && self.account.has_the_newest()) {
            if Instant::now() >= patience {
                self.account.close();
                break;
            }
            if !over.load(Ordering::Relaxed) {
                // The duration of the fault says nothing.
                patience = Instant::now() + PATIENCE;
            }
            let is_connected = pull.stream.client().is_some_and(|client| client.is_connected());
            let events = pull.some(1);
            let mut is_cut = events.is_empty() && !is_connected;
            for event in events {
                self.account.take(&event);
                self.last = Some(event.id);
                patience = Instant::now() + PATIENCE;
                if self.chance.one_in(CUT_ONE_IN) {
                    (is_cut, self.cuts) = (true, self.cuts + 1);
                    break;
                }
            }
            if is_cut {
                // On a busy machine, a node may be behind for longer than that.
                let before = Instant::now();
                pull = self.connect().await;
                patience += before.elapsed();
            } else {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        self
    }
}

/// Sends to all and to single users until it is told to stop.
fn send(sender: usize, hub: &Hub, ledger: &Ledger, mut chance: Chance, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..=chance.below(4) {
            let user = (!chance.one_in(3)).then(|| *chance.pick(&USERS));
            let text = ledger.note(sender, user);
            match user {
                Some(user) => drop(hub.send_to_user(user, data(&text)).unwrap()),
                None => drop(hub.broadcast(data(&text), None).unwrap()),
            }
        }
        thread::sleep(Duration::from_millis(5 + chance.below(10) as u64));
    }
}

/// Stops the senders, also after a panic, which would wait for them otherwise.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The result of a run.
#[derive(Debug, Default)]
struct Outcome {
    cuts: usize,
    resets: usize,
    faults: Vec<String>,
}

fn run(mut place: impl Place, deliver: bool, seed: u64) -> Outcome {
    let mut chance = Chance::of(seed.wrapping_mul(0x9e37_79b9) + 1);
    let mut options: Options = node_options();
    options.cluster.deliver_when_down = deliver;
    let nodes: Vec<Engine> = (0..NODES).map(|_| place.node(options.clone())).collect();
    let is_up = |node: &Engine| node.stats().cluster.unwrap().link == Link::Up;
    eventually("all are up", || nodes.iter().all(is_up));
    let hubs: Arc<Vec<Hub>> = Arc::new(nodes.iter().map(|node| node.hub.clone()).collect());
    let (ledger, over, stop) = (Ledger::of(NODES), Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let pages: Vec<_> = (0..PAGES)
        .map(|number| {
            let user = USERS[number % USERS.len()];
            let (hubs, account) = (Arc::clone(&hubs), Account::new(&ledger, user));
            let page = Page { hubs, chance: chance.split(), account, user, last: None, cuts: 0 };
            runtime.spawn(page.live(Arc::clone(&over)))
        })
        .collect();
    eventually("all pages are there", || {
        nodes.iter().map(|node| node.active_clients_here().len()).sum::<usize>() == PAGES
    });
    thread::scope(|scope| {
        let stop_at_the_end = StopOnDrop(&stop);
        for (sender, hub) in hubs.iter().enumerate() {
            let (ledger, chance, stop) = (&ledger, chance.split(), &stop);
            scope.spawn(move || send(sender, hub, ledger, chance, stop));
        }
        for _ in 0..ROUNDS {
            place.fail(&mut chance);
            eventually("all are up again", || nodes.iter().all(is_up));
        }
        drop(stop_at_the_end);
    });
    eventually("all is out", || nodes.iter().all(|node| node.stats().cluster.unwrap().buffered.records == 0));
    over.store(true, Ordering::Relaxed);
    // One round may be among what a reset stands for.
    let patience = Instant::now() + PATIENCE;
    while !pages.iter().all(|page| page.is_finished()) && Instant::now() < patience {
        for (sender, hub) in hubs.iter().enumerate() {
            hub.broadcast(data(&ledger.note(sender, None)), None).unwrap();
        }
        thread::sleep(Duration::from_secs(1));
    }
    let mut outcome = Outcome::default();
    for (number, page) in pages.into_iter().enumerate() {
        let page = runtime.block_on(page).unwrap();
        outcome.cuts += page.cuts;
        outcome.resets += page.account.resets;
        let named = page.account.faults.iter().map(|fault| format!("page {number} of {}: {fault}", page.user));
        outcome.faults.extend(named);
    }
    outcome
}

/// Each run has a place of its own.
pub fn survive<P: Place>(what: &str, deliver: bool, place: impl Fn() -> P) {
    let number = |name: &str, default| std::env::var(name).map_or(default, |text| text.parse::<u64>().unwrap());
    let first = number("SSEKIT_CUTS_SEED", 7);
    for seed in first..first + number("SSEKIT_RUNS", 1) {
        let Outcome { cuts, resets, faults } = run(place(), deliver, seed);
        println!("{what}, deliver {deliver}, seed {seed}: {cuts} cuts, {resets} resets, {} faults", faults.len());
        assert_eq!(faults, Vec::<String>::new(), "seed {seed}");
        assert!(cuts > 0, "nobody was cut");
    }
}
