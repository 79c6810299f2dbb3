//! Every way in which a client can go: noticed at once, told once, and nothing of it is left.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bytes::Bytes;
use ssekit_core::session::revoked::since_1970;
use ssekit_core::{Connect, DisconnectReason, Framing, Hub, LogOutMark};
use ssekit_testing::peer::{Peer, narrow_pair, socket_pair};
use ssekit_testing::pull::Pull;
use ssekit_testing::{
    Engine, PATIENCE, Recorder, Told, anonymous, data, eventually, named, standing_hub, two_shards, user, work,
};

/// That nobody is connected, by every gauge.
fn assert_empty(hub: &Hub) {
    let stats = hub.stats();
    assert_eq!((stats.clients, stats.users, stats.opening, stats.stream, stats.handoff), (0, 0, 0, 0, 0), "{stats:?}");
    assert_eq!(stats.connects, stats.disconnects.iter().sum::<u64>());
    assert_eq!(hub.active_clients().len(), 0);
}

/// Connects a client, has something done to its peer, and expects one end of this reason.
fn ends(reason: DisconnectReason, what: impl FnOnce(Peer)) {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let client = user(&engine, "ada");
    let id = client.client_id.clone();
    what(Peer::of(client.stream));
    assert_eq!(recorder.wait_for_end_of(&id), [reason]);
    assert_empty(&engine);
    // It is not told again by anything that comes later.
    assert!(!engine.disconnect_client(&id));
    assert_eq!(engine.disconnect_user("ada"), 0);
    assert_eq!(recorder.ends_of(&id), [reason]);
    assert_eq!(engine.stats().disconnects[reason as usize], 1);
}

#[test]
fn a_peer_that_closes_is_noticed() {
    ends(DisconnectReason::Peer, drop);
}

#[test]
fn a_peer_that_resets_is_noticed() {
    ends(DisconnectReason::Peer, Peer::reset);
}

#[test]
fn a_peer_that_closes_its_side_is_done() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let client = user(&engine, "ada");
    let id = client.client_id.clone();
    let mut peer = Peer::of(client.stream);
    engine.send_to_user("ada", data("before")).unwrap();
    assert_eq!(peer.event().data, "before");
    peer.half_close();
    assert_eq!(recorder.wait_for_end_of(&id), [DisconnectReason::Peer]);
    assert_eq!(peer.next_or_end(), None);
    assert_empty(&engine);
}

#[test]
fn a_few_stray_bytes_are_ignored() {
    let engine = Engine::start();
    let client = anonymous(&engine);
    let id = client.client_id.clone();
    let mut peer = Peer::of(client.stream);
    for number in 0..16 {
        peer.send(&[b'x'; 1_000]);
        engine.broadcast(data(&number.to_string()), None).unwrap();
        assert_eq!(peer.event().data, number.to_string());
    }
    assert_eq!(engine.active_clients(), [id]);
}

#[test]
fn peer_that_sends_much_is_disconnected() {
    ends(DisconnectReason::Protocol, |mut peer| {
        // The connection may be gone before all of it is sent.
        while peer.try_send(&[b'x'; 1_024]) {}
    });
}

#[test]
fn stray_bytes_before_the_handoff_count() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let client = anonymous(&engine);
    let id = client.client_id.clone();
    let pair = socket_pair();
    let mut early = Peer::on(pair.1.try_clone().unwrap(), Framing::Chunked);
    early.send(&[b'x'; 20_000]);
    let _peer = Peer::try_of(client.stream, Framing::Chunked, pair).unwrap();
    assert_eq!(recorder.wait_for_end_of(&id), [DisconnectReason::Protocol]);
}

#[test]
fn peer_lost_before_the_handoff_is_noticed() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let mut client = anonymous(&engine);
    let (server, peer) = socket_pair();
    drop(peer);
    client.stream.hand_off(server.into(), Framing::Chunked).unwrap();
    assert_eq!(recorder.wait_for_end_of(&client.client_id), [DisconnectReason::Peer]);
    assert_empty(&engine);
}

