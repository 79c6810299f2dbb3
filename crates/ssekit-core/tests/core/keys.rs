//! The key at the end of its ids continues a client that no user vouches for; nothing else does.

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{Connect, Connected, DisconnectReason, Event, Framing, HistoryOptions, Hub, Link, Options};
use ssekit_testing::peer::{Peer, socket_pair};
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, Recorder, anonymous, data, eventually, named, two_shards};

/// Comes back as an anonymous client with this id, and with what it has seen last.
fn back(hub: &Hub, client: &str, last_event_id: &str) -> Connected {
    let last_event_id = Some(last_event_id);
    hub.connect(Connect { client: Some(client), last_event_id, ..Connect::default() }).unwrap()
}

/// An id and its key.
fn split(id: &str) -> (&str, &str) {
    id.rsplit_once('~').unwrap()
}

#[test]
fn named_anonymous_client_gets_one_key() {
    let engine = Engine::start();
    for framing in [None, Some(Framing::Chunked), Some(Framing::UntilClose)] {
        let connected = named(&engine, None, &format!("tab {framing:?}"));
        let client = connected.client_id.to_string();
        let mut pull = Pull::of(connected);
        let ready = pull.ready.id.clone();
        let (place, key) = split(&ready);
        assert_eq!(place, format!("{}.{}", engine.stats().epoch, engine.stats().position));
        assert_eq!(key.len(), 16);
        engine.broadcast(data("all"), None).unwrap();
        engine.broadcast(Event { id: Some("own~id"), data: "own", ..Event::default() }, None).unwrap();
        engine.send_to_client(&client, data("alone")).unwrap();
        let events = match framing {
            None => pull.events(3),
            // It has not read any of them yet. The peer checks the framing by the letter.
            Some(framing) => Peer::try_of(pull.stream, framing, socket_pair()).unwrap().events(3),
        };
        let last = engine.stats().position;
        let epoch = engine.stats().epoch;
        let expected = [format!("{epoch}.{}", last - 2), "own~id".to_owned(), format!("{epoch}.{last}")];
        for (event, place) in events.iter().zip(expected) {
            assert_eq!(event.id, format!("{place}~{key}"));
        }
        assert_eq!(events.iter().map(|event| &*event.data).collect::<Vec<_>>(), ["all", "own", "alone"]);
    }
}

#[test]
fn other_clients_get_no_key() {
    let engine = Engine::start();
    for connected in [anonymous(&engine), named(&engine, Some("ada"), "tab")] {
        let mut pull = Pull::of(connected);
        assert!(!pull.ready.id.contains('~'));
        engine.broadcast(data("x"), None).unwrap();
        assert!(!pull.event().id.contains('~'));
    }
}

#[test]
fn key_of_any_id_continues_its_client() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let mut first = Pull::of(named(&engine, None, "tab"));
    engine.broadcast(Event { id: Some("own"), data: "1", ..Event::default() }, None).unwrap();
    let own = first.event();
    assert!(own.id.starts_with("own~"));
    for (seen, misses) in [(&first.ready.id, &["1", "2"][..]), (&own.id, &["2"])] {
        if misses.len() == 2 {
            engine.send_to_client("tab", data("2")).unwrap();
        }
        let mut again = Pull::of(back(&engine, "tab", seen));
        assert!(again.ready.resumed);
        assert_eq!(again.ready.client_id, "tab");
        assert_eq!(split(&again.ready.id).1, split(seen).1, "it keeps its key");
        assert_eq!(again.all().into_iter().map(|event| event.data).collect::<Vec<_>>(), misses);
    }
    assert_eq!(recorder.ends_of("tab")[0], DisconnectReason::Replaced);
}

#[test]
fn claim_without_the_key_is_another_client() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let mut victim = Pull::of(named(&engine, None, "tab"));
    engine.send_to_client("tab", data("secret")).unwrap();
    let seen = victim.ready.id.clone();
    let forged = format!("{}~0123456789abcdef", split(&seen).0);
    for last_event_id in [None, Some(split(&seen).0), Some(&forged), Some("ssekit:unknown"), Some("made up")] {
        let who = Connect { client: Some("tab"), last_event_id, ..Connect::default() };
        let mut thief = Pull::of(engine.connect(who).unwrap());
        assert_ne!(thief.ready.client_id, "tab");
        assert!(!thief.ready.resumed);
        // It may be the same page, so a reset says that it misses something.
        assert!(thief.event().is_reset(), "{last_event_id:?}");
        engine.send_to_client("tab", data("secret too")).unwrap();
        engine.broadcast(data("all"), None).unwrap();
        assert_eq!(thief.data(1), ["all"]);
        assert_eq!(thief.all(), []);
    }
    assert_eq!(recorder.ends_of("tab"), []);
    let got = victim.all().into_iter().filter(|event| event.data.starts_with("secret")).count();
    assert_eq!(got, 6, "the victim alone has all of them");
    // Also while it is away.
    drop(victim);
    let mut thief = Pull::of(named(&engine, None, "tab"));
    assert_ne!(thief.ready.client_id, "tab");
    assert!(thief.event().is_reset());
    assert_eq!(thief.all(), []);
}

#[test]
fn a_key_in_the_url_proves_nothing() {
    // A reader of an access log would have the URL, too.
    let engine = Engine::start();
    let victim = Pull::of(named(&engine, None, "tab"));
    let seen = victim.ready.id.clone();
    let who = Connect { client: Some("tab"), last_event_id: Some(&seen), by_url: true, ..Connect::default() };
    let thief = Pull::of(engine.connect(who).unwrap());
    assert_ne!(thief.ready.client_id, "tab");
    // The position in the id still counts.
    assert!(thief.ready.resumed);
}

