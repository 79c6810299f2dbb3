//! Pages that come back to a node that has not read the history: they get what they have missed, each event once and in order, or
//! the word of a gap. A crate with a backplane that recalls implements [`World`] for it and calls [`returns!`](crate::returns).

mod late;
mod model;

use std::sync::Arc;
use std::time::Duration;

use ssekit_core::{Audience, ChannelOptions, Connect, ErrorKind, Event, Framing, Link, Options, Subscriber};

use crate::contract::World;
use crate::node_process::node_options;
use crate::peer::Peer;
use crate::pull::Pull;
use crate::watched::{Watch, Watched};
use crate::wire::Received;
use crate::{Engine, data, eventually};

pub use late::{page_that_comes_during_a_read_gets_the_rest, subscription_within_a_read_gets_the_rest};
pub use model::restarts_at_random_lose_nothing;

/// Tests that pages of a [`World`] come back to what they have missed.
#[macro_export]
macro_rules! returns {
    ($world:ty) => {
        $crate::returns!($world:
            page_gets_every_audience_once_and_in_order, page_gets_more_than_one_piece_and_what_comes_meanwhile,
            every_carrier_gives_arrears, callers_own_id_is_found, only_the_newest_of_a_key_comes,
            first_connection_begins_at_its_cursor, subscription_begins_at_its_cursor, channels_are_kept_over_a_restart,
            log_out_is_kept_over_a_restart, id_stays_with_its_user, lost_event_of_an_unknown_client_is_told,
            disconnected_client_gets_what_was_sent_before, forgotten_events_are_told, failing_recall_is_told,
            history_reads_on_behind_memory, who_came_and_went_is_told, page_that_comes_during_a_read_gets_the_rest,
            subscription_within_a_read_gets_the_rest, restarts_at_random_lose_nothing);
    };
    ($world:ty: $($rule:ident),+) => {
        $(#[test]
        fn $rule() {
            $crate::returns::$rule::<$world>();
        })+
    };
}

/// A node that has just been started.
pub fn start<W: World>(world: &W) -> (Engine, Arc<Watch>) {
    start_with(world, node_options())
}

fn start_with<W: World>(world: &W, options: Options) -> (Engine, Arc<Watch>) {
    let watch = Arc::<Watch>::default();
    let node = Engine::node(Watched(world.node(), Arc::clone(&watch)), options);
    eventually("the node is up", || node.stats().cluster.unwrap().link == Link::Up);
    (node, watch)
}

/// Ends the node when everything is in the history, and starts another one.
fn restart<W: World>(world: &W, node: Engine) -> (Engine, Arc<Watch>) {
    node.block_on(node.flush_shared()).unwrap();
    drop(node);
    start(world)
}

