//! A client id is its user's, also while its client is away, and one client's at a time.

use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use ssekit_core::{Connect, Connected, DisconnectReason, HistoryOptions, Hub, Options, Result};
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, Recorder, Told, anonymous, data, eventually, named, two_shards, user};

fn claim(hub: &Hub, user: Option<&str>, client: &str) -> Result<Connected> {
    hub.connect(Connect { user, client: Some(client), ..Connect::default() })
}

fn ids(hub: &Hub) -> HashSet<String> {
    hub.active_clients().iter().map(|id| id.to_string()).collect()
}

#[test]
fn client_without_an_id_gets_one() {
    let engine = Engine::start();
    let clients: Vec<_> = (0..100).map(|_| anonymous(&engine)).collect();
    let given: HashSet<String> = clients.iter().map(|client| client.client_id.to_string()).collect();
    assert_eq!(given.len(), 100);
    assert_eq!(given, ids(&engine));
    assert!(given.iter().all(|id| id.len() == 36), "UUIDs");
}

#[test]
fn an_id_that_a_header_cannot_carry_is_refused() {
    let engine = Engine::start();
    for id in ["", " a", "a ", "a\nb", "ä", &"x".repeat(257)] {
        assert!(claim(&engine, None, id).unwrap_err().is_argument(), "{id:?}");
    }
    assert!(claim(&engine, Some(""), "tab").unwrap_err().is_argument());
    assert!(claim(&engine, Some(&"x".repeat(257)), "tab").unwrap_err().is_argument());
    let stats = engine.stats();
    assert_eq!((stats.clients, stats.connects, stats.known_users), (0, 0, 0));
}

#[test]
fn newer_connection_replaces_the_older() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let mut old = Peer::of(named(&engine, Some("ada"), "tab").stream);
    let mut new = Peer::of(named(&engine, Some("ada"), "tab").stream);
    assert_eq!(old.finish(), []);
    assert!(engine.send_to_client("tab", data("x")).unwrap());
    assert_eq!(engine.send_to_user("ada", data("y")).unwrap(), 1);
    assert_eq!(new.data(2), ["x", "y"]);
    assert_eq!(recorder.ends_of("tab"), [DisconnectReason::Replaced]);
    assert_eq!(engine.clients_by_user("ada"), [Arc::from("tab")]);
    // It was told as: came, went, came.
    assert!(matches!(recorder.told()[..], [Told::Connected(_), Told::Disconnected(..), Told::Connected(_)]));
}

#[test]
fn claim_by_another_user_is_refused() {
    let engine = Engine::start();
    let mut adas = Pull::of(named(&engine, Some("ada"), "tab"));
    let before = engine.stats();
    for other in [Some("bob"), None, Some("Ada"), Some("ada ")] {
        assert!(claim(&engine, other, "tab").unwrap_err().is_claimed());
    }
    let stats = engine.stats();
    assert_eq!((stats.clients, stats.users, stats.opening, stats.connects), (1, 1, before.opening, 1));
    assert!(engine.send_to_client("tab", data("x")).unwrap());
    assert_eq!(adas.data(1), ["x"]);
    assert_eq!(engine.clients_by_user("bob").len(), 0);
}

#[test]
fn absent_client_keeps_its_id() {
    let engine = Engine::start();
    drop(named(&engine, Some("ada"), "tab"));
    assert_eq!((engine.stats().clients, engine.stats().away), (0, 1));
    for other in [Some("bob"), None] {
        assert!(claim(&engine, other, "tab").unwrap_err().is_claimed());
    }
    assert!(!engine.send_to_client("tab", data("for ada alone")).unwrap());
    let mut again = Pull::of(named(&engine, Some("ada"), "tab"));
    assert!(engine.send_to_client("tab", data("x")).unwrap());
    assert!(again.event().is_reset(), "without a last event id it begins where it comes in, and has missed something");
    assert_eq!(again.data(1), ["x"]);
    assert_eq!(engine.stats().away, 0);
}

#[test]
fn disconnected_client_frees_its_id() {
    let engine = Engine::start();
    let adas = Pull::of(named(&engine, Some("ada"), "tab"));
    engine.send_to_client("tab", data("for ada alone")).unwrap();
    // A log-out; and then somebody else logs in, in the same tab.
    assert_eq!(engine.disconnect_user("ada"), 1);
    let last_event_id = Some(adas.ready.id.as_str());
    let who = Connect { user: Some("bob"), client: Some("tab"), last_event_id, ..Connect::default() };
    let mut bobs = Pull::of(engine.connect(who).unwrap());
    engine.send_to_user("ada", data("for ada")).unwrap();
    assert!(bobs.event().is_reset());
    assert!(engine.send_to_client("tab", data("for the tab")).unwrap());
    assert_eq!(bobs.data(1), ["for the tab"]);
    assert_eq!(bobs.all(), []);
    assert!(claim(&engine, Some("ada"), "tab").unwrap_err().is_claimed());
}

