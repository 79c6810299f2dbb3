//! A node is given whole only what its clients read. Whenever they come, and whichever of its calls fails, each event comes once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{
    Backplane, Batch, Ends, Failure, Interest, Joined, Known, News, Number, Recall, Recalled,
};
use ssekit_core::event::position::Epoch;
use ssekit_core::{Connect, Hub, Link, Subscriber};
use ssekit_testing::pull::Pull;
use ssekit_testing::watched::{Watch, Watched};
use ssekit_testing::{advance, data};

use crate::unread::{node, node_on, open, until};

/// A way to a history on which one call fails.
#[derive(Clone)]
struct Faulty {
    memory: Memory,
    calls: Arc<AtomicUsize>,
    /// The call that fails, counted from 0.
    fails_at: usize,
    /// It is carried out, and its answer is lost.
    is_done: bool,
}

impl Faulty {
    /// Says whether the answer is lost.
    fn call(&self) -> Result<bool, Failure> {
        let fails = self.calls.fetch_add(1, Ordering::Relaxed) == self.fails_at;
        if fails && !self.is_done { Err(Failure::new("no way out")) } else { Ok(fails) }
    }
}

fn heard<T>(answer: Result<T, Failure>, is_lost: bool) -> Result<T, Failure> {
    if is_lost { Err(Failure::new("no way back")) } else { answer }
}

impl Backplane for Faulty {
    const RECALLS: bool = true;

    async fn join(&mut self, known: &Known) -> Result<Joined, Failure> {
        let is_lost = self.call()?;
        heard(self.memory.join(known).await, is_lost)
    }

    async fn append(&mut self, epoch: Epoch, batch: &Batch) -> Result<Number, Failure> {
        let is_lost = self.call()?;
        heard(self.memory.append(epoch, batch).await, is_lost)
    }

    async fn next(&mut self, after: Ends, interest: &Interest) -> Result<News, Failure> {
        let is_lost = self.call()?;
        heard(self.memory.next(after, interest).await, is_lost)
    }

    async fn recall(&mut self, epoch: Epoch, what: &Recall) -> Result<Recalled, Failure> {
        let is_lost = self.call()?;
        heard(self.memory.recall(epoch, what).await, is_lost)
    }
}

/// A page, and what it has to get.
struct Page {
    pull: Pull,
    expected: Vec<String>,
    got: Vec<String>,
    resets: usize,
}

impl Page {
    fn of(hub: &Hub, client: &'static str, since: Option<&str>) -> Self {
        let who = Connect {
            user: Some("ada"),
            client: Some(client),
            channels: &["news"],
            last_event_id: since,
            ..Connect::default()
        };
        Self { pull: open(hub, who), expected: Vec::new(), got: Vec::new(), resets: 0 }
    }

    fn take(&mut self) {
        for event in self.pull.all() {
            self.resets += usize::from(event.is_reset());
            if event.name.is_empty() {
                self.got.push(event.data);
            }
        }
    }

    /// Each event came once and in its sender's order, and all came, or a gap was told.
    fn check(&self, what: &str) {
        for sender in ["here", "there"] {
            let of_sender = |text: &&String| text.starts_with(sender);
            let numbers: Vec<usize> = self
                .got
                .iter()
                .filter(of_sender)
                .map(|text| text.rsplit(' ').next().unwrap().parse().unwrap())
                .collect();
            assert!(numbers.is_sorted_by(|one, next| one < next), "{what}: {:?}", self.got);
        }
        let missing: Vec<_> = self.expected.iter().filter(|text| !self.got.contains(text)).collect();
        assert!(missing.is_empty() || self.resets > 0, "{what}: {missing:?} of {:?}", self.got);
    }
}

/// Sends a few events to those who are there, and to others.
fn send(hub: &Hub, sender: &str, numbers: std::ops::Range<usize>, pages: &mut [&mut Page]) {
    for number in numbers {
        let text = format!("{sender} {number}");
        hub.send_to_user("bob", data("not hers")).unwrap();
        hub.send_to_channel("other", data("nor this")).unwrap();
        match number % 3 {
            0 => drop(hub.send_to_user("ada", data(&text)).unwrap()),
            1 => drop(hub.send_to_channel("news", data(&text)).unwrap()),
            _ => drop(hub.broadcast(data(&text), None).unwrap()),
        }
        pages.iter_mut().for_each(|page| page.expected.push(text.clone()));
    }
}

/// A node's life with two pages, one of which has been away. Returns the number of calls.
async fn life(fails_at: usize, is_done: bool) -> usize {
    let what = format!("call {fails_at}, carried out: {is_done}");
    let memory = Memory::new(10_000);
    let calls = Arc::default();
    let there = node(&memory).await;
    let here = node_on(Faulty { memory: memory.clone(), calls: Arc::clone(&calls), fails_at, is_done }).await;
    let before = here.cursor();
    let mut returning: Page;
    send(&there, "there", 0..6, &mut []);
    tokio::task::yield_now().await;
    let mut fresh = Page::of(&here, "fresh", None);
    send(&there, "there", 6..12, &mut [&mut fresh]);
    tokio::task::yield_now().await;
    send(&here, "here", 0..6, &mut [&mut fresh]);
    returning = Page::of(&here, "returning", Some(&before));
    returning.expected.extend((0..12).map(|number| format!("there {number}")));
    returning.expected.extend((0..6).map(|number| format!("here {number}")));
    advance(Duration::from_millis(10)).await;
    there.subscribe(Subscriber::Client("fresh"), "late", None).unwrap();
    send(&there, "there", 12..18, &mut [&mut fresh, &mut returning]);
    send(&here, "here", 6..12, &mut [&mut fresh, &mut returning]);
    advance(Duration::from_secs(3)).await;
    until("the node is up", || here.stats().cluster.unwrap().link == Link::Up).await;
    here.flush_shared().await.unwrap();
    there.flush_shared().await.unwrap();
    send(&there, "there", 18..21, &mut [&mut fresh, &mut returning]);
    for page in [&mut fresh, &mut returning] {
        until("the page has the last one", || {
            page.take();
            page.got.iter().any(|text| text == "there 20")
        })
        .await;
        page.check(&what);
    }
    calls.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn any_call_may_fail_once() {
    let calls = life(usize::MAX, false).await;
    assert!(calls > 10, "{calls}");
    for fails_at in 0..calls {
        life(fails_at, false).await;
        life(fails_at, true).await;
    }
}

#[tokio::test(start_paused = true)]
async fn node_follows_whom_its_clients_read() {
    let memory = Memory::new(10_000);
    let watch = Arc::<Watch>::default();
    let (here, there) = (node_on(Watched(memory.clone(), Arc::clone(&watch))).await, node(&memory).await);
    let whole = async |count: usize| {
        let before = watch.passed();
        send(&there, "there", 0..3, &mut []);
        there.flush_shared().await.unwrap();
        until("it has been read", || here.stats().position >> 20 >= there.stats().position >> 20).await;
        // Of nine events, one is for everybody.
        assert_eq!(watch.passed() - before, 8 - count);
    };
    whole(0).await;
    let page = Page::of(&here, "tab", None);
    whole(2).await;
    drop(page);
    whole(2).await;
    // Memory keeps what she may come back for, and for no longer. The page that is away keeps its channel.
    advance(Duration::from_secs(80)).await;
    whole(1).await;
    advance(Duration::from_secs(400)).await;
    whole(0).await;
}