pub fn ada(client: &'static str) -> Connect<'static> {
    Connect { user: Some("ada"), client: Some(client), ..Connect::default() }
}

pub fn open(node: &Engine, who: Connect<'_>) -> Pull {
    node.block_on(node.caught_up(who.last_event_id.or(who.since)));
    Pull::of(node.connect(who).unwrap())
}

fn back<'a>(who: Connect<'a>, last: &'a str) -> Connect<'a> {
    Connect { last_event_id: Some(last), ..who }
}

/// The events that the page gets up to this one, which is the last for all.
fn until(page: &mut Pull, end: &str) -> Vec<String> {
    let mut got = Vec::new();
    loop {
        let event = page.event();
        assert!(!event.is_reset(), "{event:?} after {got:?}");
        if event.data == end {
            return got;
        }
        got.push(told(&event));
    }
}

/// An event of the engine by its name.
fn told(event: &Received) -> String {
    if event.name.is_empty() { event.data.clone() } else { event.name.clone() }
}

pub fn page_gets_every_audience_once_and_in_order<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let mut page = open(&node, ada("tab"));
    node.subscribe(Subscriber::Client("tab"), "news", None).unwrap();
    for round in 0..3 {
        node.send_to_user("ada", data(&format!("user {round}"))).unwrap();
        node.send_to_user("bob", data("not hers")).unwrap();
        node.send_to_client("tab", data(&format!("client {round}"))).unwrap();
        node.broadcast(data(&format!("all {round}")), None).unwrap();
        node.broadcast(data("all but her"), Some("tab")).unwrap();
        node.send_to_channel("news", data(&format!("news {round}"))).unwrap();
        node.send_to_channel("other", data("not subscribed")).unwrap();
    }
    node.unsubscribe(Subscriber::Client("tab"), "news").unwrap();
    node.send_to_channel("news", data("left")).unwrap();
    node.broadcast(data("end"), None).unwrap();
    let mut all = Vec::new();
    while all.last().is_none_or(|event: &Received| event.data != "end") {
        all.push(page.event());
    }
    drop(page);
    let (node, _) = restart(&world, node);
    // From every event on, and by every way to come back.
    for (seen, event) in all.iter().enumerate() {
        let mut page = open(&node, back(ada("tab"), &event.id));
        assert!(page.ready.resumed);
        let rest: Vec<(String, String)> =
            page.events(all.len() - seen - 1).into_iter().map(|event| (event.data, event.id)).collect();
        let missed: Vec<(String, String)> =
            all[seen + 1..].iter().map(|event| (event.data.clone(), event.id.clone())).collect();
        assert_eq!(rest, missed, "after {seen}");
        assert!(page.all().is_empty());
    }
}

pub fn page_gets_more_than_one_piece_and_what_comes_meanwhile<W: World>() {
    let world = W::keeping(100_000);
    let (node, _) = start(&world);
    let first = open(&node, ada("tab")).ready.id;
    for number in 0..3_000 {
        match number % 2 {
            0 => drop(node.broadcast(data(&number.to_string()), None).unwrap()),
            _ => drop(node.send_to_user("ada", data(&number.to_string())).unwrap()),
        }
    }
    let (node, watch) = restart(&world, node);
    watch.hold(true);
    let mut page = open(&node, back(ada("tab"), &first));
    assert!(page.all().is_empty(), "it waits");
    node.broadcast(data("3000"), None).unwrap();
    watch.hold(false);
    let mut got = page.data(1_500);
    node.send_to_user("ada", data("3001")).unwrap();
    node.broadcast(data("end"), None).unwrap();
    got.extend(until(&mut page, "end"));
    assert_eq!(got, (0..=3_001).map(|number| number.to_string()).collect::<Vec<_>>());
}

pub fn every_carrier_gives_arrears<W: World>() {
    let world = W::keeping(100_000);
    let (node, _) = start(&world);
    let first = open(&node, ada("tab")).ready.id;
    for number in 0..2_500 {
        node.send_to_user("ada", data(&number.to_string())).unwrap();
    }
    let (node, _) = restart(&world, node);
    let all: Vec<String> = (0..2_500).map(|number| number.to_string()).collect();
    for (client, framing) in [("a", Framing::Chunked), ("b", Framing::UntilClose)] {
        let stream = node.connect(back(ada(client), &first)).unwrap().stream;
        let mut peer = Peer::with(stream, framing);
        let got: Vec<String> = (0..2_500).map(|_| peer.event().data).collect();
        assert_eq!(got, all);
        node.send_to_user("ada", data("live")).unwrap();
        assert_eq!(peer.event().data, "live");
        node.disconnect_client(client);
        eventually("it is gone", || node.active_clients_here().is_empty());
    }
}

pub fn callers_own_id_is_found<W: World>() {
    let world = W::keeping(100_000);
    let (node, _) = start(&world);
    for number in 0..3_000 {
        let text = number.to_string();
        node.broadcast(Event { id: Some(&format!("order-{number}")), data: &text, ..Event::default() }, None).unwrap();
    }
    let (node, _) = restart(&world, node);
    node.broadcast(data("end"), None).unwrap();
    for seen in [0, 7, 2_990] {
        let mut page = open(&node, back(ada("tab"), &format!("order-{seen}")));
        assert_eq!(page.ready.id, format!("order-{seen}"), "a cut now costs nothing");
        let rest: Vec<String> = (seen + 1..3_000).map(|number| number.to_string()).collect();
        assert_eq!(until(&mut page, "end"), rest);
    }
    let mut page = open(&node, back(ada("tab"), "order-none"));
    let reset = page.event();
    assert!(reset.is_reset() && reset.data.contains("unknown"), "{reset:?}");
    node.broadcast(data("live"), None).unwrap();
    assert_eq!(page.event().data, "live");
}

