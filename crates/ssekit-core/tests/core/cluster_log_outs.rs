//! Log-outs outlive the history that carried them, and reach every node.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::session::revoked::since_1970;
use ssekit_core::{Connect, Event, Hub, Link, LogOutMark};
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, data, eventually};

use crate::cluster_outage::{Lonely, cut_off, is, join, next, node, options, settle};

/// Sends so many events that a history which keeps few forgets everything before them.
fn send(hub: &Hub, count: usize) {
    (0..count).for_each(|number| drop(hub.broadcast(data(&number.to_string()), None)));
}

/// A page whose user was identified earlier, as by a ticket.
fn join_identified(hub: &Hub, user: &str, identified_at: Duration) -> Pull {
    let who = Connect { user: Some(user), identified_at: Some(identified_at), ..Connect::default() };
    Pull::of(hub.connect(who).unwrap())
}

fn ends(page: &mut Pull) {
    eventually("the stream ends", || {
        page.all();
        page.has_ended()
    });
}

fn knows_the_log_out(hub: &Hub, user: &str, ticket: Duration) {
    eventually("the log-out is known", || hub.is_logged_out(user, ticket));
    assert!(!hub.is_logged_out(user, since_1970()), "later tickets are valid");
}

#[test]
fn restarted_node_knows_log_outs_that_the_history_has_dropped() {
    let memory = Memory::new(10);
    let ticket = since_1970();
    let first = node(&memory);
    first.disconnect_user("ada");
    send(&first, 100);
    settle(&memory, &[&first]);
    drop(first);
    let second = node(&memory);
    knows_the_log_out(&second, "ada", ticket);
    assert!(!second.is_logged_out("bob", ticket));
}

/// Two nodes, each with its own way to the history.
struct Pair {
    memory: Memory,
    cuts: [Arc<AtomicBool>; 2],
    nodes: [Engine; 2],
}

impl Pair {
    fn new(memory: Memory) -> Self {
        let cuts = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
        let nodes = cuts.each_ref().map(|cut| Engine::node(Lonely(memory.clone(), Arc::clone(cut)), options(false)));
        nodes.iter().for_each(|node| is(node, Link::Up));
        Self { memory, cuts, nodes }
    }

    fn cut(&self, node: usize, is_cut: bool) {
        self.cuts[node].store(is_cut, Ordering::Relaxed);
        if is_cut {
            // Otherwise the node finds out only when its read ends.
            self.nodes[node].broadcast(Event { name: "probe", data: "", ..Event::default() }, None).unwrap();
        }
        is(&self.nodes[node], if is_cut { Link::Down } else { Link::Up });
    }
}

#[test]
fn log_out_in_a_shorter_new_history_reaches_the_late_node() {
    let pair = Pair::new(Memory::new(1_000_000));
    let [late, early] = &pair.nodes;
    let ticket = since_1970();
    let mut bob = join(late, Some("bob"));
    pair.cut(1, true);
    // The late node has read more than the new history will hold.
    send(late, 100);
    late.block_on(late.share()).unwrap();
    pair.cut(0, true);
    pair.memory.lose_everything();
    pair.cut(1, false);
    early.disconnect_user("bob");
    early.block_on(early.share()).unwrap();
    pair.cut(0, false);
    ends(&mut bob);
    knows_the_log_out(late, "bob", ticket);
}

#[test]
fn log_out_that_becomes_known_late_ends_only_earlier_clients() {
    let memory = Memory::new(10);
    let ticket = since_1970();
    let first = node(&memory);
    first.disconnect_user("ada");
    send(&first, 100);
    settle(&memory, &[&first]);
    // It serves pages before it can join.
    let cut = Arc::new(AtomicBool::new(true));
    let second = Engine::node(Lonely(memory.clone(), Arc::clone(&cut)), options(true));
    is(&second, Link::Down);
    let (mut early, mut late) = (join_identified(&second, "ada", ticket), join(&second, Some("ada")));
    cut.store(false, Ordering::Relaxed);
    ends(&mut early);
    is(&second, Link::Up);
    second.send_to_user("ada", data("for her")).unwrap();
    while !late.event().data.contains("for her") {}
}

