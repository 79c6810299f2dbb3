//! Random operations: tickets are issued, shown and made void, and events are sent.

use proptest::option;
use proptest::prelude::*;

use ssekit_testing::seen::Seen;

pub(crate) const PAGES: usize = 5;
pub(crate) const CLIENTS: [&str; 3] = ["tab", "tab~0123456789abcdef", "other-tab"];
pub(crate) const USERS: [&str; 2] = ["ada", "bob"];
/// People whose tickets open any number of streams, and people whose tickets open one.
pub(crate) const SECRETS: [&str; 2] =
    ["a secret of the one that takes tickets often", "a secret of the one that takes each once"];
pub(crate) const ONCE: usize = 1;
/// Channels. Two are named like a user and like a client.
pub(crate) const CHANNELS: [&str; 4] = ["news", "order:1", "ada", "tab"];
/// The channels in tickets.
pub(crate) const GRANTS: [&[&str]; 5] = [&[], &["news"], &["order:*"], &["ada", "t*"], &["*"]];
pub(crate) const NOBODYS_SECRET: &str = "a secret that neither of them knows of";

/// The faults of a ticket from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    Expired,
    Early,
    Audience,
    Secret,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Issue {
    pub(crate) listener: usize,
    /// `None`: a ticket for an anonymous client.
    pub(crate) user: Option<usize>,
    pub(crate) client: Option<usize>,
    /// Its place in `GRANTS`.
    pub(crate) grants: usize,
    pub(crate) flaw: Flaw,
}

/// Changes that somebody made to a ticket.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    None,
    Cut(prop::sample::Index),
    WithoutSignature,
    /// It begins with `{"alg":"none"}`.
    WithoutAlgorithm,
    /// It has another one's claims before its own signature.
    ClaimsOf(usize),
}

/// The places that a ticket can be shown in. The first with a ticket counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    Bearer,
    Query,
    Cookie,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    Nothing,
    One(usize),
    /// The one that a page has, whatever it is.
    OfPage(usize),
}

/// A request for a stream. Tickets are counted back from the newest, and around.
#[derive(Debug, Clone)]
pub(crate) struct Connect {
    pub(crate) page: usize,
    /// The listener, if it is not the ticket's own.
    pub(crate) astray: Option<usize>,
    pub(crate) ticket: Option<usize>,
    pub(crate) change: Change,
    pub(crate) way: Way,
    /// Another ticket, in all places that come after the first one's.
    pub(crate) beside: Option<usize>,
    /// It comes from a page of another origin.
    pub(crate) is_foreign: bool,
    pub(crate) client: Asked,
    pub(crate) seen: Seen,
    /// The last event id stands in the URL.
    pub(crate) by_url: bool,
    /// The channel that the page asks for.
    pub(crate) requested: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Issue(Issue),
    Connect(Connect),
    /// A page asks for a channel while streams are open, with the ticket, the client and the last id of such a request.
    Post(Connect, usize),
    /// The same with everything that the page has used for its own stream.
    PostAgain(usize, usize),
    /// As an `EventSource` does: the same request once more, with its last id in the header.
    Again(usize),
    Leave(usize),
    ToUser(usize, bool),
    ToClient(usize, bool),
    /// To the client that a page has, whatever its id.
    ToPage(usize),
    ToAll(bool),
    ToChannel(usize, bool),
    DisconnectClient(usize),
    DisconnectUser(usize),
    Read(usize),
}

fn issue() -> impl Strategy<Value = Issue> {
    let flaw = prop_oneof![
        8 => Just(Flaw::None),
        1 => Just(Flaw::Expired),
        1 => Just(Flaw::Early),
        1 => Just(Flaw::Audience),
        1 => Just(Flaw::Secret),
    ];
    let (user, client) = (option::weighted(0.7, 0..USERS.len()), option::weighted(0.3, 0..CLIENTS.len()));
    let ticket = (0..SECRETS.len(), user, client, 0..GRANTS.len(), flaw);
    ticket.prop_map(|(listener, user, client, grants, flaw)| Issue { listener, user, client, grants, flaw })
}

fn connect() -> impl Strategy<Value = Connect> {
    let ticket = || prop_oneof![3 => 0_usize..6, 1 => 0_usize..64];
    let astray = option::weighted(0.2, 0..SECRETS.len());
    let change = prop_oneof![
        12 => Just(Change::None),
        1 => any::<prop::sample::Index>().prop_map(Change::Cut),
        1 => Just(Change::WithoutSignature),
        1 => Just(Change::WithoutAlgorithm),
        1 => ticket().prop_map(Change::ClaimsOf),
    ];
    let way = prop_oneof![Just(Way::Bearer), Just(Way::Query), Just(Way::Cookie)];
    let client = prop_oneof![
        1 => Just(Asked::Nothing),
        6 => (0..CLIENTS.len()).prop_map(Asked::One),
        2 => (0..PAGES).prop_map(Asked::OfPage),
    ];
    let seen = prop_oneof![3 => Seen::any(PAGES), 1 => (0..PAGES).prop_map(Seen::Stolen)];
    let shown =
        (option::weighted(0.9, ticket()), change, way, option::weighted(0.1, ticket()), prop::bool::weighted(0.1));
    let requested = option::weighted(0.2, 0..CHANNELS.len());
    (0..PAGES, astray, shown, client, seen, any::<bool>(), requested).prop_map(
        |(page, astray, (ticket, change, way, beside, is_foreign), client, seen, by_url, requested)| Connect {
            page,
            astray,
            ticket,
            change,
            way,
            beside,
            is_foreign,
            client,
            seen,
            by_url,
            requested,
        },
    )
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let page = || 0..PAGES;
    prop_oneof![
        3 => issue().prop_map(Operation::Issue),
        8 => connect().prop_map(Operation::Connect),
        2 => (connect(), 0..CHANNELS.len()).prop_map(|(attempt, channel)| Operation::Post(attempt, channel)),
        2 => (page(), 0..CHANNELS.len()).prop_map(|(page, channel)| Operation::PostAgain(page, channel)),
        2 => page().prop_map(Operation::Again),
        1 => page().prop_map(Operation::Leave),
        2 => (0..USERS.len(), any::<bool>()).prop_map(|(user, own_id)| Operation::ToUser(user, own_id)),
        3 => (0..CLIENTS.len(), any::<bool>()).prop_map(|(client, own_id)| Operation::ToClient(client, own_id)),
        2 => page().prop_map(Operation::ToPage),
        1 => any::<bool>().prop_map(Operation::ToAll),
        3 => (0..CHANNELS.len(), any::<bool>()).prop_map(|(channel, own_id)| Operation::ToChannel(channel, own_id)),
        1 => (0..CLIENTS.len()).prop_map(Operation::DisconnectClient),
        1 => (0..USERS.len()).prop_map(Operation::DisconnectUser),
        2 => page().prop_map(Operation::Read),
    ]
}
