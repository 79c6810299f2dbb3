//! The operations on a hub.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};
use ssekit_core::HistoryOptions;

pub(crate) const USERS: [&str; 2] = ["ada", "bob"];
pub(crate) const CLIENTS: [&str; 3] = ["tab 1", "tab 2", "tab 3"];
/// Some have the names of users and clients.
pub(crate) const CHANNELS: [&str; 5] = ["short:1", "order:1", "order:*", "ada", "tab 1"];

/// The channel with a short log of its own.
pub(crate) const SHORT: usize = 0;

/// The maximum number of channels of a client.
pub(crate) const MOST_CHANNELS: usize = 3;

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    ToUser {
        user: usize,
        event: Draft,
    },
    ToClient {
        client: usize,
        event: Draft,
    },
    /// To a client that is connected, whether it has brought its id or not.
    ToConnected {
        which: Index,
        event: Draft,
    },
    /// To a client that had not brought an id, and has no kept state.
    ToDeparted {
        which: Index,
    },
    ToChannel {
        channel: usize,
        event: Draft,
    },
    Broadcast {
        exclude: Option<usize>,
        event: Draft,
    },
    Connect(Arrival),
    Subscribe {
        target: Target,
        channel: usize,
        since: Option<Since>,
    },
    Unsubscribe {
        target: Target,
        channel: usize,
    },
    /// Reads back what was sent to an audience, after the event at a position.
    ReadBack {
        audience: Sent,
        after: Option<Index>,
        limit: usize,
    },
    Read {
        which: Index,
        pulls: usize,
    },
    Drop {
        which: Index,
    },
    Disconnect {
        which: Index,
    },
    LogOut {
        user: usize,
    },
    /// The engine's own tasks get to work, and time passes.
    Wait {
        seconds: u64,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) size: usize,
    /// Brings its own id, which may be one that others have.
    pub(crate) own_id: Option<u8>,
    /// Supersedes the earlier one with this key.
    pub(crate) key: Option<u8>,
}

#[derive(Debug, Clone)]
pub(crate) enum Resume {
    No,
    /// By the id of any past event, for any receiver.
    From(Index),
    /// By the id in the `ssekit:ready` of any client that there ever was.
    Ready(Index),
    Unknown,
}

/// A client that connects.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) user: Option<usize>,
    pub(crate) client: Option<usize>,
    pub(crate) resume: Resume,
    pub(crate) since: Option<Since>,
    pub(crate) channels: Vec<usize>,
    pub(crate) by_ticket: bool,
}

/// Where a snapshot ends.
#[derive(Debug, Clone)]
pub(crate) enum Since {
    /// At any position so far.
    At(Index),
    Future,
    Unknown,
}

/// The clients whose subscriptions change.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Client(usize),
    /// A client that is connected, whether it has brought its id or not.
    Connected(Index),
    /// A client that had not brought an id.
    Departed(Index),
    User(usize),
}

/// An audience whose events are read back.
#[derive(Debug, Clone)]
pub(crate) enum Sent {
    All,
    User(usize),
    Channel(usize),
}

fn draft() -> impl Strategy<Value = Draft> {
    let size = prop_oneof![4 => 0..100_usize, 1 => 0..3_000_usize];
    (size, proptest::option::weighted(0.3, 0..40_u8), proptest::option::weighted(0.3, 0..3_u8))
        .prop_map(|(size, own_id, key)| Draft { size, own_id, key })
}

fn since() -> impl Strategy<Value = Option<Since>> {
    let since = prop_oneof![
        6 => any::<Index>().prop_map(Since::At),
        1 => Just(Since::Future),
        1 => Just(Since::Unknown),
    ];
    proptest::option::weighted(0.4, since)
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let resume = prop_oneof![
        2 => Just(Resume::No),
        4 => any::<Index>().prop_map(Resume::From),
        2 => any::<Index>().prop_map(Resume::Ready),
        1 => Just(Resume::Unknown),
    ];
    let user = proptest::option::weighted(0.8, 0..USERS.len());
    let client = proptest::option::weighted(0.6, 0..CLIENTS.len());
    let channels = subsequence((0..CHANNELS.len()).collect::<Vec<_>>(), 0..=MOST_CHANNELS);
    let channels = proptest::option::weighted(0.5, channels).prop_map(Option::unwrap_or_default);
    let by_ticket = proptest::bool::weighted(0.2);
    (user, client, resume, since(), channels, by_ticket).prop_map(
        |(user, client, resume, since, channels, by_ticket)| {
            // Nobody's clients that bring an id have a key at the end of theirs: `keys.rs`.
            let client = client.filter(|_| user.is_some());
            Arrival { user, client, resume, since, channels, by_ticket }
        },
    )
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        4 => (0..CLIENTS.len()).prop_map(Target::Client),
        3 => any::<Index>().prop_map(Target::Connected),
        1 => any::<Index>().prop_map(Target::Departed),
        2 => (0..USERS.len()).prop_map(Target::User),
    ]
}

fn read_back() -> impl Strategy<Value = Operation> {
    let audience = prop_oneof![
        Just(Sent::All),
        (0..USERS.len()).prop_map(Sent::User),
        (0..CHANNELS.len()).prop_map(Sent::Channel),
    ];
    (audience, proptest::option::of(any::<Index>()), prop_oneof![1..4_usize, Just(usize::MAX)])
        .prop_map(|(audience, after, limit)| Operation::ReadBack { audience, after, limit })
}

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let (user, client, channel) = (0..USERS.len(), 0..CLIENTS.len(), 0..CHANNELS.len());
    prop_oneof![
        6 => (user.clone(), draft()).prop_map(|(user, event)| Operation::ToUser { user, event }),
        6 => (client.clone(), draft()).prop_map(|(client, event)| Operation::ToClient { client, event }),
        3 => (any::<Index>(), draft()).prop_map(|(which, event)| Operation::ToConnected { which, event }),
        1 => any::<Index>().prop_map(|which| Operation::ToDeparted { which }),
        10 => (channel.clone(), draft()).prop_map(|(channel, event)| Operation::ToChannel { channel, event }),
        6 => (proptest::option::of(client), draft())
            .prop_map(|(exclude, event)| Operation::Broadcast { exclude, event }),
        6 => arrival().prop_map(Operation::Connect),
        4 => (target(), channel.clone(), since())
            .prop_map(|(target, channel, since)| Operation::Subscribe { target, channel, since }),
        3 => (target(), channel).prop_map(|(target, channel)| Operation::Unsubscribe { target, channel }),
        3 => read_back(),
        8 => (any::<Index>(), 1..4_usize).prop_map(|(which, pulls)| Operation::Read { which, pulls }),
        2 => any::<Index>().prop_map(|which| Operation::Drop { which }),
        1 => any::<Index>().prop_map(|which| Operation::Disconnect { which }),
        1 => user.prop_map(|user| Operation::LogOut { user }),
        2 => (0..8_u64).prop_map(|seconds| Operation::Wait { seconds }),
    ]
}

pub(crate) fn tiny() -> impl Strategy<Value = HistoryOptions> {
    (1..6_usize, 1_024..4_000_usize, 1_024..6_000_usize).prop_map(|(max_events, max_bytes, max_total_bytes)| {
        HistoryOptions { max_events, max_bytes, max_total_bytes, max_age: Duration::from_secs(10) }
    })
}
