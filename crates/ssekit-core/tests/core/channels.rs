//! Channels: everybody who has subscribed gets their events, in one order with all others, and resumes them by the one id.

use std::collections::BTreeSet;

use ssekit_core::event::key::Key;
use ssekit_core::{
    Audience, ClientFilter, Connect, Connected, ErrorKind, Event, HistoryOptions, Hub, LimitOptions, Options, Page,
    Phase, Subscriber,
};
use ssekit_testing::chance::Chance;
use ssekit_testing::peer::Peer;
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, data, keeping_all, user};

fn watching(hub: &Hub, client: &str, channels: &[&str], last_event_id: Option<&str>) -> Connected {
    let who = Connect { user: Some("ada"), client: Some(client), last_event_id, channels, ..Connect::default() };
    hub.connect(who).unwrap()
}

fn texts(pull: &mut Pull) -> Vec<String> {
    pull.all().into_iter().map(|event| event.data).collect()
}

#[test]
fn event_reaches_only_clients_of_its_channel() {
    let engine = Engine::start();
    let mut both = Pull::of(watching(&engine, "both", &["order:1", "order:2"], None));
    let mut one = Pull::of(watching(&engine, "one", &["order:1"], None));
    let mut none = Pull::of(watching(&engine, "none", &[], None));
    assert_eq!(engine.send_to_channel("order:1", data("1")), Ok(2));
    assert_eq!(engine.send_to_channel("order:2", data("2")), Ok(1));
    assert_eq!(engine.send_to_channel("order:3", data("3")), Ok(0));
    assert_eq!(texts(&mut both), ["1", "2"]);
    assert_eq!(texts(&mut one), ["1"]);
    assert_eq!(texts(&mut none), [""; 0]);
}

#[test]
fn channel_is_no_user_and_no_client_of_the_same_name() {
    let engine = Engine::start();
    let mut ada = Pull::of(watching(&engine, "tab", &["other"], None));
    for name in ["ada", "tab", "__proto__"] {
        assert_eq!(engine.send_to_channel(name, data("channel")), Ok(0));
    }
    assert_eq!(engine.send_to_user("other", data("user")), Ok(0));
    assert_eq!(engine.send_to_client("other", data("client")), Ok(false));
    assert_eq!(ada.all(), []);
}

#[test]
fn handed_off_sockets_get_channel_events() {
    let engine = Engine::start();
    let mut peers = ["a", "b", "c"].map(|client| Peer::of(watching(&engine, client, &["news"], None).stream));
    assert_eq!(engine.send_to_channel("news", data("1")), Ok(3));
    assert_eq!(engine.broadcast(data("2"), None), Ok(3));
    assert_eq!(engine.send_to_channel("news", data("3")), Ok(3));
    for peer in &mut peers {
        assert_eq!(peer.data(3), ["1", "2", "3"]);
    }
}

