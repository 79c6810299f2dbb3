//! Channels: who subscribes to what.

use std::sync::Arc;

use crate::error::Result;
use crate::event::{check_channel, check_length};
use crate::history::timeline::Place;
use crate::hub::Hub;

/// Whose subscriptions a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscriber<'a> {
    /// One client: connected, or away and coming back with its id.
    Client(&'a str),
    /// All connected clients of a user.
    User(&'a str),
}

impl Subscriber<'_> {
    fn check(&self) -> Result<()> {
        match self {
            Self::Client(id) => check_length("clientId", id),
            Self::User(id) => check_length("userId", id),
        }
    }
}

impl Hub {
    /// Subscribes to a channel. Each client learns by `ssekit:subscribed` from where on it gets the channel's events. Returns
    /// how many clients have subscribed that had not before.
    ///
    /// # Errors
    /// An id or the channel's name is invalid, or a client has as many channels as it may have.
    pub fn subscribe(&self, subscriber: Subscriber<'_>, channel: &str) -> Result<usize> {
        self.check_process()?;
        subscriber.check()?;
        check_channel(channel)?;
        let mut count = 0;
        for client in self.clients_of(subscriber) {
            count += usize::from(self.inner.engine.subscribe(Place::next(), &client, channel)?);
        }
        Ok(count)
    }

    /// Ends subscriptions to a channel. Each client learns by `ssekit:unsubscribed` up to where it gets the channel's events.
    /// Returns how many clients had subscribed.
    ///
    /// # Errors
    /// An id or the channel's name is invalid.
    pub fn unsubscribe(&self, subscriber: Subscriber<'_>, channel: &str) -> Result<usize> {
        self.check_process()?;
        subscriber.check()?;
        check_channel(channel)?;
        let clients = self.clients_of(subscriber);
        let had = |client: &&Arc<str>| self.inner.engine.unsubscribe(Place::next(), client, channel);
        Ok(clients.iter().filter(had).count())
    }

    fn clients_of(&self, subscriber: Subscriber<'_>) -> Vec<Arc<str>> {
        match subscriber {
            Subscriber::Client(id) => vec![id.into()],
            Subscriber::User(id) => self.clients_by_user_here(id),
        }
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