#[test]
fn disconnected_client_gets_a_proper_end() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    for framing in [Framing::Chunked, Framing::UntilClose] {
        let client = user(&engine, "ada");
        let id = client.client_id.clone();
        let mut peer = Peer::with(client.stream, framing);
        assert!(engine.disconnect_client(&id));
        assert_eq!(peer.finish(), []);
        assert_eq!(recorder.wait_for_end_of(&id), [DisconnectReason::Server]);
        assert_empty(&engine);
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_is_gone_at_once_gets_its_first_bytes_and_no_reset() {
    let hub = standing_hub(two_shards());
    let mut client = user(&hub, "ada");
    let (server, mut peer) = socket_pair();
    // Nobody has read its request.
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let first = Bytes::from_static(b"head and opening");
    client.stream.resume_on(server.into(), Framing::Chunked, first, None).unwrap();
    assert_eq!(hub.disconnect_user("ada"), 1);
    work().await;
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = String::new();
    peer.read_to_string(&mut bytes).unwrap();
    assert_eq!(bytes, "head and opening0\r\n\r\n");
    assert!(peer.take_error().unwrap().is_none(), "a reset would overtake what a slow network has yet to bring");
}

#[test]
fn only_events_before_the_disconnect_arrive() {
    let engine = Engine::start();
    for round in 0..200 {
        let client = user(&engine, "ada");
        let id = client.client_id.clone();
        let mut peer = Peer::of(client.stream);
        engine.send_to_client(&id, data("to the client")).unwrap();
        engine.broadcast(data("to all"), None).unwrap();
        engine.send_to_user("ada", data("to the user")).unwrap();
        match round % 2 {
            0 => assert!(engine.disconnect_client(&id)),
            _ => assert_eq!(engine.disconnect_user("ada"), 1),
        }
        // Somebody has logged out: not a word more, however close it comes.
        assert_eq!(engine.send_to_user("ada", data("secret")).unwrap(), 0);
        engine.broadcast(data("secret"), None).unwrap();
        assert!(!engine.send_to_client(&id, data("secret")).unwrap());
        let events: Vec<_> = peer.finish().into_iter().map(|event| event.data).collect();
        assert_eq!(events, ["to the client", "to all", "to the user"], "in round {round}");
    }
}

#[test]
fn pulled_stream_ends_after_earlier_events() {
    let engine = Engine::start();
    let mut pull = Pull::of(user(&engine, "ada"));
    let id = pull.ready.client_id.clone();
    engine.send_to_client(&id, data("to the client")).unwrap();
    engine.broadcast(data("to all"), None).unwrap();
    assert_eq!(engine.disconnect_user("ada"), 1);
    engine.send_to_user("ada", data("secret")).unwrap();
    engine.broadcast(data("secret"), None).unwrap();
    assert_eq!(pull.data(2), ["to the client", "to all"]);
    assert!(pull.has_ended());
    assert_empty(&engine);
}

#[test]
fn disconnect_during_the_handoff_ends_properly() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let (mut in_time, mut late) = (0, 0);
    for round in 0..500 {
        let client = user(&engine, "ada");
        let id = client.client_id.clone();
        engine.send_to_client(&id, data("goodbye")).unwrap();
        let outcome = thread::scope(|scope| {
            let disconnect = scope.spawn(|| assert!(engine.disconnect_client(&id)));
            if round % 2 == 0 {
                thread::yield_now();
            }
            let outcome = Peer::try_of(client.stream, Framing::Chunked, socket_pair());
            disconnect.join().unwrap();
            outcome
        });
        match outcome {
            Ok(mut peer) => {
                in_time += 1;
                assert_eq!(peer.finish().into_iter().map(|event| event.data).collect::<Vec<_>>(), ["goodbye"]);
            }
            Err(error) => {
                late += 1;
                assert!(error.is_gone());
            }
        }
        assert_eq!(recorder.ends_of(&id), [DisconnectReason::Server]);
    }
    assert_eq!(in_time + late, 500);
    assert_empty(&engine);
}

#[test]
fn disconnected_stream_cannot_be_handed_off() {
    let engine = Engine::start();
    let mut pull = Pull::of(anonymous(&engine));
    engine.broadcast(data("x"), None).unwrap();
    assert!(engine.disconnect_client(&pull.ready.client_id));
    let (server, _peer) = socket_pair();
    assert!(pull.stream.hand_off(server.into(), Framing::Chunked).unwrap_err().is_gone());
    assert_eq!(pull.data(1), ["x"]);
    assert!(pull.has_ended());
}

