//! A hub, and the model that remembers everything.

mod arrival;
mod departure;
mod reading;
mod subscribing;

use std::collections::HashMap;
use std::time::Duration;

use ssekit_core::{Event, Hub, Options};
use tokio::runtime::Runtime;

use crate::operation::{CHANNELS, CLIENTS, Draft, Operation, SHORT, USERS};
use crate::published::{Audience, Identity, Published, Text};
use crate::spans::{NO_SPANS, Spans};
use ssekit_testing::keeping_all;
use ssekit_testing::pull::Pull;

/// A client and what the model knows of it.
struct Client {
    pull: Pull,
    who: Identity,
    cursor: u64,
    /// Its first event has to be a reset.
    owes_reset: bool,
}

/// The owner of a client id with which nobody is connected.
#[derive(Debug, Clone)]
struct Away {
    who: Identity,
    since: u64,
    /// The application has ended it, so that anybody may have its id.
    released: bool,
}

pub(crate) struct World {
    hub: Hub,
    /// The beginning of the hub's own ids.
    id_prefix: String,
    runtime: Runtime,
    published: Vec<Published>,
    ready_ids: Vec<String>,
    clients: Vec<Client>,
    away: Vec<Away>,
    /// Position of the last event that was sent to a single client and that nobody keeps, by its id.
    forgotten: HashMap<String, u64>,
    /// The channels of each client that is connected or away, by its id.
    spans: HashMap<String, Spans>,
    /// Clients that had brought no id and have gone.
    departed: Vec<Identity>,
    /// The last client of each id that a page has brought: whose it was, how far it had come, and whether it was owed a reset.
    earlier: HashMap<String, (Identity, u64, bool)>,
    /// The last event to one client that has left and had not brought its id, by its user.
    unclaimed: HashMap<Option<&'static str>, u64>,
    /// Seconds.
    now: u64,
    keeps_all: bool,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        // One thread, whose clock stands still and whose tasks run on request.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let keeps_all = options.history == keeping_all().history;
        let hub = Hub::start(options, runtime.handle()).unwrap();
        let (published, ready_ids, clients) = (vec![], vec![], vec![]);
        let (forgotten, departed, earlier) = (HashMap::new(), vec![], HashMap::new());
        let (unclaimed, now) = (HashMap::new(), 0);
        let (away, spans) = (vec![], HashMap::new());
        let id_prefix = format!("{}.", hub.stats().epoch);
        Self {
            hub,
            id_prefix,
            runtime,
            published,
            ready_ids,
            clients,
            away,
            forgotten,
            spans,
            departed,
            earlier,
            unclaimed,
            now,
            keeps_all,
        }
    }

    pub(crate) fn run(&mut self, operation: Operation) {
        let runtime = self.runtime.handle().clone();
        match operation {
            Operation::Wait { seconds } => {
                self.now += seconds;
                // By the runtime itself: a handle of it would run nothing but this.
                self.runtime.block_on(async {
                    tokio::time::advance(Duration::from_secs(seconds)).await;
                    for _ in 0..10 {
                        tokio::task::yield_now().await;
                    }
                });
                self.give_up_some();
            }
            other => {
                let _clock = runtime.enter();
                self.step(other);
            }
        }
        self.check_gauges();
    }

    fn step(&mut self, operation: Operation) {
        match operation {
            Operation::ToUser { user, event } => {
                let user = USERS[user];
                let connected = self.clients.iter().filter(|client| client.who.user == Some(user)).count();
                self.publish(event, Audience::User(user), |hub, event| {
                    assert_eq!(hub.send_to_user(user, event).unwrap(), connected);
                });
            }
            Operation::ToClient { client, event } => {
                let id = CLIENTS[client];
                let connected = self.clients.iter().find(|client| client.who.client == id);
                let away = || self.away.iter().find(|away| away.who.client == id).map(|away| &away.who);
                match connected.map(|client| &client.who).or_else(away).cloned() {
                    Some(who) => self.publish_to(who, event),
                    None => self.publish_to_nobody(id.to_owned(), None),
                }
            }
            Operation::ToConnected { which, event } => {
                if !self.clients.is_empty() {
                    let who = self.clients[which.index(self.clients.len())].who.clone();
                    self.publish_to(who, event);
                }
            }
            Operation::ToDeparted { which } => {
                if !self.departed.is_empty() {
                    let who = self.departed[which.index(self.departed.len())].clone();
                    // A client with its own events keeps its log for a while.
                    if !self.away.iter().any(|away| away.who == who) {
                        self.publish_to_nobody(who.client, Some(who.user));
                    }
                }
            }
            Operation::ToChannel { channel, event } => {
                let has = |client: &&Client| self.spans_of(&client.who).has(channel);
                let connected = self.clients.iter().filter(has).count();
                self.publish(event, Audience::Channel(channel), |hub, event| {
                    assert_eq!(hub.send_to_channel(CHANNELS[channel], event).unwrap(), connected);
                });
            }
            Operation::Broadcast { exclude, event } => {
                let exclude = exclude.map(|client| CLIENTS[client]);
                let reached = self.clients.iter().filter(|client| Some(client.who.client.as_str()) != exclude).count();
                self.publish(event, Audience::All { exclude }, |hub, event| {
                    assert_eq!(hub.broadcast(event, exclude).unwrap(), reached);
                });
            }
            Operation::Connect(arrival) => self.connect(&arrival),
            Operation::Subscribe { target, channel, since } => self.subscribe(&target, channel, since.as_ref()),
            Operation::Unsubscribe { target, channel } => self.unsubscribe(&target, channel),
            Operation::ReadBack { audience, after, limit } => self.read_back(&audience, after, limit),
            Operation::Read { which, pulls } => self.read(which, pulls),
            Operation::Drop { which } if !self.clients.is_empty() => self.drop_client(which.index(self.clients.len())),
            Operation::Disconnect { which } if !self.clients.is_empty() => {
                self.disconnect(which.index(self.clients.len()));
            }
            Operation::LogOut { user } => self.log_out(user),
            Operation::Drop { .. } | Operation::Disconnect { .. } | Operation::Wait { .. } => {}
        }
    }

    /// To a client that is connected or away.
    fn publish_to(&mut self, who: Identity, draft: Draft) {
        let (connected, id) = (self.is_connected(&who), who.client.clone());
        if !connected && !who.brings_id() {
            self.unclaim(&who, self.published.len() as u64 + 1);
        }
        self.publish(draft, Audience::Client(who), |hub, event| {
            assert_eq!(hub.send_to_client(&id, event).unwrap(), connected);
        });
    }

    /// To a client that is not there, and has no kept state.
    fn publish_to_nobody(&mut self, client: String, user: Option<Option<&'static str>>) {
        assert!(!self.hub.send_to_client(&client, ssekit_testing::data("nobody")).unwrap());
        let position = self.published.len() as u64 + 1;
        assert_eq!(self.hub.stats().position, position, "whoever comes later has not missed it");
        if let Some(user) = user {
            self.unclaimed.insert(user, position);
        }
        self.forgotten.insert(client.clone(), position);
        let text = Text { id: self.id_at(position), name: String::new(), data: "nobody".to_owned() };
        self.published.push(Published { position, text, or: None, key: None, audience: Audience::Nobody(client) });
    }

    fn publish(&mut self, draft: Draft, audience: Audience, send: impl FnOnce(&Hub, Event<'_>)) {
        let position = self.published.len() as u64 + 1;
        let data = format!("{position} {}", "x".repeat(draft.size));
        let own_id = draft.own_id.map(|number| format!("own {number}"));
        let key = draft.key.map(|key| format!("key {key}"));
        let event = Event { data: &data, id: own_id.as_deref(), coalesce_key: key.as_deref(), ..Event::default() };
        send(&self.hub, event);
        assert_eq!(self.hub.stats().position, position);
        let text = Text { id: own_id.unwrap_or_else(|| self.id_at(position)), name: String::new(), data };
        self.published.push(Published { position, text, or: None, key: draft.key, audience });
    }

    /// The hub's own id of an event, and the cursor of everything up to it.
    fn id_at(&self, position: u64) -> String {
        format!("{}{position}", self.id_prefix)
    }

    /// The events after a position, which may be that of a farewell.
    fn after(&self, position: u64) -> &[Published] {
        self.published.get(position as usize..).unwrap_or_default()
    }

    fn is_connected(&self, who: &Identity) -> bool {
        self.clients.iter().any(|client| client.who == *who)
    }

    /// The client that has this id, connected or away.
    fn holder_of(&self, id: &str) -> Option<&Identity> {
        let connected = self.clients.iter().map(|client| &client.who);
        connected.chain(self.away.iter().map(|away| &away.who)).find(|who| who.client == id)
    }

    fn spans_of(&self, who: &Identity) -> &Spans {
        self.spans.get(&who.client).unwrap_or(&NO_SPANS)
    }

    fn is_in_logs_of(&self, event: &Published, who: &Identity) -> bool {
        match &event.audience {
            Audience::User(user) => who.user == Some(user),
            Audience::Client(client) => who == client,
            Audience::Channel(channel) => self.spans_of(who).cover(*channel, event.position),
            Audience::All { .. } => true,
            Audience::Nobody(_) => false,
        }
    }

    fn is_for(&self, event: &Published, who: &Identity) -> bool {
        let excluded = matches!(event.audience, Audience::All { exclude: Some(client) } if client == who.client);
        self.is_in_logs_of(event, who) && !excluded
    }

    /// Whether no event of a channel is ever gone.
    fn keeps_all_in(&self, channel: usize) -> bool {
        self.keeps_all && channel != SHORT
    }

    /// Whether no event of a client is ever gone.
    fn keeps_all_of(&self, who: &Identity) -> bool {
        self.keeps_all && !self.spans_of(who).know(SHORT)
    }

    fn check_gauges(&self) {
        let stats = self.hub.stats();
        let bounds = self.hub.options().history;
        assert!(stats.history.bytes <= bounds.max_total_bytes || stats.history.events <= 1, "{stats:?}");
        assert!(stats.logs <= stats.history.events);
        assert_eq!((stats.clients, stats.away), (self.clients.len(), self.away.len()));
        let online = |user: &&str| self.clients.iter().any(|client| client.who.user == Some(user));
        assert_eq!(stats.users, USERS.iter().filter(|user| online(user)).count());
        assert_eq!(self.hub.cursor(), self.id_at(self.published.len() as u64));
        (0..CHANNELS.len()).for_each(|channel| self.check_members(channel));
    }

    fn check_members(&self, channel: usize) {
        let has = |client: &&Client| self.spans_of(&client.who).has(channel);
        let mut expected: Vec<&str> = self.clients.iter().filter(has).map(|client| &*client.who.client).collect();
        let members = self.hub.clients_by_channel(CHANNELS[channel]);
        let mut members: Vec<&str> = members.iter().map(|id| &**id).collect();
        expected.sort_unstable();
        members.sort_unstable();
        assert_eq!(members, expected, "of {:?}", CHANNELS[channel]);
    }
}
