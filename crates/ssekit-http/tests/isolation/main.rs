//! Any mix of tickets, client ids and last event ids meets the listener. No client gets a byte that was sent to another user or to
//! another client. A one-time ticket opens one client, and a refused client gets no event.
#![cfg(test)]

mod operation;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use operation::{PAGES, operation};
use world::World;

/// The ways in which a request ends; each has to come up.
const OUTCOMES: usize = 20;

#[test]
fn no_ticket_reveals_events_of_others() {
    let met = RefCell::new(BTreeMap::new());
    let config =
        ProptestConfig { cases: 256, max_shrink_iters: 500, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(operations in vec(operation(), 1..80))| {
        let mut world = World::new();
        for operation in &operations {
            world.run(operation);
        }
        for page in 0..PAGES {
            world.read(page);
        }
        for (what, times) in world.met {
            *met.borrow_mut().entry(what).or_default() += times;
        }
    });
    let met: BTreeMap<&str, usize> = met.into_inner();
    assert_eq!(met.len(), OUTCOMES, "{met:?}");
}
