//! Pages, their tickets, and what the rules say that each of them may get.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use ssekit_core::Event;
use ssekit_http::ticket::{self, DEFAULT_AUDIENCE, NewTicket, TicketOptions};
use ssekit_http::{Listener, ListenerOptions};

use crate::operation::{
    Asked, CHANNELS, CLIENTS, Change, Connect, Flaw, GRANTS, Issue, NOBODYS_SECRET, ONCE, Operation, PAGES, SECRETS,
    USERS, Way,
};
use ssekit_testing::Engine;
use ssekit_testing::door::{Answer, RawClient, Streaming, request};
use ssekit_testing::peer::Peer;
use ssekit_testing::seen::{Seen, key_of};

/// Somebody to whom something can be sent: a user, or a page of nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Person {
    User(usize),
    Page(usize),
    Nobody,
}

impl Person {
    fn user(self) -> Option<usize> {
        if let Self::User(user) = self { Some(user) } else { None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Addressee {
    Everybody,
    User(usize),
    Client(String, Person),
    Channel(usize),
}

/// The one use of a one-time ticket.
#[derive(Debug)]
struct Use {
    /// The client id that was asked for, and the one that the stream got: somebody may have had the first.
    bound: String,
    got: String,
    key: String,
}

#[derive(Debug)]
struct Ticket {
    text: String,
    issued: Issue,
    /// Its user was logged out since.
    is_void: bool,
    used: Option<Use>,
}

#[derive(Default)]
struct Page {
    peer: Option<Peer>,
    person: Option<Person>,
    client: String,
    seen: Option<String>,
    /// The ticket or id that opened its stream.
    attempt: Option<Connect>,
}

/// A request before it is made.
struct Claim {
    /// The ticket that counts, if it is good at all.
    ticket: Option<usize>,
    person: Person,
    /// The client id that it asks for.
    client: Option<String>,
}

pub(crate) struct World {
    engine: Engine,
    listeners: [Listener; 2],
    tickets: Vec<Ticket>,
    pages: Vec<Page>,
    /// The holder of each client id: the person last let in with it.
    holders: HashMap<String, Person>,
    /// The key of each anonymous client's stream.
    keys: HashMap<String, String>,
    /// The channels that somebody may ever have got with a client id.
    granted: HashSet<(String, Person, usize)>,
    sent: Vec<Addressee>,
    /// The count of each thing that happened, so that a test in which nothing happens does not pass.
    pub(crate) met: BTreeMap<&'static str, usize>,
}

fn listener(engine: &Engine, number: usize) -> Listener {
    let tickets = TicketOptions {
        secrets: vec![SECRETS[number].to_owned()],
        one_time: number == ONCE,
        ..TicketOptions::default()
    };
    let options = ListenerOptions { tickets: Some(tickets), anonymous: number != ONCE, ..ListenerOptions::default() };
    let hub = engine.hub.clone();
    engine.block_on(async { Listener::start(hub, options, &tokio::runtime::Handle::current()) }).unwrap()
}

/// A query's value: what is used here needs no more.
fn encoded(value: &str) -> String {
    value.replace('%', "%25").replace(' ', "%20")
}

/// Why a request for a stream gets 403 and not 401.
const FORBIDDEN: &str = "a channel that the ticket does not allow";

/// Whether a ticket allows a channel: by the rules, not by the code.
fn allows(grants: usize, channel: usize) -> bool {
    matches!(
        (GRANTS[grants], CHANNELS[channel]),
        (["*"], _) | (["news"], "news") | (["order:*"], "order:1") | (["ada", "t*"], "ada" | "tab")
    )
}

impl World {
    pub(crate) fn new() -> Self {
        let engine = Engine::start();
        let listeners = std::array::from_fn(|number| listener(&engine, number));
        let pages = std::iter::repeat_with(Page::default).take(PAGES).collect();
        let mut world = Self {
            engine,
            listeners,
            tickets: Vec::new(),
            pages,
            holders: HashMap::new(),
            keys: HashMap::new(),
            granted: HashSet::new(),
            sent: Vec::new(),
            met: BTreeMap::new(),
        };
        for listener in 0..SECRETS.len() {
            for user in [Some(0), Some(1), None] {
                world.issue(Issue { listener, user, client: None, grants: GRANTS.len() - 1, flaw: Flaw::None });
            }
        }
        world
    }

    fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    fn issue(&mut self, issued: Issue) {
        let Issue { listener, user, client, grants, flaw } = issued;
        let hour = Duration::from_secs(3_600);
        let secret = if flaw == Flaw::Secret { NOBODYS_SECRET } else { SECRETS[listener] };
        let ticket = NewTicket {
            user: user.map(|user| USERS[user].into()),
            client: client.map(|client| CLIENTS[client].into()),
            ttl: if flaw == Flaw::Expired { Duration::from_secs(1) } else { hour },
            not_before: if flaw == Flaw::Early { hour } else { Duration::ZERO },
            audience: if flaw == Flaw::Audience { "another" } else { DEFAULT_AUDIENCE }.into(),
            issuer: None,
            channels: GRANTS[grants].iter().map(|grant| (*grant).to_owned()).collect(),
        };
        let now = ticket::now() - if flaw == Flaw::Expired { hour } else { Duration::ZERO };
        let text = ticket::issue(secret, ticket, now).unwrap();
        self.tickets.push(Ticket { text, issued, is_void: false, used: None });
    }

    /// The text that is shown of a ticket.
    fn changed(&self, ticket: usize, change: Change) -> String {
        let text = &self.tickets[ticket].text;
        let (message, signature) = text.rsplit_once('.').unwrap();
        let (header, claims) = message.split_once('.').unwrap();
        match change {
            Change::None => text.clone(),
            Change::Cut(at) => text[..at.index(text.len())].to_owned(),
            Change::WithoutSignature => format!("{message}."),
            Change::WithoutAlgorithm => format!("eyJhbGciOiJub25lIn0.{claims}.{signature}"),
            Change::ClaimsOf(other) => {
                let other = &self.tickets[other].text;
                format!("{header}.{}.{signature}", other.split('.').nth(1).unwrap())
            }
        }
    }

    /// The same request, with tickets by where they stand.
    fn resolved(&self, attempt: &Connect) -> Connect {
        let number = |ticket: usize| self.tickets.len() - 1 - ticket % self.tickets.len();
        let change = match attempt.change {
            Change::ClaimsOf(other) => Change::ClaimsOf(number(other)),
            change => change,
        };
        Connect { ticket: attempt.ticket.map(number), beside: attempt.beside.map(number), change, ..attempt.clone() }
    }

    fn listener_of(&self, attempt: &Connect) -> usize {
        let own = attempt.ticket.map(|ticket| self.tickets[ticket].issued.listener);
        attempt.astray.or(own).unwrap_or_default()
    }

    fn asked(&self, client: Asked) -> Option<String> {
        match client {
            Asked::Nothing => None,
            Asked::One(client) => Some(CLIENTS[client].to_owned()),
            Asked::OfPage(page) => Some(self.pages[page].client.clone()).filter(|client| !client.is_empty()),
        }
    }

    /// The tickets of a request as they are shown, the one that counts first.
    fn shown(&self, attempt: &Connect) -> Vec<(Way, String)> {
        let first = attempt.ticket.map(|ticket| (attempt.way, self.changed(ticket, attempt.change)));
        let ways = [Way::Bearer, Way::Query, Way::Cookie].into_iter();
        let after = ways.filter(|way| first.is_none() || *way > attempt.way);
        let beside = attempt.beside.map(|beside| self.tickets[beside].text.clone());
        let others = after.filter_map(|way| Some((way, beside.clone()?)));
        first.iter().cloned().chain(others).collect()
    }

    /// The person behind a request, if it may have a stream: by the rules, not by the code.
    fn claim(
        &self,
        attempt: &Connect,
        asked: Option<String>,
        last_event_id: Option<&str>,
    ) -> Result<Claim, &'static str> {
        let key = last_event_id.filter(|_| !attempt.by_url).and_then(key_of);
        let (page, at) = (Person::Page(attempt.page), self.listener_of(attempt));
        let Some((way, text)) = self.shown(attempt).into_iter().next() else {
            let claim = Claim { ticket: None, person: page, client: asked };
            return match attempt.requested {
                _ if at == ONCE => Err("without a ticket"),
                Some(_) => Err(FORBIDDEN),
                None => Ok(claim),
            };
        };
        let found = self.tickets.iter().position(|ticket| ticket.text == text);
        let Some(number) = found else { return Err("a changed ticket") };
        let Ticket { issued, is_void, ref used, .. } = self.tickets[number];
        let own = issued.client.map(|client| CLIENTS[client].to_owned());
        let is_another = own.is_some() && asked.is_some() && own != asked;
        let client = own.or(asked);
        let is_its = |used: &Use| client.as_ref().is_some_and(|client| [&used.bound, &used.got].contains(&client));
        let continues = |used: &Use| key == Some(&used.key) && is_its(used);
        let reasons = [
            (issued.flaw != Flaw::None, "a ticket that was never good"),
            (issued.listener != at, "a ticket for elsewhere"),
            (is_void, "a ticket from before a log-out"),
            (is_another, "a ticket for another client id"),
            (way == Way::Cookie && attempt.is_foreign, "a foreign page's cookie"),
            (attempt.requested.is_some_and(|requested| !allows(issued.grants, requested)), FORBIDDEN),
            (used.as_ref().is_some_and(|used| !continues(used)), "a used ticket"),
        ];
        match reasons.into_iter().find(|(holds, _)| *holds) {
            Some((_, reason)) => Err(reason),
            None => Ok(Claim { ticket: Some(number), person: issued.user.map_or(page, Person::User), client }),
        }
    }

    /// The tickets of a request, in its query and in its headers.
    fn tickets_of(&self, attempt: &Connect) -> (Vec<String>, Vec<(&'static str, String)>) {
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for (way, ticket) in self.shown(attempt) {
            match way {
                Way::Bearer => headers.push(("Authorization", format!("Bearer {ticket}"))),
                Way::Query => query.push(format!("ticket={ticket}")),
                Way::Cookie => headers.push(("Cookie", format!("a=b; ssekit_ticket={ticket}"))),
            }
        }
        if attempt.is_foreign {
            headers.push(("Origin", "https://evil.example".to_owned()));
        }
        (query, headers)
    }

    fn text_of(&self, attempt: &Connect, client: Option<&str>, last_event_id: Option<&str>) -> String {
        let (mut query, mut headers) = self.tickets_of(attempt);
        query.extend(attempt.requested.map(|requested| format!("channel={}", CHANNELS[requested])));
        query.extend(client.map(|client| format!("clientId={}", encoded(client))));
        match last_event_id {
            Some(id) if attempt.by_url => query.push(format!("lastEventId={}", encoded(id))),
            Some(id) => headers.push(("Last-Event-ID", id.to_owned())),
            None => {}
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        request("GET", &format!("/events?{}", query.join("&")), &headers)
    }

    fn connect(&mut self, attempt: &Connect) {
        let page = attempt.page;
        // Everything before the end of the old connection belongs to the old holder.
        self.read(page);
        let last_event_id = self.last_event_id(attempt);
        let asked = self.asked(attempt.client);
        let claim = self.claim(attempt, asked.clone(), last_event_id.as_deref());
        let text = self.text_of(attempt, asked.as_deref(), last_event_id.as_deref());
        let connects = self.engine.stats().connects;
        let visitor =
            RawClient::on(TcpStream::connect(self.listeners[self.listener_of(attempt)].local_addr().unwrap()).unwrap());
        match (visitor.tries(&text), claim) {
            (Ok(streaming), Ok(claim)) => self.open(attempt, claim, streaming),
            (Ok(streaming), Err(reason)) => panic!("{:?} gets in with {reason}: {text}", streaming.ready),
            (Err(answer), claim) => {
                self.refused(&answer, claim.as_ref().map_err(|reason| *reason));
                assert_eq!(self.engine.stats().connects, connects);
            }
        }
    }

    /// Between anonymous pages, a whole id in the header makes the thief the page.
    fn last_event_id(&self, attempt: &Connect) -> Option<String> {
        let last: Vec<_> = self.pages.iter().map(|page| page.seen.clone()).collect();
        let is_nobodys = |page: usize| matches!(self.pages[page].person, Some(Person::Page(_)));
        match attempt.seen {
            Seen::Stolen(other) if other != attempt.page && is_nobodys(other) && !attempt.by_url => {
                Seen::PlaceOf(other).id(attempt.page, &last)
            }
            ref seen => seen.id(attempt.page, &last),
        }
    }

    fn open(&mut self, attempt: &Connect, claim: Claim, streaming: Streaming) {
        let Streaming { ready, peer, .. } = streaming;
        let user = claim.person.user().map(|user| USERS[user]);
        assert_eq!(ready.user_id.as_deref(), user);
        // A user vouches for an id; without one, it may be somebody's, so the request gets another.
        if let (Some(client), Some(_)) = (&claim.client, user) {
            assert_eq!(*client, ready.client_id);
        }
        if let Some(ticket) = claim.ticket.filter(|_| self.listener_of(attempt) == ONCE) {
            let (got, key) =
                (ready.client_id.clone(), key_of(&ready.id).expect("a key at the end of the id").to_owned());
            if let Some(earlier) = &self.tickets[ticket].used {
                assert_eq!((&earlier.got, &earlier.key), (&got, &key), "it opens a second client");
                self.meet("a one-time ticket continues its stream");
            } else {
                let bound = claim.client.unwrap_or_else(|| got.clone());
                self.tickets[ticket].used = Some(Use { bound, got, key });
                self.meet("a one-time ticket opens a stream");
            }
        }
        self.meet(if claim.ticket.is_some() { "a ticket opens a stream" } else { "no ticket is needed" });
        if ready.resumed {
            self.meet("a stream is resumed");
        }
        self.holders.insert(ready.client_id.clone(), claim.person);
        self.keys.remove(&ready.client_id);
        if let (None, Some(key)) = (user, key_of(&ready.id)) {
            self.keys.insert(ready.client_id.clone(), key.to_owned());
        }
        let named = |channel: &usize| {
            claim.ticket.is_some_and(|ticket| GRANTS[self.tickets[ticket].issued.grants].contains(&CHANNELS[*channel]))
        };
        let channels: Vec<_> = (0..CHANNELS.len()).filter(named).chain(attempt.requested).collect();
        for channel in channels {
            self.granted.insert((ready.client_id.clone(), claim.person, channel));
        }
        self.pages[attempt.page] = Page {
            peer: Some(peer),
            person: Some(claim.person),
            client: ready.client_id,
            seen: Some(ready.id),
            attempt: Some(attempt.clone()),
        };
    }

    fn refused(&mut self, answer: &Answer, claim: Result<&Claim, &'static str>) {
        assert!(answer.head.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")), "{answer:?}");
        if claim.is_err_and(|reason| reason == FORBIDDEN) {
            assert_eq!(answer.status(), 403, "{answer:?}");
            return self.meet(FORBIDDEN);
        }
        let uses = |claim: &Claim| claim.ticket.is_some_and(|ticket| self.tickets[ticket].used.is_some());
        match (answer.status(), answer.body.as_str(), claim) {
            (401, "Unauthorized.\n", Err(reason)) => self.meet(reason),
            // The stream may have gone on with another ticket since. That is too rare to be counted on.
            (401, "Unauthorized.\n", Ok(claim)) if uses(claim) => {}
            (
                409,
                "clientId: got an id that belongs to another user, wants another id.\n",
                Ok(Claim { person, client: Some(client), .. }),
            ) => {
                let holder = self.holders.get(client);
                assert!(
                    holder.is_some_and(|holder| holder.user() != person.user()),
                    "{client} is {holder:?}'s, not {person:?}'s"
                );
                self.meet("a client id is somebody else's");
            }
            _ => panic!("{answer:?}"),
        }
    }

    /// Reads all that was sent to a page so far, and fails if it is not the page's.
    pub(crate) fn read(&mut self, page: usize) {
        if self.pages[page].peer.is_none() {
            return;
        }
        let mark = self.sent.len();
        self.send(Addressee::Everybody, false, |engine, event| engine.broadcast(event, None).map(drop).unwrap());
        let Page { peer: Some(peer), person: Some(person), client, seen, .. } = &mut self.pages[page] else { return };
        while let Some(event) = peer.next_or_end() {
            *seen = Some(event.id);
            let Ok(number) = event.data.parse::<usize>() else { continue };
            let is_own = match &self.sent[number] {
                Addressee::Everybody => true,
                Addressee::User(user) => *person == Person::User(*user),
                Addressee::Client(id, owner) => id == client && owner == person,
                Addressee::Channel(channel) => self.granted.contains(&(client.clone(), *person, *channel)),
            };
            assert!(is_own, "{person:?} gets as {client} what is for {:?}", self.sent[number]);
            if number == mark {
                return;
            }
        }
        self.pages[page].peer = None;
    }

    /// Asks for a channel, and fails if that gives somebody a channel or a client that is not theirs.
    fn post(&mut self, attempt: &Connect, channel: usize) {
        let last_event_id = self.last_event_id(attempt);
        let asked = self.asked(attempt.client).unwrap_or_else(|| "nobody".to_owned());
        let attempt = Connect { requested: None, by_url: false, ..attempt.clone() };
        let claim = self.claim(&attempt, Some(asked.clone()), last_event_id.as_deref());
        let (query, mut headers) = self.tickets_of(&attempt);
        let body = json!({ "clientId": asked, "subscribe": [CHANNELS[channel]], "lastEventId": last_event_id });
        let body = body.to_string();
        headers.push(("Content-Type", "application/json".to_owned()));
        headers.push(("Content-Length", body.len().to_string()));
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let text = request("POST", &format!("/events?{}", query.join("&")), &headers) + &body;
        let at = self.listeners[self.listener_of(&attempt)].local_addr().unwrap();
        let answer = RawClient::on(TcpStream::connect(at).unwrap()).asks(&text);
        let Ok(claim) = claim else {
            assert_eq!(answer.status(), 401, "{text}");
            return self.meet("a bad ticket changes nothing");
        };
        let ticket = claim.ticket.map(|ticket| &self.tickets[ticket]);
        if self.listener_of(&attempt) == ONCE && ticket.is_some_and(|ticket| ticket.used.is_none()) {
            assert_eq!(answer.status(), 401, "{text}");
            return self.meet("a one-time ticket without a stream changes nothing");
        }
        let got = ticket.and_then(|ticket| ticket.used.as_ref()).map(|used| used.got.clone());
        let client = got.unwrap_or(asked);
        let is_allowed = ticket.is_some_and(|ticket| allows(ticket.issued.grants, channel));
        match answer.status() {
            200 if !is_allowed => {
                assert!(answer.body.contains(r#""subscribed":[]"#), "{text}{answer:?}");
                self.meet("a channel is refused");
            }
            200 => {
                assert!(self.is_theirs(&client, &claim, last_event_id.as_deref()), "{text}{answer:?}");
                self.granted.insert((client.clone(), self.holders[&client], channel));
                self.meet("a page gets a channel");
            }
            404 => self.meet("a client that is not the page's is not changed"),
            // Its stream may have gone on with another ticket since.
            401 if self.listener_of(&attempt) == ONCE => {}
            _ => panic!("{text}{answer:?}"),
        }
    }

    /// Whether the rules let the sender of a request speak for a client.
    fn is_theirs(&self, client: &str, claim: &Claim, last_event_id: Option<&str>) -> bool {
        let Some(holder) = self.holders.get(client) else { return false };
        let key = self.keys.get(client).map(String::as_str);
        let is_proved = key.is_none() || last_event_id.and_then(key_of) == key;
        holder.user() == claim.person.user() && (holder.user().is_some() || is_proved)
    }

    /// Notes whom an event is for, and gives it to `send`.
    fn send(&mut self, addressee: Addressee, own_id: bool, send: impl FnOnce(&Engine, Event<'_>)) {
        let data = self.sent.len().to_string();
        let id = format!("own {data}~0123456789abcdef");
        self.sent.push(addressee);
        send(&self.engine, Event { data: &data, id: own_id.then_some(&id), ..Event::default() });
    }

    fn send_to_client(&mut self, client: &str, own_id: bool) {
        let person = self.holders.get(client).copied().unwrap_or(Person::Nobody);
        self.send(Addressee::Client(client.to_owned(), person), own_id, |engine, event| {
            engine.send_to_client(client, event).unwrap();
        });
    }

    pub(crate) fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Issue(issue) => self.issue(issue),
            Operation::Connect(ref attempt) => self.connect(&self.resolved(attempt)),
            Operation::Again(page) => {
                if let Some(attempt) = self.pages[page].attempt.clone() {
                    self.connect(&Connect { seen: Seen::Own, by_url: false, ..attempt });
                }
            }
            Operation::Post(ref attempt, channel) => self.post(&self.resolved(attempt), channel),
            Operation::PostAgain(page, channel) => {
                if let Some(attempt) = self.pages[page].attempt.clone() {
                    let own = Connect { seen: Seen::Own, client: Asked::OfPage(page), ..attempt };
                    self.post(&own, channel);
                }
            }
            Operation::Leave(page) => {
                self.read(page);
                self.pages[page].peer = None;
            }
            Operation::ToUser(user, own_id) => self.send(Addressee::User(user), own_id, |engine, event| {
                engine.send_to_user(USERS[user], event).unwrap();
            }),
            Operation::ToClient(client, own_id) => self.send_to_client(CLIENTS[client], own_id),
            Operation::ToPage(page) => {
                let client = self.pages[page].client.clone();
                if !client.is_empty() {
                    self.send_to_client(&client, false);
                }
            }
            Operation::ToAll(own_id) => self.send(Addressee::Everybody, own_id, |engine, event| {
                engine.broadcast(event, None).unwrap();
            }),
            Operation::ToChannel(channel, own_id) => {
                self.send(Addressee::Channel(channel), own_id, |engine, event| {
                    engine.send_to_channel(CHANNELS[channel], event).unwrap();
                });
            }
            Operation::DisconnectClient(client) => {
                self.engine.disconnect_client(CLIENTS[client]);
            }
            Operation::DisconnectUser(user) => {
                self.engine.disconnect_user(USERS[user]);
                let theirs = self.tickets.iter_mut().filter(|ticket| ticket.issued.user == Some(user));
                theirs.for_each(|ticket| ticket.is_void = true);
            }
            Operation::Read(page) => self.read(page),
        }
    }
}
