//! A watch sees what happens in a hub, within its bounds, and its page can send and disconnect.
#![cfg(test)]

use serde_json::{Value, json};
use ssekit_core::{Connect, Event, Hub, LimitOptions, Options};
use ssekit_inspector::page::{PAGE, headers};
use ssekit_inspector::{Acted, Request, Rights, Watch, Watches, act};
use ssekit_testing::pull::Pull;
use ssekit_testing::{Engine, data, named};

fn watching(hub: &Hub, find: &str, rights: Rights) -> Watch {
    let mut watch = Watches::default().begin(find, rights).unwrap();
    hub.observe(watch.observer());
    let hello = line(&mut watch, hub);
    assert_eq!(hello["hello"]["rights"], json!(rights));
    watch
}

fn line(watch: &mut Watch, hub: &Hub) -> Value {
    let line = watch.line(Some(hub), &hub.stats());
    assert!(line.ends_with("}\n") && line.matches('\n').count() == 1);
    serde_json::from_str(&line).unwrap()
}

/// The next line without its times.
fn feed(watch: &mut Watch, hub: &Hub) -> Value {
    let mut line = line(watch, hub)["tick"]["feed"].take();
    for entry in line.as_array_mut().unwrap() {
        assert!(entry.as_object_mut().unwrap().remove("at").unwrap().as_u64() > Some(1_700_000_000_000));
    }
    line
}

