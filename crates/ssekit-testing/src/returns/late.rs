//! Pages that come while a node reads what nobody there has followed so far.

use std::sync::Arc;

use ssekit_core::{Link, Subscriber};

use super::{ada, back, open, start, until};
use crate::contract::World;
use crate::watched::Watch;
use crate::{Engine, data, eventually};

/// A node whose news comes late, and one that sends.
fn late_node<W: World>(world: &W) -> (Engine, Engine, Arc<Watch>) {
    let ((here, watch), (there, _)) = (start(world), start(world));
    eventually("both know each other", || [&here, &there].iter().all(|node| node.stats().cluster.unwrap().nodes == 1));
    watch.hold_news(true);
    (here, there, watch)
}

pub fn page_that_comes_during_a_read_gets_the_rest<W: World>() {
    let world = W::keeping(10_000);
    let (here, there, watch) = late_node(&world);
    let before = here.cursor();
    for number in 0..100 {
        there.send_to_user("ada", data(&number.to_string())).unwrap();
        there.send_to_user("bob", data("not hers")).unwrap();
        there.broadcast(data("all"), None).unwrap();
    }
    eventually("it was passed over", || watch.passed() > 0);
    let (mut page, mut returning) = (open(&here, ada("tab")), open(&here, back(ada("other"), &before)));
    assert!(returning.ready.resumed);
    watch.fail(true);
    watch.hold_news(false);
    eventually("what was passed over cannot be had", || here.stats().cluster.unwrap().link == Link::Down);
    watch.fail(false);
    there.broadcast(data("end"), None).unwrap();
    let expected: Vec<String> = (0..100).flat_map(|number| [number.to_string(), "all".to_owned()]).collect();
    assert_eq!(until(&mut page, "end"), expected);
    assert_eq!(until(&mut returning, "end"), expected);
}

pub fn subscription_within_a_read_gets_the_rest<W: World>() {
    let world = W::keeping(10_000);
    let (here, there, watch) = late_node(&world);
    watch.hold_news(false);
    let mut page = open(&here, ada("tab"));
    eventually("the other node knows the page", || there.active_clients().len() == 1);
    watch.hold_news(true);
    let earlier = there.cursor();
    let passed = watch.passed();
    there.send_to_channel("news", data("earlier")).unwrap();
    there.send_to_channel("room", data("unknown")).unwrap();
    there.subscribe(Subscriber::Client("tab"), "news", Some(&earlier)).unwrap();
    there.subscribe(Subscriber::Client("tab"), "room", None).unwrap();
    there.send_to_channel("news", data("1")).unwrap();
    there.send_to_channel("room", data("2")).unwrap();
    there.send_to_channel("other", data("not hers")).unwrap();
    there.broadcast(data("end"), None).unwrap();
    there.block_on(there.flush_shared()).unwrap();
    eventually("it was passed over", || watch.passed() > passed);
    watch.hold_news(false);
    assert_eq!(until(&mut page, "end"), ["earlier", "ssekit:subscribed", "ssekit:subscribed", "1", "2"]);
}
