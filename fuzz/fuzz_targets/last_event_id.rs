//! Any combination of last event id, user id and client id: no crash, no event of another user's, and a reset before
//! anything else unless the id is one that can be resumed from.
#![no_main]

use std::sync::{LazyLock, Mutex};

use libfuzzer_sys::fuzz_target;
use ssekit_core::{Connect, Connected, Event, HistoryOptions, Hub, Options};
use ssekit_testing::pull::Pull;

const EVENTS: u64 = 60;

struct Scene {
    hub: Hub,
    /// She stays connected.
    _ada: Mutex<Connected>,
    _runtime: tokio::runtime::Runtime,
}

/// A hub that has sent to Ada, to Bob and to all, and forgotten some of it.
static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let history = HistoryOptions { max_events: 10, ..HistoryOptions::default() };
    let hub = Hub::start(Options { history, threads: 1, ..Options::default() }, runtime.handle()).expect("a hub");
    let connected = hub.connect(Connect { user: Some("ada"), client: Some("tab"), ..Connect::default() });
    for number in 0..EVENTS {
        let id = format!("own {number}");
        let event = |data| Event { data, id: (number % 5 == 0).then_some(id.as_str()), ..Event::default() };
        match number % 4 {
            0 => hub.send_to_user("ada", event("secret")).map(drop),
            1 => hub.send_to_user("bob", event("secret")).map(drop),
            2 => hub.send_to_client("tab", event("secret")).map(drop),
            _ => hub.broadcast(event("public"), None).map(drop),
        }
        .expect("it may be sent");
    }
    Scene { hub, _ada: Mutex::new(connected.expect("she is let in")), _runtime: runtime }
});

/// `@` stands for the epoch, which an attacker knows from his own ids.
type Input<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

fuzz_target!(|input: Input<'_>| {
    let (id, user, client) = input;
    if matches!(user, Some("ada" | "bob")) {
        return;
    }
    let hub = &SCENE.hub;
    let epoch = hub.stats().epoch;
    let last_event_id = id.replace('@', &epoch);
    let who = Connect { user, client, last_event_id: Some(&last_event_id), ..Connect::default() };
    let Ok(connected) = hub.connect(who) else { return };
    assert_ne!(client, Some("tab"), "that is Ada's");
    let mut pull = Pull::of(connected);
    let events = pull.all();
    assert!(events.iter().all(|event| event.is_reset() || event.data == "public"), "{events:?}");
    let resets = events.iter().filter(|event| event.is_reset()).count();
    assert_eq!(
        (resets, events.first().is_some_and(|event| event.is_reset())),
        (usize::from(!pull.ready.resumed), !pull.ready.resumed)
    );
    // Nobody is to stay: it would be all the same user's clients in the end.
    hub.disconnect_client(&pull.ready.client_id);
});
