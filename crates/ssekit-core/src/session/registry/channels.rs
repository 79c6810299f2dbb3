//! The channels of clients, and the clients of channels.

use std::sync::Arc;
use std::time::Duration;

use super::Registry;
use crate::history::timeline::Timeline;
use crate::session::channel::Channel;
use crate::session::channel_log::ChannelLog;
use crate::session::client::Client;
use crate::session::subscriptions::{MemberKey, Span};

impl Registry {
    /// Another node knows these channels of a client that is away.
    pub(crate) fn learn(&self, client: &Client, spans: &[Span]) {
        // Without a lock on the subscriptions, because the look-up of a channel may wait for a publisher.
        let spans: Vec<_> = spans.iter().map(|span| (span.clone(), self.channel_log(&span.channel))).collect();
        client.subscriptions.learn(&spans);
    }

    /// Whether a channel's clients want to know of each other.
    pub(crate) fn has_attendance(&self, name: &str) -> bool {
        self.kinds.of(name).presence
    }

    /// The channel with this name. A new channel begins here, with its first event or member.
    pub(crate) fn channel(&self, name: &str) -> Arc<Channel> {
        self.channels.get_or_begin(name, |floor| Channel::new(name, floor, self.kinds.of(name)))
    }

    /// The events of the channel with this name, which is not given up as long as somebody has them.
    pub(crate) fn channel_log(&self, name: &str) -> Arc<ChannelLog> {
        loop {
            let channel = self.channel(name);
            let events = Arc::clone(&channel.events);
            if !channel.is_retired() {
                return events;
            }
        }
    }

    /// Makes a connected client a member of each of its channels.
    pub(crate) fn join_channels(&self, client: &Arc<Client>) {
        // Without a lock on the subscriptions, because the look-up of a channel may wait for a publisher.
        for name in client.subscriptions.not_joined() {
            let key = self.join_channel(&name, client);
            if !client.subscriptions.set_joined(&name, key) {
                self.leave_channel(client, &name, key, Duration::ZERO);
            }
        }
        if !client.is_connected() {
            // It was disconnected at this very moment.
            self.leave_channels(client);
        }
    }

    /// Makes a client a member of a channel.
    fn join_channel(&self, name: &str, client: &Arc<Client>) -> MemberKey {
        loop {
            let channel = self.channel(name);
            if let Some(key) = channel.join(client) {
                if channel.attendance.is_some() {
                    self.checks.add(&channel.events.name, &client.info.id, Duration::ZERO);
                }
                return key;
            }
        }
    }

    /// Removes a client from the members of a channel, which is known as long as it has any. The others learn about it after
    /// a while, if the client is not back by then.
    pub(crate) fn leave_channel(&self, client: &Client, name: &str, key: MemberKey, after: Duration) {
        let channel = self.channels.get(name);
        debug_assert!(channel.is_some(), "a channel with members is not given up");
        let Some(channel) = channel else { return };
        channel.leave(client, key);
        if channel.attendance.is_some() {
            self.checks.add(&channel.events.name, &client.info.id, after);
        }
    }

    /// A user was logged out: clients that come back do not get the channels that they had. They still get what was sent
    /// before. Clients that are away count if their user was identified up to this time.
    pub(crate) fn end_channels(
        &self,
        ended: &[Arc<Client>],
        (user, identified): (&str, Duration),
        timeline: &Timeline,
    ) {
        let mut away = self.away.of_user(user);
        away.retain(|client| client.identified_at <= identified);
        let until = timeline.newest();
        ended.iter().chain(&away).for_each(|client| client.subscriptions.end_all(until));
    }

    /// Ends a client's membership in all its channels.
    pub(super) fn leave_channels(&self, client: &Client) {
        for (name, key) in client.subscriptions.take_member_keys() {
            self.leave_channel(client, &name, key, self.presence.grace());
        }
    }

    /// Schedules a check of every listed member that, as far as this node knows, is connected nowhere: its node may have
    /// crashed.
    pub(crate) fn check_attendance(&self, is_there: impl Fn(&str, &str) -> bool, patience: Duration) {
        for name in self.channels.names(|channel| channel.attendance.is_some()) {
            let Some(channel) = self.channels.get(&name) else { continue };
            for client in channel.attendance.iter().flat_map(|attendance| attendance.clients()) {
                if self.client(&client).is_none() && !is_there(&client, &name) {
                    self.checks.add(&name, &client, self.presence.grace() + patience);
                }
            }
        }
    }
}
