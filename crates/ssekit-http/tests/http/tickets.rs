//! Tickets: who may have a stream, until when, and how often.

use std::time::Duration;

use ssekit_core::backplane::memory::Memory;
use ssekit_core::{ClientInfo, DisconnectReason, Link, Options};
use ssekit_http::ListenerOptions;
use ssekit_http::options::CorsOptions;
use ssekit_http::ticket::{self, NewTicket, TicketOptions};
use ssekit_testing::door::{Door, SECRET, get, new_ticket, request, ticket_of, tickets, with_tickets};
use ssekit_testing::half_open::HalfOpen;
use ssekit_testing::{Engine, Recorder, Told, data, eventually};

fn one_time() -> ListenerOptions {
    with_tickets(TicketOptions { one_time: true, ..tickets() })
}

/// The log's words about the last refusal.
fn last_failure(recorder: &Recorder) -> String {
    let failed = |told: &Told| if let Told::Failed(message) = told { Some(message.clone()) } else { None };
    recorder.told().iter().rev().find_map(failed).unwrap_or_default()
}

#[test]
fn ticket_opens_its_users_stream_from_any_place() {
    let door = Door::open(with_tickets(tickets()));
    let ticket = ticket_of("ada");
    let (bearer, cookie) = (format!("Bearer {ticket}"), format!("a=b; ssekit_ticket={ticket}"));
    let requests = [
        get(&format!("/events?ticket={ticket}")),
        request("GET", "/events", &[("Authorization", &bearer)]),
        request("GET", "/events", &[("Cookie", &cookie)]),
    ];
    for asked in requests {
        let mut stream = door.connect().streams(&asked);
        assert_eq!(stream.ready.user_id.as_deref(), Some("ada"));
        door.engine.send_to_user("ada", data("x")).unwrap();
        assert_eq!(stream.peer.data(1), ["x"]);
    }
}

#[test]
fn only_the_log_explains_a_refused_ticket() {
    let door = Door::open(with_tickets(tickets()));
    let recorder = Recorder::of(&door.engine.hub);
    let issue = |ticket: NewTicket, at| ticket::issue(SECRET, ticket, at).unwrap();
    let (now, good) = (ticket::now(), ticket_of("ada"));
    let expired = issue(NewTicket { ttl: Duration::from_secs(1), ..new_ticket("ada") }, now - Duration::from_secs(60));
    let early = issue(NewTicket { not_before: Duration::from_secs(3_600), ..new_ticket("ada") }, now);
    let audience = issue(NewTicket { audience: "another".into(), ..new_ticket("ada") }, now);
    let forged = ticket::issue(&"x".repeat(32), new_ticket("ada"), now).unwrap();
    let (_, rest) = good.split_once('.').unwrap();
    // {"alg":"none"}
    let none = format!("eyJhbGciOiJub25lIn0.{rest}");
    let unsigned = good.rsplit_once('.').unwrap().0.to_owned() + ".";
    for (ticket, why) in [
        ("", "malformed"),
        ("nonsense", "malformed"),
        (&expired, "has expired"),
        (&early, "not valid yet"),
        (&audience, "another audience"),
        (&forged, "signature"),
        (&unsigned, "signature"),
        (&none, "no key is configured for its algorithm"),
    ] {
        let answer = door.get(&format!("/events?ticket={ticket}"));
        assert_eq!((answer.status(), answer.body.as_str()), (401, "Unauthorized.\n"), "{why}");
        let told = last_failure(&recorder);
        assert!(told.contains(why) && told.contains("127.0.0.1"), "{why}: {told}");
        assert!(ticket.is_empty() || !told.contains(ticket), "a ticket stands in the log: {told}");
    }
    assert_eq!(door.get("/events").status(), 401);
    assert_eq!(door.connect().asks(&request("HEAD", "/events", &[])).status(), 401);
    assert_eq!(door.engine.stats().connects, 0);
}

#[test]
fn bad_ticket_is_refused_despite_a_good_one() {
    let door = Door::open(ListenerOptions { anonymous: true, ..with_tickets(tickets()) });
    let asked = request("GET", &format!("/events?ticket={}", ticket_of("ada")), &[("Authorization", "Bearer x")]);
    assert_eq!(door.connect().asks(&asked).status(), 401);
    // A bad ticket is refused even if tickets are optional.
    assert_eq!(door.get("/events?ticket=x").status(), 401);
    assert_eq!(door.stream("/events").ready.user_id, None);
}

