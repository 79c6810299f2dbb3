//! Hubs in one folder: what pages see of them.

use std::sync::Arc;

use ssekit_core::{Connect, Link, Observer};
use ssekit_file::File;
use ssekit_testing::node_process::node_options;
use ssekit_testing::pull::Pull;
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
