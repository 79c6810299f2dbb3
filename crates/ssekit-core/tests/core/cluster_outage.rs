//! While the backplane cannot be used, clients go on getting what their own node sends, and none of it twice or never.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number};
use ssekit_core::event::position::Epoch;
use ssekit_core::{ClusterOptions, Connect, Event, Hub, Link, Options};
use ssekit_testing::chance::Chance;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, data, eventually, keeping_all, short_lease};

pub(crate) fn options(deliver_when_down: bool) -> Options {
    let cluster = ClusterOptions { max_buffered_events: 1_000_000, deliver_when_down, ..short_lease() };
    Options { cluster, ..keeping_all() }
}

pub(crate) fn node(memory: &Memory) -> Engine {
    let node = Engine::node(memory.clone(), options(true));
    is(&node, Link::Up);
    node
}

pub(crate) fn is(hub: &Hub, link: Link) {
    eventually("the link is as it should be", || hub.stats().cluster.unwrap().link == link);
}

/// Waits until both know all that was sent.
pub(crate) fn settle(memory: &Memory, nodes: &[&Engine]) {
    let all_is_out = |node: &&Engine| {
        let cluster = node.stats().cluster.unwrap();
        cluster.link == Link::Up && cluster.buffered.records == 0
    };
    eventually("all is out", || nodes.iter().all(all_is_out));
    // Positions count by what stands in the history; between them is what one node has put there alone.
    let end = async || memory.clone().join(&Known::default()).await.unwrap().ends.events;
    eventually("all has been heard", || {
        let end = nodes[0].block_on(end());
        nodes.iter().all(|node| node.stats().position >> 20 >= end)
    });
}

pub(crate) fn join(hub: &Hub, user: Option<&str>) -> Pull {
    Pull::of(hub.connect(Connect { user, ..Connect::default() }).unwrap())
}

pub(crate) fn come_back(engine: &Engine, user: Option<&str>, last_event_id: &str) -> Pull {
    engine.block_on(engine.caught_up(Some(last_event_id)));
    Pull::of(engine.connect(Connect { user, last_event_id: Some(last_event_id), ..Connect::default() }).unwrap())
}

/// Cuts everybody off, and waits until a node knows.
pub(crate) fn cut_off(memory: &Memory, nodes: &[&Engine]) {
    memory.set_outage(Some("cut off"));
    for node in nodes {
        node.broadcast(Event { name: "probe", data: "", ..Event::default() }, None).unwrap();
        is(node, Link::Down);
    }
}

pub(crate) fn texts(events: &[Received]) -> Vec<&str> {
    events.iter().filter(|event| event.name != "probe").map(|event| event.data.as_str()).collect()
}

/// The next `count` events, without probes.
pub(crate) fn next(page: &mut Pull, count: usize) -> Vec<String> {
    let events = std::iter::from_fn(|| Some(page.event())).filter(|event| event.name != "probe");
    events.take(count).map(|event| event.data).collect()
}

