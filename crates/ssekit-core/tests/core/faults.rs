//! Faults around the engine that must not become faults in it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ssekit_core::{Client, ClientInfo, DisconnectReason, HistoryOptions, Hub, Observer, Options};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, Recorder, anonymous, data, eventually, named, two_shards, user};

/// Panics at every notice.
#[derive(Default)]
struct Panics(AtomicUsize);

impl Panics {
    fn panic(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
        // Without the message that a panic would print.
        std::panic::resume_unwind(Box::new("an observer's own fault"));
    }
}

impl Observer for Panics {
    fn connected(&self, _client: &Client) {
        self.panic();
    }

    fn disconnected(&self, _client: &ClientInfo, _reason: DisconnectReason) {
        self.panic();
    }

    fn failed(&self, _message: &str) {
        self.panic();
    }
}

#[test]
fn an_observer_that_panics_stops_nobody() {
    let engine = Engine::start();
    let panics = Arc::new(Panics::default());
    engine.observe(panics.clone());
    let recorder = Recorder::of(&engine);

    let mut peers: Vec<_> = (0..20).map(|_| Peer::of(user(&engine, "ada").stream)).collect();
    let gone = peers.split_off(10);
    drop(gone);
    eventually("those who left are gone", || engine.stats().clients == 10);
    engine.send_to_user("ada", data("x")).unwrap();
    engine.broadcast(data("y"), None).unwrap();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.data(2), ["x", "y"]));

    // In the caller's own thread it does not come out either: not of a drop, and not of a call.
    let pull = Pull::of(named(&engine, Some("ada"), "tab"));
    let _second = named(&engine, Some("ada"), "tab");
    drop(pull);
    assert!(engine.disconnect_client("tab"));
    assert_eq!(engine.disconnect_user("ada"), 10);
    assert_eq!(recorder.ends_of("tab"), [DisconnectReason::Replaced, DisconnectReason::Server]);
    let stats = engine.stats();
    assert_eq!((stats.clients, stats.users), (0, 0));
    assert_eq!(recorder.told().len(), 44, "the other observer is told everything");
    assert_eq!((panics.0.load(Ordering::Acquire), stats.observer_panics), (44, 44));
}

#[test]
fn dropping_a_stream_in_a_panic_does_not_abort() {
    let engine = Engine::start();
    engine.observe(Arc::new(Panics::default()));
    let connected = anonymous(&engine);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _connected = connected;
        std::panic::resume_unwind(Box::new("the carrier's own fault"));
    }));
    assert!(outcome.is_err());
    assert_eq!(engine.stats().clients, 0);
}

#[test]
fn removed_observer_is_not_called_again() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let observer: Arc<dyn Observer> = recorder.clone();
    drop(anonymous(&engine));
    assert_eq!(recorder.told().len(), 2);
    engine.unobserve(&observer);
    drop(anonymous(&engine));
    assert_eq!(recorder.told().len(), 2);
}

#[test]
fn stopped_hub_closes_its_sockets() {
    let engine = Engine::start();
    let mut peers: Vec<_> = (0..10).map(|_| Peer::of(user(&engine, "ada").stream)).collect();
    engine.broadcast(data("x"), None).unwrap();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.event().data, "x"));
    engine.stop();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.next_or_end(), None));
    // Every later call still returns, a flush above all.
    engine.block_on(engine.flush());
    engine.broadcast(data("x"), None).unwrap();
    engine.send_to_user("ada", data("x")).unwrap();
    engine.block_on(engine.flush());
    let mut late = Peer::of(anonymous(&engine).stream);
    assert_eq!(late.next_or_end(), None);
    engine.disconnect_user("ada");
    engine.stop();
}