pub fn only_the_newest_of_a_key_comes<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let first = open(&node, ada("tab")).ready.id;
    for number in 0..10 {
        let text = number.to_string();
        let event = Event { data: &text, coalesce_key: Some("price"), ..Event::default() };
        node.broadcast(event, None).unwrap();
        node.send_to_user("ada", event).unwrap();
    }
    // The newest for the others is not hers.
    node.broadcast(Event { data: "x", coalesce_key: Some("price"), ..Event::default() }, Some("tab")).unwrap();
    let (node, _) = restart(&world, node);
    node.broadcast(data("end"), None).unwrap();
    assert_eq!(until(&mut open(&node, back(ada("tab"), &first)), "end"), ["9", "9"], "one of each audience");
}

pub fn first_connection_begins_at_its_cursor<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    node.send_to_channel("news", data("before")).unwrap();
    node.block_on(node.flush_shared()).unwrap();
    let cursor = node.cursor();
    node.send_to_channel("news", data("1")).unwrap();
    node.send_to_user("ada", data("2")).unwrap();
    let (node, _) = restart(&world, node);
    node.broadcast(data("end"), None).unwrap();
    let who = Connect { since: Some(&cursor), channels: &["news"], ..ada("tab") };
    assert_eq!(until(&mut open(&node, who), "end"), ["1", "2"]);
    assert_eq!(until(&mut open(&node, Connect { client: None, ..who }), "end"), ["1", "2"]);
}

pub fn subscription_begins_at_its_cursor<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    node.send_to_channel("news", data("before")).unwrap();
    node.block_on(node.flush_shared()).unwrap();
    let cursor = node.cursor();
    node.send_to_channel("news", data("1")).unwrap();
    node.broadcast(data("not of the channel"), None).unwrap();
    node.send_to_channel("news", data("2")).unwrap();
    let (node, _) = restart(&world, node);
    let mut page = open(&node, ada("tab"));
    let first = page.ready.id.clone();
    node.subscribe(Subscriber::Client("tab"), "news", Some(&cursor)).unwrap();
    node.send_to_channel("news", data("3")).unwrap();
    node.broadcast(data("end"), None).unwrap();
    let all = ["1", "2", "ssekit:subscribed", "3"];
    assert_eq!(until(&mut page, "end"), all);
    drop(page);
    // The same for a page that was away, and a node that reads of the command when it starts.
    let (node, _) = restart(&world, node);
    assert_eq!(until(&mut open(&node, back(ada("tab"), &first)), "end"), all);
}

pub fn channels_are_kept_over_a_restart<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let mut page = open(&node, ada("tab"));
    node.subscribe(Subscriber::Client("tab"), "news", None).unwrap();
    let last = page.event().id;
    drop(page);
    node.send_to_channel("news", data("1")).unwrap();
    let (node, _) = restart(&world, node);
    node.send_to_channel("news", data("2")).unwrap();
    node.broadcast(data("end"), None).unwrap();
    assert_eq!(until(&mut open(&node, back(ada("tab"), &last)), "end"), ["1", "2"]);
}

pub fn log_out_is_kept_over_a_restart<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let issued = ssekit_core::session::revoked::since_1970();
    let mut page = open(&node, ada("tab"));
    node.subscribe(Subscriber::Client("tab"), "news", None).unwrap();
    let last = page.event().id;
    node.send_to_channel("news", data("1")).unwrap();
    node.block_on(node.flush_shared()).unwrap();
    node.disconnect_user("ada");
    node.send_to_channel("news", data("after the log-out")).unwrap();
    let (node, _) = restart(&world, node);
    assert!(node.is_logged_out("ada", issued) && !node.is_logged_out("bob", issued));
    node.broadcast(data("end"), None).unwrap();
    assert_eq!(until(&mut open(&node, back(ada("tab"), &last)), "end"), ["1"], "what was sent before");
}

