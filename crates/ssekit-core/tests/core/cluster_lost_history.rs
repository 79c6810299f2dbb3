//! The history is lost, and begins anew: nobody gets anything twice, and whoever misses something is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number, Topic};
use ssekit_core::event::position::Epoch;
use ssekit_core::{Event, Link};
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::wire::Received;
use ssekit_testing::{Engine, data, eventually};

use crate::cluster_outage::{Lonely, come_back, cut_off, is, join, next, node, options, settle, texts};

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
    for round in 0..4 {
        // One node has read more of the old history than the other one, which begins the new one.
        let (late, early) = (round % 2, (round + 1) % 2);
        let mut bob = join(&nodes[late], Some("bob"));
        cut(early, true);
        send(late, "old");
        cut(late, true);
        memory.lose_everything();
        cut(early, false);
        nodes[early].disconnect_user("bob");
        let got = [send(early, "new"), send(early, "newer")].concat();
        cut(late, false);
        for (at, event) in got.iter().enumerate() {
            for node in &nodes {
                let rest = come_back(node, None, &event.id).all();
                let is_told = rest.first().is_some_and(Received::is_reset);
                assert!(is_told || texts(&rest) == texts(&got[at + 1..]), "after {event:?}: {rest:?}");
            }
        }
        eventually("the log-out has reached the late node", || {
            bob.all();
            bob.has_ended()
        });
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
