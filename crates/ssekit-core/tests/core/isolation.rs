//! No mix of ids, keys, users and channels gives anybody a byte of another user or client, or of a channel that it does not have.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use ssekit_core::event::key::Key;
use ssekit_core::{Audience, ClientFilter, Connect, Event, HistoryOptions, Hub, Options, Page as Claimed, Subscriber};
use ssekit_testing::pull::Pull;
use ssekit_testing::seen::Seen;
use ssekit_testing::{Engine, advance, data, keeping_all, standing_hub};
use tokio::runtime::Runtime;

const PAGES: usize = 5;
const CLIENTS: [&str; 3] = ["tab", "tab~0123456789abcdef", "other tab"];
const USERS: [&str; 2] = ["ada", "bob"];
/// Some are users and clients as well, or look like more than one channel.
const CHANNELS: [&str; 6] = ["ada", "tab", "tab~0123456789abcdef", "*", "order:*", "order:1"];

#[derive(Debug, Clone)]
enum Operation {
    /// A page connects as this user and asks for this id.
    Connect {
        page: usize,
        user: Option<usize>,
        client: Option<usize>,
        seen: Seen,
        channel: Option<usize>,
    },
    Leave(usize),
    /// The application gives a client, or all of a user's, a channel.
    Grant(usize, usize),
    GrantToUser(usize, usize),
    /// A page asks for a channel for a client, as this user.
    Request {
        page: usize,
        user: Option<usize>,
        client: usize,
        channel: usize,
    },
    ToUser(usize, bool),
    ToClient(usize, bool),
    /// To the client that a page has, whatever its id.
    ToPage(usize),
    ToChannel(usize, bool),
    ToAll(bool),
    DisconnectClient(usize),
    DisconnectUser(usize),
    Read(usize),
    /// Idle pages get their positions, and events expire.
    Wait,
}

/// Of such an age, an idle page is due for its position after two waits.
const MAX_AGE: Duration = Duration::from_millis(800);
const WAIT: Duration = Duration::from_millis(200);

fn operation() -> impl Strategy<Value = Operation> {
    let (page, channel) = (|| 0..PAGES, || 0..CHANNELS.len());
    let user = || option::weighted(0.3, 0..USERS.len());
    let channel_at_connect = option::weighted(0.2, channel());
    let connect = (page(), user(), option::weighted(0.9, 0..CLIENTS.len()), Seen::any(PAGES), channel_at_connect);
    let request = (page(), user(), 0..CLIENTS.len(), channel());
    prop_oneof![
        6 => connect.prop_map(|(page, user, client, seen, channel)| Operation::Connect { page, user, client, seen, channel }),
        1 => (0..CLIENTS.len(), channel()).prop_map(|(client, channel)| Operation::Grant(client, channel)),
        1 => (0..USERS.len(), channel()).prop_map(|(user, channel)| Operation::GrantToUser(user, channel)),
        2 => request.prop_map(|(page, user, client, channel)| Operation::Request { page, user, client, channel }),
        4 => (channel(), any::<bool>()).prop_map(|(channel, own_id)| Operation::ToChannel(channel, own_id)),
        2 => page().prop_map(Operation::Leave),
        2 => (0..USERS.len(), any::<bool>()).prop_map(|(user, own_id)| Operation::ToUser(user, own_id)),
        3 => (0..CLIENTS.len(), any::<bool>()).prop_map(|(client, own_id)| Operation::ToClient(client, own_id)),
        2 => page().prop_map(Operation::ToPage),
        1 => any::<bool>().prop_map(Operation::ToAll),
        1 => (0..CLIENTS.len()).prop_map(Operation::DisconnectClient),
        1 => (0..USERS.len()).prop_map(Operation::DisconnectUser),
        2 => page().prop_map(Operation::Read),
        1 => Just(Operation::Wait),
    ]
}