#[test]
fn a_flood_of_bad_tickets_does_not_flood_the_log() {
    let door = Door::open(with_tickets(tickets()));
    let recorder = Recorder::of(&door.engine.hub);
    let mut visitor = door.connect();
    for _ in 0..500 {
        assert_eq!(visitor.asks(&get("/events?ticket=x")).status(), 401);
    }
    assert!(recorder.told().len() < 100, "{} messages", recorder.told().len());
}

#[test]
fn cookie_from_a_foreign_page_opens_nothing() {
    let cors =
        CorsOptions { origins: vec!["https://app.example".to_owned()], credentials: true, ..CorsOptions::default() };
    let door = Door::open(ListenerOptions { cors: Some(cors), ..with_tickets(tickets()) });
    let cookie = format!("ssekit_ticket={}", ticket_of("ada"));
    let from = |origin: &str| request("GET", "/events", &[("Cookie", &cookie), ("Origin", origin)]);
    assert_eq!(door.connect().asks(&from("https://evil.example")).status(), 401);
    assert_eq!(door.connect().asks(&from("null")).status(), 401);
    assert_eq!(door.connect().streams(&from("https://app.example")).head.status, 200);
    assert_eq!(door.connect().streams(&from("https://sse.example")).head.status, 200);
}

#[test]
fn stream_ends_with_its_ticket() {
    let leeway = Duration::ZERO;
    let door = Door::open(with_tickets(TicketOptions { leeway, ..tickets() }));
    let recorder = Recorder::of(&door.engine.hub);
    // Tickets count in whole seconds.
    let short = NewTicket { ttl: Duration::from_secs(2), ..new_ticket("ada") };
    let ticket = ticket::issue(SECRET, short, ticket::now()).unwrap();
    let mut stream = door.stream(&format!("/events?clientId=tab&ticket={ticket}"));
    let lasting = door.stream(&format!("/events?clientId=lasting&ticket={}", ticket_of("ada")));
    door.engine.send_to_user("ada", data("before")).unwrap();
    let seen = stream.peer.event();
    assert!(stream.peer.finish().is_empty());
    let who = ClientInfo { id: "tab".into(), user: Some("ada".into()) };
    let ended = Told::Disconnected(who, DisconnectReason::Expired);
    eventually("its end is told", || recorder.told().contains(&ended));
    assert_eq!(door.get(&format!("/events?clientId=tab&ticket={ticket}")).status(), 401);
    door.engine.send_to_user("ada", data("after")).unwrap();
    let fresh = ticket_of("ada");
    let mut stream = door.stream(&format!("/events?clientId=tab&ticket={fresh}&lastEventId={}", seen.id));
    assert_eq!(stream.peer.data(1), ["after"]);
    assert!(recorder.ends_of(&lasting.ready.client_id).is_empty());
}

#[test]
fn log_out_voids_earlier_tickets() {
    let door = Door::open(with_tickets(tickets()));
    let recorder = Recorder::of(&door.engine.hub);
    let (ada, bob) = (ticket_of("ada"), ticket_of("bob"));
    let mut stream = door.stream(&format!("/events?ticket={ada}"));
    assert_eq!(door.engine.disconnect_user("ada"), 1);
    assert!(stream.peer.finish().is_empty());
    // As its page would come back.
    assert_eq!(door.get(&format!("/events?ticket={ada}")).status(), 401);
    assert!(last_failure(&recorder).contains("logged out"));
    assert_eq!(door.stream(&format!("/events?ticket={bob}")).ready.user_id.as_deref(), Some("bob"));
    assert_eq!(door.stream(&format!("/events?ticket={}", ticket_of("ada"))).ready.user_id.as_deref(), Some("ada"));
}

