//! A node on a backplane that recalls keeps in memory only what somebody there reads. What it does not keep is not lost.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{
    Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number, Recall, Recalled,
};
use ssekit_core::event::position::Epoch;
use ssekit_core::{Audience, Connect, Event, HistoryOptions, Hub, Link, Options, Subscriber};
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::pull::Pull;
use ssekit_testing::{advance, data, keeping_all};
use tokio::runtime::Handle;

/// The maximum age of events. Everything here that is forgotten earlier is forgotten because nobody reads it.
const MAX_AGE: Duration = Duration::from_secs(300);

/// Longer than memory holds what nobody reads, with the next sweep.
const UNREAD: Duration = Duration::from_secs(36);

/// A way to a history that recalls.
#[derive(Clone)]
struct Way(HalfOpen, Memory);

impl Way {
    fn to(memory: &Memory) -> Self {
        Self(HalfOpen::to(memory), memory.clone())
    }
}

impl Backplane for Way {
    const RECALLS: bool = true;

    async fn join(&mut self, known: &Known) -> Result<Joined, Failure> {
        self.0.join(known).await
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> Result<Number, Failure> {
        self.0.append(epoch, batch).await
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        self.0.next(after, interest).await
    }

    async fn recall(&mut self, epoch: Epoch, what: &Recall) -> Result<Recalled, Failure> {
        self.1.recall(epoch, what).await
    }
}

pub(crate) async fn node(memory: &Memory) -> Hub {
    node_on(memory.clone()).await
}

pub(crate) async fn node_on(backplane: impl Backplane) -> Hub {
    let history = HistoryOptions { max_age: MAX_AGE, ..keeping_all().history };
    let options = Options { threads: 1, history, ..keeping_all() };
    let hub = Hub::start_on(backplane, options, &Handle::current()).unwrap();
    until("the node is up", || hub.stats().cluster.unwrap().link == Link::Up).await;
    hub
}

pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
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

pub(crate) fn open(hub: &Hub, who: Connect<'_>) -> Pull {
    Pull::of(hub.connect(who).unwrap())
}

/// The texts of the next `count` events.
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

/// A page without a user, a client id and channels.
fn watcher(hub: &Hub) -> Pull {
    open(hub, Connect::default())
}

/// Checks that a page that comes back gets nothing twice, and each of these unless it gets a reset.
async fn gets_or_is_told(page: &mut Pull, expected: &[&str]) {
    let mut found: Vec<String> = Vec::new();
    let mut is_told = false;
    until("the page has all or is told", || {
        for event in page.all() {
            is_told |= event.is_reset();
            found.push(event.data);
        }
        is_told || expected.iter().all(|text| found.iter().any(|data| data == text))
    })
    .await;
    advance(Duration::from_secs(1)).await;
    found.extend(page.all().into_iter().map(|event| event.data));
    let mut once = found.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), found.len(), "nothing comes twice: {found:?}");
}

#[tokio::test(start_paused = true)]
async fn page_of_an_outage_goes_on_after_it() {
    let memory = Memory::new(10_000);
    let hub = node(&memory).await;
    let mut page = open(&hub, ada(None));
    memory.set_outage(Some("cut off"));
    hub.broadcast(data("alone"), None).unwrap();
    let mut seen = Vec::new();
    until("the node delivers alone", || {
        seen.extend(page.all());
        !seen.is_empty()
    })
    .await;
    let id = seen.remove(0).id;
    drop(page);
    memory.set_outage(None);
    until("the node is up", || hub.stats().cluster.unwrap().link == Link::Up).await;
    hub.flush_shared().await.unwrap();
    // Nothing is left of the user, but the page has an id that only this node understands.
    advance(Duration::from_secs(12)).await;
    hub.send_to_user("ada", data("later")).unwrap();
    hub.flush_shared().await.unwrap();
    let mut back = open(&hub, Connect { client: None, ..ada(Some(&id)) });
    assert!(back.ready.resumed);
    assert_eq!(texts(&mut back, 1).await, ["later"]);
}

#[tokio::test(start_paused = true)]
async fn page_does_not_get_an_event_again_at_its_agreed_place() {
    let memory = Memory::new(10_000);
    let way = Way::to(&memory);
    let (here, there) = (node_on(way.clone()).await, node(&memory).await);
    let mut page = open(&here, ada(None));
    way.0.let_append(0);
    here.broadcast(data("alone"), None).unwrap();
    assert_eq!(texts(&mut page, 1).await, ["alone"]);
    there.broadcast(data("agreed"), None).unwrap();
    let mut last = Vec::new();
    until("the page has both", || {
        last.extend(page.all());
        !last.is_empty()
    })
    .await;
    drop(page);
    way.0.let_append(u64::MAX);
    until("the node is up", || here.stats().cluster.unwrap().link == Link::Up).await;
    here.flush_shared().await.unwrap();
    advance(MAX_AGE + UNREAD).await;
    here.send_to_user("ada", data("later")).unwrap();
    here.flush_shared().await.unwrap();
    let mut back = open(&here, Connect { client: None, ..ada(Some(&last[0].id)) });
    let mut events = Vec::new();
    until("the page is given something", || {
        events.extend(back.all());
        !events.is_empty()
    })
    .await;
    assert!(events.iter().all(|event| event.data != "alone"), "it has had that: {events:?}");
}

#[tokio::test(start_paused = true)]
async fn page_that_comes_while_half_of_an_outage_is_agreed_upon_misses_nothing() {
    let memory = Memory::new(10_000);
    let way = Way::to(&memory);
    let (here, there) = (node_on(way.clone()).await, node(&memory).await);
    let before = here.cursor();
    there.send_to_user("ada", data("left elsewhere")).unwrap();
    known(&there, &here).await;
    let (mut live, mut live_there) = (watcher(&here), watcher(&there));
    way.0.let_append(0);
    here.broadcast(data("alone 1"), None).unwrap();
    assert_eq!(texts(&mut live, 1).await, ["alone 1"]);
    there.broadcast(data("agreed"), None).unwrap();
    assert_eq!(texts(&mut live, 1).await, ["agreed"]);
    here.broadcast(data("alone 2"), None).unwrap();
    assert_eq!(texts(&mut live, 1).await, ["alone 2"]);
    way.0.let_append(1);
    assert_eq!(texts(&mut live_there, 2).await, ["agreed", "alone 1"]);
    until("the first one is back", || here.stats().position >> 20 >= there.stats().position >> 20).await;
    let mut page = open(&here, ada(Some(&before)));
    gets_or_is_told(&mut page, &["left elsewhere", "alone 1", "agreed", "alone 2"]).await;
}

#[tokio::test(start_paused = true)]
async fn subscriber_during_an_outage_misses_nothing_of_its_own_node() {
    let memory = Memory::new(10_000);
    let way = Way::to(&memory);
    let (here, there) = (node_on(way.clone()).await, node(&memory).await);
    there.broadcast(data("first"), None).unwrap();
    known(&there, &here).await;
    let before = here.cursor();
    there.send_to_channel("late", data("left elsewhere")).unwrap();
    known(&there, &here).await;
    let mut page = open(&here, ada(None));
    until("the other node knows the page", || there.active_clients().len() == 1).await;
    way.0.let_append(0);
    here.send_to_channel("late", data("alone")).unwrap();
    until("the node stands alone", || here.stats().cluster.unwrap().link == Link::Down).await;
    there.subscribe(Subscriber::Client("tab"), "late", Some(&before)).unwrap();
    gets_or_is_told(&mut page, &["left elsewhere", "alone"]).await;
}
