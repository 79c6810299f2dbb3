//! Hubs in one folder: what pages see of them.

use std::sync::Arc;

use ssekit_core::backplane::{Address, Backplane as _, Batch, Ends, Known, NodeId, Outgoing, Topic};
use ssekit_core::{Audience, Connect, Link, Observer};
use ssekit_file::{File, FileOptions};
use ssekit_testing::contract::all_after;
use ssekit_testing::node_process::node_options;
use ssekit_testing::pull::Pull;
use ssekit_testing::watched::{Watch, Watched};
use ssekit_testing::{Engine, Recorder, Told, data, eventually};

use crate::folder::TestFolder;

fn hub(folder: &TestFolder) -> Engine {
    let hub = Engine::node(folder.open(), node_options());
    is(&hub, Link::Up);
    hub
}

fn is(hub: &Engine, link: Link) {
    eventually("the link is as it should be", || hub.stats().cluster.unwrap().link == link);
}

fn come_back(hub: &Engine, last_event_id: &str) -> Pull {
    hub.block_on(hub.caught_up(Some(last_event_id)));
    let last_event_id = Some(last_event_id);
    Pull::of(hub.connect(Connect { user: Some("ada"), last_event_id, ..Connect::default() }).unwrap())
}

fn next(page: &mut Pull, count: usize) -> Vec<String> {
    (0..count).map(|_| page.event().data).collect()
}

#[test]
fn page_goes_on_after_a_restart_with_what_a_worker_has_sent() {
    let folder = TestFolder::new();
    let server = hub(&folder);
    let mut page = Pull::of(server.connect(Connect { user: Some("ada"), ..Connect::default() }).unwrap());
    server.send_to_user("ada", data("1")).unwrap();
    let (last, epoch) = (page.event(), server.stats().epoch);
    drop(server);
    let worker = hub(&folder);
    worker.send_to_user("ada", data("2")).unwrap();
    worker.send_to_user("bob", data("not for her")).unwrap();
    worker.broadcast(data("3"), None).unwrap();
    worker.block_on(worker.flush_shared()).unwrap();
    drop(worker);
    let server = hub(&folder);
    let mut page = come_back(&server, &last.id);
    assert!(page.ready.resumed);
    assert_eq!(next(&mut page, 2), ["2", "3"]);
    assert_eq!(server.stats().epoch, epoch);
}

#[test]
fn hubs_in_one_folder_are_one() {
    let folder = TestFolder::new();
    let hubs = [(); 3].map(|()| hub(&folder));
    let mut pages =
        hubs.each_ref().map(|hub| Pull::of(hub.connect(Connect { user: Some("ada"), ..Connect::default() }).unwrap()));
    for number in 0..30 {
        hubs[number % 3].send_to_user("ada", data(&number.to_string())).unwrap();
    }
    let first = next(&mut pages[0], 30);
    for page in &mut pages[1..] {
        assert_eq!(next(page, 30), first, "one order");
    }
    eventually("each knows the pages of all", || hubs.iter().all(|hub| hub.active_clients().len() == 3));
}

#[test]
fn unusable_folder_is_told_once_and_events_go_on() {
    let folder = TestFolder::new();
    std::fs::write(folder.path(), "").unwrap();
    let recorder = Arc::new(Recorder::default());
    let observers: [Arc<dyn Observer>; 1] = [recorder.clone()];
    let hub = Engine::observed_node(File::new(folder.options()).unwrap(), node_options(), &observers);
    is(&hub, Link::Down);
    let mut page = Pull::of(hub.connect(Connect { user: Some("ada"), ..Connect::default() }).unwrap());
    hub.send_to_user("ada", data("1")).unwrap();
    assert_eq!(next(&mut page, 1), ["1"], "from memory");
    std::fs::remove_file(folder.path()).unwrap();
    is(&hub, Link::Up);
    let dir = folder.path().display();
    let why = format!("{dir}: the folder cannot be made: a file has the name of a folder");
    let expected =
        [&format!("the backplane cannot be used, ssekit keeps trying: {why}"), "the backplane can be used again"];
    eventually("both are told, once", || {
        let failure = |told: Told| if let Told::Failed(message) = told { Some(message) } else { None };
        recorder.told().into_iter().filter_map(failure).eq(expected)
    });
}

#[test]
fn million_stored_events_are_not_read_for_ten_missed_ones() {
    const STORED: u64 = 1_000_000;
    let folder = TestFolder::new();
    let open = || File::new(FileOptions { max_events: 2 * STORED, ..folder.options() }).unwrap();
    let node = Engine::node(open(), node_options());
    is(&node, Link::Up);
    let mut page = Pull::of(node.connect(Connect { user: Some("ada"), ..Connect::default() }).unwrap());
    node.send_to_user("ada", data("0")).unwrap();
    let last = page.event().id;
    for number in 1..=10 {
        node.send_to_user("ada", data(&number.to_string())).unwrap();
        if number == 5 {
            node.block_on(node.flush_shared()).unwrap();
            node.block_on(store_for_others(open(), STORED));
        }
    }
    node.block_on(node.flush_shared()).unwrap();
    drop((page, node));
    let watch = Arc::<Watch>::default();
    let node = Engine::node(Watched(open(), Arc::clone(&watch)), node_options());
    is(&node, Link::Up);
    assert_eq!(node.stats().position >> 20, STORED + 11, "it knows where the history ends");
    let mut page = come_back(&node, &last);
    assert_eq!(next(&mut page, 10), (1..=10).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(watch.records() < 200, "{} records were read", watch.records());
}

#[test]
fn content_for_pages_of_another_process_is_not_read() {
    let folder = TestFolder::new();
    let watch = Arc::<Watch>::default();
    let here = Engine::node(Watched(folder.open(), Arc::clone(&watch)), node_options());
    let worker = hub(&folder);
    is(&here, Link::Up);
    let mut page = Pull::of(here.connect(Connect { user: Some("ada"), ..Connect::default() }).unwrap());
    let before = watch.records();
    for number in 0..1_000 {
        worker.send_to_user(&format!("user {}", number % 100), data("not for her")).unwrap();
        worker.send_to_channel("room", data("nor for her")).unwrap();
    }
    worker.send_to_user("ada", data("1")).unwrap();
    assert_eq!(next(&mut page, 1), ["1"]);
    assert_eq!(watch.passed(), 2_000);
    // Hers, and what the processes tell each other.
    assert!(watch.records() - before < 50, "{} records were read", watch.records() - before);
    assert_eq!(here.stats().events, 2_001, "they count all the same");
}

/// Stores so many events of users who are somewhere else.
async fn store_for_others(mut file: File, count: u64) {
    let joined = file.join(&Known::default()).await.unwrap();
    let number = joined.ends.events;
    let ends = Ends { events: number - 1, members: u64::MAX >> 1 };
    let read = all_after(&mut file, ends).await.unwrap().records;
    let (payload, to) = (read[0].payload.clone(), Address::from(Audience::User("bob")));
    let (id, piece) = (NodeId::random(), 5_000);
    for first in (1..=count).step_by(piece) {
        let records = vec![Outgoing::new(to.clone(), payload.clone()); piece];
        let batch = Batch { node: id, topic: Topic::Events, first, records };
        file.append(joined.epoch, &batch).await.unwrap();
    }
}