#[test]
fn log_out_separates_tickets_of_one_instant() {
    let alone = Door::open(with_tickets(tickets()));
    let node = Engine::node(Memory::new(1_000), Options::default());
    eventually("the node is up", || node.stats().cluster.unwrap().link == Link::Up);
    let (shared, is_good) = (Door::of(node, with_tickets(tickets())), |door: &Door, ticket: &str| {
        let status = door.connect().asks(&request("HEAD", &format!("/events?ticket={ticket}"), &[])).status();
        assert!(matches!(status, 200 | 401), "{status}");
        status == 200
    });
    for door in [&alone, &shared] {
        for round in 0..500 {
            let before = ticket_of("ada");
            door.engine.disconnect_user("ada");
            let after = ticket_of("ada");
            // Told to the other nodes, it comes back.
            door.engine.block_on(door.engine.flush_shared()).unwrap();
            assert!(!is_good(door, &before), "round {round}");
            assert!(is_good(door, &after), "round {round}");
        }
    }
}

#[test]
fn forged_last_id_without_a_ticket_does_not_wait() {
    let way = HalfOpen::to(&Memory::new(1_000));
    let engine = Engine::node(way.clone(), Options::default());
    eventually("the node is up", || engine.stats().cluster.unwrap().link == Link::Up);
    let door = Door::of(engine, with_tickets(tickets()));
    let ready = door.stream(&format!("/events?ticket={}", ticket_of("ada"))).ready;
    // The node does not find out that nobody has got so far, however long the others take.
    way.hold(true);
    let epoch = ready.id.split('.').next().unwrap();
    let ahead = format!("{epoch}.{}", u64::MAX / 4);
    assert!(!door.engine.is_caught_up(Some(&ahead)));
    let asked = |ticket: &str| request("GET", &format!("/events?ticket={ticket}"), &[("Last-Event-ID", &ahead)]);
    let mut waits = door.connect();
    waits.send(asked(&ticket_of("bob")));
    for no in ["x", &ticket::issue(&"x".repeat(32), new_ticket("bob"), ticket::now()).unwrap()] {
        assert_eq!(door.connect().asks(&asked(no)).status(), 401);
    }
    assert!(door.engine.clients_by_user("bob").is_empty(), "who came first has waited in vain already");
    way.hold(false);
    // A page that may wait is let in at last, unless its user was logged out meanwhile.
    assert_eq!(waits.head().unwrap().status, 200);
}

#[test]
fn user_logged_out_while_waiting_stays_out() {
    let engine = Engine::node(Memory::new(1_000), Options::default());
    eventually("the node is up", || engine.stats().cluster.unwrap().link == Link::Up);
    let door = Door::of(engine, with_tickets(tickets()));
    let ready = door.stream(&format!("/events?ticket={}", ticket_of("ada"))).ready;
    let ahead = format!("{}.{}", ready.id.split('.').next().unwrap(), u64::MAX / 4);
    let ticket = ticket_of("bob");
    let mut waits = door.connect();
    waits.send(request("GET", &format!("/events?ticket={ticket}"), &[("Last-Event-ID", &ahead)]));
    door.engine.disconnect_user("bob");
    assert_eq!(waits.head().unwrap().status, 401);
    assert!(door.engine.clients_by_user("bob").is_empty());
}

#[test]
fn stream_of_a_void_ticket_ends_when_a_restarted_node_learns_of_the_log_out() {
    let memory = Memory::new(10);
    let (void, first) = (ticket_of("ada"), Engine::node(memory.clone(), Options::default()));
    first.disconnect_user("ada");
    // The history forgets the command.
    (0..100).for_each(|number| drop(first.broadcast(data(&number.to_string()), None)));
    first.block_on(first.flush_shared()).unwrap();
    drop(first);
    let way = HalfOpen::to(&memory);
    way.let_read(false);
    let door = Door::of(Engine::node(way.clone(), Options::default()), with_tickets(tickets()));
    eventually("the node is cut off", || door.engine.stats().cluster.unwrap().link == Link::Down);
    let mut early = door.stream(&format!("/events?ticket={void}"));
    let mut late = door.stream(&format!("/events?ticket={}", ticket_of("ada")));
    way.let_read(true);
    early.peer.finish();
    assert_eq!(door.get(&format!("/events?ticket={void}")).status(), 401);
    // The reset stands for all events before it, and they are not sent again.
    assert!(late.peer.event().is_reset());
    door.engine.send_to_user("ada", data("for her")).unwrap();
    assert_eq!(late.peer.data(1), ["for her"]);
}