#[test]
fn busy_hub_stops_as_well() {
    let engine = Engine::start();
    let mut peers: Vec<_> = (0..200).map(|_| Peer::of(anonymous(&engine).stream)).collect();
    let stopped = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        // As long as it has not stopped there is always another broadcast pass to go through.
        scope.spawn(|| {
            while stopped.load(Ordering::Acquire) == 0 {
                engine.broadcast(data("x"), None).unwrap();
            }
        });
        peers[0].event();
        engine.stop();
        for peer in &mut peers {
            while peer.next_or_end().is_some() {}
        }
        stopped.store(1, Ordering::Release);
    });
}

#[test]
fn ending_runtime_wakes_a_waiting_flush() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let hub = Hub::start(two_shards(), runtime.handle()).unwrap();
    let _unread = anonymous(&hub);
    hub.broadcast(data("x"), None).unwrap();
    runtime.shutdown_background();
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(hub.flush());
}

#[test]
fn options_out_of_bounds_start_no_hub() {
    let engine = Engine::start();
    let refused = |options: Options| {
        let error = engine.block_on(async { Hub::start(options, &tokio::runtime::Handle::current()) }).unwrap_err();
        assert!(error.is_range(), "{error}");
        error.to_string()
    };
    let options = Options::default;
    let history = |history| Options { history, ..options() };
    let default = HistoryOptions::default();
    for (named, options) in [
        ("maxEventBytes", Options { max_event_bytes: 1_023, ..options() }),
        ("maxEventBytes", Options { max_event_bytes: (64 << 20) + 1, ..options() }),
        ("heartbeatMs", Options { heartbeat: Duration::from_millis(99), ..options() }),
        ("heartbeatMs", Options { heartbeat: Duration::from_secs(3_601), ..options() }),
        ("heartbeatMs", Options { heartbeat: Duration::MAX, ..options() }),
        ("retryMs", Options { retry: Duration::from_secs(3_601), ..options() }),
        ("threads", Options { threads: 0, ..options() }),
        ("threads", Options { threads: 65, ..options() }),
        ("history.maxEvents", history(HistoryOptions { max_events: 0, ..default })),
        ("history.maxEvents", history(HistoryOptions { max_events: 10_000_001, ..default })),
        ("history.maxBytes", history(HistoryOptions { max_bytes: 1_023, ..default })),
        ("history.maxBytes", history(HistoryOptions { max_bytes: usize::MAX, ..default })),
        ("history.maxTotalBytes", history(HistoryOptions { max_total_bytes: 0, ..default })),
        ("history.maxAgeMs", history(HistoryOptions { max_age: Duration::from_millis(99), ..default })),
        ("history.maxAgeMs", history(HistoryOptions { max_age: Duration::MAX, ..default })),
    ] {
        assert!(refused(options).contains(named), "{named}");
    }
}

#[test]
fn options_at_their_bounds_work() {
    let least = Options {
        max_event_bytes: 1_024,
        heartbeat: Duration::from_millis(100),
        retry: Duration::ZERO,
        threads: 1,
        history: HistoryOptions {
            max_events: 1,
            max_bytes: 1_024,
            max_total_bytes: 1_024,
            max_age: Duration::from_millis(100),
        },
        ..two_shards()
    };
    let most = Options {
        max_event_bytes: 64 << 20,
        heartbeat: Duration::from_secs(3_600),
        retry: Duration::from_secs(3_600),
        threads: 64,
        history: HistoryOptions {
            max_events: 10_000_000,
            max_bytes: 1 << 40,
            max_total_bytes: 1 << 40,
            max_age: Duration::from_millis(1 << 40),
        },
        ..two_shards()
    };
    for options in [least, most] {
        let engine = Engine::with(options);
        let mut peers: Vec<_> = (0..70).map(|_| Peer::of(anonymous(&engine).stream)).collect();
        engine.broadcast(data("x"), None).unwrap();
        for peer in &mut peers {
            // The least history may be gone before everybody has been served; then there is a reset.
            let event = peer.event();
            assert!(event.data == "x" || event.is_reset());
        }
    }
}
