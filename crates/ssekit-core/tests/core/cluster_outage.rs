//! While the backplane cannot be used, clients go on getting what their own node sends, and none of it twice or never.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number, Topic};
use ssekit_core::event::position::Epoch;
use ssekit_core::{ClusterOptions, Connect, Event, Hub, Link, Options};
use ssekit_testing::chance::Chance;
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, data, eventually, keeping_all};

fn options(deliver_when_down: bool) -> Options {
    let cluster = ClusterOptions {
        lease: Duration::from_secs(1),
        max_buffered_events: 1_000_000,
        deliver_when_down,
        ..ClusterOptions::default()
    };
    Options { cluster, ..keeping_all() }
}

fn node(memory: &Memory) -> Engine {
    let node = Engine::node(memory.clone(), options(true));
    is(&node, Link::Up);
    node
}

fn is(hub: &Hub, link: Link) {
    eventually("the link is as it should be", || hub.stats().cluster.unwrap().link == link);
}

/// Waits until both know all that was sent.
fn settle(memory: &Memory, nodes: &[&Engine]) {
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

fn join(hub: &Hub, user: Option<&str>) -> Pull {
    Pull::of(hub.connect(Connect { user, ..Connect::default() }).unwrap())
}

fn come_back(engine: &Engine, user: Option<&str>, last_event_id: &str) -> Pull {
    engine.block_on(engine.caught_up(Some(last_event_id)));
    Pull::of(engine.connect(Connect { user, last_event_id: Some(last_event_id), ..Connect::default() }).unwrap())
}

/// Cuts everybody off, and waits until a node knows.
fn cut_off(memory: &Memory, nodes: &[&Engine]) {
    memory.set_outage(Some("cut off"));
    for node in nodes {
        node.broadcast(Event { name: "probe", data: "", ..Event::default() }, None).unwrap();
        is(node, Link::Down);
    }
}

fn texts(events: &[Received]) -> Vec<&str> {
    events.iter().filter(|event| event.name != "probe").map(|event| event.data.as_str()).collect()
}

/// The next `count` events, without probes.
fn next(page: &mut Pull, count: usize) -> Vec<String> {
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
struct Lonely(Memory, Arc<AtomicBool>);

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

#[test]
fn node_that_comes_late_to_a_new_history_gives_nobody_anything_twice() {
    let memory = Memory::new(1_000_000);
    let cuts = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let nodes = cuts.each_ref().map(|cut| Engine::node(Lonely(memory.clone(), Arc::clone(cut)), options(false)));
    let cut = |node: usize, is_cut: bool| {
        cuts[node].store(is_cut, Ordering::Relaxed);
        is(&nodes[node], if is_cut { Link::Down } else { Link::Up });
    };
    let send = |node: usize, name: &str| {
        let mut page = join(&nodes[node], None);
        (0..5).for_each(|number| drop(nodes[node].broadcast(data(&format!("{name} {number}")), None)));
        (0..5).map(|_| page.event()).collect::<Vec<_>>()
    };
    (0..2).for_each(|node| cut(node, false));
    // One node has read more of the old history than the other one, which begins the new one.
    cut(1, true);
    send(0, "old");
    cut(0, true);
    memory.lose_everything();
    cut(1, false);
    let got = [send(1, "new"), send(1, "newer")].concat();
    cut(0, false);
    for (at, event) in got.iter().enumerate() {
        for node in &nodes {
            let rest = come_back(node, None, &event.id).all();
            let is_told = rest.first().is_some_and(Received::is_reset);
            assert!(is_told || texts(&rest) == texts(&got[at + 1..]), "after {event:?}: {rest:?}");
        }
    }
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

#[test]
fn events_of_an_outage_come_back_from_a_new_history_before_newer_ones() {
    let memory = Memory::new(1_000_000);
    let way = HalfOpen::to(&memory);
    let (here, there) = (Engine::node(way.clone(), options(true)), node(&memory));
    is(&here, Link::Up);
    let mut before = join(&here, Some("ada"));
    way.let_append(0);
    way.let_read(false);
    is(&here, Link::Down);
    here.send_to_user("ada", data("1")).unwrap();
    assert_eq!(next(&mut before, 1), ["1"]);
    cut_off(&memory, &[&there]);
    memory.lose_everything();
    memory.set_outage(None);
    is(&there, Link::Up);
    let mut page = join(&there, Some("ada"));
    there.send_to_user("ada", data("from there")).unwrap();
    let last = page.event();
    // The node joins the other history and appends the event once more, but reads nothing yet.
    way.hold(true);
    way.let_read(true);
    way.let_append(u64::MAX);
    eventually("it is appended", || here.stats().cluster.unwrap().buffered.records == 0);
    // Another outage follows at once.
    way.let_append(0);
    way.let_read(false);
    way.hold(false);
    assert!(before.event().is_reset());
    let mut page = come_back(&here, Some("ada"), &last.id);
    here.send_to_user("ada", data("2")).unwrap();
    assert_eq!(page.all(), []);
    way.let_read(true);
    way.let_append(u64::MAX);
    is(&here, Link::Up);
    let (mut got, mut last) = (vec![last.data], last.id);
    while got.len() < 3 {
        match page.next_event() {
            Some(event) => {
                got.push(event.data);
                last = event.id;
            }
            // It had seen more than this node when the outage was told, and comes back.
            None => page = come_back(&here, Some("ada"), &last),
        }
    }
    assert_eq!(got, ["from there", "1", "2"]);
}

#[test]
fn events_that_are_lost_with_their_history_hold_up_nothing() {
    let memory = Memory::new(1_000_000);
    let way = HalfOpen::to(&memory);
    let here = Engine::node(way.clone(), options(true));
    is(&here, Link::Up);
    let mut page = join(&here, Some("ada"));
    way.hold(true);
    here.send_to_user("ada", data("1")).unwrap();
    eventually("it is appended", || here.stats().cluster.unwrap().buffered.records == 0);
    way.let_read(false);
    way.hold(false);
    is(&here, Link::Down);
    assert_eq!(next(&mut page, 1), ["1"]);
    memory.lose_everything();
    way.let_read(true);
    is(&here, Link::Up);
    assert!(page.event().is_reset());
    way.let_read(false);
    is(&here, Link::Down);
    here.send_to_user("ada", data("2")).unwrap();
    assert_eq!(next(&mut page, 1), ["2"]);
}

#[test]
fn outage_events_do_not_repeat_after_lost_history() {
    let memory = Memory::new(1_000_000);
    let (here, there) = (node(&memory), node(&memory));
    let mut pages = [join(&here, Some("ada")), join(&there, Some("ada"))];
    for round in 0..3 {
        cut_off(&memory, &[&here, &there]);
        let text = format!("x {round}");
        here.send_to_user("ada", data(&text)).unwrap();
        assert_eq!(next(&mut pages[0], 1), [text]);
        memory.lose_everything();
        memory.set_outage(None);
        settle(&memory, &[&here, &there]);
        let rest = pages.each_mut().map(|page| page.all());
        assert!(rest.iter().all(|events| events.iter().any(Received::is_reset)), "{rest:?}");
        assert!(texts(&rest[0]).iter().all(|text| text.contains("reason")), "{:?}", rest[0]);
        here.send_to_user("ada", data(&format!("end {round}"))).unwrap();
        for page in &mut pages {
            assert_eq!(next(page, 1), [format!("end {round}")]);
        }
    }
}

/// The fate of events that a node appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// They are there, and their node does not hear of it.
    LosesAnswers,
    Blocked,
}

#[derive(Clone)]
struct Unheard(Memory, Arc<Mutex<Way>>);

impl Backplane for Unheard {
    async fn join(&mut self, known: &Known) -> Result<Joined, Failure> {
        self.0.join(known).await
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> Result<Number, Failure> {
        let way = if batch.topic == Topic::Events { *self.1.lock().unwrap() } else { Way::Open };
        if way == Way::Blocked {
            return Err(Failure::new("no way"));
        }
        let appended = self.0.append(epoch, batch).await;
        if way == Way::LosesAnswers { Err(Failure::new("no answer")) } else { appended }
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        self.0.next(after, interest).await
    }
}

#[test]
fn reappended_events_are_not_delivered_twice() {
    let memory = Memory::new(1_000_000);
    let (way, there) = (Arc::new(Mutex::new(Way::Open)), node(&memory));
    let set = |new: Way| *way.lock().unwrap() = new;
    let here = Engine::node(Unheard(memory.clone(), Arc::clone(&way)), options(true));
    is(&here, Link::Up);
    let mut pages = [join(&here, Some("ada")), join(&there, Some("ada"))];
    set(Way::LosesAnswers);
    here.send_to_user("ada", Event { id: Some("x-1"), ..data("x") }).unwrap();
    here.broadcast(data("y"), None).unwrap();
    for page in &mut pages {
        assert_eq!(next(page, 2), ["x", "y"]);
    }
    is(&here, Link::Down);
    // Both know of the new history before anything stands there.
    set(Way::Blocked);
    memory.lose_everything();
    assert!(pages.iter_mut().all(|page| page.event().is_reset()));
    set(Way::Open);
    settle(&memory, &[&here, &there]);
    here.send_to_user("ada", data("end")).unwrap();
    for page in &mut pages {
        assert_eq!(next(page, 1), ["end"]);
    }
    // A page that saw the first and was away since gets all later events.
    for node in [&here, &there] {
        let mut returned = come_back(node, Some("ada"), "x-1");
        assert!(returned.ready.resumed);
        assert_eq!(next(&mut returned, 2), ["y", "end"]);
    }
}
