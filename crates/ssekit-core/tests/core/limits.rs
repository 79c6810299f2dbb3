//! As many clients as may be are let in, and everybody else gets an answer that says why not.

use std::net::IpAddr;
use std::sync::Barrier;
use std::thread;

use ssekit_core::{Connect, Connected, Hub, LimitOptions, Options, Refusal, Result};
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, anonymous, eventually, named, two_shards, user};

fn engine(limits: LimitOptions) -> Engine {
    Engine::with(Options { limits, ..two_shards() })
}

fn none() -> LimitOptions {
    LimitOptions::default()
}

fn from(hub: &Hub, address: &str) -> Result<Connected> {
    let address: IpAddr = address.parse().unwrap();
    hub.connect(Connect { address: Some(address), ..Connect::default() })
}

fn refusal(refused: Result<Connected>) -> Refusal {
    refused.unwrap_err().refusal().unwrap()
}

/// The count of each refusal.
fn counted(hub: &Hub, refusal: Refusal) -> u64 {
    hub.stats().refusals[refusal as usize]
}

#[test]
fn number_of_clients_is_limited() {
    let engine = engine(LimitOptions { clients: 3, ..none() });
    let mut clients: Vec<_> = (0..3).map(|_| anonymous(&engine)).collect();
    assert_eq!(refusal(engine.connect(Connect::default())), Refusal::Clients);
    assert_eq!((engine.stats().clients, engine.stats().connects), (3, 3));
    clients.pop();
    let _next = anonymous(&engine);
    assert_eq!(refusal(engine.connect(Connect::default())), Refusal::Clients);
    assert_eq!(counted(&engine, Refusal::Clients), 2);
}

#[test]
fn clients_per_user_are_limited() {
    let engine = engine(LimitOptions { clients_per_user: 2, ..none() });
    let mut adas = vec![user(&engine, "ada"), user(&engine, "ada")];
    let ada = Connect { user: Some("ada"), ..Connect::default() };
    assert_eq!(refusal(engine.connect(ada)), Refusal::User);
    // Nobody else minds.
    let _others = [user(&engine, "bob"), anonymous(&engine), anonymous(&engine), anonymous(&engine)];
    assert_eq!(engine.clients_by_user("ada").len(), 2);
    adas.pop();
    let _next = user(&engine, "ada");
    assert_eq!(counted(&engine, Refusal::User), 1);
}

#[test]
fn clients_per_address_are_limited() {
    let engine = engine(LimitOptions { clients_per_address: 2, ..none() });
    let mut here = vec![from(&engine, "192.0.2.1").unwrap(), from(&engine, "::ffff:192.0.2.1").unwrap()];
    assert_eq!(refusal(from(&engine, "192.0.2.1")), Refusal::Address);
    let _elsewhere = from(&engine, "192.0.2.2").unwrap();
    // A customer has 2^64 addresses of these.
    let _six = [from(&engine, "2001:db8::1").unwrap(), from(&engine, "2001:db8::2").unwrap()];
    assert_eq!(refusal(from(&engine, "2001:db8::3")), Refusal::Address);
    // Their address is unknown, so there is no limit for it.
    let _unknown: Vec<_> = (0..5).map(|_| anonymous(&engine)).collect();
    here.pop();
    assert!(from(&engine, "192.0.2.1").is_ok());
    assert_eq!(counted(&engine, Refusal::Address), 2);
}

#[test]
fn replacing_connection_passes_the_limits() {
    let engine = engine(LimitOptions { clients: 2, clients_per_user: 1, ..none() });
    let _ada = named(&engine, Some("ada"), "tab");
    let _bob = user(&engine, "bob");
    for _ in 0..3 {
        let mut again = Pull::of(named(&engine, Some("ada"), "tab"));
        assert!(!again.has_ended());
        assert_eq!(engine.stats().clients, 2);
        let _replacing = named(&engine, Some("ada"), "tab");
        assert!(again.has_ended());
    }
    // One that is away has no place that could be taken over.
    engine.disconnect_client("tab");
    let _carol = user(&engine, "carol");
    let who = Connect { user: Some("ada"), client: Some("tab"), ..Connect::default() };
    assert_eq!(refusal(engine.connect(who)), Refusal::Clients);
}

#[test]
fn refused_client_leaves_nothing_behind() {
    let engine =
        engine(LimitOptions { clients: 100, clients_per_user: 1, clients_per_address: 50, ..LimitOptions::default() });
    let _ada = user(&engine, "ada");
    for _ in 0..1_000 {
        let address = "192.0.2.1".parse().ok();
        let who = Connect { user: Some("ada"), client: Some("tab"), address, ..Connect::default() };
        assert_eq!(refusal(engine.connect(who)), Refusal::User);
        let claimed = Connect { user: Some("bob"), address, ..Connect::default() };
        drop(engine.connect(claimed).unwrap());
    }
    // All that were refused have given back what they had taken.
    let _clients: Vec<_> = (0..50).map(|_| from(&engine, "192.0.2.1").unwrap()).collect();
    assert_eq!(engine.stats().clients, 51);
}

#[test]
fn limits_hold_for_simultaneous_arrivals() {
    let engine =
        engine(LimitOptions { clients: 10, clients_per_user: 7, clients_per_address: 8, ..LimitOptions::default() });
    for round in 0..50 {
        let together = Barrier::new(8);
        let admitted: Vec<Connected> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|number| {
                    let (engine, together) = (&engine, &together);
                    scope.spawn(move || {
                        together.wait();
                        let user = Some(["ada", "bob"][number % 2]);
                        let address = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])][number / 4];
                        let who = Connect { user, address: Some(address), ..Connect::default() };
                        (0..4).filter_map(|_| engine.connect(who).ok()).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert!(admitted.len() <= 10, "round {round}");
        assert_eq!(engine.stats().clients, admitted.len());
        for id in ["ada", "bob"] {
            assert!(engine.clients_by_user(id).len() <= 7, "round {round}");
        }
        drop(admitted);
        eventually("all have left", || engine.stats().clients == 0);
    }
}
