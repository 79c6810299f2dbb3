//! Channels: who subscribes to what.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::event::key::Key;
use crate::event::{check_channel, check_length};
use crate::history::timeline::Place;
use crate::hub::Hub;

/// Whose subscriptions a call changes.
#[derive(Debug, Clone, Copy)]
pub enum Subscriber<'a> {
    /// One client: connected, or away and coming back with its id.
    Client(&'a str),
    /// All connected clients of a user.
    User(&'a str),
    /// The client of a page that asks for itself. The page must prove that it is the client.
    Page(Page<'a>),
}

/// A page that speaks for its client.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The client's id.
    pub client: &'a str,
    /// The page's user. The client must have the same one.
    pub user: Option<&'a str>,
    /// The key from the ids of the page's stream. Without a user, a client that has a key is proved by it.
    pub key: Option<Key>,
}

impl Subscriber<'_> {
    fn check(&self) -> Result<()> {
        match self {
            Self::Client(id) | Self::Page(Page { client: id, .. }) => check_length("clientId", id),
            Self::User(id) => check_length("userId", id),
        }
    }
}

impl Hub {
    /// Subscribes to a channel. Each client learns by `ssekit:subscribed` from where on it gets the channel's events. With
    /// `since`, a [cursor](Hub::cursor), it first gets the events after that; if they are gone, it gets `ssekit:reset` for
    /// that channel. Returns how many clients have subscribed that had not before.
    ///
    /// # Errors
    /// An id or the channel's name is invalid, a client has as many channels as it may have, or a page is not the client
    /// that it says.
    pub fn subscribe(&self, subscriber: Subscriber<'_>, channel: &str, since: Option<&str>) -> Result<usize> {
        self.check_process()?;
        subscriber.check()?;
        check_channel(channel)?;
        let mut count = 0;
        for client in self.clients_of(subscriber)? {
            count += usize::from(self.inner.engine.subscribe(Place::next(), &client, channel, since)?);
        }
        Ok(count)
    }

    /// Ends subscriptions to a channel. Each client learns by `ssekit:unsubscribed` up to where it gets the channel's events.
    /// Returns how many clients had subscribed.
    ///
    /// # Errors
    /// An id or the channel's name is invalid, or a page is not the client that it says.
    pub fn unsubscribe(&self, subscriber: Subscriber<'_>, channel: &str) -> Result<usize> {
        self.check_process()?;
        subscriber.check()?;
        check_channel(channel)?;
        let clients = self.clients_of(subscriber)?;
        let had = |client: &&Arc<str>| self.inner.engine.unsubscribe(Place::next(), client, channel);
        Ok(clients.iter().filter(had).count())
    }

    fn clients_of(&self, subscriber: Subscriber<'_>) -> Result<Vec<Arc<str>>> {
        match subscriber {
            Subscriber::Client(id) => Ok(vec![id.into()]),
            Subscriber::User(id) => Ok(self.clients_by_user_here(id)),
            Subscriber::Page(page) if self.is_client(page) => Ok(vec![page.client.into()]),
            Subscriber::Page(_) => Err(Error::unknown_client()),
        }
    }

    /// Whether a page has proved that it is its client. A client without a user and without a key is proved by its id, which
    /// only its own page knows: it was made at random.
    fn is_client(&self, page: Page<'_>) -> bool {
        let Some(known) = self.inner.engine.registry.known_client(page.client) else { return false };
        let is_proved = |key: &Key| page.key.is_some_and(|shown| key.matches(&shown));
        known.info.user.as_deref() == page.user && (page.user.is_some() || known.key.as_ref().is_none_or(is_proved))
    }

    /// The channels that have connected clients, in no particular order.
    pub fn channels(&self) -> Vec<Arc<str>> {
        self.inner.engine.registry.channels.names(|channel| channel.count() > 0)
    }

    /// The ids of the connected clients that have subscribed to a channel, in no particular order.
    pub fn clients_by_channel(&self, channel: &str) -> Vec<Arc<str>> {
        let channel = self.inner.engine.registry.channels.get(channel);
        channel.map_or_else(Vec::new, |channel| {
            channel.clients().iter().map(|client| Arc::clone(&client.info.id)).collect()
        })
    }
}