#[test]
fn client_learns_where_a_subscription_begins_and_ends() {
    let engine = Engine::start();
    let mut tab = Pull::of(watching(&engine, "tab", &[], None));
    engine.send_to_channel("news", data("before")).unwrap();
    assert_eq!(engine.subscribe(Subscriber::Client("tab"), "news", None), Ok(1));
    assert_eq!(engine.subscribe(Subscriber::Client("tab"), "news", None), Ok(0));
    engine.send_to_channel("news", data("during")).unwrap();
    assert_eq!(engine.unsubscribe(Subscriber::Client("tab"), "news"), Ok(1));
    assert_eq!(engine.unsubscribe(Subscriber::Client("tab"), "news"), Ok(0));
    assert_eq!(engine.send_to_channel("news", data("after")), Ok(0));
    let events = tab.all();
    let names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
    assert_eq!(names, ["ssekit:subscribed", "", "ssekit:unsubscribed"]);
    assert_eq!(texts_of(&events), [r#"{"channel":"news"}"#, "during", r#"{"channel":"news"}"#]);
}

fn texts_of(events: &[ssekit_testing::wire::Received]) -> Vec<&str> {
    events.iter().map(|event| &*event.data).collect()
}

#[test]
fn subscription_by_user_covers_all_clients_of_the_user() {
    let engine = Engine::start();
    let mut tabs = ["a", "b"].map(|client| Pull::of(watching(&engine, client, &[], None)));
    let mut other = Pull::of(user(&engine, "bob"));
    assert_eq!(engine.subscribe(Subscriber::User("ada"), "news", None), Ok(2));
    assert_eq!(engine.send_to_channel("news", data("1")), Ok(2));
    for tab in &mut tabs {
        assert_eq!(texts(tab), [r#"{"channel":"news"}"#, "1"]);
    }
    assert_eq!(other.all(), []);
    let ids: BTreeSet<_> = engine.clients_by_channel("news").iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["a", "b"].map(String::from).into());
    assert_eq!(engine.unsubscribe(Subscriber::User("ada"), "news"), Ok(2));
    assert_eq!((engine.channels().len(), engine.clients_by_channel("news").len()), (0, 0));
}

#[test]
fn one_id_resumes_all_channels() {
    let engine = Engine::start();
    let mut live = Pull::of(watching(&engine, "tab", &["a", "b"], None));
    for number in 0..12 {
        let text = number.to_string();
        match number % 4 {
            0 => engine.broadcast(data(&text), None).map(drop),
            1 => engine.send_to_channel("a", data(&text)).map(drop),
            2 => engine.send_to_channel("b", data(&text)).map(drop),
            _ => engine.send_to_user("ada", data(&text)).map(drop),
        }
        .unwrap();
    }
    let all = live.all();
    assert_eq!(all.len(), 12);
    for (seen, event) in all.iter().enumerate() {
        let mut again = Pull::of(watching(&engine, &format!("new {seen}"), &["a", "b"], Some(&event.id)));
        assert!(again.ready.resumed);
        assert_eq!(again.all(), all[seen + 1..]);
    }
}

#[test]
fn subscription_is_kept_while_its_client_is_away() {
    let engine = Engine::start();
    let mut tab = Pull::of(watching(&engine, "tab", &["named"], None));
    engine.subscribe(Subscriber::Client("tab"), "added", None).unwrap();
    let last = tab.all().pop().unwrap().id;
    drop(tab);
    assert_eq!(engine.send_to_channel("added", data("1")), Ok(0));
    // It can change even now.
    assert_eq!(engine.subscribe(Subscriber::Client("tab"), "away", None), Ok(1));
    assert_eq!(engine.send_to_channel("named", data("2")), Ok(0));
    let mut tab = Pull::of(watching(&engine, "tab", &[], Some(&last)));
    assert!(tab.ready.resumed);
    assert_eq!(engine.send_to_channel("away", data("3")), Ok(1));
    assert_eq!(texts(&mut tab), ["1", r#"{"channel":"away"}"#, "2", "3"]);
}

#[test]
fn evicted_channel_event_resets_only_its_subscribers() {
    let history = HistoryOptions { max_events: 2, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..Options::default() });
    let first = Pull::of(user(&engine, "ada"));
    for number in 0..3 {
        engine.send_to_channel("busy", data(&number.to_string())).unwrap();
    }
    engine.send_to_channel("calm", data("calm")).unwrap();
    let mut lost = Pull::of(watching(&engine, "lost", &["busy"], Some(&first.ready.id)));
    assert!(!lost.ready.resumed && lost.event().is_reset());
    let mut whole = Pull::of(watching(&engine, "whole", &["calm"], Some(&first.ready.id)));
    assert!(whole.ready.resumed);
    assert_eq!(texts(&mut whole), ["calm"]);
}

#[test]
fn client_has_a_bounded_number_of_channels() {
    let engine = Engine::start();
    let names: Vec<String> = (0..129).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let who = Connect { user: Some("ada"), channels: &names, ..Connect::default() };
    assert!(engine.connect(who).unwrap_err().is_range());
    let _tab = watching(&engine, "tab", &names[1..], None);
    assert!(engine.subscribe(Subscriber::Client("tab"), "0", None).unwrap_err().is_range());
    assert_eq!(engine.unsubscribe(Subscriber::Client("tab"), "5"), Ok(1));
    assert_eq!(engine.subscribe(Subscriber::Client("tab"), "0", None), Ok(1));
}

#[test]
fn invalid_channel_names_are_refused() {
    let engine = Engine::start();
    let long = "x".repeat(257);
    for name in ["", &long, "a\nb", "a\0", "\u{7f}", "\u{85}"] {
        assert!(engine.send_to_channel(name, data("x")).unwrap_err().is_argument(), "{name:?}");
        assert!(engine.subscribe(Subscriber::User("ada"), name, None).unwrap_err().is_argument());
        let who = Connect { channels: &[name], ..Connect::default() };
        assert!(engine.connect(who).unwrap_err().is_argument());
    }
}

#[test]
fn channels_that_nobody_uses_are_given_up() {
    let history = HistoryOptions { max_age: std::time::Duration::from_millis(100), ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..Options::default() });
    let names: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    let tabs: Vec<_> = names.iter().map(|name| watching(&engine, name, &[name], None)).collect();
    for name in &names {
        engine.send_to_channel(name, data("x")).unwrap();
    }
    assert_eq!(engine.channels().len(), 1_000);
    drop(tabs);
    ssekit_testing::eventually("all channels are given up", || engine.stats().logs == 0);
    assert_eq!(engine.channels().len(), 0);
}

/// The state that the model expects of one client.
struct Model {
    channels: BTreeSet<usize>,
    expected: Vec<String>,
}

#[test]
fn client_gets_exactly_its_events_however_often_it_is_cut() {
    for seed in 0..10 {
        live(seed);
    }
}

fn live(seed: u64) {
    let mut chance = Chance::of(seed);
    let engine = Engine::with(keeping_all());
    let names: Vec<String> = (0..100).map(|number| format!("channel {number}")).collect();
    let initial: Vec<&str> = names[..50].iter().map(|name| &**name).collect();
    let mut model = Model { channels: (0..50).collect(), expected: Vec::new() };
    let mut tab = Pull::of(watching(&engine, "tab", &initial, None));
    let (mut got, mut last) = (Vec::new(), tab.ready.id.clone());
    let mut read = |tab: &mut Pull, pulls: usize, last: &mut String| {
        for event in tab.some(pulls) {
            assert!(!event.is_reset(), "seed {seed}");
            *last = event.id.clone();
            got.push(format!("{} {}", event.name, event.data));
        }
    };
    for number in 0..10_000 {
        let text = number.to_string();
        let event = Event { data: &text, ..Event::default() };
        let channel = chance.below(100);
        let is_mine = match chance.below(100) {
            0..20 => engine.broadcast(event, None).map(|_| true).unwrap(),
            20..30 => engine.send_to_user("ada", event).map(|_| true).unwrap(),
            30..35 => engine.send_to_user("bob", event).map(|_| false).unwrap(),
            35..45 => engine.send_to_client("tab", event).map(|_| true).unwrap(),
            45..90 => {
                engine.send_to_channel(&names[channel], event).map(|_| model.channels.contains(&channel)).unwrap()
            }
            90..95 => {
                let changed = engine.subscribe(Subscriber::Client("tab"), &names[channel], None).unwrap() == 1;
                assert_eq!(changed, model.channels.insert(channel), "seed {seed}");
                if changed {
                    model.expected.push(format!("ssekit:subscribed {{\"channel\":\"{}\"}}", names[channel]));
                }
                false
            }
            _ => {
                let changed = engine.unsubscribe(Subscriber::Client("tab"), &names[channel]).unwrap() == 1;
                assert_eq!(changed, model.channels.remove(&channel), "seed {seed}");
                if changed {
                    model.expected.push(format!("ssekit:unsubscribed {{\"channel\":\"{}\"}}", names[channel]));
                }
                false
            }
        };
        if is_mine {
            model.expected.push(format!(" {text}"));
        }
        match chance.below(200) {
            0 => {
                // Cut with some of it unread; what is sent until it is back comes then.
                read(&mut tab, chance.below(3), &mut last);
                drop(tab);
                tab = Pull::of(watching(&engine, "tab", &[], Some(&last)));
                assert!(tab.ready.resumed, "seed {seed}");
            }
            1..20 => read(&mut tab, 2, &mut last),
            _ => {}
        }
    }
    read(&mut tab, 1_000, &mut last);
    assert_eq!(got.len(), model.expected.len(), "seed {seed}");
    assert!(got == model.expected, "seed {seed}");
}

#[test]
fn page_gets_what_came_after_its_snapshot() {
    let engine = Engine::start();
    engine.send_to_channel("order:1", data("in the snapshot")).unwrap();
    let cursor = engine.cursor();
    engine.send_to_channel("order:1", data("1")).unwrap();
    engine.broadcast(data("2"), None).unwrap();
    engine.send_to_user("ada", data("3")).unwrap();
    for stranger in 0..100 {
        // A send to an unknown client is no loss of a page that was not here.
        engine.send_to_client(&format!("stranger {stranger}"), data("x")).unwrap();
    }
    for client in [None, Some("fresh")] {
        let who =
            Connect { user: Some("ada"), client, since: Some(&cursor), channels: &["order:1"], ..Connect::default() };
        assert_eq!(texts(&mut Pull::of(engine.connect(who).unwrap())), ["1", "2", "3"]);
    }
}

#[test]
fn snapshot_counts_only_without_a_last_event_id() {
    let engine = Engine::start();
    let cursor = engine.cursor();
    engine.broadcast(data("1"), None).unwrap();
    let seen = engine.cursor();
    engine.broadcast(data("2"), None).unwrap();
    let who = Connect { last_event_id: Some(&seen), since: Some(&cursor), ..Connect::default() };
    assert_eq!(texts(&mut Pull::of(engine.connect(who).unwrap())), ["2"]);
}

#[test]
fn page_learns_if_its_snapshot_is_unknown_or_too_old() {
    let history = HistoryOptions { max_events: 2, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..Options::default() });
    let old = engine.cursor();
    let future = format!("{}9", old);
    for number in ["1", "2", "3"] {
        engine.broadcast(data(number), None).unwrap();
    }
    let elsewhere = format!("0000000000.{}", 1);
    for (since, reason) in
        [(&*old, "evicted"), (&future, "unknown"), (&elsewhere, "unknown"), ("", "unknown"), ("nonsense", "unknown")]
    {
        let who = Connect { since: Some(since), ..Connect::default() };
        let mut page = Pull::of(engine.connect(who).unwrap());
        engine.broadcast(data("live"), None).unwrap();
        let events = page.all();
        assert_eq!(texts_of(&events), [&*format!(r#"{{"reason":"{reason}"}}"#), "live"], "{since:?}");
        assert_eq!(events[0].name, "ssekit:reset");
    }
}

#[test]
fn page_that_was_cut_at_once_comes_back_to_its_snapshot() {
    let engine = Engine::start();
    let cursor = engine.cursor();
    engine.broadcast(data("1"), None).unwrap();
    let who = Connect { since: Some(&cursor), ..Connect::default() };
    let opening = String::from_utf8(engine.connect(who).unwrap().opening.to_vec()).unwrap();
    let id = opening.lines().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let again = Connect { last_event_id: Some(id), ..Connect::default() };
    assert_eq!(texts(&mut Pull::of(engine.connect(again).unwrap())), ["1"]);
}

#[test]
fn subscription_may_begin_at_an_earlier_snapshot() {
    let engine = Engine::start();
    let mut tab = Pull::of(watching(&engine, "tab", &[], None));
    engine.send_to_channel("news", data("in the snapshot")).unwrap();
    let cursor = engine.cursor();
    for event in [data("1"), Event { id: Some("own"), ..data("2") }] {
        engine.send_to_channel("news", event).unwrap();
    }
    engine.broadcast(data("broadcast"), None).unwrap();
    assert_eq!(engine.subscribe(Subscriber::Client("tab"), "news", Some(&cursor)), Ok(1));
    engine.send_to_channel("news", data("3")).unwrap();
    let events = tab.all();
    assert_eq!(texts_of(&events), ["broadcast", "1", "2", r#"{"channel":"news"}"#, "3"]);
    // Wherever the page is cut, it gets the rest, once.
    for (cut, seen) in events.iter().enumerate() {
        let mut again = Pull::of(watching(&engine, "tab", &[], Some(&seen.id)));
        assert_eq!(texts_of(&again.all()), texts_of(&events[cut + 1..]), "after {:?}", seen.data);
    }
}

#[test]
fn subscription_with_a_lost_snapshot_tells_so_first() {
    let history = HistoryOptions { max_events: 2, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..Options::default() });
    let old = engine.cursor();
    for number in ["1", "2", "3"] {
        engine.send_to_channel("news", data(number)).unwrap();
    }
    for (since, reason) in [(&*old, "evicted"), ("nonsense", "unknown")] {
        let mut tab = Pull::of(watching(&engine, reason, &[], None));
        engine.subscribe(Subscriber::Client(reason), "news", Some(since)).unwrap();
        engine.send_to_channel("news", data("live")).unwrap();
        let events = tab.all();
        let names: Vec<&str> = events.iter().map(|event| &*event.name).collect();
        assert_eq!(names, ["ssekit:reset", "ssekit:subscribed", ""]);
        assert_eq!(events[0].data, format!(r#"{{"channel":"news","reason":"{reason}"}}"#));
    }
}

#[test]
fn page_subscribes_only_its_own_client() {
    let engine = Engine::start();
    let ada = watching(&engine, "of ada", &[], None);
    let visitor = engine.connect(Connect::default()).unwrap();
    let keyed = engine.connect(Connect { client: Some("keyed"), ..Connect::default() }).unwrap();
    let opening = String::from_utf8(keyed.opening.to_vec()).unwrap();
    let key = opening.lines().find_map(|line| Key::split(line.strip_prefix("id: ")?)).unwrap().1;
    let page = |client, user, key| Subscriber::Page(Page { client, user, key });
    let visitor_id = &*visitor.client_id;
    for stranger in [
        page("of ada", Some("eve"), None),
        page("of ada", None, Some(key)),
        page(visitor_id, Some("ada"), None),
        page("keyed", None, None),
        page("keyed", None, Some(Key::random())),
        page("keyed", Some("ada"), Some(key)),
        page("nobody", None, None),
    ] {
        let refused = |error: ssekit_core::Error| error.kind() == ErrorKind::UnknownClient;
        assert!(engine.subscribe(stranger, "news", None).is_err_and(refused), "{stranger:?}");
        assert!(engine.unsubscribe(stranger, "news").is_err_and(refused), "{stranger:?}");
    }
    for own in [page("of ada", Some("ada"), None), page(visitor_id, None, None), page("keyed", None, Some(key))] {
        assert_eq!(engine.subscribe(own, "news", None), Ok(1), "{own:?}");
    }
    assert_eq!(engine.send_to_channel("news", data("1")), Ok(3));
    drop((ada, visitor, keyed));
}

#[test]
fn clients_are_described_with_what_they_said() {
    let engine = Engine::start();
    let who =
        Connect { user: Some("ada"), data: Some(r#"{"name":"Ada"}"#), channels: &["a", "b"], ..Connect::default() };
    let ada = engine.connect(who).unwrap();
    let _visitor = engine.connect(Connect { channels: &["b"], ..Connect::default() }).unwrap();
    let of = |filter| engine.clients(filter);
    assert_eq!(of(ClientFilter::default()).len(), 2);
    assert_eq!(of(ClientFilter { channel: Some("b"), ..ClientFilter::default() }).len(), 2);
    assert_eq!(of(ClientFilter { channel: Some("c"), ..ClientFilter::default() }), []);
    assert_eq!(of(ClientFilter { user: Some("eve"), channel: Some("b") }), []);
    let found = of(ClientFilter { user: Some("ada"), channel: Some("b") });
    let [details] = &*found else { panic!("one client: {found:?}") };
    assert_eq!((&details.id, details.user.as_deref()), (&ada.client_id, Some("ada")));
    assert_eq!(details.data.as_deref(), Some(r#"{"name":"Ada"}"#));
    assert_eq!((details.transport, details.channels.len()), (Some(Phase::Opening), 2));
    assert!(details.connected_at.as_secs() > 1_700_000_000);
    drop(ada);
    assert_eq!(of(ClientFilter { user: Some("ada"), ..ClientFilter::default() }), []);
    let long = "x".repeat(1_025);
    assert!(engine.connect(Connect { data: Some(&long), ..Connect::default() }).unwrap_err().is_range());
}

#[test]
fn history_is_read_back_with_the_newest_last() {
    let history = HistoryOptions { max_events: 3, ..HistoryOptions::default() };
    let engine = Engine::with(Options { history, ..Options::default() });
    assert_eq!(engine.history(Audience::Channel("news"), None, 10), Ok(vec![]));
    let start = engine.cursor();
    for number in ["1", "2", "3", "4"] {
        engine.send_to_channel("news", Event { name: "n", id: Some(number), ..data(number) }).unwrap();
    }
    engine.send_to_user("news", data("of a user")).unwrap();
    let read = |after: Option<&str>, limit| {
        let events = engine.history(Audience::Channel("news"), after, limit)?;
        Ok::<_, ssekit_core::Error>(events.iter().map(|event| event.data.clone()).collect::<Vec<_>>())
    };
    assert_eq!(read(None, 10).unwrap(), ["2", "3", "4"]);
    assert_eq!(read(None, 2).unwrap(), ["3", "4"]);
    assert_eq!(read(Some("2"), 10).unwrap(), ["3", "4"]);
    assert_eq!(read(Some(&engine.cursor()), 10).unwrap(), [""; 0]);
    for gone in [&*start, "1", "nonsense"] {
        assert_eq!(read(Some(gone), 10).unwrap_err().kind(), ErrorKind::Evicted, "{gone}");
    }
    let newest = &engine.history(Audience::Channel("news"), None, 1).unwrap()[0];
    assert_eq!((&*newest.id, &*newest.name), ("4", "n"));
    assert_eq!(engine.history(Audience::User("news"), None, 10).unwrap().len(), 1);
    assert_eq!(engine.history(Audience::All { exclude: None }, None, 10).unwrap().len(), 0);
    assert!(engine.history(Audience::Channel(""), None, 10).unwrap_err().is_argument());
}

#[test]
fn page_without_an_id_learns_that_it_lost_its_channels() {
    let engine = Engine::start();
    for (named, added, resumes) in [(true, false, true), (false, true, false)] {
        let channels: &[&str] = if named { &["news"] } else { &[] };
        let who = Connect { user: Some("ada"), channels, ..Connect::default() };
        let mut page = Pull::of(engine.connect(who).unwrap());
        if added {
            engine.subscribe(Subscriber::Client(&page.ready.client_id), "news", None).unwrap();
        }
        engine.send_to_channel("news", data("1")).unwrap();
        let seen = page.all().pop().unwrap().id;
        drop(page);
        let again = Pull::of(engine.connect(Connect { last_event_id: Some(&seen), ..who }).unwrap());
        assert_eq!(again.ready.resumed, resumes);
    }
}

#[test]
fn refused_subscription_of_a_user_has_changed_no_client() {
    let limits = LimitOptions { channels_per_client: 1, ..LimitOptions::default() };
    let engine = Engine::with(Options { limits, ..Options::default() });
    let _free = watching(&engine, "free", &[], None);
    let _full = watching(&engine, "full", &["other"], None);
    assert!(engine.subscribe(Subscriber::User("ada"), "news", None).unwrap_err().is_range());
    assert_eq!(engine.send_to_channel("news", data("1")), Ok(0));
}

#[test]
fn logged_out_user_comes_back_without_channels() {
    let engine = Engine::start();
    let mut tab = Pull::of(watching(&engine, "tab", &["named"], None));
    let away = Pull::of(watching(&engine, "away", &["named"], None));
    for client in ["tab", "away"] {
        engine.subscribe(Subscriber::Client(client), "added", None).unwrap();
    }
    let left = away.ready.id.clone();
    drop(away);
    engine.send_to_channel("added", data("before")).unwrap();
    assert_eq!(engine.disconnect_user("ada"), 1);
    assert_eq!(texts(&mut tab), [r#"{"channel":"added"}"#, "before"]);
    for channel in ["named", "added"] {
        assert_eq!(engine.send_to_channel(channel, data("after")), Ok(0));
    }
    for (client, seen) in [("tab", &tab.ready.id), ("away", &left)] {
        let mut again = Pull::of(watching(&engine, client, &[], Some(seen)));
        assert_eq!(texts(&mut again), [r#"{"channel":"added"}"#, "before"], "{client}");
        engine.send_to_channel("added", data("live")).unwrap();
        assert_eq!(again.all(), [], "{client}");
    }
}

#[test]
fn visitor_without_a_ticket_has_none_of_the_channels_of_one() {
    let engine = Engine::start();
    for (client, again, clients) in [("with", true, 1), ("without", false, 0)] {
        let visitor = Connect { client: Some(client), by_ticket: true, channels: &["paid"], ..Connect::default() };
        let page = Pull::of(engine.connect(visitor).unwrap());
        let seen = page.ready.id.clone();
        drop(page);
        let back = Connect { last_event_id: Some(&seen), by_ticket: again, channels: &[], ..visitor };
        let page = engine.connect(back).unwrap();
        assert_eq!(&*page.client_id, client, "its key proves it");
        assert_eq!(engine.send_to_channel("paid", data("1")), Ok(clients));
    }
}
