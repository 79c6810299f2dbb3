//! Clients that are away, whose ids and logs are kept for them.
//!
//! Anybody can come and go as often as they like, so the number of kept clients is bounded for each user and each address.
//! A holder over its bound loses the oldest of its own clients. There is also a bound in all: over that, the holder with the
//! most clients loses its oldest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::session::client::Client;
use crate::session::network::Network;

/// The maximum number of clients in all.
const MOST: usize = 65_536;
const MOST_OF_A_USER: usize = 1_024;
/// The maximum number of anonymous clients from one address.
const MOST_OF_VISITORS: usize = 4_096;
/// The maximum number of clients from one address, with or without a user. If clients come with a proxy's address
/// instead of their own, these are all clients.
const MOST_OF_AN_ADDRESS: usize = 16_384;

/// The holder that must make room. Users are separate from the anonymous clients of the same address, because those could
/// push them out.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Holder {
    User(Arc<str>),
    /// Anonymous clients from one address, if the address is known.
    Visitors(Option<Network>),
    Address(Network),
}

impl Holder {
    fn of(client: &Client) -> impl Iterator<Item = Self> {
        let user = client.info.user.clone();
        let first = user.map_or(Self::Visitors(client.network), Self::User);
        [Some(first), client.network.map(Self::Address)].into_iter().flatten()
    }

    fn most(&self) -> usize {
        match self {
            Self::User(_) => MOST_OF_A_USER,
            Self::Visitors(Some(_)) => MOST_OF_VISITORS,
            // Nobody knows how many they are.
            Self::Visitors(None) => MOST,
            Self::Address(_) => MOST_OF_AN_ADDRESS,
        }
    }
}

/// The number of a departure. A lower one means away for longer.
type Departure = u64;

/// The clients that are away.
#[derive(Debug, Default)]
pub(crate) struct Away(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: Departure,
    clients: BTreeMap<Departure, (Instant, Arc<Client>)>,
    /// The departure of each client, by its address in memory, which is unique as long as the client is in the table.
    departures: HashMap<usize, Departure>,
    held: HashMap<Holder, BTreeSet<Departure>>,
    /// Owners by their number of clients.
    by_count: BTreeSet<(usize, Holder)>,
}

impl Away {
    /// Keeps one more client. Returns the clients that must be given up for it.
    pub(crate) fn keep(&self, client: &Arc<Client>) -> Vec<Arc<Client>> {
        self.0.lock().keep(client)
    }

    /// The client is back, or given up.
    pub(crate) fn remove(&self, client: &Arc<Client>) {
        self.0.lock().remove(client);
    }

    /// The clients of a user.
    pub(crate) fn of_user(&self, user: &str) -> Vec<Arc<Client>> {
        let table = self.0.lock();
        let departures = table.held.get(&Holder::User(user.into()));
        let clients = departures.into_iter().flatten().filter_map(|departure| table.clients.get(departure));
        clients.map(|(_, client)| Arc::clone(client)).collect()
    }

    /// Takes out the client that left first, if that was before `deadline`.
    pub(crate) fn pop(&self, deadline: Instant) -> Option<Arc<Client>> {
        let mut table = self.0.lock();
        let (since, client) = table.clients.values().next()?;
        if *since >= deadline {
            return None;
        }
        let client = Arc::clone(client);
        table.remove(&client);
        Some(client)
    }
}

impl Table {
    fn keep(&mut self, client: &Arc<Client>) -> Vec<Arc<Client>> {
        let departure = self.next;
        self.next += 1;
        if let Some(earlier) = self.departures.insert(Arc::as_ptr(client).addr(), departure) {
            self.take(earlier);
        }
        self.clients.insert(departure, (Instant::now(), Arc::clone(client)));
        for holder in Holder::of(client) {
            self.change(holder, |departures| departures.insert(departure));
        }
        let mut given_up = Vec::new();
        for holder in Holder::of(client) {
            given_up.extend((self.count(&holder) > holder.most()).then(|| self.take_oldest_of(&holder)).flatten());
        }
        if self.clients.len() > MOST {
            let richest = self.by_count.last().map(|(_, holder)| holder.clone());
            given_up.extend(richest.and_then(|holder| self.take_oldest_of(&holder)));
        }
        given_up
    }

    fn remove(&mut self, client: &Arc<Client>) {
        if let Some(departure) = self.departures.get(&Arc::as_ptr(client).addr()).copied() {
            self.take(departure);
        }
    }

    fn take_oldest_of(&mut self, holder: &Holder) -> Option<Arc<Client>> {
        let departure = self.held.get(holder)?.first().copied()?;
        self.take(departure)
    }

    fn take(&mut self, departure: Departure) -> Option<Arc<Client>> {
        let (_, client) = self.clients.remove(&departure)?;
        let address = Arc::as_ptr(&client).addr();
        if self.departures.get(&address) == Some(&departure) {
            self.departures.remove(&address);
        }
        if self.departures.len() * 4 < self.departures.capacity() {
            self.departures.shrink_to_fit();
        }
        for holder in Holder::of(&client) {
            self.change(holder, |departures| departures.remove(&departure));
        }
        Some(client)
    }