pub fn id_stays_with_its_user<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let page = open(&node, ada("tab"));
    let first = page.ready.id.clone();
    node.send_to_client("tab", data("for ada")).unwrap();
    let (node, _) = restart(&world, node);
    let bob = Connect { user: Some("bob"), ..ada("tab") };
    assert!(node.connect(back(bob, &first)).is_err());
    node.broadcast(data("end"), None).unwrap();
    assert_eq!(until(&mut open(&node, back(ada("tab"), &first)), "end"), ["for ada"]);
}

pub fn lost_event_of_an_unknown_client_is_told<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let first = open(&node, ada("other")).ready.id;
    node.send_to_client("tab", data("nobody knows whose it is")).unwrap();
    let (node, _) = restart(&world, node);
    assert!(open(&node, back(ada("tab"), &first)).event().is_reset());
    node.broadcast(data("end"), None).unwrap();
    assert_eq!(until(&mut open(&node, back(ada("other"), &first)), "end"), [""; 0]);
}

pub fn disconnected_client_gets_what_was_sent_before<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let first = open(&node, ada("tab")).ready.id;
    for number in 0..1_500 {
        node.send_to_user("ada", data(&number.to_string())).unwrap();
    }
    let (node, watch) = restart(&world, node);
    watch.hold(true);
    let mut pull = open(&node, back(ada("pull"), &first));
    let mut peer = Peer::of(node.connect(back(ada("peer"), &first)).unwrap().stream);
    node.send_to_user("ada", data("last words")).unwrap();
    node.disconnect_user("ada");
    node.send_to_user("ada", data("too late")).unwrap();
    eventually("both are gone", || node.active_clients_here().is_empty());
    watch.hold(false);
    let expected: Vec<String> = (0..1_500).map(|number| number.to_string()).chain(["last words".to_owned()]).collect();
    let pulled: Vec<String> = std::iter::from_fn(|| pull.next_event()).map(|event| event.data).collect();
    assert_eq!(pulled, expected);
    let written: Vec<String> = (0..expected.len()).map(|_| peer.event().data).collect();
    assert_eq!(written, expected);
    assert!(peer.next_or_end().is_none(), "nothing follows");
}

pub fn forgotten_events_are_told<W: World>() {
    let world = W::keeping(100);
    let (node, _) = start(&world);
    let first = open(&node, ada("tab")).ready.id;
    let send = |node: &Engine, count: u64| {
        let start = node.stats().position >> 20;
        for number in 0..count {
            node.send_to_user("ada", data(&number.to_string())).unwrap();
            if number % 20 == 19 {
                // The history is short, and the node must not fall behind.
                eventually("the node has read it", || node.stats().position >> 20 == start + number + 1);
            }
        }
    };
    send(&node, 80);
    let (node, watch) = restart(&world, node);
    // The events that are there when the page connects are forgotten before they are recalled.
    watch.hold(true);
    let mut page = open(&node, back(ada("tab"), &first));
    send(&node, 1_000);
    watch.hold(false);
    let reset = page.event();
    assert!(reset.is_reset() && reset.data.contains("evicted"), "{reset:?}");
    assert_eq!(page.data(1_000).last().unwrap(), "999", "everything from the connection on");
    // And what is forgotten at the start.
    let (node, _) = restart(&world, node);
    let mut page = open(&node, back(ada("late"), &first));
    assert!(!page.ready.resumed && page.event().is_reset());
}

