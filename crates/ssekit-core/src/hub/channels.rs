//! Channels: who subscribes to what.

use std::sync::Arc;

use crate::cluster::message::{Message, Owner, SubscriptionCommand};
use crate::cluster::node::Cluster;
use crate::engine::Since;
use crate::error::{Error, Result};
use crate::event::key::Key;
use crate::event::{check_channel, check_length};
use crate::history::timeline::Place;
use crate::hub::Hub;

/// The clients whose subscriptions a call changes.
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

/// A client whose subscriptions are about to change.
pub(super) struct Target {
    client: Arc<str>,
    /// The key that its own node has to check; empty: the page has shown none.
    shown: Option<String>,
}

impl Target {
    fn sure(client: Arc<str>) -> Self {
        Self { client, shown: None }
    }
}

/// A change of a subscription.
#[derive(Clone, Copy)]
pub(super) enum SubscriptionChange<'a> {
    Begin(Option<&'a str>),
    End,
}

impl Hub {
    /// Subscribes to a channel. `ssekit:subscribed` shows each client where the channel's events begin. With `since`, a
    /// [cursor](Hub::cursor), it first gets the events after that; if they are gone, it gets `ssekit:reset` for that
    /// channel. Returns the number of clients that had not subscribed before, as far as this node knows.
    ///
    /// # Errors
    /// An id or the channel's name is invalid, a client has reached its limit of channels, or a page is not the client that
    /// it claims to be.
    pub fn subscribe(&self, subscriber: Subscriber<'_>, channel: &str, since: Option<&str>) -> Result<usize> {
        check_channel(channel)?;
        let targets = self.targets(subscriber)?;
        // Before the first of them changes.
        targets.iter().try_for_each(|target| self.check_room(&target.client, channel))?;
        self.change_all(&targets, channel, SubscriptionChange::Begin(since))
    }

    /// Ends subscriptions to a channel. Each client learns by `ssekit:unsubscribed` up to where it gets the channel's events.
    /// Returns the number of clients that had subscribed, as far as this node knows.
    ///
    /// # Errors
    /// An id or the channel's name is invalid, or a page is not the client that it claims to be.
    pub fn unsubscribe(&self, subscriber: Subscriber<'_>, channel: &str) -> Result<usize> {
        check_channel(channel)?;
        self.change_all(&self.targets(subscriber)?, channel, SubscriptionChange::End)
    }

    /// Changes the subscriptions of all of them to one channel. Returns the number of clients that change.
    pub(super) fn change_all(
        &self,
        targets: &[Target],
        channel: &str,
        change: SubscriptionChange<'_>,
    ) -> Result<usize> {
        let mut count = 0;
        for target in targets {
            let has_changed = match &self.inner.cluster {
                Some(cluster) => self.change_anywhere(cluster, target, channel, change),
                None => self.change_here(&target.client, channel, change)?,
            };
            count += usize::from(has_changed);
        }
        Ok(count)
    }

    fn check_room(&self, client: &str, channel: &str) -> Result<()> {
        let most = self.inner.options.limits.channels_per_client;
        let channels = self.channels_of_client(client);
        let fits = channels.len() < most || channels.iter().any(|name| **name == *channel);
        if fits { Ok(()) } else { Err(Error::too_many_channels(most)) }
    }

    fn change_here(&self, client: &str, channel: &str, change: SubscriptionChange<'_>) -> Result<bool> {
        let engine = &self.inner.engine;
        match change {
            SubscriptionChange::Begin(id) => {
                engine.subscribe(Place::next(), client, channel, Since { id, missed: None })
            }
            SubscriptionChange::End => Ok(engine.unsubscribe(Place::next(), client, channel)),
        }
    }