    fn count(&self, holder: &Holder) -> usize {
        self.held.get(holder).map_or(0, BTreeSet::len)
    }

    fn change(&mut self, holder: Holder, change: impl FnOnce(&mut BTreeSet<Departure>) -> bool) {
        let departures = self.held.entry(holder.clone()).or_default();
        let before = departures.len();
        change(departures);
        let after = departures.len();
        let entry = (before, holder);
        self.by_count.remove(&entry);
        let (_, holder) = entry;
        if after > 0 {
            self.by_count.insert((after, holder));
        } else {
            self.held.remove(&holder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::inbox::Inbox;
    use crate::session::client::{ShardLink, Start};
    use crate::session::lifecycle::ClientInfo;
    use crate::session::subscriptions::Subscriptions;

    fn client(id: &str, user: Option<&str>, address: Option<&str>) -> Arc<Client> {
        let info = ClientInfo { id: id.into(), user: user.map(Arc::from) };
        let network = address.map(|address| Network::of(address.parse().unwrap()));
        let link = Arc::<Inbox>::default() as Arc<dyn ShardLink>;
        Arc::new(Client::new(info, network, Subscriptions::default(), link, Start::default()))
    }

    fn ids(clients: &[Arc<Client>]) -> Vec<&str> {
        clients.iter().map(|client| &*client.info.id).collect()
    }

    /// Keeps `count` clients. Returns the number of clients given up, which must all have the same holder.
    fn flood(away: &Away, count: usize, user: Option<&str>, address: Option<&str>) -> usize {
        let mut given_up = Vec::new();
        for number in 0..count {
            given_up.extend(away.keep(&client(&number.to_string(), user, address)));
        }
        for (number, client) in given_up.iter().enumerate() {
            assert_eq!((&*client.info.id, client.info.user.as_deref()), (&*number.to_string(), user), "oldest first");
        }
        given_up.len()
    }

    #[test]
    fn frequent_visitor_loses_its_own_oldest_client() {
        let away = Away::default();
        let others = [
            client("of another user", Some("ada"), Some("192.0.2.1")),
            client("of another visitor", None, Some("192.0.2.2")),
            client("of a visitor from nowhere", None, None),
        ];
        for other in &others {
            assert!(away.keep(other).is_empty());
        }
        assert_eq!(flood(&away, 70_000, Some("mallory"), Some("192.0.2.1")), 70_000 - MOST_OF_A_USER);
        assert_eq!(flood(&away, 70_000, None, Some("192.0.2.1")), 70_000 - MOST_OF_VISITORS);
        let table = away.0.lock();
        assert_eq!(table.clients.len(), MOST_OF_A_USER + MOST_OF_VISITORS + others.len());
        assert!(others.iter().all(|other| table.departures.contains_key(&Arc::as_ptr(other).addr())));
    }

    #[test]
    fn one_address_does_not_evict_other_addresses() {
        let away = Away::default();
        let other = client("of another user", Some("ada"), Some("192.0.2.2"));
        assert!(away.keep(&other).is_empty());
        for user in 0..100 {
            for number in 0..1_000 {
                let given_up = away.keep(&client(&number.to_string(), Some(&user.to_string()), Some("192.0.2.1")));
                assert!(!ids(&given_up).contains(&"of another user"));
            }
        }
        assert_eq!(away.0.lock().clients.len(), MOST_OF_AN_ADDRESS + 1);
    }

    #[test]
    fn largest_holder_makes_room() {
        let away = Away::default();
        assert!(away.keep(&client("the first of all", Some("ada"), None)).is_empty());
        for number in 0..MOST - 1 {
            // Each user has as many as any other, except for one.
            let user = format!("user {}", number % 1_000);
            assert!(away.keep(&client(&number.to_string(), Some(&user), None)).is_empty());
        }
        for number in 0..100 {
            assert!(away.keep(&client("more", Some("mallory"), None)).len() == 1, "{number}");
        }
        let table = away.0.lock();
        assert_eq!((table.clients.len(), table.count(&Holder::User("mallory".into()))), (MOST, 66));
        assert_eq!(table.count(&Holder::User("ada".into())), 1);
    }

    #[test]
    fn returned_client_leaves_nothing_behind() {
        let away = Away::default();
        let clients: Vec<_> = (0..100).map(|n| client(&n.to_string(), Some("ada"), Some("192.0.2.1"))).collect();
        for client in clients.iter().chain(&clients) {
            assert!(away.keep(client).is_empty());
        }
        assert_eq!(away.0.lock().clients.len(), 100);
        for client in &clients {
            away.remove(client);
            away.remove(client);
        }
        let table = away.0.lock();
        assert!(
            table.clients.is_empty()
                && table.departures.is_empty()
                && table.held.is_empty()
                && table.by_count.is_empty()
        );
    }
}