pub fn failing_recall_is_told<W: World>() {
    let world = W::keeping(10_000);
    let (node, _) = start(&world);
    let first = open(&node, ada("tab")).ready.id;
    node.send_to_user("ada", data("1")).unwrap();
    node.send_to_user("ada", data("2")).unwrap();
    let (node, watch) = restart(&world, node);
    watch.fail(true);
    let mut page = open(&node, back(ada("tab"), &first));
    node.send_to_user("ada", data("3")).unwrap();
    let reset = page.event();
    assert!(reset.is_reset(), "{reset:?}");
    assert_eq!(page.event().data, "3");
    // A short fault only takes time.
    let mut page = open(&node, back(ada("tab"), &first));
    std::thread::sleep(Duration::from_millis(20));
    watch.fail(false);
    let mut next = page.event();
    if next.is_reset() {
        // The fault before it has lasted long enough.
        next = open(&node, back(ada("tab"), &first)).event();
    }
    assert_eq!(next.data, "1");
}

pub fn history_reads_on_behind_memory<W: World>() {
    let world = W::keeping(100_000);
    let (node, _) = start(&world);
    let cursor = node.cursor();
    for number in 0..2_500 {
        let text = number.to_string();
        node.send_to_user("ada", Event { id: Some(&format!("own-{number}")), ..data(&text) }).unwrap();
        node.send_to_channel("news", data(&text)).unwrap();
    }
    let (node, watch) = restart(&world, node);
    // Memory holds what somebody reads.
    let _page = open(&node, ada("tab"));
    for number in 2_500..2_510 {
        node.send_to_user("ada", data(&number.to_string())).unwrap();
    }
    node.block_on(node.flush_shared()).unwrap();
    let read = |audience, after: Option<&str>, limit| {
        let events = node.block_on(node.read_back(audience, after, limit));
        events.map(|events| events.into_iter().map(|event| event.data.parse().unwrap()).collect::<Vec<u32>>())
    };
    let user = Audience::User("ada");
    let numbers = |from: u32, to: u32| Ok((from..to).collect::<Vec<u32>>());
    assert_eq!(read(user, None, 5), numbers(2_505, 2_510));
    assert_eq!(read(user, None, 2_000), numbers(510, 2_510));
    assert_eq!(read(user, None, 10_000), numbers(0, 2_510));
    assert_eq!(read(user, Some(&cursor), 10_000), numbers(0, 2_510));
    assert_eq!(read(user, Some("own-1200"), 10_000), numbers(1_201, 2_510));
    assert_eq!(read(user, Some("own-1200"), 20), numbers(2_490, 2_510));
    assert_eq!(read(Audience::Channel("news"), None, 3), numbers(2_497, 2_500));
    assert!(read(user, Some("own-none"), 10).unwrap_err().kind() == ErrorKind::Evicted);
    watch.fail(true);
    assert_eq!(read(user, None, 5), numbers(2_505, 2_510), "memory has them");
    assert!(read(user, None, 2_000).is_err());
}

pub fn who_came_and_went_is_told<W: World>() {
    let world = W::keeping(10_000);
    let mut options = Options { presence_grace: Duration::ZERO, ..node_options() };
    options.channels.add("room", ChannelOptions { presence: true, history: None }).unwrap();
    let (node, _) = start_with(&world, options.clone());
    let in_room = |client| Connect { channels: &["room"], ..ada(client) };
    let mut page = open(&node, in_room("watcher"));
    let mut all = page.events(1);
    let bob = open(&node, in_room("bob"));
    all.extend(page.events(1));
    node.send_to_channel("room", data("hello")).unwrap();
    all.extend(page.events(1));
    drop(bob);
    all.extend(page.events(1));
    let _eve = open(&node, in_room("eve"));
    all.extend(page.events(1));
    let names: Vec<String> = all.iter().map(told).collect();
    assert_eq!(names, ["ssekit:join", "ssekit:join", "hello", "ssekit:leave", "ssekit:join"]);
    node.block_on(node.flush_shared()).unwrap();
    drop((page, node));
    let (node, _) = start_with(&world, options);
    for seen in 0..all.len() {
        let page = open(&node, back(in_room("watcher"), &all[seen].id)).events(all.len() - seen - 1);
        let texts = |events: &[Received]| -> Vec<_> { events.iter().map(|event| event.data.clone()).collect() };
        assert_eq!(texts(&page), texts(&all[seen + 1..]), "after {seen}");
    }
}
