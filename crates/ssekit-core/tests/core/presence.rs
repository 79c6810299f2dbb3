//! A user is online from the first client on, and offline when the last one has been gone for a while.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use ssekit_core::{Client, ClientInfo, DisconnectReason, Hub, Observer, Options};
use ssekit_testing::{Engine, advance, anonymous, eventually, standing_hub, two_shards, user, work};

/// Writes down who went online and offline.
#[derive(Default)]
struct Presence(Mutex<Vec<String>>);

impl Presence {
    fn of(hub: &Hub) -> Arc<Self> {
        let presence = Arc::new(Self::default());
        hub.observe(presence.clone());
        presence
    }

    fn told(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

impl Observer for Presence {
    fn connected(&self, _client: &Client) {}

    fn disconnected(&self, _client: &ClientInfo, _reason: DisconnectReason) {}

    fn user_online(&self, user_id: &str) {
        self.0.lock().push(format!("{user_id} on"));
    }

    fn user_offline(&self, user_id: &str) {
        self.0.lock().push(format!("{user_id} off"));
    }

    fn failed(&self, _message: &str) {}
}

fn hub(grace: Duration) -> Hub {
    standing_hub(Options { presence_grace: grace, ..two_shards() })
}

#[tokio::test(start_paused = true)]
async fn user_back_within_the_grace_stays_online() {
    let hub = hub(Duration::from_secs(5));
    let presence = Presence::of(&hub);
    for _ in 0..10 {
        let tab = user(&hub, "ada");
        assert!(hub.is_online("ada"));
        drop(tab);
        assert!(hub.is_online("ada"), "for a moment");
        advance(Duration::from_secs(4)).await;
    }
    assert_eq!(presence.told(), ["ada on"]);
    advance(Duration::from_secs(2)).await;
    assert_eq!(presence.told(), ["ada on", "ada off"]);
    assert!(!hub.is_online("ada"));
    let _again = user(&hub, "ada");
    assert_eq!(presence.told(), ["ada on", "ada off", "ada on"]);
}

#[tokio::test(start_paused = true)]
async fn last_tab_decides_presence() {
    let hub = hub(Duration::from_secs(5));
    let presence = Presence::of(&hub);
    let (one, two) = (user(&hub, "ada"), user(&hub, "ada"));
    let _bob = user(&hub, "bob");
    let _nobody = anonymous(&hub);
    drop(one);
    advance(Duration::from_secs(60)).await;
    assert_eq!(presence.told(), ["ada on", "bob on"]);
    drop(two);
    advance(Duration::from_secs(6)).await;
    assert_eq!(presence.told(), ["ada on", "bob on", "ada off"]);
}

#[tokio::test(start_paused = true)]
async fn zero_grace_reports_offline_at_once() {
    let hub = hub(Duration::ZERO);
    let presence = Presence::of(&hub);
    drop(user(&hub, "ada"));
    work().await;
    assert_eq!(presence.told(), ["ada on", "ada off"]);
    assert!(!hub.is_online("ada"));
}

#[tokio::test(start_paused = true)]
async fn users_go_offline_in_order_of_departure() {
    let hub = hub(Duration::from_secs(5));
    let presence = Presence::of(&hub);
    let tabs: Vec<_> = (0..100).map(|number| user(&hub, &number.to_string())).collect();
    for tab in tabs {
        drop(tab);
        advance(Duration::from_millis(20)).await;
    }
    advance(Duration::from_secs(5)).await;
    let off: Vec<_> = (0..100).map(|number| format!("{number} off")).collect();
    assert_eq!(presence.told()[100..], off);
}

#[test]
fn online_and_offline_alternate() {
    let engine = Engine::with(Options { presence_grace: Duration::from_millis(1), ..two_shards() });
    let presence = Presence::of(&engine);
    for _ in 0..11 {
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        drop(user(&engine, "ada"));
                        thread::yield_now();
                    }
                });
            }
        });
        // However many cores let the three overlap: once a round she is gone for longer than the grace.
        eventually("she is offline", || !engine.is_online("ada"));
    }
    eventually("that is told", || presence.told().len() >= 22 && presence.told().len().is_multiple_of(2));
    for (number, told) in presence.told().iter().enumerate() {
        assert_eq!(told, ["ada on", "ada off"][number % 2], "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_user_is_offline() {
    let hub = hub(Duration::from_secs(5));
    hub.send_to_user("ada", ssekit_testing::data("x")).unwrap();
    assert!(!hub.is_online("ada"));
    assert!(!hub.is_online("nobody"));
}
