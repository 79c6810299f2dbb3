//! Three nodes in processes of their own, which are killed and started anew; a sender without clients; three hundred pages that move
//! about. Each page gets exactly its events, once and in order, or gets a reset, and is counted from there.

mod page;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use page::{Page, client_of, user_of};
use parking_lot::Mutex;
use ssekit_core::{Event, Hub};

use crate::chance::{self, Chance};
use crate::node_process::{NodeProcess, node_at, serve_if_told};
use crate::{data, eventually};

const NODES: usize = 3;
const PAGES: usize = 300;
const USERS: usize = 30;
const EVENTS: usize = 20_000;
/// The number of events after which a node is killed, and another one takes its place.
const KILL_EVERY: usize = 1_000;
/// Nobody is further behind than this when an event is sent, so that the kills are spread over all of them.
const MOST_BEHIND: usize = 1_500;

/// To whom an event is sent.
#[derive(Debug, Clone, Copy)]
enum Recipients {
    All { but: Option<usize> },
    User(usize),
    Client(usize),
}

impl Recipients {
    fn random(chance: &mut Chance) -> Self {
        match chance.below(10) {
            0 => Self::All { but: None },
            1 => Self::All { but: Some(chance.below(PAGES)) },
            2..6 => Self::User(chance.below(USERS)),
            _ => Self::Client(chance.below(PAGES)),
        }
    }

    fn send(self, hub: &Hub, text: &str) {
        match self {
            Self::All { but } => hub.broadcast(data(text), but.map(client_of).as_deref()).map(drop),
            Self::User(user) => hub.send_to_user(&user_of(user), data(text)).map(drop),
            Self::Client(page) => hub.send_to_client(&client_of(page), data(text)).map(drop),
        }
        .unwrap();
    }

    fn is_for(self, page: usize) -> bool {
        match self {
            Self::All { but } => but != Some(page),
            Self::User(user) => page % USERS == user,
            Self::Client(client) => page == client,
        }
    }
}

/// The state that all can see.
struct Scene {
    /// Where the nodes listen; one of them may be dead.
    addresses: Mutex<[SocketAddr; NODES]>,
    plan: Vec<Recipients>,
    /// The number of events that have been sent.
    sent: AtomicUsize,
    /// The newest event that each page has got, or might have.
    reached: Vec<AtomicUsize>,
    /// Pages that have all they will get.
    done: AtomicUsize,
}

/// Sends everything, as fast as the slowest page gets on.
fn send_all(hub: &Hub, scene: &Scene, chance: &mut Chance) {
    let slowest = || scene.reached.iter().map(|reached| reached.load(Ordering::Relaxed)).min().unwrap();
    for (number, audience) in (1..).zip(&scene.plan) {
        audience.send(hub, &format!("{number} {}", "x".repeat(chance.below(60))));
        scene.sent.store(number, Ordering::Relaxed);
        if number % 50 == 0 {
            eventually("the slowest page has got on", || slowest() + MOST_BEHIND >= number);
        }
    }
    // More than once: somebody may be told of a gap behind the first.
    eventually("every page is done", || {
        hub.broadcast(Event { name: "end", data: "", ..Event::default() }, None).unwrap();
        thread::sleep(std::time::Duration::from_millis(100));
        scene.done.load(Ordering::Relaxed) == PAGES
    });
}

/// Kills one node after another while events are sent, and in between disturbs all of them. Says how many nodes it were.
fn kill_and_restart(
    scene: &Scene,
    mut nodes: [NodeProcess; NODES],
    start: impl Fn() -> NodeProcess,
    disturb: impl Fn(),
    mut chance: Chance,
) -> usize {
    let mut killed = 0;
    for milestone in (1..EVENTS / KILL_EVERY).map(|number| number * KILL_EVERY) {
        eventually("so many events are sent", || scene.sent.load(Ordering::Relaxed) >= milestone);
        let number = chance.below(NODES);
        nodes[number].kill();
        killed += 1;
        nodes[number] = start();
        scene.addresses.lock()[number] = nodes[number].address;
        if chance.one_in(2) {
            disturb();
        }
    }
    eventually("every page is done", || scene.done.load(Ordering::Relaxed) == PAGES);
    killed
}

/// The whole story of `test`, which calls nothing else. `place` is where the history is, as [`node_at`] wants it, and lasts as long
/// as what it is made of.
pub fn survive<P>(test: &'static str, place: impl FnOnce() -> (String, P), disturb: impl Fn(&P) + Send + 'static)
where
    P: Send + Sync + 'static,
{
    if serve_if_told() {
        return;
    }
    let seed = chance::seed();
    println!("to repeat its choices: SSEKIT_SEED={seed}");
    let mut chance = Chance::of(seed);
    let (place, owner) = place();
    let sender = node_at(&place);
    let start = move || NodeProcess::start(test, &place);
    let nodes: [NodeProcess; NODES] = std::array::from_fn(|_| start());
    assert!(sender.block_on(sender.ready()), "the sender has joined");
    let scene = Arc::new(Scene {
        addresses: Mutex::new(nodes.each_ref().map(|node| node.address)),
        plan: (0..EVENTS).map(|_| Recipients::random(&mut chance)).collect(),
        sent: AtomicUsize::new(0),
        reached: (0..PAGES).map(|_| AtomicUsize::new(0)).collect(),
        done: AtomicUsize::new(0),
    });
    let pages: Vec<_> = (0..PAGES)
        .map(|number| {
            let page = Page::new(number, chance.split(), Arc::clone(&scene));
            thread::spawn(move || page.live())
        })
        .collect();
    eventually("the sender knows all pages", || sender.active_clients().len() == PAGES);
    let killer = {
        let (scene, chance) = (Arc::clone(&scene), chance.split());
        thread::spawn(move || kill_and_restart(&scene, nodes, start, || disturb(&owner), chance))
    };
    send_all(&sender, &scene, &mut chance);
    let killed = killer.join().unwrap();
    let pages: Vec<Page> = pages.into_iter().map(|page| page.join().unwrap()).collect();
    let sum = |of: fn(&Page) -> usize| pages.iter().map(of).sum::<usize>();
    println!(
        "{killed} nodes were killed; pages moved {} times, got {} events, and were told of {} gaps",
        sum(|page| page.moves),
        sum(|page| page.got),
        sum(|page| page.gaps),
    );
    assert_eq!(killed, EVENTS / KILL_EVERY - 1);
}
