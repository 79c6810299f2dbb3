//! A node on a backplane that recalls keeps in memory only what somebody there reads. What it does not keep is not lost.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{Audience, Connect, Event, HistoryOptions, Hub, Link, Options};
use ssekit_testing::pull::Pull;
use ssekit_testing::{advance, data, keeping_all};
use tokio::runtime::Handle;

/// How old events become. Everything here that is forgotten earlier is forgotten because nobody reads it.
const MAX_AGE: Duration = Duration::from_secs(300);

/// Longer than memory holds what nobody reads, with the next sweep.
const UNREAD: Duration = Duration::from_secs(36);

async fn node(memory: &Memory) -> Hub {
    let history = HistoryOptions { max_age: MAX_AGE, ..keeping_all().history };
    let options = Options { threads: 1, history, ..keeping_all() };
    let hub = Hub::start_on(memory.clone(), options, &Handle::current()).unwrap();
    until("the node is up", || hub.stats().cluster.unwrap().link == Link::Up).await;
    hub
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if condition() {
            return;
        }
        advance(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}");
}

/// Waits until everything sent at `from` is known at `to`.
async fn known(from: &Hub, to: &Hub) {
    from.flush_shared().await.unwrap();
    until("both are at the same place", || to.stats().position >> 20 >= from.stats().position >> 20).await;
}

fn ada(last_event_id: Option<&str>) -> Connect<'_> {
    Connect { user: Some("ada"), client: Some("tab"), channels: &["news"], last_event_id, ..Connect::default() }
}

fn open(hub: &Hub, who: Connect<'_>) -> Pull {
    Pull::of(hub.connect(who).unwrap())
}

/// The texts of the next so many events.
async fn texts(page: &mut Pull, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    until("the page has its events", || {
        texts.extend(page.all().into_iter().map(|event| event.data));
        texts.len() >= count
    })
    .await;
    texts
}

#[tokio::test(start_paused = true)]
async fn events_for_nobody_here_are_not_kept_but_can_be_had() {
    let memory = Memory::new(10_000);
    let (here, there) = (node(&memory).await, node(&memory).await);
    let before = here.cursor();
    let mut page = open(&there, ada(None));
    for number in 0..10 {
        here.send_to_user("ada", data(&format!("user {number}"))).unwrap();
        here.send_to_channel("news", data(&format!("channel {number}"))).unwrap();
        here.send_to_user("bob", data("not for her")).unwrap();
    }
    known(&here, &there).await;
    let stats = here.stats();
    assert_eq!((stats.logs, stats.known_users, stats.channels), (0, 0, 0), "nobody is here");
    assert_eq!(there.stats().logs, 2, "Ada is there");
    assert_eq!((stats.events, there.stats().events), (30, 30), "all were published");
    let live = texts(&mut page, 20).await;
    let read = here.read_back(Audience::User("bob"), None, 100).await.unwrap();
    assert_eq!(read.len(), 10, "a caller can read them back");
    let mut moved = open(&here, ada(Some(&before)));
    assert!(moved.ready.resumed);
    assert_eq!(texts(&mut moved, 20).await, live, "a page gets what this node has not kept");
    here.send_to_user("ada", data("live")).unwrap();
    assert_eq!(texts(&mut moved, 1).await, ["live"]);
}

#[tokio::test(start_paused = true)]
async fn events_are_dropped_once_nobody_has_read_them_for_long_and_can_be_had() {
    let memory = Memory::new(10_000);
    let hub = node(&memory).await;
    let own = |id, text| Event { id: Some(id), ..data(text) };
    let mut page = open(&hub, Connect { client: None, ..ada(None) });
    hub.send_to_user("ada", own("mine", "0")).unwrap();
    hub.send_to_user("ada", data("1")).unwrap();
    until("it has been read", || hub.stats().position >> 20 >= 2).await;
    let seen = page.all().pop().unwrap().id;
    drop(page);
    hub.send_to_user("ada", data("2")).unwrap();
    hub.send_to_channel("news", data("3")).unwrap();
    hub.flush_shared().await.unwrap();
    advance(Duration::from_secs(20)).await;
    assert_eq!(hub.stats().logs, 2, "a page may come back");
    advance(UNREAD).await;
    let stats = hub.stats();
    assert_eq!((stats.logs, stats.known_users, stats.channels), (0, 0, 0));
    let back = |last_event_id| Connect { client: None, ..ada(Some(last_event_id)) };
    let mut page = open(&hub, back(&seen));
    assert!(page.ready.resumed);
    assert_eq!(texts(&mut page, 2).await, ["2", "3"]);
    drop(page);
    advance(UNREAD).await;
    assert_eq!(hub.stats().logs, 0);
    let mut page = open(&hub, back("mine"));
    assert!(page.ready.resumed, "the caller's own id is found where memory does not hold it");
    assert_eq!(texts(&mut page, 3).await, ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn events_of_an_outage_are_kept_until_they_are_too_old() {
    let memory = Memory::new(10_000);
    let hub = node(&memory).await;
    let mut page = open(&hub, ada(None));
    memory.set_outage(Some("cut off"));
    hub.send_to_user("ada", data("1")).unwrap();
    hub.send_to_user("bob", data("for somebody who is not here")).unwrap();
    hub.send_to_user("ada", data("2")).unwrap();
    until("the node delivers alone", || hub.stats().cluster.unwrap().link == Link::Down).await;
    let seen = texts(&mut page, 2).await;
    assert_eq!(seen, ["1", "2"]);
    assert_eq!(hub.stats().logs, 2);
    memory.set_outage(None);
    until("the node is up", || hub.stats().cluster.unwrap().link == Link::Up).await;
    hub.flush_shared().await.unwrap();
    drop(page);
    advance(UNREAD).await;
    assert_eq!(hub.stats().logs, 2, "only this node knows what the ids of an outage mean");
    advance(MAX_AGE).await;
    let stats = hub.stats();
    assert_eq!((stats.logs, stats.known_users), (0, 0));
    hub.send_to_user("ada", data("3")).unwrap();
    hub.flush_shared().await.unwrap();
    assert_eq!(hub.stats().logs, 0);
}