/// Somebody to whom something can be sent: a user, or a page of nobody's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Person {
    User(usize),
    Page(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Addressee {
    All,
    Person(Person),
    Channel(usize),
}

#[derive(Default)]
struct Page {
    pull: Option<Pull>,
    person: Option<Person>,
    client: String,
    seen: Option<String>,
}

struct World {
    hub: Hub,
    runtime: Runtime,
    pages: Vec<Page>,
    /// The holder of each client id: the person last let in with it.
    holders: HashMap<String, Person>,
    /// The channels that a person has, or had, with a client id.
    granted: HashSet<(String, Person, usize)>,
    /// The receiver of each event.
    sent: Vec<Addressee>,
}

impl World {
    fn new() -> Self {
        let pages = std::iter::repeat_with(Page::default).take(PAGES).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let history = HistoryOptions { max_age: MAX_AGE, ..HistoryOptions::default() };
        let hub = runtime.block_on(async { standing_hub(Options { history, ..Options::default() }) });
        Self { hub, runtime, pages, holders: HashMap::new(), granted: HashSet::new(), sent: Vec::new() }
    }

    fn connect(
        &mut self,
        page: usize,
        user: Option<usize>,
        client: Option<usize>,
        seen: &Seen,
        channel: Option<usize>,
    ) {
        let last: Vec<_> = self.pages.iter().map(|page| page.seen.clone()).collect();
        let last_event_id = seen.id(page, &last);
        let who = Connect {
            user: user.map(|user| USERS[user]),
            client: client.map(|client| CLIENTS[client]),
            last_event_id: last_event_id.as_deref(),
            channels: &Vec::from_iter(channel.map(|channel| CHANNELS[channel])),
            ..Connect::default()
        };
        // Everything before the end of the old connection belongs to the old holder.
        self.read(page);
        let Ok(connected) = self.hub.connect(who) else { return };
        let person = user.map_or(Person::Page(page), Person::User);
        let (pull, before) = (Pull::of(connected), &self.pages[page]);
        let asked = client.map(|client| CLIENTS[client]);
        // The same person with proof goes on as the same client.
        let is_same = before.person.as_ref() == Some(&person) && asked == Some(before.client.as_str());
        if is_same && matches!(seen, Seen::Own) && self.holders.get(&before.client) == Some(&person) {
            assert_eq!(pull.ready.client_id, before.client);
        }
        let (client, id) = (pull.ready.client_id.clone(), pull.ready.id.clone());
        self.holders.insert(client.clone(), person.clone());
        if let Some(channel) = channel {
            self.grant(&client, channel);
        }
        self.pages[page] = Page { pull: Some(pull), person: Some(person), client, seen: Some(id) };
    }

    fn read(&mut self, page: usize) {
        let Page { pull: Some(pull), person: Some(person), client, seen } = &mut self.pages[page] else { return };
        for event in pull.all() {
            if let Ok(number) = event.data.parse::<usize>() {
                let addressee = &self.sent[number];
                let may = match addressee {
                    Addressee::All => true,
                    Addressee::Person(other) => person == other,
                    Addressee::Channel(channel) => self.granted.contains(&(client.clone(), person.clone(), *channel)),
                };
                assert!(may, "{person:?} as {client} gets what is for {addressee:?}");
            }
            *seen = Some(event.id);
        }
    }

    /// Notes whom an event is for, and gives it to `send`.
    fn send(&mut self, addressee: Addressee, own_id: bool, send: impl FnOnce(&Hub, Event<'_>)) {
        let data = self.sent.len().to_string();
        let id = format!("own {data}~0123456789abcdef");
        self.sent.push(addressee);
        send(&self.hub, Event { data: &data, id: own_id.then_some(&id), ..Event::default() });
    }

    fn send_to_client(&mut self, client: &str, own_id: bool) {
        // An id without a holder receives nothing.
        let person = self.holders.get(client).cloned().unwrap_or(Person::Page(PAGES));
        self.send(Addressee::Person(person), own_id, |hub, event| {
            hub.send_to_client(client, event).unwrap();
        });
    }

    /// The holder of this client id has the channel from now on.
    fn grant(&mut self, client: &str, channel: usize) {
        if let Some(person) = self.holders.get(client) {
            self.granted.insert((client.to_owned(), person.clone(), channel));
        }
    }

    fn grant_all(&mut self, subscriber: Subscriber<'_>, clients: &[String], channel: usize) {
        self.hub.subscribe(subscriber, CHANNELS[channel], None).unwrap();
        clients.iter().for_each(|client| self.grant(client, channel));
    }

    /// With the key of the last id that it has seen. It gets nothing unless it is the client.
    fn request(&mut self, page: usize, user: Option<usize>, client: usize, channel: usize) {
        let id = CLIENTS[client];
        let key = self.pages[page].seen.as_deref().and_then(Key::split).map(|(_, key)| key);
        let claimed = Subscriber::Page(Claimed { client: id, user: user.map(|user| USERS[user]), key });
        if self.hub.subscribe(claimed, CHANNELS[channel], None).is_ok() {
            let person = user.map_or(Person::Page(page), Person::User);
            assert_eq!(self.holders.get(id), Some(&person), "{id}");
            self.grant(id, channel);
        }
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Connect { page, user, client, ref seen, channel } => {
                self.connect(page, user, client, seen, channel);
            }
            Operation::Grant(client, channel) => {
                let client = CLIENTS[client];
                self.grant_all(Subscriber::Client(client), &[client.to_owned()], channel);
            }
            Operation::GrantToUser(user, channel) => {
                let clients = self.hub.clients_by_user(USERS[user]);
                let clients: Vec<String> = clients.iter().map(ToString::to_string).collect();
                self.grant_all(Subscriber::User(USERS[user]), &clients, channel);
            }
            Operation::Request { page, user, client, channel } => self.request(page, user, client, channel),
            Operation::Leave(page) => {
                self.read(page);
                self.pages[page].pull = None;
            }
            Operation::ToUser(user, own_id) => {
                self.send(Addressee::Person(Person::User(user)), own_id, |hub, event| {
                    hub.send_to_user(USERS[user], event).unwrap();
                });
            }
            Operation::ToChannel(channel, own_id) => {
                self.send(Addressee::Channel(channel), own_id, |hub, event| {
                    hub.send_to_channel(CHANNELS[channel], event).unwrap();
                });
            }
            Operation::ToClient(client, own_id) => self.send_to_client(CLIENTS[client], own_id),
            Operation::ToPage(page) => {
                let client = self.pages[page].client.clone();
                if !client.is_empty() {
                    self.send_to_client(&client, false);
                }
            }
            Operation::ToAll(own_id) => self.send(Addressee::All, own_id, |hub, event| {
                hub.broadcast(event, None).unwrap();
            }),
            Operation::DisconnectClient(client) => {
                self.hub.disconnect_client(CLIENTS[client]);
            }
            Operation::DisconnectUser(user) => {
                self.hub.disconnect_user(USERS[user]);
            }
            Operation::Read(page) => self.read(page),
            Operation::Wait => self.runtime.block_on(advance(WAIT)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_events_of_others(operations in vec(operation(), 1..80)) {
        let mut world = World::new();
        // So that everything has the clock of the runtime.
        let handle = world.runtime.handle().clone();
        let _entered = handle.enter();
        for operation in &operations {
            world.run(operation);
        }
        for page in 0..PAGES {
            world.read(page);
        }
    }
}

#[test]
fn every_channel_name_means_only_itself() {
    const NAMES: [&str; 24] = [
        "ada",
        "Ada",
        "ada ",
        " ada",
        "ada\u{200b}",
        "%61da",
        "\"ada\"",
        "tab",
        "ada:tab",
        "ada/tab",
        "ada,tab",
        "*",
        "**",
        "order:*",
        "order:",
        "order:1",
        "order:1:",
        "order:1*",
        "order:?",
        "__proto__",
        "constructor",
        "ssekit:ready",
        "caf\u{e9}",
        "cafe\u{301}",
    ];
    let engine = Engine::with(keeping_all());
    let mut ada = Pull::of(
        engine
            .connect(Connect { user: Some("ada"), client: Some("tab"), channels: &["other"], ..Connect::default() })
            .unwrap(),
    );
    let mut pages =
        NAMES.map(|name| Pull::of(engine.connect(Connect { channels: &[name], ..Connect::default() }).unwrap()));
    for name in NAMES {
        assert_eq!(engine.send_to_channel(name, data(name)), Ok(1), "{name:?}");
        // Nobody is a client or a user by the name of a channel.
        if name != "tab" {
            assert_eq!(engine.subscribe(Subscriber::Client(name), "other", None), Ok(0), "{name:?}");
            assert_eq!(engine.send_to_client(name, data("client")), Ok(false), "{name:?}");
        }
        if name != "ada" {
            assert_eq!(engine.subscribe(Subscriber::User(name), "other", None), Ok(0), "{name:?}");
            assert_eq!(engine.send_to_user(name, data("user")), Ok(0), "{name:?}");
        }
    }
    for (page, name) in pages.iter_mut().zip(NAMES) {
        let texts: Vec<String> = page.all().into_iter().map(|event| event.data).collect();
        assert_eq!(texts, [name]);
        let members = engine.clients(ClientFilter { channel: Some(name), ..ClientFilter::default() });
        assert_eq!((members.len(), &*members[0].id), (1, &*page.ready.client_id), "{name:?}");
        let sent = engine.history(Audience::Channel(name), None, usize::MAX).unwrap();
        assert_eq!((sent.len(), &*sent[0].data), (1, name));
    }
    assert_eq!(ada.all(), []);
}
