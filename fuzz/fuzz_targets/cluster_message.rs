//! Any message from another node: no crash, no event for a page of another user, and this node goes on.
#![no_main]

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use ssekit_core::backplane::memory::Memory;
use ssekit_core::backplane::{Address, Backplane, Batch, Known, NodeId, Outgoing, Topic};
use ssekit_core::{Connect, Event, Hub, Link, Options};
use ssekit_testing::pull::Pull;

struct Scene {
    hub: Hub,
    memory: Memory,
    /// Another node, and how much it has said in each topic.
    other: Mutex<(NodeId, u64, u64)>,
    runtime: tokio::runtime::Runtime,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let memory = Memory::new(10_000);
    let options = Options { threads: 1, ..Options::default() };
    let hub = Hub::start_on(memory.clone(), options, runtime.handle()).expect("a hub");
    eventually(|| hub.stats().cluster.is_some_and(|cluster| cluster.link == Link::Up));
    Scene { hub, memory, other: Mutex::new((NodeId::random(), 0, 0)), runtime }
});

fn eventually(mut condition: impl FnMut() -> bool) {
    let hung = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < hung, "waited in vain");
        std::thread::sleep(Duration::from_micros(50));
    }
}

// The first byte says in which topic, and how a message begins that is likely to be understood.
fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let Scene { hub, memory, other, runtime } = &*SCENE;
    let mut other = other.lock().expect("nobody panicked");
    let topic = if first & 1 == 0 { Topic::Events } else { Topic::Members };
    let payload = if first & 2 == 0 { rest.to_vec() } else { [&[1, first >> 2], rest].concat() };
    let count = match topic {
        Topic::Events => &mut other.1,
        Topic::Members => &mut other.2,
    };
    *count += 1;
    let count = *count;
    let records = vec![Outgoing::new(Address::everybody(), payload.into())];
    let batch = Batch { node: other.0, topic, first: count, records };
    let mut bob = Pull::of(hub.connect(Connect { user: Some("bob"), ..Connect::default() }).expect("he is let in"));
    runtime.block_on(async {
        let mut memory = memory.clone();
        let joined = memory.join(&Known::default()).await.expect("it can be joined");
        memory.append(joined.epoch, &batch).await.expect("it is appended");
    });
    // Its own later events come back: it has read the other's message, and goes on.
    hub.send_to_user("carol", Event { data: "x", ..Event::default() }).expect("it may be sent");
    let end = runtime.block_on(async { memory.clone().join(&Known::default()).await.expect("joined").ends.events });
    eventually(|| hub.stats().position >> 20 >= end);
    for event in bob.all() {
        assert_ne!(event.data, "x", "what was for somebody else");
    }
});
