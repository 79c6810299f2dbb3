//! Pages that move between nodes around an outage of one of them: nothing is lost, doubled or out of order without the word of a gap.

use std::time::Duration;

use ssekit_core::backplane::Backplane as _;
use ssekit_core::backplane::Known;
use ssekit_core::backplane::memory::Memory;
use ssekit_core::{ClusterOptions, Connect, DrainOptions, Link, Options};
use ssekit_testing::chance::Chance;
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::ledger::{Account, Ledger};
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, data, eventually, keeping_all, lasting_lease};

fn options() -> Options {
    let cluster = ClusterOptions { max_buffered_events: 1_000_000, ..lasting_lease() };
    Options { cluster, ..keeping_all() }
}

fn is(node: &Engine, link: Link) {
    eventually("the link is as it should be", || node.stats().cluster.unwrap().link == link);
}

/// A node whose way to the others can be closed.
fn node(memory: &Memory) -> (Engine, HalfOpen) {
    let way = HalfOpen::to(memory);
    let node = Engine::node(way.clone(), options());
    is(&node, Link::Up);
    (node, way)
}

/// Waits until a node has read `number` records.
fn reads(node: &Engine, number: u64) {
    eventually("it has read so far", || node.stats().position >> 20 >= number);
}

fn connect(node: &Engine, last_event_id: Option<&str>) -> Pull {
    node.block_on(node.caught_up(last_event_id));
    Pull::of(node.connect(Connect { user: Some("ada"), last_event_id, ..Connect::default() }).unwrap())
}

/// The data of a page that again and again takes some events, is cut, and comes back.
fn in_pieces(node: &Engine, mut last: String, pieces: usize) -> Vec<String> {
    let mut got = Vec::new();
    for _ in 0..100 {
        let mut page = connect(node, Some(&last));
        assert!(page.ready.resumed, "{last} after {got:?}");
        let events = page.all();
        if events.is_empty() {
            return got;
        }
        for event in events.into_iter().take(pieces) {
            last = event.id;
            got.push(event.data);
        }
    }
    panic!("it never ends: {got:?}");
}

