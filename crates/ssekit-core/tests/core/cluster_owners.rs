//! A client id that two users come with to two nodes: the one whose claim stands first in the history has it, and the other gets
//! nothing.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{Backplane as _, Known};
use ssekit_core::{ClusterOptions, Link, Options};
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, data, eventually, keeping_all, named};

fn starting(memory: &Memory) -> (Engine, HalfOpen) {
    let way = HalfOpen::to(memory);
    let cluster = ClusterOptions { lease: Duration::from_secs(20), ..ClusterOptions::default() };
    (Engine::node(way.clone(), Options { cluster, ..keeping_all() }), way)
}

fn is(node: &Engine, link: Link) {
    eventually("the link is as it should be", || node.stats().cluster.unwrap().link == link);
}

fn node(memory: &Memory) -> (Engine, HalfOpen) {
    let (node, way) = starting(memory);
    is(&node, Link::Up);
    (node, way)
}

/// A page with the id that both want.
fn tab(node: &Engine, user: &str) -> Pull {
    Pull::of(named(node, Some(user), "tab"))
}

fn members(node: &Engine, memory: &Memory) -> u64 {
    node.block_on(async { memory.clone().join(&Known::default()).await.unwrap().ends.members })
}

/// Ada has the id on all nodes, and Eve has got nothing but what was sent to her.
fn ada_has_it(nodes: [&Engine; 2], ada: &mut Pull, eve: &mut Pull) {
    eventually("the other is let go", || eve.stream.client().is_none_or(|client| !client.is_connected()));
    eventually("all know whose it is", || {
        nodes.iter().all(|node| node.clients_by_user("eve").is_empty() && node.clients_by_user("ada").len() == 1)
    });
    for (number, node) in nodes.into_iter().enumerate() {
        assert!(node.send_to_client("tab", data(&format!("secret {number}"))).unwrap());
    }
    let mut got = ada.data(2);
    got.sort_unstable();
    assert_eq!(got, ["secret 0", "secret 1"]);
    assert!(eve.all().iter().all(|event| !event.data.contains("secret")));
    let back = nodes[1].connect(ssekit_core::Connect { user: Some("eve"), client: Some("tab"), ..Default::default() });
    assert!(back.is_err(), "it is Ada's");
}

#[test]
fn simultaneous_claim_belongs_to_the_first_in_the_history() {
    let memory = Memory::new(1_000_000);
    let ((here, way), (there, other_way)) = (node(&memory), node(&memory));
    here.block_on(here.ready());
    for way in [&way, &other_way] {
        way.hold(true);
    }
    // Each is known to the history before it is known to the other node.
    let before = members(&here, &memory);
    let mut ada = tab(&here, "ada");
    eventually("it is told", || members(&here, &memory) > before);
    let before = members(&here, &memory);
    let mut eve = tab(&there, "eve");
    eventually("it is told", || members(&here, &memory) > before);
    for way in [&way, &other_way] {
        way.hold(false);
    }
    ada_has_it([&here, &there], &mut ada, &mut eve);
}

#[test]
fn outage_claim_belongs_to_one_user_afterwards() {
    let memory = Memory::new(1_000_000);
    let ((here, _), (there, way)) = (node(&memory), node(&memory));
    // One of them alone is cut off.
    way.let_read(false);
    is(&there, Link::Down);
    let before = members(&here, &memory);
    let mut eve = tab(&there, "eve");
    let mut ada = tab(&here, "ada");
    eventually("it is told", || members(&here, &memory) > before);
    here.send_to_client("tab", data("to ada")).unwrap();
    there.send_to_client("tab", data("to eve")).unwrap();
    assert_eq!((ada.data(1), eve.data(1)), (vec!["to ada".to_owned()], vec!["to eve".to_owned()]));
    way.let_read(true);
    is(&there, Link::Up);
    ada_has_it([&here, &there], &mut ada, &mut eve);
}

#[test]
fn claims_on_two_isolated_nodes_give_one_owner() {
    let memory = Memory::new(1_000_000);
    let ((here, _), (there, _)) = (node(&memory), node(&memory));
    memory.set_outage(Some("cut off"));
    [&here, &there].iter().for_each(|node| is(node, Link::Down));
    let (mut one, mut two) = (tab(&here, "ada"), tab(&there, "eve"));
    memory.set_outage(None);
    let connected = |page: &Pull| page.stream.client().is_some_and(|client| client.is_connected());
    eventually("one is let go", || !connected(&one) || !connected(&two));
    [&here, &there].iter().for_each(|node| is(node, Link::Up));
    let owner = if connected(&one) { "ada" } else { "eve" };
    eventually("all know whose it is", || {
        [&here, &there].iter().all(|node| node.clients_by_user(owner).len() == 1 && node.active_clients().len() == 1)
    });
    here.send_to_client("tab", data("1")).unwrap();
    there.send_to_client("tab", data("2")).unwrap();
    let (winner, loser) = if owner == "ada" { (&mut one, &mut two) } else { (&mut two, &mut one) };
    let mut got = winner.data(2);
    got.sort_unstable();
    assert_eq!(got, ["1", "2"]);
    assert!(loser.all().is_empty());
}

#[test]
fn claim_at_a_new_node_stays_with_its_owner() {
    let memory = Memory::new(1_000_000);
    let (here, _) = node(&memory);
    let before = members(&here, &memory);
    let mut ada = tab(&here, "ada");
    eventually("it is told", || members(&here, &memory) > before);
    let (there, _) = starting(&memory);
    let mut eve = tab(&there, "eve");
    is(&there, Link::Up);
    ada_has_it([&here, &there], &mut ada, &mut eve);
}