#[test]
fn id_is_free_after_the_history_ends() {
    let history = HistoryOptions { max_age: Duration::from_millis(100), ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    drop(named(&engine, Some("ada"), "tab"));
    eventually("it is given up", || engine.stats().away == 0);
    let _bobs = claim(&engine, Some("bob"), "tab").unwrap();
}

#[test]
fn churning_user_loses_only_its_own_ids() {
    const OF_A_USER: usize = 1_024;
    let engine = Engine::start();
    let address = Some("192.0.2.1".parse().unwrap());
    drop(named(&engine, Some("ada"), "hers"));
    let here = |user, client: &str| {
        engine.connect(Connect { user: Some(user), client: Some(client), address, ..Connect::default() })
    };
    drop(here("grace", "hers from the same address").unwrap());
    drop(named(&engine, None, "nobody's"));
    engine.send_to_client("hers", data("kept")).unwrap();
    for number in 0..66_500 {
        drop(here("mallory", &format!("tab {number}")).unwrap());
    }
    assert_eq!(engine.stats().away, OF_A_USER + 3);
    // Also who comes back again and again with the same id.
    for _ in 0..66_500 {
        drop(here("mallory", "tab 66499").unwrap());
    }
    assert_eq!(engine.stats().away, OF_A_USER + 3);
    for others in ["hers", "hers from the same address", "nobody's"] {
        assert!(claim(&engine, Some("mallory"), others).unwrap_err().is_claimed(), "{others}");
    }
    let oldest_kept = 66_500 - OF_A_USER;
    assert!(claim(&engine, Some("bob"), &format!("tab {oldest_kept}")).unwrap_err().is_claimed());
    assert!(
        claim(&engine, Some("bob"), &format!("tab {}", oldest_kept - 1)).is_ok(),
        "the first to leave are given up"
    );
}

#[test]
fn refused_claim_does_not_retain_its_user() {
    let history = HistoryOptions { max_age: Duration::from_millis(100), ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    let _adas = named(&engine, Some("ada"), "tab");
    assert!(claim(&engine, Some("bob"), "tab").is_err());
    // Bob has no state left, so he is given up like any such user.
    eventually("bob is given up", || engine.stats().known_users == 1);
}

#[test]
fn clients_are_listed_in_order_of_arrival() {
    let engine = Engine::start();
    let mut clients: Vec<_> = (0..10).map(|number| named(&engine, Some("ada"), &format!("tab {number}"))).collect();
    let list =
        |numbers: &[usize]| numbers.iter().map(|number| Arc::from(format!("tab {number}"))).collect::<Vec<Arc<str>>>();
    assert_eq!(engine.clients_by_user("ada"), list(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    clients.remove(3);
    clients.remove(0);
    assert_eq!(engine.clients_by_user("ada"), list(&[1, 2, 4, 5, 6, 7, 8, 9]));
    assert_eq!(engine.clients_by_user("nobody").len(), 0);
}

#[test]
fn simultaneous_claims_give_one_owner() {
    let engine = Engine::start();
    for round in 0..100 {
        let id = format!("tab {round}");
        let together = Barrier::new(8);
        // Four of ada's and four of bob's: the first claim gives the id to its user, and that user's later ones replace it.
        let outcomes: Vec<_> = thread::scope(|scope| {
            let claims: Vec<_> = (0..8)
                .map(|number| {
                    let (engine, id, together) = (&engine, &id, &together);
                    scope.spawn(move || {
                        together.wait();
                        claim(engine, Some(["ada", "bob"][number % 2]), id).map(Pull::of)
                    })
                })
                .collect();
            claims.into_iter().map(|claim| claim.join().unwrap()).collect()
        });
        assert_eq!(engine.stats().clients, 1);
        let mut winners: Vec<_> = outcomes.into_iter().filter_map(Result::ok).collect();
        assert_eq!(winners.len(), 4, "all of one user's, and none of the other's");
        assert!(engine.send_to_client(&id, data("x")).unwrap());
        let living: Vec<_> =
            winners.iter_mut().filter_map(|pull| (!pull.has_ended()).then(|| pull.ready.clone())).collect();
        assert_eq!(living.len(), 1);
        assert_eq!(living[0].user_id, winners[0].ready.user_id);
        drop(winners);
        assert_eq!(engine.stats().clients, 0);
    }
}

#[test]
fn taking_over_an_id_reveals_no_events() {
    // Ada's client leaves in the very moment in which mallory claims its id, with an id from before ada's events.
    let engine = Engine::start();
    for round in 0..300 {
        let id = format!("tab {round}");
        let adas = Pull::of(named(&engine, Some("ada"), &id));
        for _ in 0..20 {
            engine.send_to_client(&id, data("secret")).unwrap();
        }
        let last_event_id = Some(adas.ready.id.as_str());
        let seen = thread::scope(|scope| {
            let (engine, id) = (&engine, &id);
            let mallory = scope.spawn(move || {
                let who = Connect { user: Some("mallory"), client: Some(id), last_event_id, ..Connect::default() };
                loop {
                    if let Ok(connected) = engine.connect(who) {
                        return Pull::of(connected).all();
                    }
                }
            });
            engine.disconnect_client(id);
            mallory.join().unwrap()
        });
        assert!(seen.iter().all(|event| event.data != "secret"), "{seen:?}");
        drop(adas);
    }
}

#[test]
fn registry_survives_any_arrivals_and_departures() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let kept: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..6)
            .map(|worker: usize| {
                let engine = &engine;
                scope.spawn(move || {
                    // The same few ids and users for all, by a fixed rule that differs from worker to worker.
                    let (mut state, mut held) = (worker as u64 + 1, Vec::new());
                    for _ in 0..1_500 {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                        let pick = |bits: u32, of: u64| (state >> bits) % of;
                        let (user_id, id) = (format!("user {}", pick(40, 3)), format!("tab {}", pick(45, 8)));
                        match pick(33, 8) {
                            0..4 => held.extend(claim(engine, Some(&user_id), &id).map(Pull::of)),
                            4 if !held.is_empty() => drop(held.swap_remove(pick(50, held.len() as u64) as usize)),
                            5 => drop(engine.disconnect_client(&id)),
                            6 => drop(engine.disconnect_user(&user_id)),
                            _ => drop(engine.send_to_client(&id, data("x"))),
                        }
                    }
                    held
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });

    let living: Vec<_> = kept
        .into_iter()
        .filter_map(|mut pull| {
            pull.all();
            (!pull.has_ended()).then_some(pull)
        })
        .collect();
    let expected: HashSet<String> = living.iter().map(|pull| pull.ready.client_id.clone()).collect();
    assert_eq!(expected.len(), living.len(), "one client has an id at a time");
    assert_eq!(ids(&engine), expected);
    for number in 0..3 {
        let user_id = format!("user {number}");
        let of_user = living.iter().filter(|pull| pull.ready.user_id.as_ref() == Some(&user_id));
        let of_user: HashSet<String> = of_user.map(|pull| pull.ready.client_id.clone()).collect();
        let listed: HashSet<String> = engine.clients_by_user(&user_id).iter().map(|id| id.to_string()).collect();
        assert_eq!(listed, of_user);
        assert_eq!(engine.send_to_user(&user_id, data("x")).unwrap(), of_user.len());
    }
    let stats = engine.stats();
    let users: HashSet<_> = living.iter().map(|pull| pull.ready.user_id.clone()).collect();
    assert_eq!((stats.clients, stats.users, stats.stream), (living.len(), users.len(), living.len()));
    let told = recorder.told();
    let came = told.iter().filter(|told| matches!(told, Told::Connected(_))).count();
    let went = told.iter().filter(|told| matches!(told, Told::Disconnected(..))).count();
    assert_eq!((stats.connects as usize, came - went), (came, living.len()));
    drop(living);
    let stats = engine.stats();
    assert_eq!((stats.clients, stats.users, stats.opening, stats.stream), (0, 0, 0, 0));
    assert_eq!(engine.active_clients().len(), 0);
}

#[test]
fn user_returning_during_eviction_misses_nothing() {
    // Nothing is kept, so that the user is given up again and again while clients come and events are sent.
    let history = HistoryOptions { max_age: Duration::from_millis(100), ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    for round in 0..2_000 {
        let id = format!("user {}", round % 5);
        let mut pull = Pull::of(user(&engine, &id));
        assert_eq!(engine.send_to_user(&id, data("x")).unwrap(), 1);
        let event = pull.event();
        // If it took longer than the history lasts, there is a reset.
        assert!(event.data == "x" || event.is_reset());
    }
}