#[test]
fn log_out_during_admission_leaves_no_stream() {
    let door = Door::open(with_tickets(tickets()));
    for round in 0..5_000 {
        let user = format!("user {round}");
        let target = format!("/events?ticket={}", ticket_of(&user));
        let mut visitor = door.connect();
        let status = std::thread::scope(|scope| {
            let log_out = scope.spawn(|| {
                for _ in 0..round % 50 * 200 {
                    std::hint::spin_loop();
                }
                door.engine.disconnect_user(&user)
            });
            visitor.send(get(&target));
            let status = visitor.head().unwrap().status;
            log_out.join().unwrap();
            status
        });
        assert!(matches!(status, 200 | 401), "round {round}: {status}");
        assert!(door.engine.clients_by_user(&user).is_empty(), "round {round}: {status}");
    }
}

#[test]
fn client_id_of_the_ticket_cannot_be_overridden() {
    let door = Door::open(with_tickets(tickets()));
    let bound = NewTicket { client: Some("tab".into()), ..new_ticket("ada") };
    let ticket = ticket::issue(SECRET, bound, ticket::now()).unwrap();
    assert_eq!(door.stream(&format!("/events?ticket={ticket}")).ready.client_id, "tab");
    assert_eq!(door.stream(&format!("/events?ticket={ticket}&clientId=tab")).ready.client_id, "tab");
    assert_eq!(door.get(&format!("/events?ticket={ticket}&clientId=other")).status(), 401);
}

#[test]
fn a_one_time_ticket_opens_one_stream() {
    let door = Door::open(one_time());
    let recorder = Recorder::of(&door.engine.hub);
    let target = format!("/events?clientId=tab&ticket={}", ticket_of("ada"));
    // HEAD uses nothing up.
    assert_eq!(door.connect().asks(&request("HEAD", &target, &[])).status(), 200);
    let stream = door.stream(&target);
    assert_eq!(door.get(&target).status(), 401);
    assert!(last_failure(&recorder).contains("has been used"));
    drop(stream);
    door.wait_for_clients(0);
    assert_eq!(door.get(&target).status(), 401);
}

#[test]
fn reconnect_continues_with_its_one_time_ticket() {
    let door = Door::open(one_time());
    let ticket = ticket_of("ada");
    let target = format!("/events?clientId=tab&ticket={ticket}");
    let stream = door.stream(&target);
    let opened = stream.ready.id.clone();
    drop(stream);
    door.engine.send_to_user("ada", data("missed")).unwrap();
    // Cut before its first event: the id of the opening is what it has seen.
    let again = |id: &str| request("GET", &target, &[("Last-Event-ID", id)]);
    let mut stream = door.connect().streams(&again(&opened));
    assert!(stream.ready.resumed);
    let missed = stream.peer.event();
    assert_eq!(missed.data, "missed");
    drop(stream);
    assert_eq!(door.connect().streams(&again(&missed.id)).head.status, 200);
    // Not for who makes up an id, or knows one of the stream's or of his own, but not the key behind it.
    let (place, key) = missed.id.split_once('~').unwrap();
    assert_eq!(opened.split_once('~').unwrap().1, key);
    let thief = door.stream(&format!("/events?clientId=thief&ticket={}", ticket_of("mallory")));
    let made_up = ["made-up", place, "ssekit:unknown", "ssekit:evicted", "0123456789.1", &thief.ready.id];
    let forged = [format!("{place}~0123456789abcdef"), format!("ssekit:unknown~{}", thief.ready.id)];
    for id in made_up.into_iter().chain(forged.iter().map(String::as_str)) {
        assert_eq!(door.connect().asks(&again(id)).status(), 401, "{id}");
    }
    // The URL stands in access logs.
    let by_url = format!("{target}&lastEventId={}", missed.id);
    assert_eq!(door.get(&by_url).status(), 401);
    // Another client id does not help either.
    let other = request("GET", &format!("/events?clientId=other&ticket={ticket}"), &[("Last-Event-ID", &missed.id)]);
    assert_eq!(door.connect().asks(&other).status(), 401);
    let none = request("GET", &format!("/events?ticket={ticket}"), &[("Last-Event-ID", &missed.id)]);
    assert_eq!(door.connect().asks(&none).status(), 401);
}