#[test]
fn page_from_elsewhere_gets_unsequenced_events_once() {
    let memory = Memory::new(1_000_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut at_home = connect(&here, None);
    let mut page = connect(&there, None);
    there.broadcast(data("B0"), None).unwrap();
    assert_eq!((page.data(1), at_home.data(1)), (vec!["B0".into()], vec!["B0".into()]));
    // It reads, and cannot write.
    way.let_append(0);
    here.broadcast(data("A1"), None).unwrap();
    is(&here, Link::Down);
    there.broadcast(data("B1"), None).unwrap();
    let seen = page.event();
    assert_eq!(seen.data, "B1");
    reads(&here, 2);
    here.send_to_user("ada", data("A2")).unwrap();
    here.broadcast(data("A3"), None).unwrap();
    assert_eq!(at_home.data(4), ["A1", "B1", "A2", "A3"]);
    // During its outage, when a part has come back, and when all has.
    for appended in 0..=3 {
        if appended > 0 {
            way.let_append(1);
            reads(&here, 2 + appended);
        }
        for pieces in 1..=3 {
            assert_eq!(
                in_pieces(&here, seen.id.clone(), pieces),
                ["A1", "A2", "A3"],
                "{appended} appended, {pieces} at a time"
            );
        }
    }
    way.let_append(u64::MAX);
    is(&here, Link::Up);
    here.broadcast(data("A4"), None).unwrap();
    reads(&here, 6);
    for pieces in 1..=3 {
        assert_eq!(in_pieces(&here, seen.id.clone(), pieces), ["A1", "A2", "A3", "A4"]);
    }
    assert_eq!(at_home.data(1), ["A4"]);
    assert_eq!(page.data(4), ["A1", "A2", "A3", "A4"]);
}

#[test]
fn page_ahead_of_its_node_waits() {
    let memory = Memory::new(1_000_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut page = connect(&there, None);
    way.let_read(false);
    is(&here, Link::Down);
    for number in 0..100 {
        there.broadcast(data(&number.to_string()), None).unwrap();
    }
    let seen = page.events(50).pop().unwrap();
    // It is let in when it has waited for a while, and again when it is cut.
    let mut moved = connect(&here, Some(&seen.id));
    assert!(moved.ready.resumed);
    moved = connect(&here, Some(&moved.ready.id));
    assert!(moved.ready.resumed && moved.all().is_empty());
    way.let_read(true);
    let rest: Vec<String> = (50..100).map(|number| number.to_string()).collect();
    assert_eq!(moved.data(50), rest);
}

/// Its own stream of a page with an id.
fn tab(node: &Engine) -> Pull {
    Pull::of(node.connect(Connect { user: Some("ada"), client: Some("tab"), ..Connect::default() }).unwrap())
}

/// Waits until a page's older stream has ended, and each node knows it once.
fn is_once(nodes: &[&Engine], old: Option<&mut Pull>) {
    if let Some(old) = old {
        eventually("the older stream ends", || old.all().is_empty() && old.has_ended());
    }
    for node in nodes {
        eventually("it is known once", || node.clients_by_user("ada").len() == 1);
    }
}

#[test]
fn page_that_moves_during_an_outage_is_known_once() {
    let memory = Memory::new(1_000_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut page = tab(&here);
    is_once(&[&there], None);
    way.let_read(false);
    is(&here, Link::Down);
    let mut moved = tab(&there);
    there.block_on(there.flush_shared()).unwrap();
    // Its presence snapshot follows the move in the history, and it has not read of the move.
    way.let_read(true);
    is_once(&[&there], Some(&mut page));
    eventually("it is there and not here", || {
        here.clients_by_user_here("ada").is_empty() && here.clients_by_user("ada").len() == 1
    });
    there.send_to_user("ada", data("for her")).unwrap();
    assert_eq!(moved.data(1), ["for her"]);
}

#[test]
fn page_that_moves_while_nodes_come_is_known_once() {
    let memory = Memory::new(1_000_000);
    let ((here, _), (there, _)) = (node(&memory), node(&memory));
    let (mut page, mut moves) = (tab(&here), [&there, &here].into_iter().cycle());
    is_once(&[&there], None);
    for _ in 0..50 {
        // It asks all for presence snapshots, which are soon on their way.
        let late = Engine::node(memory.clone(), options());
        is(&late, Link::Up);
        for to in moves.by_ref().take(5) {
            let mut old = std::mem::replace(&mut page, tab(to));
            is_once(&[&here, &there], Some(&mut old));
        }
    }
}

#[test]
fn page_ahead_of_its_node_gets_unsequenced_events() {
    let memory = Memory::new(1_000_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut page = connect(&there, None);
    way.let_read(false);
    way.let_append(0);
    is(&here, Link::Down);
    there.broadcast(data("B1"), None).unwrap();
    let seen = page.event();
    let mut moved = connect(&here, Some(&seen.id));
    here.broadcast(data("A1"), None).unwrap();
    here.broadcast(data("A2"), None).unwrap();
    let event = moved.event();
    assert_eq!(event.data, "A1");
    // It is cut, and goes on.
    let mut moved = connect(&here, Some(&event.id));
    assert!(moved.ready.resumed);
    assert_eq!(moved.data(1), ["A2"]);
    there.broadcast(data("B2"), None).unwrap();
    way.let_append(u64::MAX);
    way.let_read(true);
    assert_eq!(moved.data(1), ["B2"]);
    here.broadcast(data("A3"), None).unwrap();
    assert_eq!(moved.data(1), ["A3"]);
}

#[test]
fn id_beyond_the_end_of_the_history_is_a_gap_soon() {
    let memory = Memory::new(1_000_000);
    let ((here, way), (there, _)) = (node(&memory), node(&memory));
    let mut page = connect(&there, None);
    there.broadcast(data("B1"), None).unwrap();
    let seen = page.event();
    reads(&here, 1);
    let (epoch, position) = seen.id.split_once('.').unwrap();
    let beyond = format!("{epoch}.{}", position.parse::<u64>().unwrap() << 10);
    let began = std::time::Instant::now();
    let mut lost = connect(&here, Some(&beyond));
    assert!(!lost.ready.resumed && lost.event().is_reset());
    assert!(began.elapsed() < Duration::from_secs(2), "it knows at once: {:?}", began.elapsed());
    // A node that cannot know lets it in, and tells it when it does.
    way.let_read(false);
    is(&here, Link::Down);
    let other = format!("{epoch}.{}", position.parse::<u64>().unwrap() << 11);
    let mut stray = connect(&here, Some(&other));
    assert!(stray.ready.resumed);
    way.let_read(true);
    eventually("its stream ends", || stray.has_ended());
    let mut lost = connect(&here, Some(&other));
    assert!(!lost.ready.resumed && lost.event().is_reset());
}

#[test]
fn drained_page_resumes_on_another_node_at_once() {
    let memory = Memory::new(1_000_000);
    let ((here, _), (there, _)) = (node(&memory), node(&memory));
    for quiet in [true, false] {
        let node = Engine::node(memory.clone(), options());
        is(&node, Link::Up);
        let mut pages: Vec<Pull> = (0..10).map(|_| connect(&node, None)).collect();
        if !quiet {
            there.broadcast(data("x"), None).unwrap();
            assert!(pages.iter_mut().all(|page| page.data(1) == ["x"]));
            reads(&here, 1);
        }
        node.block_on(node.drain(DrainOptions { window: Duration::ZERO, ..DrainOptions::default() }));
        let ids: Vec<String> = pages.iter_mut().map(|page| page.event().id).collect();
        for id in &ids {
            assert!(here.is_caught_up(Some(id)), "{id}");
            assert!(connect(&here, Some(id)).ready.resumed, "{id}");
        }
    }
}

#[test]
fn event_accepted_by_one_node_reaches_all() {
    let memory = Memory::new(1_000_000);
    let (there, _) = node(&memory);
    let here = Engine::node(memory.clone(), Options { max_event_bytes: 1_024, ..options() });
    is(&here, Link::Up);
    let mut page = connect(&here, None);
    let large = "x".repeat(100_000);
    assert!(here.broadcast(data(&large), None).is_err(), "it does not send such events itself");
    there.broadcast(data(&large), None).unwrap();
    there.broadcast(data("next"), None).unwrap();
    assert_eq!(page.data(2), [large, "next".into()]);
}

/// Faults of one node's way.
fn change(way: &HalfOpen, chance: &mut Chance) {
    match chance.below(8) {
        0 => way.let_read(false),
        1 | 2 => way.let_read(true),
        3 => way.let_append(chance.below(3) as u64),
        4 | 5 => way.let_append(u64::MAX),
        6 => way.let_hear(false),
        _ => way.let_hear(true),
    }
}

const USERS: [&str; 2] = ["ada", "bob"];

type Nodes = [(Engine, HalfOpen); 2];

/// A page that goes from one node to the other.
struct Traveller {
    home: usize,
    user: &'static str,
    pull: Pull,
    last: String,
    account: Account,
}

impl Traveller {
    fn start(nodes: &Nodes, ledger: &Ledger, home: usize, user: &'static str) -> Self {
        let who = Connect { user: Some(user), ..Connect::default() };
        let pull = Pull::of(nodes[home].0.connect(who).unwrap());
        let last = pull.ready.id.clone();
        Self { home, user, pull, last, account: Account::new(ledger, user) }
    }

    fn connect(&mut self, nodes: &Nodes) {
        let who = Connect { user: Some(self.user), last_event_id: Some(&self.last), ..Connect::default() };
        self.pull = Pull::of(nodes[self.home].0.connect(who).unwrap());
    }

    fn take(&mut self, events: &[Received]) {
        for event in events {
            self.account.take(event);
            self.last.clone_from(&event.id);
        }
    }

    /// It is cut when it has got a part of what there is, and may go to the other node.
    fn cut(&mut self, nodes: &Nodes, chance: &mut Chance) {
        let events = self.pull.all();
        self.take(&events[..chance.below(events.len() + 1)]);
        self.home = if chance.below(2) == 0 { 1 - self.home } else { self.home };
        self.connect(nodes);
        self.last.clone_from(&self.pull.ready.id);
    }

    /// It gets all that there is.
    fn finish(&mut self, nodes: &Nodes) {
        loop {
            let events = self.pull.all();
            self.take(&events);
            if !self.pull.has_ended() {
                break;
            }
            // It was let go for what it has seen, and comes back.
            let node = &nodes[self.home].0;
            node.block_on(node.caught_up(Some(&self.last)));
            self.connect(nodes);
        }
        self.account.close();
    }
}

/// Up to three events from one of the nodes.
fn send(nodes: &Nodes, ledger: &Ledger, chance: &mut Chance) {
    let from = chance.below(2);
    for _ in 0..chance.below(4) {
        let to = [None, Some(USERS[0]), Some(USERS[1])][chance.below(3)];
        let text = ledger.note(from, to);
        match to {
            Some(user) => drop(nodes[from].0.send_to_user(user, data(&text)).unwrap()),
            None => drop(nodes[from].0.broadcast(data(&text), None).unwrap()),
        }
    }
}

/// Opens both ways, and waits until both nodes have read everything.
fn end_faults(nodes: &Nodes, memory: &Memory) {
    for (node, way) in nodes {
        way.let_read(true);
        way.let_append(u64::MAX);
        way.let_hear(true);
        eventually("all is out", || node.stats().cluster.unwrap().buffered.records == 0);
        is(node, Link::Up);
    }
    let end = nodes[0].0.block_on(async { memory.clone().join(&Known::default()).await.unwrap().ends.events });
    nodes.iter().for_each(|(node, _)| reads(node, end));
}

#[test]
fn cut_pages_get_everything_or_a_reset() {
    let only = std::env::var("SSEKIT_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let mut resets = 0;
    for seed in only.map_or(0..60, |seed| seed..seed + 1) {
        let mut chance = Chance::of(seed * 6_007 + 1);
        let memory = Memory::new(1_000_000);
        let nodes = [node(&memory), node(&memory)];
        let ledger = Ledger::of(2);
        let mut pages: Vec<Traveller> =
            (0..8).map(|number| Traveller::start(&nodes, &ledger, number % 2, USERS[number / 2 % 2])).collect();
        for _ in 0..80 {
            match chance.below(10) {
                0 | 1 => change(&nodes[chance.below(2)].1, &mut chance),
                2..=4 => {
                    let page = chance.below(pages.len());
                    pages[page].cut(&nodes, &mut chance);
                }
                5 => std::thread::sleep(Duration::from_millis(chance.below(60) as u64)),
                _ => send(&nodes, &ledger, &mut chance),
            }
        }
        end_faults(&nodes, &memory);
        for (number, page) in pages.iter_mut().enumerate() {
            page.finish(&nodes);
            resets += page.account.resets;
            assert_eq!(page.account.faults, Vec::<String>::new(), "seed {seed}, page {number} of {}", page.user);
        }
    }
    println!("{resets} resets");
}
