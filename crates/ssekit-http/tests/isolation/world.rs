//! Pages, their tickets, and what the rules say that each of them may get.

use std::collections::{BTreeMap, HashMap};
use std::net::TcpStream;
use std::time::Duration;

use ssekit_core::Event;
use ssekit_http::ticket::{self, DEFAULT_AUDIENCE, NewTicket, TicketOptions};
use ssekit_http::{Listener, ListenerOptions};

use crate::operation::{
    Asked, CLIENTS, Change, Connect, Flaw, Issue, NOBODYS_SECRET, ONCE, Operation, PAGES, SECRETS, USERS, Way,
};
use ssekit_testing::Engine;
use ssekit_testing::door::{Answer, RawClient, Streaming, request};
use ssekit_testing::peer::Peer;
use ssekit_testing::seen::{Seen, key_of};

/// Somebody to whom something can be sent: a user, or a page of nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    sent: Vec<Addressee>,
    /// How often each thing happened, so that a test in which nothing happens does not pass.
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
            sent: Vec::new(),
            met: BTreeMap::new(),
        };
        for listener in 0..SECRETS.len() {
            for user in [Some(0), Some(1), None] {
                world.issue(Issue { listener, user, client: None, flaw: Flaw::None });
            }
        }
        world
    }

    fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
    }

    fn issue(&mut self, issued: Issue) {
        let Issue { listener, user, client, flaw } = issued;
        let hour = Duration::from_secs(3_600);
        let secret = if flaw == Flaw::Secret { NOBODYS_SECRET } else { SECRETS[listener] };
        let ticket = NewTicket {
            user: user.map(|user| USERS[user].into()),
            client: client.map(|client| CLIENTS[client].into()),
            ttl: if flaw == Flaw::Expired { Duration::from_secs(1) } else { hour },
            not_before: if flaw == Flaw::Early { hour } else { Duration::ZERO },
            audience: if flaw == Flaw::Audience { "another" } else { DEFAULT_AUDIENCE }.into(),
            issuer: None,
            channels: Vec::new(),
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
            return if at == ONCE { Err("without a ticket") } else { Ok(claim) };
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
            (used.as_ref().is_some_and(|used| !continues(used)), "a used ticket"),
        ];
        match reasons.into_iter().find(|(holds, _)| *holds) {
            Some((_, reason)) => Err(reason),
            None => Ok(Claim { ticket: Some(number), person: issued.user.map_or(page, Person::User), client }),
        }
    }

    fn text_of(&self, attempt: &Connect, client: Option<&str>, last_event_id: Option<&str>) -> String {
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for (way, ticket) in self.shown(attempt) {
            match way {
                Way::Bearer => headers.push(("Authorization", format!("Bearer {ticket}"))),
                Way::Query => query.push(format!("ticket={ticket}")),
                Way::Cookie => headers.push(("Cookie", format!("a=b; ssekit_ticket={ticket}"))),
            }
        }
        query.extend(client.map(|client| format!("clientId={}", encoded(client))));
        match last_event_id {
            Some(id) if attempt.by_url => query.push(format!("lastEventId={}", encoded(id))),
            Some(id) => headers.push(("Last-Event-ID", id.to_owned())),
            None => {}
        }
        if attempt.is_foreign {
            headers.push(("Origin", "https://evil.example".to_owned()));
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
        let uses = |claim: &Claim| claim.ticket.is_some_and(|ticket| self.tickets[ticket].used.is_some());
        match (answer.status(), answer.body.as_str(), claim) {
            (401, "Unauthorized.\n", Err(reason)) => self.meet(reason),
            // The stream may have gone on with another ticket since. That is too rare to be counted on.
            (401, "Unauthorized.\n", Ok(claim)) if uses(claim) => {}
            (409, "This client id belongs to another user.\n", Ok(Claim { person, client: Some(client), .. })) => {
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
            };
            assert!(is_own, "{person:?} gets as {client} what is for {:?}", self.sent[number]);
            if number == mark {
                return;
            }
        }
        self.pages[page].peer = None;
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