    /// Sends a command to all nodes. The node that has the client carries it out in its stream, and the others in case the
    /// client comes to them.
    fn change_anywhere(
        &self,
        cluster: &Cluster,
        target: &Target,
        channel: &str,
        change: SubscriptionChange<'_>,
    ) -> bool {
        let client = &*target.client;
        let Some((user, _)) = self.owner_of(cluster, client) else { return false };
        let has = self.channels_of_client(client).iter().any(|name| **name == *channel);
        let owner = Some(user.as_deref().map_or(Owner::Anonymous, Owner::User));
        let command = |since| SubscriptionCommand { client, owner, shown: target.shown.as_deref(), channel, since };
        let message = match change {
            SubscriptionChange::Begin(since) => Message::Subscribe(command(since)),
            SubscriptionChange::End => Message::Unsubscribe(command(None)),
        };
        // Even if nothing seems to change: an earlier command may still be on its way.
        cluster.send(message.record(), &self.inner.engine);
        has == matches!(change, SubscriptionChange::End)
    }

    /// The channels of a client, as far as this node knows.
    pub(super) fn channels_of_client(&self, client: &str) -> Vec<Arc<str>> {
        let here = self.inner.engine.registry.known_client(client);
        let is_there = |cluster: &Cluster| cluster.remote_clients.find(client).is_some_and(|there| there.connected);
        match (here, &self.inner.cluster) {
            (Some(here), Some(cluster)) if here.is_connected() || !is_there(cluster) => here.subscriptions.names(),
            (Some(here), None) => here.subscriptions.names(),
            (_, Some(cluster)) => {
                let spans = cluster.remote_clients.spans_of(client);
                spans.into_iter().filter(|span| span.is_active()).map(|span| span.channel).collect()
            }
            (None, None) => Vec::new(),
        }
    }

    /// The clients whose subscriptions a call changes, if it may.
    pub(super) fn targets(&self, subscriber: Subscriber<'_>) -> Result<Vec<Target>> {
        self.check_process()?;
        subscriber.check()?;
        match subscriber {
            Subscriber::Client(id) => Ok(vec![Target::sure(id.into())]),
            Subscriber::User(id) => Ok(self.clients_by_user(id).into_iter().map(Target::sure).collect()),
            Subscriber::Page(page) => self.target_of(page).map(|target| vec![target]).ok_or_else(Error::unknown_client),
        }
    }

    /// The client of a page, if the page has proved that it is the client, or the client's own node can find that out.
    fn target_of(&self, page: Page<'_>) -> Option<Target> {
        let here = self.inner.engine.registry.known_client(page.client);
        let there = self.inner.cluster.as_ref().and_then(|cluster| cluster.remote_clients.find(page.client));
        let target = Target::sure(page.client.into());
        if page.user.is_some() {
            let owner = match &self.inner.cluster {
                Some(cluster) => self.owner_of(cluster, page.client)?.0,
                None => here?.info.user.clone(),
            };
            return (owner.as_deref() == page.user).then_some(target);
        }
        match there {
            Some(there) if there.user.is_none() && !here.as_ref().is_some_and(|here| here.is_connected()) => {
                let shown = page.key.map_or_else(String::new, |key| key.shown());
                Some(Target { shown: Some(shown), ..target })
            }
            _ => here?.is_proved_by(page.key.as_ref()).then_some(target),
        }
    }

    /// The channels that have connected clients on any node, in no particular order.
    pub fn channels(&self) -> Vec<Arc<str>> {
        let mut names = self.inner.engine.registry.channels.names(|channel| channel.count() > 0);
        names.extend(self.elsewhere(|cluster| cluster.remote_clients.channels()));
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The ids of the connected clients on all nodes that have subscribed to a channel, in no particular order.
    pub fn clients_by_channel(&self, channel: &str) -> Vec<Arc<str>> {
        let here = self.inner.engine.registry.channels.get(channel).map_or_else(Vec::new, |channel| channel.clients());
        let mut ids: Vec<Arc<str>> = here.iter().map(|client| Arc::clone(&client.info.id)).collect();
        ids.extend(self.elsewhere(|cluster| cluster.remote_clients.clients_of_channel(channel)));
        ids
    }
}