#[test]
fn outage_delays_only_events_of_other_nodes() {
    let memory = Memory::new(1_000_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut pages = [join(&here, Some("ada")), join(&there, Some("ada"))];
    cut_off(&memory, &[&here, &there]);
    for number in 0..5 {
        here.send_to_user("ada", data(&format!("here {number}"))).unwrap();
        there.broadcast(data(&format!("there {number}")), None).unwrap();
    }
    let own = |name: &str| (0..5).map(|number| format!("{name} {number}")).collect::<Vec<_>>();
    assert_eq!(next(&mut pages[0], 5), own("here"));
    assert_eq!(next(&mut pages[1], 5), own("there"));
    memory.set_outage(None);
    assert_eq!(next(&mut pages[0], 5), own("there"));
    assert_eq!(next(&mut pages[1], 5), own("here"));
    [&here, &there].into_iter().for_each(|node| is(node, Link::Up));
    here.broadcast(data("after"), None).unwrap();
    assert!(pages.iter_mut().all(|page| next(page, 1) == ["after"]));
}

#[test]
fn one_order_waits_for_the_backplane() {
    let memory = Memory::new(1_000_000);
    let nodes = [(); 2].map(|()| Engine::node(memory.clone(), options(false)));
    nodes.iter().for_each(|node| is(node, Link::Up));
    let mut pages = nodes.each_ref().map(|node| join(node, None));
    cut_off(&memory, &[&nodes[0], &nodes[1]]);
    for number in 0..20 {
        nodes[number % 2].broadcast(data(&number.to_string()), None).unwrap();
    }
    assert!(pages.iter_mut().all(|page| page.all().is_empty()));
    memory.set_outage(None);
    let first = next(&mut pages[0], 20);
    assert_eq!(next(&mut pages[1], 20), first);
}

#[test]
fn log_out_does_not_wait_for_the_backplane() {
    let memory = Memory::new(1_000_000);
    let here = node(&memory);
    let mut page = join(&here, Some("ada"));
    cut_off(&memory, &[&here]);
    here.send_to_user("ada", data("goodbye")).unwrap();
    assert_eq!(here.disconnect_user("ada"), 1);
    assert_eq!(next(&mut page, 1), ["goodbye"]);
    eventually("the stream ends", || page.has_ended());
    // She is back before the command has come back from the history: it is carried out once.
    let mut again = join(&here, Some("ada"));
    memory.set_outage(None);
    settle(&memory, &[&here]);
    here.send_to_user("ada", data("hello")).unwrap();
    assert_eq!(next(&mut again, 1), ["hello"]);
}

#[test]
fn outage_id_resumes_only_on_its_node() {
    let memory = Memory::new(1_000_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut page = join(&here, Some("ada"));
    here.broadcast(data("before"), None).unwrap();
    let before = page.event();
    eventually("the other has heard it", || there.stats().position == here.stats().position);
    cut_off(&memory, &[&here, &there]);
    for number in 0..10 {
        here.send_to_user("ada", data(&format!("here {number}"))).unwrap();
        there.broadcast(data(&format!("there {number}")), None).unwrap();
    }
    let got =
        std::iter::from_fn(|| Some(page.event())).filter(|event| event.name != "probe").take(10).collect::<Vec<_>>();
    // During the outage, and after it.
    for healed in [false, true] {
        if healed {
            memory.set_outage(None);
            settle(&memory, &[&here, &there]);
        }
        for (number, event) in got.iter().enumerate() {
            let mut back = come_back(&here, Some("ada"), &event.id);
            assert!(back.ready.resumed);
            assert_eq!(back.ready.id, event.id);
            let rest = back.all();
            let own: Vec<_> =
                texts(&rest).into_iter().filter(|text| text.starts_with("here")).map(str::to_owned).collect();
            assert_eq!(own, (number + 1..10).map(|number| format!("here {number}")).collect::<Vec<_>>());
            let others = texts(&rest).iter().filter(|text| text.starts_with("there")).count();
            assert_eq!(others, if healed { 10 } else { 0 });
            let mut moved = come_back(&there, Some("ada"), &event.id);
            assert!(!moved.ready.resumed && moved.event().is_reset());
        }
        // Events from before the outage still resume anywhere.
        for node in [&here, &there] {
            let mut back = come_back(node, Some("ada"), &before.id);
            assert!(back.ready.resumed);
            let rest = back.all();
            let mut sorted = texts(&rest);
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), texts(&rest).len(), "none twice");
        }
    }
}

#[test]
fn clients_before_the_join_get_a_reset() {
    let memory = Memory::new(1_000_000);
    let there = node(&memory);
    for number in 0..5_000 {
        there.broadcast(data(&number.to_string()), None).unwrap();
    }
    settle(&memory, &[&there]);
    memory.set_outage(Some("cut off"));
    let here = Engine::node(memory.clone(), options(true));
    is(&here, Link::Down);
    let mut page = join(&here, None);
    memory.set_outage(None);
    assert!(page.event().is_reset());
    is(&here, Link::Up);
    here.broadcast(data("after"), None).unwrap();
    assert_eq!(next(&mut page, 1), ["after"]);
}

/// One node's way to a history that the others reach.
#[derive(Clone)]
pub(crate) struct Lonely(pub(crate) Memory, pub(crate) Arc<AtomicBool>);

impl Lonely {
    fn reached(&mut self) -> Result<&mut Memory, Failure> {
        if self.1.load(Ordering::Relaxed) { Err(Failure::new("cut off")) } else { Ok(&mut self.0) }
    }
}

impl Backplane for Lonely {
    async fn join(&mut self, known: &Known) -> Result<Joined, Failure> {
        self.reached()?.join(known).await
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> Result<Number, Failure> {
        self.reached()?.append(epoch, batch).await
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        let news = self.reached()?.next(after, interest).await;
        self.reached().and(news)
    }
}

#[test]
fn client_ahead_of_an_isolated_node_waits_briefly() {
    let memory = Memory::new(1_000_000);
    let (outage, there) = (Arc::new(AtomicBool::new(false)), node(&memory));
    let here = Engine::node(Lonely(memory, Arc::clone(&outage)), options(true));
    is(&here, Link::Up);
    let mut page = join(&there, None);
    outage.store(true, Ordering::Relaxed);
    there.broadcast(data("1"), None).unwrap();
    let seen = page.event();
    is(&here, Link::Down);
    there.broadcast(data("2"), None).unwrap();
    // It waits in vain, and is let in all the same.
    let mut early = come_back(&here, None, &seen.id);
    assert!(early.ready.resumed && early.all().is_empty());
    assert!(!here.is_caught_up(Some(&seen.id)));
    outage.store(false, Ordering::Relaxed);
    let mut moved = come_back(&here, None, &seen.id);
    assert!(moved.ready.resumed);
    assert_eq!((next(&mut early, 1), next(&mut moved, 1)), (vec!["2".to_owned()], vec!["2".to_owned()]));
}

/// The events of a page, and the id from which it may resume.
struct Page {
    home: usize,
    user: &'static str,
    pull: Pull,
    last: String,
    got: Vec<String>,
    /// A page that was reset has to fetch everything anew, and is counted from there on.
    resets: usize,
}

impl Page {
    fn read(&mut self) {
        for event in self.pull.all() {
            self.take(event);
        }
    }