#[test]
fn nodes_append_what_a_lost_history_knew() {
    let memory = Memory::new(1_000_000);
    let (here, there) = (node(&memory), node(&memory));
    let ticket = since_1970();
    for number in 0..1_000 {
        here.disconnect_user(&format!("user {number}"));
    }
    settle(&memory, &[&here, &there]);
    let mut back = join(&there, Some("user 7"));
    cut_off(&memory, &[&here, &there]);
    memory.lose_everything();
    memory.set_outage(None);
    settle(&memory, &[&here, &there]);
    // A node that comes before they have done so reads it from the history, and a later one finds it in the set.
    for _ in 0..2 {
        let other = node(&memory);
        for number in 0..1_000 {
            knows_the_log_out(&other, &format!("user {number}"), ticket);
        }
    }
    // A client that came after the log-out is not ended once more.
    there.send_to_user("user 7", data("for her")).unwrap();
    while back.event().data != "for her" {}
}

#[test]
fn log_out_that_did_not_fit_into_the_outbox_reaches_the_others() {
    let memory = Memory::new(1_000_000);
    let (way, there) = (HalfOpen::to(&memory), node(&memory));
    let mut small = options(false);
    small.cluster.max_buffered_events = 5;
    let here = Engine::node(way.clone(), small);
    is(&here, Link::Up);
    let (ticket, mut page) = (since_1970(), join(&there, Some("ada")));
    way.let_append(0);
    here.disconnect_user("ada");
    send(&here, 20);
    is(&here, Link::Down);
    // Only appending fails, so the node has no other reason to join again.
    way.let_append(u64::MAX);
    ends(&mut page);
    knows_the_log_out(&there, "ada", ticket);
}

#[test]
fn log_out_takes_effect_after_earlier_events_at_a_node_that_was_cut_off() {
    let pair = Pair::new(Memory::new(1_000_000));
    let mut page = join(&pair.nodes[0], Some("ada"));
    pair.cut(0, true);
    pair.nodes[1].send_to_user("ada", data("goodbye")).unwrap();
    pair.nodes[1].disconnect_user("ada");
    pair.nodes[1].send_to_user("ada", data("secret")).unwrap();
    pair.nodes[1].block_on(pair.nodes[1].share()).unwrap();
    pair.cut(0, false);
    assert_eq!(next(&mut page, 1), ["goodbye"]);
    eventually("the stream ends", || page.has_ended());
}

#[test]
fn hub_alone_remembers_log_outs_since_the_first_mark() {
    let _mark = LogOutMark::now();
    let asked = since_1970();
    let hub = Engine::start();
    let since = hub.remembers_log_outs_since();
    assert!(since < asked, "an application was asked before the hub began");
    hub.disconnect_user("ada");
    assert_eq!(hub.remembers_log_outs_since(), since);
}

#[test]
fn hub_that_forgets_log_outs_remembers_only_newer_ones() {
    let hub = Engine::start();
    hub.disconnect_user("first");
    let first = since_1970();
    for number in 1..131_072 {
        hub.disconnect_user(&number.to_string());
    }
    assert!(hub.remembers_log_outs_since() < first);
    let before = hub.remembers_log_outs_since();
    hub.disconnect_user("last");
    assert!(before < hub.remembers_log_outs_since() && hub.remembers_log_outs_since() < first);
}

#[test]
fn restarted_node_remembers_log_outs_from_before_its_start() {
    let memory = Memory::new(10);
    let since = node(&memory).remembers_log_outs_since();
    let restarted = since_1970();
    assert!(since < restarted);
    assert_eq!(node(&memory).remembers_log_outs_since(), since);
    memory.lose_everything();
    assert!(node(&memory).remembers_log_outs_since() > restarted, "the set is a new one");
}

#[test]
fn node_knows_no_log_outs_while_it_is_cut_off() {
    let memory = Memory::new(1_000);
    memory.set_outage(Some("cut off"));
    let here = Engine::node(memory.clone(), options(true));
    assert_eq!(here.remembers_log_outs_since(), Duration::MAX);
    is(&here, Link::Down);
    assert_eq!(here.remembers_log_outs_since(), Duration::MAX);
    memory.set_outage(None);
    is(&here, Link::Up);
    let since = here.remembers_log_outs_since();
    assert!(since < since_1970());
    cut_off(&memory, &[&here]);
    assert_eq!(here.remembers_log_outs_since(), Duration::MAX);
    memory.set_outage(None);
    is(&here, Link::Up);
    assert_eq!(here.remembers_log_outs_since(), since);
}