#[test]
fn watch_sees_what_was_sent_and_to_whom() {
    let engine = Engine::start();
    let hub = &engine.hub;
    let _ada = named(hub, Some("ada"), "tab");
    let _eve = named(hub, None, "eve");
    let mut watch = watching(hub, "", Rights::ALL);
    hub.send_to_user("ada", Event { name: "order", data: r#"{"n":1}"#, coalesce_key: Some("k"), ..Event::default() })
        .unwrap();
    hub.broadcast(data("all"), Some("eve")).unwrap();
    hub.send_to_client("nobody", data("lost")).unwrap();
    hub.send_to_channel("news", Event { id: Some("own"), ..data("read") }).unwrap();
    let epoch = hub.stats().epoch;
    let first = format!("{epoch}.1");
    let bytes = format!("event: order\ndata: {{\"n\":1}}\nid: {first}\n\n").len();
    let seen = feed(&mut watch, hub);
    assert_eq!(
        seen[0],
        json!({"type":"event","id":first,"to":{"user":"ada"},"event":"order","data":"{\"n\":1}","bytes":bytes,"receivers":1,"coalesceKey":"k"})
    );
    assert_eq!((&seen[1]["to"], &seen[1]["receivers"]), (&json!({"all":true,"except":"eve"}), &json!(1)));
    assert_eq!((&seen[1]["event"], &seen[1]["data"]), (&json!("message"), &json!("all")));
    assert_eq!(
        (&seen[2]["to"], &seen[2]["id"], &seen[2]["receivers"]),
        (&json!({"client":"nobody"}), &json!(null), &json!(0))
    );
    assert_eq!((&seen[3]["to"], &seen[3]["id"]), (&json!({"channel":"news"}), &json!("own")));
    assert_eq!(seen.as_array().unwrap().len(), 4);
    assert_eq!(feed(&mut watch, hub), json!([]));
}

#[test]
fn watch_sees_arrivals_departures_refusals_and_resets() {
    let limits = LimitOptions { clients_per_user: 1, ..LimitOptions::default() };
    let engine = Engine::with(Options { limits, ..Options::default() });
    let hub = &engine.hub;
    let mut watch = watching(hub, "", Rights::ALL);
    let ada = named(hub, Some("ada"), "tab");
    assert!(hub.connect(Connect { user: Some("ada"), client: Some("other"), ..Connect::default() }).is_err());
    assert_eq!(
        feed(&mut watch, hub),
        json!([
            {"type":"connect","client":"tab","user":"ada"},
            {"type":"online","user":"ada"},
            {"type":"refusal","client":"other","user":"ada","reason":"user"}
        ])
    );
    drop(ada);
    assert_eq!(feed(&mut watch, hub), json!([{"type":"disconnect","client":"tab","user":"ada","reason":"peer"}]));
    let mut page = Pull::of(
        hub.connect(Connect { client: Some("lost"), last_event_id: Some("not.1"), ..Connect::default() }).unwrap(),
    );
    assert!(page.event().is_reset());
    assert_eq!(
        feed(&mut watch, hub),
        json!([
            {"type":"connect","client":"lost","user":null},
            {"type":"reset","client":"lost","user":null,"reason":"unknown"}
        ])
    );
}

#[test]
fn data_is_hidden_without_the_right_to_see_it() {
    let engine = Engine::start();
    let hub = &engine.hub;
    let _ada =
        hub.connect(Connect { user: Some("ada"), data: Some(r#"{"name":"Ada"}"#), ..Connect::default() }).unwrap();
    let mut watch = watching(hub, "", Rights::default());
    hub.send_to_user("ada", data(&"secret".repeat(1_000))).unwrap();
    let line = line(&mut watch, hub);
    assert_eq!(line["tick"]["feed"][0]["data"], Value::Null);
    assert!(!line.to_string().contains("secret") && !line.to_string().contains("Ada"), "{line}");
    let mut other = watching(hub, "", Rights { data: true, ..Rights::default() });
    assert_eq!(self::line(&mut other, hub)["tick"]["clients"]["changed"][0]["data"], json!({"name":"Ada"}));
}

#[test]
fn clients_are_told_once_and_when_they_change() {
    let engine = Engine::start();
    let hub = &engine.hub;
    let ada = named(hub, Some("ada"), "tab");
    let _bob = named(hub, Some("bob"), "other");
    let mut watch = watching(hub, "ADA", Rights::ALL);
    let clients = line(&mut watch, hub)["tick"]["clients"].take();
    assert_eq!((&clients["total"], &clients["matching"], &clients["shown"]), (&json!(2), &json!(1), &json!(1)));
    let row = &clients["changed"][0];
    assert_eq!((&row["id"], &row["user"], &row["transport"]), (&json!("tab"), &json!("ada"), &json!("opening")));
    assert_eq!((&row["channels"], &row["lag"]), (&json!([]), &json!({"events":0,"ms":0})));
    let next = |watch: &mut Watch| loop {
        let line = line(watch, hub);
        if let Some(clients) = line["tick"].get("clients") {
            return clients.clone();
        }
        std::thread::sleep(ssekit_inspector::TICK);
    };
    assert_eq!(next(&mut watch)["changed"], json!([]));
    hub.subscribe(ssekit_core::Subscriber::Client("tab"), "news", None).unwrap();
    assert_eq!(next(&mut watch)["changed"][0]["channels"], json!(["news"]));
    drop(ada);
    let clients = next(&mut watch);
    assert_eq!((&clients["gone"], &clients["total"]), (&json!(["tab"]), &json!(1)));
}

#[test]
fn a_client_that_reads_nothing_lags_until_it_reads() {
    let engine = Engine::start();
    let hub = &engine.hub;
    let mut page = Pull::of(named(hub, Some("ada"), "tab"));
    let mut watch = watching(hub, "", Rights::ALL);
    let lag_of = |watch: &mut Watch, is_it: &dyn Fn(&Value) -> bool| loop {
        let line = line(watch, hub);
        if let Some(lag) = line["tick"]["clients"]["changed"].get(0).map(|row| row["lag"].clone()).filter(is_it) {
            return lag;
        }
        std::thread::sleep(ssekit_inspector::TICK);
    };
    let none = json!({"events":0,"ms":0});
    assert_eq!(lag_of(&mut watch, &|_| true), none);
    hub.send_to_user("ada", data("one")).unwrap();
    hub.send_to_user("ada", data("two")).unwrap();
    let lag = lag_of(&mut watch, &|lag| *lag != none);
    assert_eq!(lag["events"], json!(2));
    assert!(lag["ms"].as_u64() >= Some(100), "{lag}");
    assert_eq!(page.data(2), ["one", "two"]);
    assert_eq!(lag_of(&mut watch, &|lag| *lag == none), none);
}

#[test]
fn too_much_is_counted_and_not_shown() {
    let engine = Engine::start();
    let hub = &engine.hub;
    let mut watch = watching(hub, "ada", Rights::ALL);
    for number in 0..250 {
        hub.send_to_user("ada", data(&number.to_string())).unwrap();
        hub.send_to_user("bob", data("not looked for")).unwrap();
    }
    let first = line(&mut watch, hub)["tick"].take();
    let shown = first["feed"].as_array().unwrap();
    assert_eq!((shown.len(), &first["skipped"], &shown[99]["data"]), (100, &json!(150), &json!("99")));
    hub.send_to_user("ada", data("after")).unwrap();
    let second = line(&mut watch, hub)["tick"].take();
    assert_eq!((second["feed"].as_array().unwrap().len(), &second["skipped"]), (1, &json!(0)));
}

#[test]
fn a_watch_that_ended_costs_nothing_and_makes_room() {
    let engine = Engine::start();
    let hub = &engine.hub;
    let watches = Watches::default();
    let open: Vec<Watch> = std::iter::from_fn(|| watches.begin("", Rights::ALL)).collect();
    assert_eq!(open.len(), 8);
    drop(open);
    let watch = watches.begin("", Rights::ALL).unwrap();
    let observer = watch.observer();
    hub.observe(observer.clone());
    hub.unobserve(&observer);
    hub.send_to_user("ada", data("unseen")).unwrap();
    let mut watch = watch;
    line(&mut watch, hub);
    assert_eq!(feed(&mut watch, hub), json!([]));
}

#[test]
fn page_sends_and_disconnects_as_far_as_it_may() {
    let engine = Engine::start();
    let hub = &engine.hub;
    let mut page = Pull::of(named(hub, Some("ada"), "tab"));
    let done = |body: &str, rights| act(hub, &Request::parse(body.as_bytes()).unwrap(), rights);
    let ok = |body: Value| Some(Acted { status: 200, body: body.to_string() });
    let send = "{\"send\":{\"to\":{\"user\":\"ada\"},\"event\":\"hi\",\"data\":{\"a\":\n[1, 2]}}}";
    assert_eq!(done(send, Rights::default()).unwrap().status, 403);
    assert_eq!(done(send, Rights::ALL), ok(json!({"receivers": 1})));
    let event = page.event();
    assert_eq!((event.name.as_str(), event.data.as_str()), ("hi", r#"{"a": [1, 2]}"#));
    let bad = done(r#"{"send":{"to":{"channel":"\u0000"}}}"#, Rights::ALL).unwrap();
    assert_eq!(bad.status, 400);
    assert!(bad.body.contains("channel"), "{bad:?}");
    let reserved = done(r#"{"send":{"to":{"all":true},"event":"ssekit:reset"}}"#, Rights::ALL).unwrap();
    assert_eq!(reserved.status, 400);
    let end = r#"{"disconnect":{"client":"tab"}}"#;
    assert_eq!(done(end, Rights { send: true, ..Rights::default() }).unwrap().status, 403);
    assert_eq!(done(end, Rights::ALL), ok(json!({"disconnected": 1})));
    assert_eq!(done(end, Rights::ALL), ok(json!({"disconnected": 0})));
    assert_eq!(done(r#"{"disconnect":{"user":"ada"}}"#, Rights::ALL), ok(json!({"disconnected": 0})));
    assert!(done(r#"{"watch":{}}"#, Rights::ALL).is_none());
}

#[test]
fn page_is_one_document_with_its_policy() {
    assert!(PAGE.starts_with("<!doctype html>"));
    let policy = headers().into_iter().find(|(name, _)| *name == "content-security-policy").unwrap().1;
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && !policy.contains('\n'));
}
