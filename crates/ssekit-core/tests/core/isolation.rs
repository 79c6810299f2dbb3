//! No mix of ids, keys and users gives anybody a byte of another user or client.

use std::collections::HashMap;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use ssekit_core::{Connect, Event, HistoryOptions, Hub, Options};
use ssekit_testing::pull::Pull;
use ssekit_testing::seen::Seen;
use ssekit_testing::{pass, standing_hub};
use tokio::runtime::Runtime;

const PAGES: usize = 5;
const CLIENTS: [&str; 3] = ["tab", "tab~0123456789abcdef", "other tab"];
const USERS: [&str; 2] = ["ada", "bob"];

#[derive(Debug, Clone)]
enum Operation {
    /// A page connects as this user and asks for this id.
    Connect {
        page: usize,
        user: Option<usize>,
        client: Option<usize>,
        seen: Seen,
    },
    Leave(usize),
    ToUser(usize, bool),
    ToClient(usize, bool),
    /// To the client that a page has, whatever its id.
    ToPage(usize),
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
    let page = || 0..PAGES;
    let connect =
        (page(), option::weighted(0.3, 0..USERS.len()), option::weighted(0.9, 0..CLIENTS.len()), Seen::any(PAGES));
    prop_oneof![
        6 => connect.prop_map(|(page, user, client, seen)| Operation::Connect { page, user, client, seen }),
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
#[derive(Debug, Clone, PartialEq, Eq)]
enum Person {
    User(usize),
    Page(usize),
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
    /// The receiver of each event; `None` is everybody.
    sent: Vec<Option<Person>>,
}

impl World {
    fn new() -> Self {
        let pages = std::iter::repeat_with(Page::default).take(PAGES).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let history = HistoryOptions { max_age: MAX_AGE, ..HistoryOptions::default() };
        let hub = runtime.block_on(async { standing_hub(Options { history, ..Options::default() }) });
        Self { hub, runtime, pages, holders: HashMap::new(), sent: Vec::new() }
    }

    fn connect(&mut self, page: usize, user: Option<usize>, client: Option<usize>, seen: &Seen) {
        let last: Vec<_> = self.pages.iter().map(|page| page.seen.clone()).collect();
        let last_event_id = seen.id(page, &last);
        let who = Connect {
            user: user.map(|user| USERS[user]),
            client: client.map(|client| CLIENTS[client]),
            last_event_id: last_event_id.as_deref(),
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
        self.pages[page] = Page { pull: Some(pull), person: Some(person), client, seen: Some(id) };
    }

    fn read(&mut self, page: usize) {
        let Page { pull: Some(pull), person, seen, .. } = &mut self.pages[page] else { return };
        for event in pull.all() {
            if let Ok(number) = event.data.parse::<usize>() {
                let addressee = self.sent[number].as_ref();
                assert!(addressee.is_none() || addressee == person.as_ref(), "{person:?} gets what is {addressee:?}'s");
            }
            *seen = Some(event.id);
        }
    }

    /// Notes whom an event is for, and gives it to `send`.
    fn send(&mut self, person: Option<Person>, own_id: bool, send: impl FnOnce(&Hub, Event<'_>)) {
        let data = self.sent.len().to_string();
        let id = format!("own {data}~0123456789abcdef");
        self.sent.push(person);
        send(&self.hub, Event { data: &data, id: own_id.then_some(&id), ..Event::default() });
    }

    fn send_to_client(&mut self, client: &str, own_id: bool) {
        // An id without a holder receives nothing.
        let person = self.holders.get(client).cloned().unwrap_or(Person::Page(PAGES));
        self.send(Some(person), own_id, |hub, event| {
            hub.send_to_client(client, event).unwrap();
        });
    }

    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Connect { page, user, client, ref seen } => self.connect(page, user, client, seen),
            Operation::Leave(page) => {
                self.read(page);
                self.pages[page].pull = None;
            }
            Operation::ToUser(user, own_id) => self.send(Some(Person::User(user)), own_id, |hub, event| {
                hub.send_to_user(USERS[user], event).unwrap();
            }),
            Operation::ToClient(client, own_id) => self.send_to_client(CLIENTS[client], own_id),
            Operation::ToPage(page) => {
                let client = self.pages[page].client.clone();
                if !client.is_empty() {
                    self.send_to_client(&client, false);
                }
            }
            Operation::ToAll(own_id) => self.send(None, own_id, |hub, event| {
                hub.broadcast(event, None).unwrap();
            }),
            Operation::DisconnectClient(client) => {
                self.hub.disconnect_client(CLIENTS[client]);
            }
            Operation::DisconnectUser(user) => {
                self.hub.disconnect_user(USERS[user]);
            }
            Operation::Read(page) => self.read(page),
            Operation::Wait => self.runtime.block_on(pass(WAIT)),
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