#[test]
fn new_ticket_ends_the_earlier_one_time_ticket() {
    let door = Door::open(one_time());
    let (first, second) = (ticket_of("ada"), ticket_of("ada"));
    let opened = door.stream(&format!("/events?clientId=tab&ticket={first}")).ready.id;
    // A page that opens its stream anew may well put its last id into the URL, and so into access logs.
    let stream = door.stream(&format!("/events?clientId=tab&ticket={second}&lastEventId={opened}"));
    assert!(stream.ready.resumed);
    let target = format!("/events?clientId=tab&ticket={first}");
    assert_eq!(door.connect().asks(&request("GET", &target, &[("Last-Event-ID", &opened)])).status(), 401);
    let target = format!("/events?clientId=tab&ticket={second}");
    assert!(door.connect().streams(&request("GET", &target, &[("Last-Event-ID", &stream.ready.id)])).ready.resumed);
}

#[test]
fn one_time_ticket_keeps_its_client_id() {
    let door = Door::open(one_time());
    let nobodys = || ticket::issue(SECRET, NewTicket { user: None, ..new_ticket("") }, ticket::now()).unwrap();
    let _holder = door.stream(&format!("/events?clientId=tab&ticket={}", nobodys()));
    let ticket = nobodys();
    let stream = door.stream(&format!("/events?clientId=tab&ticket={ticket}"));
    let (own, seen) = (stream.ready.client_id.clone(), stream.ready.id.clone());
    assert_ne!(own, "tab");
    door.engine.send_to_client(&own, data("missed")).unwrap();
    drop(stream);
    // An `EventSource` asks for what it asked for before.
    for asked in ["tab", &own] {
        let again = request("GET", &format!("/events?clientId={asked}&ticket={ticket}"), &[("Last-Event-ID", &seen)]);
        let mut stream = door.connect().streams(&again);
        assert!(stream.ready.resumed);
        assert_eq!(stream.ready.client_id, own);
        assert_eq!(stream.peer.data(1), ["missed"]);
    }
}

#[test]
fn simultaneous_uses_of_a_ticket_admit_one() {
    let door = Door::open(one_time());
    let ticket = ticket_of("ada");
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let asked = (0..16).map(|n| {
            let target = format!("/events?clientId=tab{n}&ticket={ticket}");
            scope.spawn({
                let door = &door;
                move || {
                    let mut visitor = door.connect();
                    visitor.send(get(&target));
                    (visitor.head().unwrap().status, visitor)
                }
            })
        });
        // All connections stay open until all have been answered.
        let answers: Vec<_> = asked.collect::<Vec<_>>().into_iter().map(|asked| asked.join().unwrap()).collect();
        answers.into_iter().map(|(status, _)| status).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 15, "{answers:?}");
}

#[test]
fn ticket_that_opened_nothing_stays_valid() {
    let door = Door::open(one_time());
    let _taken = ssekit_testing::named(&door.engine, Some("bob"), "bobs");
    let ticket = ticket_of("ada");
    assert_eq!(door.get(&format!("/events?clientId=bobs&ticket={ticket}")).status(), 409);
    assert_eq!(door.stream(&format!("/events?clientId=mine&ticket={ticket}")).ready.user_id.as_deref(), Some("ada"));
}

#[test]
fn ticket_reveals_only_its_own_user() {
    let door = Door::open(with_tickets(tickets()));
    let mut bob = door.stream(&format!("/events?clientId=bobs&ticket={}", ticket_of("bob")));
    door.engine.send_to_user("bob", data("secret")).unwrap();
    let seen = bob.peer.event();
    drop(bob);
    door.wait_for_clients(0);
    door.engine.send_to_user("bob", data("secret too")).unwrap();
    let ticket = ticket_of("ada");
    assert_eq!(door.get(&format!("/events?clientId=bobs&ticket={ticket}&lastEventId={}", seen.id)).status(), 409);
    for extra in ["userId=bob", "sub=bob", "user=bob"] {
        let mut stream = door.stream(&format!("/events?{extra}&ticket={ticket}&lastEventId={}", seen.id));
        assert_eq!(stream.ready.user_id.as_deref(), Some("ada"));
        door.engine.send_to_user("ada", data("mine")).unwrap();
        let events: Vec<_> =
            std::iter::from_fn(|| Some(stream.peer.event())).take_while(|event| event.data != "mine").collect();
        assert!(events.iter().all(|event| !event.data.contains("secret")), "{events:?}");
        drop(stream);
        door.wait_for_clients(0);
    }
}