#[test]
fn reopened_anonymous_page_learns_what_it_missed() {
    let engine = Engine::start();
    let seen = Pull::of(named(&engine, None, "tab")).ready.id;
    assert_eq!(Pull::of(named(&engine, None, "tab")).all(), []);
    engine.broadcast(data("x"), None).unwrap();
    let mut anew = Pull::of(named(&engine, None, "tab"));
    assert!(anew.event().is_reset());
    assert_eq!(anew.all(), []);
    let mut again = Pull::of(back(&engine, "tab", split(&seen).0));
    assert_eq!(again.data(1), ["x"]);
    assert!(again.ready.resumed);
}

#[test]
fn generated_anonymous_id_cannot_be_claimed() {
    let engine = Engine::start();
    let mut first = Pull::of(anonymous(&engine));
    engine.send_to_client(&first.ready.client_id, data("secret")).unwrap();
    let mut thief = Pull::of(named(&engine, None, &first.ready.client_id));
    assert_ne!(thief.ready.client_id, first.ready.client_id);
    assert!(thief.event().is_reset());
    assert_eq!(thief.all(), []);
    assert_eq!(first.data(1), ["secret"]);
}

#[test]
fn ended_id_is_free_and_its_events_stay_private() {
    let engine = Engine::start();
    let first = Pull::of(named(&engine, None, "tab"));
    engine.send_to_client("tab", data("secret")).unwrap();
    assert!(engine.disconnect_client("tab"));
    let mut next = Pull::of(named(&engine, None, "tab"));
    assert_eq!(next.ready.client_id, "tab");
    assert_ne!(split(&next.ready.id).1, split(&first.ready.id).1);
    // It may be the same page.
    assert!(next.event().is_reset());
    assert_eq!(next.all(), []);
    // The old key is good for nothing any more.
    let late = Pull::of(back(&engine, "tab", &first.ready.id));
    assert_ne!(late.ready.client_id, "tab");
}

#[test]
fn reset_with_the_key_is_owed_until_received() {
    let history = HistoryOptions { max_events: 1, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..two_shards() });
    let first = Pull::of(named(&engine, None, "tab"));
    for _ in 0..2 {
        engine.broadcast(data("x"), None).unwrap();
    }
    let owed = Pull::of(back(&engine, "tab", &first.ready.id));
    let (reason, key) = split(&owed.ready.id);
    assert_eq!((reason, key), ("ssekit:evicted", split(&first.ready.id).1));
    // It is cut before the reset comes.
    let mut again = Pull::of(back(&engine, "tab", &owed.ready.id));
    assert_eq!((&*again.ready.client_id, &again.ready.id), ("tab", &owed.ready.id));
    let reset = again.event();
    assert!(reset.is_reset());
    assert_eq!(split(&reset.id).1, key);
}

#[test]
fn application_id_resembling_a_key_resumes() {
    let engine = Engine::start();
    let own = "order~0123456789abcdef";
    let mut keyed = Pull::of(named(&engine, None, "tab"));
    engine.broadcast(Event { id: Some(own), data: "1", ..Event::default() }, None).unwrap();
    engine.broadcast(Event { id: Some("order"), data: "2", ..Event::default() }, None).unwrap();
    engine.broadcast(data("3"), None).unwrap();
    for (user, client) in [(None, None), (Some("ada"), None), (Some("ada"), Some("hers")), (None, Some("a new tab"))] {
        let who = Connect { user, client, last_event_id: Some(own), ..Connect::default() };
        assert_eq!(Pull::of(engine.connect(who).unwrap()).data(2), ["2", "3"], "{user:?} {client:?}");
    }
    let seen = keyed.event().id;
    assert_eq!(seen, format!("{own}~{}", split(&keyed.ready.id).1));
    assert_eq!(Pull::of(back(&engine, "tab", &seen)).data(2), ["2", "3"]);
}

#[test]
fn evicted_id_does_not_match_its_prefix() {
    let engine = Engine::start();
    engine.broadcast(Event { id: Some("order"), data: "1", ..Event::default() }, None).unwrap();
    let last_event_id = Some("order~0123456789abcdef");
    for (user, client) in [(None, None), (Some("ada"), Some("hers")), (None, Some("a new tab"))] {
        let mut pull = Pull::of(engine.connect(Connect { user, client, last_event_id, ..Connect::default() }).unwrap());
        assert!(pull.event().is_reset(), "{user:?} {client:?}");
    }
}

#[test]
fn anonymous_client_is_new_on_another_node() {
    let memory = Memory::new(1_000);
    let [here, there] = [(); 2].map(|()| {
        let node = Engine::node(memory.clone(), two_shards());
        eventually("the node is up", || node.stats().cluster.unwrap().link == Link::Up);
        node
    });
    let mut page = Pull::of(named(&here, None, "tab"));
    eventually("it is known there", || there.active_clients().len() == 1);
    here.broadcast(data("1"), None).unwrap();
    let seen = page.event().id;
    here.broadcast(data("2"), None).unwrap();
    there.block_on(there.caught_up(Some(&seen)));
    assert_eq!(page.event().data, "2");
    let mut moved = Pull::of(back(&there, "tab", &seen));
    assert_ne!(moved.ready.client_id, "tab");
    assert!(moved.ready.resumed);
    // From the history that all nodes share; keys are not in it.
    assert_eq!(moved.event().data, "2");
    here.send_to_client("tab", data("secret")).unwrap();
    assert_eq!(page.event().data, "secret");
    here.broadcast(data("3"), None).unwrap();
    assert_eq!(moved.event().data, "3");
    assert_eq!(page.event().data, "3");
}