#[test]
fn a_replaced_connection_gets_a_proper_end() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let mut first = Peer::of(named(&engine, Some("ada"), "tab").stream);
    let mut second = Pull::of(named(&engine, Some("ada"), "tab"));
    assert_eq!(first.finish(), []);
    let third = named(&engine, Some("ada"), "tab");
    assert!(second.has_ended());
    assert_eq!(recorder.ends_of("tab"), [DisconnectReason::Replaced; 2]);
    let stats = engine.stats();
    assert_eq!((stats.clients, stats.users, stats.opening), (1, 1, 1));
    drop(third);
    assert_eq!(recorder.ends_of("tab")[2..], [DisconnectReason::Peer]);
    assert_empty(&engine);
}

#[test]
fn dropped_stream_disconnects_its_client() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let client = user(&engine, "ada");
    let id = client.client_id.clone();
    drop(client);
    assert_eq!(recorder.ends_of(&id), [DisconnectReason::Peer]);
    assert_empty(&engine);
}

#[test]
fn carrier_can_name_its_reason() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let mut client = anonymous(&engine);
    client.stream.close(DisconnectReason::Unopened);
    client.stream.close(DisconnectReason::Fault);
    assert!(client.stream.client().is_none());
    drop(client.stream);
    assert_eq!(recorder.ends_of(&client.client_id), [DisconnectReason::Unopened]);
}

#[test]
fn disconnect_user_ends_only_that_users_streams() {
    let engine = Engine::start();
    let mut peers = [(); 3].map(|()| Peer::of(user(&engine, "ada").stream));
    let mut pull = Pull::of(user(&engine, "ada"));
    let mut bob = Peer::of(user(&engine, "bob").stream);
    assert_eq!(engine.clients_by_user("ada").len(), 4);
    assert_eq!(engine.disconnect_user("ada"), 4);
    assert_eq!(engine.disconnect_user("ada"), 0);
    assert_eq!(engine.disconnect_user("nobody"), 0);
    peers.iter_mut().for_each(|peer| assert_eq!(peer.finish(), []));
    assert!(pull.has_ended());
    assert_eq!(engine.clients_by_user("ada").len(), 0);
    engine.broadcast(data("x"), None).unwrap();
    assert_eq!(bob.event().data, "x");
}

#[test]
fn disconnected_stalled_peer_still_gets_earlier_events() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let mut client = anonymous(&engine);
    let id = client.client_id.clone();
    let (server, peer) = narrow_pair();
    client.stream.hand_off(server.into(), Framing::Chunked).unwrap();
    engine.broadcast(data(&"x".repeat(1_000_000)), None).unwrap();
    engine.broadcast(data("goodbye"), None).unwrap();
    assert!(engine.disconnect_client(&id));
    assert_eq!(recorder.ends_of(&id), [DisconnectReason::Server]);
    assert_empty(&engine);
    engine.broadcast(data("too late"), None).unwrap();
    let mut peer = Peer::on(peer, Framing::Chunked);
    assert_eq!(peer.event().data.len(), 1_000_000);
    assert_eq!(peer.event().data, "goodbye");
    assert_eq!(peer.next_or_end(), None);
    assert!(peer.has_ended_properly());
}

#[test]
fn observer_sees_arrival_before_departure() {
    let engine = Engine::start();
    let recorder = Recorder::of(&engine);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Three connect with the same ids and so replace each other, two disconnect them.
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 0..1_000 {
                    let id = format!("tab {}", round % 2);
                    drop(
                        engine.connect(Connect { user: Some("ada"), client: Some(&id), ..Connect::default() }).unwrap(),
                    );
                }
                done.store(true, Ordering::Release);
            });
        }
        for id in ["tab 0", "tab 1"] {
            let (engine, done) = (&engine, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Acquire) {
                    engine.disconnect_client(id);
                }
            });
        }
    });
    let mut connected: HashMap<_, usize> = HashMap::new();
    for told in recorder.told() {
        match told {
            Told::Connected(client) => *connected.entry(client.id).or_default() += 1,
            Told::Disconnected(client, _) => {
                let count = connected.get_mut(&client.id).expect("it came");
                *count = count.checked_sub(1).expect("no more go than came");
            }
            Told::Failed(message) => panic!("{message}"),
        }
    }
    assert!(connected.values().all(|count| *count == 0), "{connected:?}");
    assert_empty(&engine);
}

