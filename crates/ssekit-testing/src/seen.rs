//! The last event id that a page presents: the truth, a guess, or a forgery.

use proptest::prelude::*;

/// Pages are identified by their numbers.
#[derive(Debug, Clone)]
pub enum Seen {
    Nothing,
    /// The page's true last id.
    Own,
    /// The place that another page has reached. It may guess that, because it has seen broadcasts itself.
    PlaceOf(usize),
    /// The same, with a key behind it that it has made up.
    Forged(usize),
    /// The same, with the key of its own.
    PlaceWithOwnKey(usize),
    /// Exactly what another page has seen, its key included.
    Stolen(usize),
    /// That a reset is owed.
    Owed,
}

impl Seen {
    /// All but what is stolen.
    pub fn any(pages: usize) -> impl Strategy<Value = Self> {
        let page = || 0..pages;
        prop_oneof![
            Just(Self::Nothing),
            Just(Self::Own),
            Just(Self::Own),
            page().prop_map(Self::PlaceOf),
            page().prop_map(Self::Forged),
            page().prop_map(Self::PlaceWithOwnKey),
            Just(Self::Owed),
        ]
    }

    /// The id that this page shows. `last` are the last ids of all pages.
    pub fn id(&self, page: usize, last: &[Option<String>]) -> Option<String> {
        let of = |page: usize| last[page].as_deref();
        match *self {
            Self::Nothing => None,
            Self::Own => of(page).map(str::to_owned),
            Self::PlaceOf(other) => of(other).map(|id| place(id).to_owned()),
            Self::Forged(other) => of(other).map(|id| format!("{}~0123456789abcdef", place(id))),
            Self::PlaceWithOwnKey(other) => {
                let key = of(page).and_then(key_of).unwrap_or_default();
                of(other).map(|id| format!("{}~{key}", place(id)))
            }
            Self::Stolen(other) => of(other).map(str::to_owned),
            Self::Owed => Some("ssekit:evicted".to_owned()),
        }
    }
}

/// An id without what looks like a key at its end.
fn place(id: &str) -> &str {
    id.rsplit_once('~').map_or(id, |(place, _)| place)
}

/// Text that looks like a key at the end of an id.
pub fn key_of(id: &str) -> Option<&str> {
    id.rsplit_once('~').map(|(_, key)| key)
}
