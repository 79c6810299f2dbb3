//! The operations on a hub.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use ssekit_core::HistoryOptions;

pub(crate) const USERS: [&str; 2] = ["ada", "bob"];
pub(crate) const CLIENTS: [&str; 3] = ["tab 1", "tab 2", "tab 3"];

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
    /// To a client that had not brought an id, and of which nothing is kept.
    ToDeparted {
        which: Index,
    },
    Broadcast {
        exclude: Option<usize>,
        event: Draft,
    },
    Connect {
        user: Option<usize>,
        client: Option<usize>,
        resume: Resume,
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
    /// The engine's own tasks get to work, and so much time passes.
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

pub(crate) fn operation() -> impl Strategy<Value = Operation> {
    let draft = || {
        let size = prop_oneof![4 => 0..100_usize, 1 => 0..3_000_usize];
        (size, proptest::option::weighted(0.3, 0..40_u8), proptest::option::weighted(0.3, 0..3_u8))
            .prop_map(|(size, own_id, key)| Draft { size, own_id, key })
    };
    let resume = prop_oneof![
        2 => Just(Resume::No),
        4 => any::<Index>().prop_map(Resume::From),
        2 => any::<Index>().prop_map(Resume::Ready),
        1 => Just(Resume::Unknown),
    ];
    let (user, client) = (0..USERS.len(), 0..CLIENTS.len());
    prop_oneof![
        6 => (user.clone(), draft()).prop_map(|(user, event)| Operation::ToUser { user, event }),
        6 => (client.clone(), draft()).prop_map(|(client, event)| Operation::ToClient { client, event }),
        3 => (any::<Index>(), draft()).prop_map(|(which, event)| Operation::ToConnected { which, event }),
        1 => any::<Index>().prop_map(|which| Operation::ToDeparted { which }),
        6 => (proptest::option::of(client.clone()), draft())
            .prop_map(|(exclude, event)| Operation::Broadcast { exclude, event }),
        6 => (proptest::option::weighted(0.8, user), proptest::option::weighted(0.6, client), resume)
            // Nobody's clients that bring an id have a key at the end of theirs: `keys.rs`.
            .prop_map(|(user, client, resume)| Operation::Connect { user, client: client.filter(|_| user.is_some()), resume }),
        8 => (any::<Index>(), 1..4_usize).prop_map(|(which, pulls)| Operation::Read { which, pulls }),
        2 => any::<Index>().prop_map(|which| Operation::Drop { which }),
        1 => any::<Index>().prop_map(|which| Operation::Disconnect { which }),
        2 => (0..8_u64).prop_map(|seconds| Operation::Wait { seconds }),
    ]
}

pub(crate) fn tiny() -> impl Strategy<Value = HistoryOptions> {
    (1..6_usize, 1_024..4_000_usize, 1_024..6_000_usize).prop_map(|(max_events, max_bytes, max_total_bytes)| {
        HistoryOptions { max_events, max_bytes, max_total_bytes, max_age: Duration::from_secs(10) }
    })
}