    /// The next event. Its node may have let it go for what it has seen elsewhere; then it comes back.
    fn event(&mut self, nodes: &[Engine; 2]) -> Received {
        while self.pull.stream.client().is_some_and(|client| !client.is_connected()) {
            self.pull = come_back(&nodes[self.home], Some(self.user), &self.last);
        }
        self.pull.event()
    }

    fn take(&mut self, event: Received) {
        self.last = event.id.clone();
        if event.is_reset() {
            self.got.clear();
            self.resets += 1;
        } else if event.name != "probe" {
            assert!(!self.got.contains(&event.data), "{:?} twice on {}", event.data, self.home);
            // In the order in which each node has sent it.
            let (node, number) = event.data.split_once(' ').unwrap();
            let before = self.got.iter().rev().find(|data| data.starts_with(node));
            let before = before.map_or(0, |data| data.split_once(' ').unwrap().1.parse().unwrap());
            let number: usize = number.parse().unwrap();
            assert!(number > before, "{number} of {node} after {before} on {}", self.home);
            self.got.push(event.data);
        }
    }
}

#[test]
fn failures_and_moves_cause_no_silent_loss() {
    const USERS: [&str; 2] = ["ada", "bob"];
    for seed in 0..30 {
        let mut chance = Chance::of(seed * 7_919 + 1);
        let memory = Memory::new(1_000_000);
        let nodes = [node(&memory), node(&memory)];
        let mut pages: Vec<Page> = (0..8)
            .map(|number| {
                let (home, user) = (number % 2, USERS[number / 2 % 2]);
                let pull = join(&nodes[home], Some(user));
                Page { home, user, last: pull.ready.id.clone(), pull, got: Vec::new(), resets: 0 }
            })
            .collect();
        let mut sent: Vec<(Option<&str>, String)> = Vec::new();
        let mut counts = [0; 2];
        for _ in 0..60 {
            match chance.below(10) {
                0 => memory.set_outage(Some("cut off")),
                1 | 2 => memory.set_outage(None),
                3 => {
                    let page = chance.below(pages.len());
                    let page = &mut pages[page];
                    page.read();
                    // It comes back, as a rule to where it was.
                    page.home = if chance.below(3) == 0 { 1 - page.home } else { page.home };
                    page.pull = come_back(&nodes[page.home], Some(page.user), &page.last);
                    page.last.clone_from(&page.pull.ready.id);
                }
                4 => std::thread::sleep(Duration::from_millis(chance.below(60) as u64)),
                _ => {
                    let from = chance.below(2);
                    for _ in 0..chance.below(5) {
                        counts[from] += 1;
                        let text = format!("{from} {}", counts[from]);
                        let to = [None, Some(USERS[0]), Some(USERS[1])][chance.below(3)];
                        match to {
                            Some(user) => drop(nodes[from].send_to_user(user, data(&text)).unwrap()),
                            None => drop(nodes[from].broadcast(data(&text), None).unwrap()),
                        }
                        sent.push((to, text));
                    }
                }
            }
        }
        memory.set_outage(None);
        settle(&memory, &[&nodes[0], &nodes[1]]);
        // A page that is owed a reset gets it now, and not behind the last event.
        pages.iter_mut().for_each(Page::read);
        for node in &nodes {
            node.broadcast(Event { name: "last", data: "", ..Event::default() }, None).unwrap();
        }
        for page in &mut pages {
            let mut last = 0;
            while last < 2 {
                let event = page.event(&nodes);
                if event.name == "last" {
                    last += 1;
                } else {
                    page.take(event);
                }
            }
            let due = sent.iter().filter(|(to, _)| to.is_none_or(|user| user == page.user)).map(|(_, text)| text);
            let mut due: Vec<&String> = due.collect();
            let mut got: Vec<&String> = page.got.iter().collect();
            due.sort_unstable();
            got.sort_unstable();
            if page.resets == 0 {
                assert_eq!(got, due, "seed {seed}, user {}", page.user);
            }
        }
    }
}
