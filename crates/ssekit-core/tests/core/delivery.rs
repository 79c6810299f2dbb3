//! Audiences and order of events.

use std::task::Poll;

use ssekit_core::{Connect, Event, Framing, Hub, Options};
use ssekit_testing::peer::{Peer, hand_off_to_packets, one_write};
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::{Dechunker, events_in};
use ssekit_testing::{Engine, anonymous, data, eventually, named, resuming, user};

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Sends to the user, to the one client and to everybody in turn, each event numbered.
fn send_mixed(hub: &Hub, user_id: &str, client_id: &str, range: std::ops::Range<usize>) {
    for number in range {
        let text = number.to_string();
        match number % 3 {
            0 => assert_eq!(hub.send_to_user(user_id, data(&text)).unwrap(), 1),
            1 => assert!(hub.send_to_client(client_id, data(&text)).unwrap()),
            _ => assert!(hub.broadcast(data(&text), None).unwrap() >= 1),
        }
    }
}

#[test]
fn socket_delivers_all_audiences_in_one_order() {
    let engine = Engine::start();
    let mut others = [anonymous(&engine), user(&engine, "bob")].map(|other| Peer::of(other.stream));
    let ada = user(&engine, "ada");
    let id = ada.client_id.clone();
    // Some before the socket is there, most after.
    send_mixed(&engine, "ada", &id, 0..50);
    let mut peer = Peer::of(ada.stream);
    send_mixed(&engine, "ada", &id, 50..999);

    let events = peer.events(999);
    assert_eq!(events.iter().map(|event| event.data.clone()).collect::<Vec<_>>(), numbers(0..999));
    assert!(events.is_sorted_by(|a, b| a.position() < b.position()));
    // And nobody else gets what is not theirs.
    for other in &mut others {
        assert_eq!(other.data(333), (0..999).skip(2).step_by(3).map(|number| number.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn pulled_stream_delivers_all_audiences_in_one_order() {
    let engine = Engine::start();
    let ada = user(&engine, "ada");
    let id = ada.client_id.clone();
    let mut pull = Pull::of(ada);
    let mut bob = Pull::of(user(&engine, "bob"));
    send_mixed(&engine, "ada", &id, 0..50);
    assert_eq!(pull.data(50), numbers(0..50));
    send_mixed(&engine, "ada", &id, 50..999);
    assert_eq!(pull.data(949), numbers(50..999));
    assert_eq!(bob.all().len(), 333);
}

#[test]
fn pulled_stream_continues_over_its_socket() {
    let engine = Engine::start();
    let ada = user(&engine, "ada");
    let id = ada.client_id.clone();
    let mut pull = Pull::by(ada, 1);
    send_mixed(&engine, "ada", &id, 0..30);
    assert_eq!(pull.data(10), numbers(0..10));
    let mut peer = Peer::of(pull.stream);
    send_mixed(&engine, "ada", &id, 30..60);
    assert_eq!(peer.data(50), numbers(10..60));
}

#[test]
fn every_client_of_a_user_gets_its_events() {
    let engine = Engine::start();
    let mut peers = [(); 5].map(|()| Peer::of(user(&engine, "ada").stream));
    let mut pull = Pull::of(user(&engine, "ada"));
    assert_eq!(engine.send_to_user("ada", data("x")).unwrap(), 6);
    peers.iter_mut().for_each(|peer| assert_eq!(peer.data(1), ["x"]));
    assert_eq!(pull.data(1), ["x"]);
}

#[test]
fn excluded_client_gets_all_other_events() {
    let engine = Engine::start();
    let (left_out, other) = (anonymous(&engine), anonymous(&engine));
    let id = left_out.client_id.clone();
    let (mut left_out, mut other) = (Peer::of(left_out.stream), Peer::of(other.stream));
    for number in 0..100 {
        let exclude = (number % 2 == 0).then_some(&*id);
        assert_eq!(engine.broadcast(data(&number.to_string()), exclude).unwrap(), if number % 2 == 0 { 1 } else { 2 });
    }
    assert_eq!(left_out.data(50), (1..100).step_by(2).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(other.data(100), numbers(0..100));
}

#[test]
fn exclusion_holds_when_resuming() {
    let engine = Engine::start();
    let first = Pull::of(named(&engine, Some("ada"), "tab"));
    engine.broadcast(data("own"), Some("tab")).unwrap();
    engine.broadcast(data("other"), None).unwrap();
    let last_event_id = Some(first.ready.id.as_str());
    let mut again = Pull::of(
        engine
            .connect(Connect { user: Some("ada"), client: Some("tab"), last_event_id, ..Connect::default() })
            .unwrap(),
    );
    assert!(again.ready.resumed);
    assert_eq!(again.data(1), ["other"]);
    assert_eq!(again.all(), []);
}

#[test]
fn excluded_events_do_not_block_the_next_one() {
    // More in a row than one read takes, and each larger than one pull takes.
    for max_bytes in [64 * 1024, 1] {
        let engine = Engine::start();
        let mut pull = Pull::by(named(&engine, None, "left out"), max_bytes);
        for _ in 0..1_000 {
            engine.broadcast(data("not for you"), Some("left out")).unwrap();
        }
        engine.send_to_client("left out", data("for you")).unwrap();
        // One pull: nothing would wake the carrier for what this one leaves.
        assert_eq!(events_in(&pull.bytes())[0].data, "for you");
        assert!(matches!(pull.poll(), Poll::Pending));
    }
}

#[test]
fn send_returns_the_number_of_receivers() {
    let engine = Engine::start();
    assert_eq!(engine.broadcast(data("x"), None).unwrap(), 0);
    assert_eq!(engine.send_to_user("ada", data("x")).unwrap(), 0);
    assert!(!engine.send_to_client("nobody", data("x")).unwrap());

    let ada = [(); 3].map(|()| user(&engine, "ada"));
    let bob = user(&engine, "bob");
    let nobody = anonymous(&engine);
    assert_eq!(engine.send_to_user("ada", data("x")).unwrap(), 3);
    assert_eq!(engine.send_to_user("bob", data("x")).unwrap(), 1);
    assert_eq!(engine.broadcast(data("x"), None).unwrap(), 5);
    assert_eq!(engine.broadcast(data("x"), Some(&bob.client_id)).unwrap(), 4);
    assert_eq!(engine.broadcast(data("x"), Some("unknown")).unwrap(), 5);
    assert!(engine.send_to_client(&nobody.client_id, data("x")).unwrap());

    drop((ada, nobody.stream));
    assert_eq!(engine.send_to_user("ada", data("x")).unwrap(), 0);
    assert_eq!(engine.broadcast(data("x"), None).unwrap(), 1);
    assert!(!engine.send_to_client(&nobody.client_id, data("x")).unwrap());
}

#[test]
fn event_without_a_receiver_counts_as_unpublished() {
    let engine = Engine::start();
    assert!(!engine.send_to_client("nobody", data("x")).unwrap());
    let stats = engine.stats();
    // Its place is taken: who comes later has not missed it.
    assert_eq!((stats.events, stats.position), (0, 1));
}

#[test]
fn new_client_gets_no_earlier_event() {
    let engine = Engine::start();
    engine.broadcast(data("before"), None).unwrap();
    engine.send_to_user("ada", data("before")).unwrap();
    let mut ada = Pull::of(user(&engine, "ada"));
    assert_eq!(ada.ready.id, format!("{}.2", engine.stats().epoch));
    assert_eq!(ada.all(), []);
    engine.broadcast(data("after"), None).unwrap();
    assert_eq!(ada.data(1), ["after"]);
}

#[test]
fn body_until_close_has_no_chunks() {
    let engine = Engine::start();
    let client = anonymous(&engine);
    let id = client.client_id.clone();
    let mut peer = Peer::with(client.stream, Framing::UntilClose);
    engine.broadcast(data("one"), None).unwrap();
    engine.broadcast(data("two"), None).unwrap();
    assert_eq!(peer.data(2), ["one", "two"]);
    engine.send_to_client(&id, data("three")).unwrap();
    assert!(engine.disconnect_client(&id));
    // The parser takes nothing but the event's own bytes up to the end.
    assert_eq!(peer.finish().iter().map(|event| event.data.as_str()).collect::<Vec<_>>(), ["three"]);
}

#[test]
fn clients_with_different_framings_share_broadcasts() {
    let engine = Engine::start();
    let mut peers = [Framing::Chunked, Framing::UntilClose, Framing::Chunked, Framing::UntilClose]
        .map(|framing| Peer::with(anonymous(&engine).stream, framing));
    for number in 0..500 {
        engine.broadcast(data(&number.to_string()), None).unwrap();
    }
    peers.iter_mut().for_each(|peer| assert_eq!(peer.data(500), numbers(0..500)));
}

#[test]
fn pending_events_leave_in_one_write() {
    let engine = Engine::start();
    let client = anonymous(&engine);
    for number in 0..200 {
        engine.broadcast(data(&number.to_string()), None).unwrap();
    }
    let peer = hand_off_to_packets(client);
    let body = Dechunker::default().push(&one_write(&peer));
    assert_eq!(events_in(&body).len(), 200);
}

#[test]
fn one_pull_takes_pending_events_up_to_its_size() {
    let engine = Engine::start();
    let (mut wide, mut narrow) = (Pull::of(anonymous(&engine)), Pull::by(anonymous(&engine), 1_000));
    for _ in 0..300 {
        engine.broadcast(data(&"x".repeat(52)), None).unwrap();
    }
    assert_eq!([(); 2].map(|()| events_in(&wide.bytes()).len()), [256, 44], "at most 256 at once");
    assert!(matches!(wide.poll(), Poll::Pending));
    let pull = narrow.bytes();
    assert!((500..=1_000).contains(&pull.len()), "{}", pull.len());
    assert_eq!(events_in(&pull).len() + narrow.all().len(), 300);
}

#[test]
fn event_larger_than_a_pull_arrives_whole() {
    let engine = Engine::start();
    let mut pull = Pull::by(anonymous(&engine), 1);
    let large = "x".repeat(100_000);
    engine.broadcast(data("small"), None).unwrap();
    engine.broadcast(data(&large), None).unwrap();
    engine.broadcast(data("small"), None).unwrap();
    assert_eq!(pull.data(3), ["small", &large, "small"]);
}

#[test]
fn large_events_arrive_whole_through_small_buffers() {
    let engine = Engine::start();
    let mut peers = [(); 3].map(|()| Peer::narrow(user(&engine, "ada").stream));
    let text = |number: usize| format!("{number} {}", "ä".repeat(200_000 + number));
    for number in 0..6 {
        match number % 2 {
            0 => engine.broadcast(data(&text(number)), None).unwrap(),
            _ => engine.send_to_user("ada", data(&text(number))).unwrap(),
        };
    }
    for peer in &mut peers {
        for number in 0..6 {
            assert_eq!(peer.event().data, text(number));
        }
    }
}

#[test]
fn every_event_is_counted_once() {
    let engine = Engine::start();
    let mut peer = Peer::of(anonymous(&engine).stream);
    let mut pull = Pull::of(anonymous(&engine));
    for number in 0..100 {
        engine.broadcast(data(&number.to_string()), None).unwrap();
    }
    let bytes: usize = pull.bytes().len();
    assert_eq!(peer.events(100).len(), 100);
    eventually("a shard has counted", || engine.stats().deliveries == 200);
    let stats = engine.stats();
    let framing = 100 * "00\r\n\r\n".len();
    assert_eq!((stats.events, stats.bytes, stats.resets, stats.heartbeats), (100, (2 * bytes + framing) as u64, 0, 0));
    assert_eq!((stats.clients, stats.handoff, stats.stream, stats.opening), (2, 1, 1, 0));
}

#[test]
fn first_event_names_client_cursor_and_retry() {
    let options = Options { retry: std::time::Duration::from_millis(1_234), ..ssekit_testing::two_shards() };
    let engine = Engine::with(options);
    engine.broadcast(data("before"), None).unwrap();
    let ready = Pull::of(named(&engine, Some("a\"da"), "c 1")).ready;
    assert_eq!((ready.client_id.as_str(), ready.user_id.as_deref(), ready.resumed), ("c 1", Some("a\"da"), false));
    assert_eq!((ready.retry, ready.id.as_str()), (Some(1_234), format!("{}.1", engine.stats().epoch).as_str()));

    let nobody = anonymous(&engine);
    assert_eq!(Pull::of(nobody).ready.user_id, None);
}

#[test]
fn client_cut_before_its_first_event_resumes_from_entry() {
    let engine = Engine::start();
    let first = Pull::of(user(&engine, "ada"));
    let id = first.ready.id.clone();
    drop(first);
    engine.send_to_user("ada", data("missed")).unwrap();
    let mut again = Pull::of(resuming(&engine, Some("ada"), &id));
    assert!(again.ready.resumed);
    assert_eq!(again.data(1), ["missed"]);
}

#[test]
fn a_retry_and_a_name_travel_with_an_event() {
    let engine = Engine::start();
    let mut peer = Peer::of(anonymous(&engine).stream);
    engine.broadcast(Event { name: "n", data: "d", id: Some("i"), retry: Some(7), ..Event::default() }, None).unwrap();
    let event = peer.event();
    assert_eq!((event.name.as_str(), event.data.as_str(), event.id.as_str(), event.retry), ("n", "d", "i", Some(7)));
}
