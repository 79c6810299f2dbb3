//! A hub, and the model that remembers everything.

use std::collections::HashMap;
use std::time::Duration;

use proptest::sample::Index;
use ssekit_core::{Connect, DrainOptions, Event, Hub, Options};
use tokio::runtime::Runtime;

use crate::operation::{CLIENTS, Draft, Operation, Resume, USERS};
use crate::published::{Audience, Identity, Published};
use ssekit_testing::keeping_all;
use ssekit_testing::pull::Pull;
use ssekit_testing::wire::Received;

/// A client and what the model knows of it.
struct Client {
    pull: Pull,
    who: Identity,
    cursor: u64,
    /// Its first event has to be a reset.
    owes_reset: bool,
}

/// Whose a client id is that nobody is connected with.
#[derive(Debug, Clone)]
struct Away {
    who: Identity,
    since: u64,
    /// The application has ended it, so that anybody may have its id.
    released: bool,
}

pub(crate) struct World {
    hub: Hub,
    runtime: Runtime,
    published: Vec<Published>,
    ready_ids: Vec<String>,
    clients: Vec<Client>,
    away: Vec<Away>,
    /// Position of the last event that was sent to a single client and that nobody keeps, by its id.
    forgotten: HashMap<String, u64>,
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
        let away = vec![];
        Self {
            hub,
            runtime,
            published,
            ready_ids,
            clients,
            away,
            forgotten,
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
            Operation::Broadcast { exclude, event } => {
                let exclude = exclude.map(|client| CLIENTS[client]);
                let reached = self.clients.iter().filter(|client| Some(client.who.client.as_str()) != exclude).count();
                self.publish(event, Audience::All { exclude }, |hub, event| {
                    assert_eq!(hub.broadcast(event, exclude).unwrap(), reached);
                });
            }
            Operation::Connect { user, client, resume } => self.connect(user, client, &resume),
            Operation::Read { which, pulls } => self.read(which, pulls),
            Operation::Drop { which } => {
                if !self.clients.is_empty() {
                    let client = self.clients.swap_remove(which.index(self.clients.len()));
                    self.remember(&client);
                    self.leaves(client.who, false);
                }
            }
            Operation::Disconnect { which } => {
                if !self.clients.is_empty() {
                    let mut client = self.clients.swap_remove(which.index(self.clients.len()));
                    assert!(self.hub.disconnect_client(&client.who.client));
                    self.read_to_end(&mut client);
                    self.check_nothing_is_left(&client);
                    self.remember(&client);
                    self.leaves(client.who, true);
                }
            }
            Operation::Wait { .. } => {}
        }
    }

    /// To a client that is connected or away.
    fn publish_to(&mut self, who: Identity, draft: Draft) {
        let (connected, id) = (self.clients.iter().any(|client| client.who == who), who.client.clone());
        if !connected && !who.brings_id() {
            let last = self.published.len() as u64 + 1;
            self.unclaimed.entry(who.user).insert_entry(last);
        }
        self.publish(draft, Audience::Client(who), |hub, event| {
            assert_eq!(hub.send_to_client(&id, event).unwrap(), connected);
        });
    }

    /// To a client that is not there, and of which nothing is kept.
    fn publish_to_nobody(&mut self, client: String, user: Option<Option<&'static str>>) {
        assert!(!self.hub.send_to_client(&client, ssekit_testing::data("nobody")).unwrap());
        let (position, stats) = (self.published.len() as u64 + 1, self.hub.stats());
        assert_eq!(stats.position, position, "whoever comes later has not missed it");
        if let Some(user) = user {
            self.unclaimed.insert(user, position);
        }
        self.forgotten.insert(client.clone(), position);
        let (id, data) = (format!("{}.{position}", stats.epoch), "nobody".to_owned());
        self.published.push(Published { position, id, data, key: None, audience: Audience::Nobody(client) });
    }

    fn publish(&mut self, draft: Draft, audience: Audience, send: impl FnOnce(&Hub, Event<'_>)) {
        let position = self.published.len() as u64 + 1;
        let data = format!("{position} {}", "x".repeat(draft.size));
        let own_id = draft.own_id.map(|number| format!("own {number}"));
        let key = draft.key.map(|key| format!("key {key}"));
        let event = Event { data: &data, id: own_id.as_deref(), coalesce_key: key.as_deref(), ..Event::default() };
        send(&self.hub, event);
        let stats = self.hub.stats();
        assert_eq!(stats.position, position);
        let id = own_id.unwrap_or_else(|| format!("{}.{position}", stats.epoch));
        self.published.push(Published { position, id, data, key: draft.key, audience });
    }

    fn connect(&mut self, user: Option<usize>, client: Option<usize>, resume: &Resume) {
        let (user, client) = (user.map(|user| USERS[user]), client.map(|client| CLIENTS[client]));
        let last_event_id = match resume {
            Resume::No => None,
            Resume::From(index) if self.published.is_empty() => Some(format!("none yet {}", index.index(10))),
            Resume::From(index) => Some(self.published[index.index(self.published.len())].id.clone()),
            Resume::Ready(index) if self.ready_ids.is_empty() => Some(format!("none yet {}", index.index(10))),
            Resume::Ready(index) => Some(self.ready_ids[index.index(self.ready_ids.len())].clone()),
            Resume::Unknown => Some(format!("0123456789.{}", self.published.len())),
        };
        let earlier = client.and_then(|id| self.earlier_of(id));
        let connected =
            self.hub.connect(Connect { user, client, last_event_id: last_event_id.as_deref(), ..Connect::default() });
        if let Some(id) = client
            && !self.make_way(id, user)
        {
            assert!(connected.unwrap_err().is_claimed());
            return;
        }
        let pull = Pull::by(connected.unwrap(), 1_000);
        let who = Identity { user, client: pull.ready.client_id.clone() };
        let earlier = earlier.filter(|(earlier, ..)| *earlier == who);
        let (cursor, owes_reset) = self.entry_of(&who, &pull, last_event_id.as_deref(), earlier);
        self.ready_ids.push(pull.ready.id.clone());
        self.clients.push(Client { pull, who, cursor, owes_reset });
    }

    /// A new client's position, and whether it is owed a reset.
    fn entry_of(
        &self,
        who: &Identity,
        pull: &Pull,
        last_event_id: Option<&str>,
        earlier: Option<(Identity, u64, bool)>,
    ) -> (u64, bool) {
        let (head, ready) = (self.published.len() as u64, &pull.ready);
        let position =
            |id: &str| id.strip_prefix(&format!("{}.", self.hub.stats().epoch)).map(|p| p.parse::<u64>().unwrap());
        let Some(id) = last_event_id else {
            assert!(!ready.resumed);
            let told = ready.id == "ssekit:unknown";
            let missed = earlier.as_ref().is_some_and(|(_, cursor, owed)| *owed || self.has_news(who, *cursor));
            // The exclusions of evicted events are unknown.
            let may_have_missed = earlier.is_some() && !self.keeps_all;
            assert!(told == missed || (told && may_have_missed), "{who:?} was told: {told}, and is {earlier:?}");
            assert!(told || position(&ready.id) == Some(head));
            return (head, told);
        };
        // The position up to which it misses its own events; anybody's, if it brings no id.
        let missing = match who.brings_id() {
            true => self.forgotten.get(&who.client),
            false => self.unclaimed.get(&who.user),
        };
        let missing = missing.copied().unwrap_or(0);
        // By which positions this id may be resumed: with the caller's own ids, by that of any event that has it.
        let places: Vec<u64> = match position(id) {
            Some(position) => vec![position],
            None => {
                let own = self.published.iter().filter(|event| event.id == id && event.is_in_logs_of(who));
                own.map(|event| event.position).collect()
            }
        };
        if ready.resumed {
            let cursor = position(&ready.id).unwrap();
            assert!(places.contains(&cursor), "resumed from {cursor}, and {id} stands at {places:?}");
            // The lowest that is still there: one that went with its client cannot be known any more.
            assert!(!self.keeps_all || places[0] == cursor || places[0] <= missing, "the lowest of {places:?}");
            assert!(missing <= cursor, "what {who:?} missed at {missing} was skipped after {cursor}");
            return (cursor, false);
        }
        let has_missed = places.first().is_none_or(|first| missing >= *first);
        assert!(!self.keeps_all || has_missed, "{id} is at {places:?}, and {missing} is missing");
        // Until it has been told, its id must not be one that hides the gap.
        assert!(ready.id.starts_with("ssekit:"), "{}", ready.id);
        (head, true)
    }

    /// The client that was here last with this id of a page's own, or is still here.
    fn earlier_of(&self, id: &str) -> Option<(Identity, u64, bool)> {
        let here = self.clients.iter().find(|client| client.who.client == id);
        let here = here.map(|client| (client.who.clone(), client.cursor, client.owes_reset));
        here.or_else(|| self.earlier.get(id).cloned())
    }

    /// A client is about to leave.
    fn remember(&mut self, client: &Client) {
        let Client { who, cursor, owes_reset, .. } = client;
        match who.brings_id() {
            true => drop(self.earlier.insert(who.client.clone(), (who.clone(), *cursor, *owes_reset))),
            false => self.departed.push(who.clone()),
        }
    }

    /// Whether something was sent that is for this one, after this position.
    fn has_news(&self, who: &Identity, cursor: u64) -> bool {
        let is_for = |event: &&Published| match &event.audience {
            Audience::Nobody(client) => *client == who.client,
            _ => event.is_for(who) && !self.is_superseded(event),
        };
        self.published.iter().filter(|event| event.position > cursor).any(|event| is_for(&event))
    }

    /// Removes the current holder of this id. False: it belongs to another user.
    fn make_way(&mut self, id: &str, user: Option<&'static str>) -> bool {
        if let Some(holder) = self.clients.iter().position(|other| other.who.client == id) {
            if self.clients[holder].who.user != user {
                return false;
            }
            let mut replaced = self.clients.swap_remove(holder);
            self.read_to_end(&mut replaced);
        }
        if let Some(place) = self.away.iter().position(|away| away.who.client == id) {
            let Away { who, released, .. } = self.away[place].clone();
            if who.user != user {
                if !released {
                    return false;
                }
                self.forget(&who);
            }
            self.away.remove(place);
        }
        true
    }

    /// Position of the last event that was sent to this client alone.
    fn last_to(&self, who: &Identity) -> u64 {
        let to_it = |event: &&Published| matches!(&event.audience, Audience::Client(to) if to == who);
        self.published.iter().rfind(to_it).map_or(0, |event| event.position)
    }

    /// A client has left; its id and what was sent to it alone are kept for it, if there is anything to keep.
    fn leaves(&mut self, who: Identity, released: bool) {
        let last = self.last_to(&who);
        if !who.brings_id() {
            let unclaimed = self.unclaimed.entry(who.user).or_default();
            *unclaimed = last.max(*unclaimed);
        }
        if who.brings_id() || last > 0 {
            self.away.push(Away { who, since: self.now, released });
        }
    }

    /// Those who have been away for as long as the history lasts, the first to leave first. When exactly, only the hub knows.
    fn give_up_some(&mut self) {
        while self.hub.stats().away < self.away.len() {
            let Away { who, since, .. } = self.away.remove(0);
            assert!(self.now - since >= self.hub.options().history.max_age.as_secs());
            self.forget(&who);
        }
    }

    /// This client's own events are gone.
    fn forget(&mut self, gone: &Identity) {
        let last = self.last_to(gone);
        let forgotten = self.forgotten.entry(gone.client.clone()).or_default();
        *forgotten = last.max(*forgotten);
    }

    fn read(&mut self, which: Index, pulls: usize) {
        if self.clients.is_empty() {
            return;
        }
        let which = which.index(self.clients.len());
        let mut client = self.clients.swap_remove(which);
        // Some pulls, or as many as there are.
        let events = match pulls {
            3 => client.pull.all(),
            _ => client.pull.some(pulls),
        };
        events.iter().for_each(|event| self.check(&mut client, event));
        if pulls == 3 {
            self.check_nothing_is_left(&client);
        }
        self.clients.push(client);
    }

    /// A client that was disconnected or replaced gets no more than what was before that.
    fn read_to_end(&self, client: &mut Client) {
        let events = client.pull.all();
        events.iter().for_each(|event| self.check(client, event));
        assert!(client.pull.has_ended());
    }

    fn check(&self, client: &mut Client, event: &Received) {
        if event.is_reset() {
            let evicted = self.hub.stats().history.events < self.published.len();
            assert!(client.owes_reset || (!self.keeps_all && evicted), "a reset for nothing");
            // Everything that was sent since it connected follows, as far as it is still there.
            assert!(event.position() == client.cursor || (!self.keeps_all && event.position() > client.cursor));
            (client.owes_reset, client.cursor) = (false, event.position());
            return;
        }
        assert!(!client.owes_reset, "the gap has to be told first");
        let mut next =
            self.published.iter().filter(|event| event.position > client.cursor && event.is_for(&client.who));
        // The next one, or if that was superseded before it was sent the one after it.
        let next = next.find(|next| (&next.id, &next.data) == (&event.id, &event.data) || !self.is_superseded(next));
        let next = next.unwrap_or_else(|| panic!("{event:?} is not for {:?}", client.who));
        assert_eq!((&event.id, &event.data), (&next.id, &next.data), "for {:?} at {}", client.who, client.cursor);
        client.cursor = next.position;
    }

    fn is_superseded(&self, event: &Published) -> bool {
        self.published.iter().any(|newer| event.is_superseded_by(newer))
    }

    fn next_for(&self, client: &Client) -> Option<&Published> {
        let mut coming = self.published.iter().filter(|event| event.position > client.cursor);
        coming.find(|event| event.is_for(&client.who) && !self.is_superseded(event))
    }

    fn check_nothing_is_left(&self, client: &Client) {
        let left = self.next_for(client).map(|event| event.position);
        assert_eq!((left, client.owes_reset), (None, false), "held back from {:?} at {}", client.who, client.cursor);
    }

    fn check_gauges(&self) {
        let stats = self.hub.stats();
        let bounds = self.hub.options().history;
        assert!(stats.history.bytes <= bounds.max_total_bytes || stats.history.events <= 1, "{stats:?}");
        assert!(stats.logs <= stats.history.events);
        assert_eq!((stats.clients, stats.away), (self.clients.len(), self.away.len()));
        let online = |user: &&str| self.clients.iter().any(|client| client.who.user == Some(user));
        assert_eq!(stats.users, USERS.iter().filter(|user| online(user)).count());
    }

    /// Everybody gets what is left.
    pub(crate) fn end(mut self) {
        for mut client in std::mem::take(&mut self.clients) {
            let events = client.pull.all();
            events.iter().for_each(|event| self.check(&mut client, event));
            self.check_nothing_is_left(&client);
        }
    }

    /// Everybody is let go, and gets what is left and a farewell.
    pub(crate) fn drain(mut self) {
        let options = DrainOptions { window: Duration::ZERO, ..DrainOptions::default() };
        self.runtime.block_on(self.hub.drain(options));
        for mut client in std::mem::take(&mut self.clients) {
            let mut events = client.pull.all();
            // Those of others may have driven it out of a history that has room for few.
            let farewell = events.pop_if(|last| last.name == "ssekit:drain");
            assert!(farewell.is_some() || (!self.keeps_all && events.last().is_some_and(Received::is_reset)));
            events.iter().for_each(|event| self.check(&mut client, event));
            self.check_nothing_is_left(&client);
            assert!(client.pull.has_ended());
        }
    }
}