#[test]
fn gauges_never_fall_below_zero() {
    let engine = Engine::start();
    let running = AtomicBool::new(true);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let engine = &engine;
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        let mut pull = Pull::of(named(engine, Some("ada"), &format!("tab {worker}")));
                        let _ = pull.poll();
                        engine.disconnect_client(&format!("tab {}", (worker + 1) % 3));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while running.load(Ordering::Acquire) {
                let stats = engine.stats();
                let all = [stats.clients, stats.users, stats.opening, stats.stream, stats.handoff];
                assert!(all.iter().all(|gauge| *gauge <= 6), "{stats:?}");
                assert!(engine.broadcast(data("x"), None).unwrap() <= 6);
            }
        });
        let outcome: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        running.store(false, Ordering::Release);
        outcome.into_iter().for_each(|worker| worker.unwrap());
    });
    assert_empty(&engine);
}

#[test]
fn reused_slots_do_not_mix_clients() {
    let engine = Engine::start();
    for round in 0..50 {
        // Every other one leaves, and the next round sits down in between.
        let mut peers: Vec<_> = (0..20)
            .map(|number| {
                let id = format!("{round}/{number}");
                (Peer::of(user(&engine, &id).stream), id)
            })
            .collect();
        for keep in [1, 0] {
            for (peer, id) in &mut peers {
                engine.send_to_user(id, data(id)).unwrap();
                assert_eq!(peer.event().data, *id);
            }
            let mut number = 0;
            peers.retain(|_| {
                number += 1;
                number % 2 == keep
            });
        }
    }
    eventually("everybody has left", || engine.stats().clients == 0);
    assert_empty(&engine);
}

#[test]
fn user_logged_out_since_the_mark_stays_out() {
    let engine = Engine::start();
    let ada = Connect { user: Some("ada"), ..Connect::default() };
    let before = LogOutMark::now();
    assert_eq!(engine.disconnect_user("ada"), 0);
    let refused = engine.connect_since(before, ada).unwrap_err();
    assert!(refused.is_logged_out(), "{refused}");
    assert_eq!(engine.stats().connects, 0);
    // Nobody else is concerned, and nobody who was named afterwards.
    engine.connect_since(before, Connect { user: Some("bob"), ..Connect::default() }).unwrap();
    engine.connect_since(before, Connect::default()).unwrap();
    engine.connect_since(LogOutMark::now(), ada).unwrap();
}

/// The log-out may become known between the look at a ticket and the entry.
#[test]
fn user_identified_before_a_log_out_stays_out() {
    let engine = Engine::start();
    let before = since_1970();
    engine.disconnect_user("ada");
    let (mark, after) = (LogOutMark::now(), since_1970());
    let ada = |identified_at| Connect { user: Some("ada"), identified_at: Some(identified_at), ..Connect::default() };
    assert!(engine.connect_since(mark, ada(before)).unwrap_err().is_logged_out());
    engine.connect_since(mark, ada(after)).unwrap();
}

#[test]
fn log_out_during_entry_leaves_no_stream() {
    let engine = Engine::start();
    for round in 0..20_000 {
        let user = format!("user {round}");
        let mark = LogOutMark::now();
        let entered = thread::scope(|scope| {
            let log_out = scope.spawn(|| engine.disconnect_user(&user));
            let entered = engine.connect_since(mark, Connect { user: Some(&user), ..Connect::default() });
            log_out.join().unwrap();
            entered
        });
        assert_eq!(engine.clients_by_user(&user).len(), 0, "round {round}: {entered:?}");
    }
    assert_empty(&engine);
}

#[test]
fn log_out_during_entry_leaves_no_channel() {
    let engine = Engine::start();
    for round in 0..5_000 {
        let user = format!("user {round}");
        let who = Connect { user: Some(&user), client: Some(&user), ..Connect::default() };
        let mark = LogOutMark::now();
        thread::scope(|scope| {
            let log_out = scope.spawn(|| engine.disconnect_user(&user));
            let _ = engine.connect_since(mark, Connect { channels: &["secret"], ..who });
            log_out.join().unwrap();
        });
        let _back = engine.connect(who).unwrap();
        assert_eq!(engine.clients_by_channel("secret").len(), 0, "round {round}");
    }
}
