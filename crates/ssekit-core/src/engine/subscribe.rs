//! Channels of connected clients, and of clients that are away: they begin and end at a position in the stream, where the
//! client learns about it.

use std::time::Duration;

use serde_json::json;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::event::position::{Position, is_agreed};
use crate::event::{Draft, Event, Frame};
use crate::history::log::{Entry, Log};
use crate::history::timeline::{Located, Place};
use crate::session::reset::ResetReason;
use crate::session::subscriptions::Begun;

/// Where a subscription begins, if that is in the past.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Since<'a> {
    /// The page knows what was sent to the channel up to this cursor.
    pub(crate) id: Option<&'a str>,
    /// The events after that, if they are known.
    pub(crate) missed: Option<&'a [Frame]>,
}

impl Engine {
    /// Subscribes a client to a channel. The client gets the channel's events after `since`, then `ssekit:subscribed`, then
    /// everything from this place on. Without `since`, it gets no earlier events. Returns false if the client has
    /// subscribed before, or is not known.
    ///
    /// # Errors
    /// The client has as many channels as it may have.
    pub(crate) fn subscribe(&self, place: Place, client: &str, name: &str, since: Since<'_>) -> Result<bool> {
        let most = self.registry.gate.channels_per_client();
        let (mut draft, mut begun) = (notice("ssekit:subscribed", name), Begun::Already);
        loop {
            let Some(client) = self.registry.known_client(client) else { return Ok(false) };
            let channel = self.registry.channel_log(name);
            let (floor, located) = (self.timeline.horizon(), since.id.map(|id| self.timeline.locate(id, |_| None)));
            let from_memory = || located.map_or_else(Vec::new, |located| missed(&channel.log, floor, located, name));
            let earlier = || since.missed.map_or_else(from_memory, <[Frame]>::to_vec);
            let begins = |position| {
                client.is_listed() && {
                    begun = client.subscriptions.begin(&channel, position, most);
                    begun == Begun::Added
                }
            };
            match self.timeline.publish_behind(place, draft, earlier, client.subscriptions.own(), begins) {
                Ok(position) => {
                    self.registry.join_channels(&client);
                    if !client.is_connected() {
                        // A page that cannot say who it was comes back without the channel.
                        self.registry.lose(&client, position);
                    }
                    client.mark();
                    return Ok(true);
                }
                Err(unpublished) => draft = unpublished,
            }
            match begun {
                Begun::Full => return Err(Error::too_many_channels(most)),
                Begun::Already if client.is_listed() => return Ok(false),
                // The client was replaced or given up after the look-up.
                Begun::Already | Begun::Added => {}
            }
        }
    }

    /// Ends a client's subscription to a channel at this place. Returns whether there was one.
    pub(crate) fn unsubscribe(&self, place: Place, client: &str, name: &str) -> bool {
        let mut draft = notice("ssekit:unsubscribed", name);
        loop {
            let Some(client) = self.registry.known_client(client) else { return false };
            let mut ended = None;
            let end = |position| {
                client.is_listed() && {
                    ended = client.subscriptions.end(name, position);
                    ended.is_some()
                }
            };
            match self.timeline.publish(place, draft, None, client.subscriptions.own(), end) {
                Ok(_) => {
                    if let Some((channel, key)) = ended.flatten() {
                        self.registry.leave_channel(&client, &channel, key, Duration::ZERO);
                    }
                    client.mark();
                    return true;
                }
                Err(_) if client.is_listed() => return false,
                Err(unpublished) => draft = unpublished,
            }
        }
    }
}

/// The events of a channel that a page has missed since it knew the channel's state. If they are gone, or memory begins after
/// that, a reset for that channel.
fn missed(log: &Log, floor: Position, since: Option<Located>, name: &str) -> Vec<Frame> {
    let Some(Located { cursor, elsewhere, .. }) = since else { return vec![reset(ResetReason::Unknown, name)] };
    let mut entries = Vec::new();
    if cursor < floor || log.read(cursor, Position::MAX, usize::MAX, &mut entries).is_err() {
        return vec![reset(ResetReason::Evicted, name)];
    }
    let is_new = |entry: &Entry| {
        let was_seen = entry.position <= elsewhere && is_agreed(entry.position);
        // A duplicate whose original comes before it in this list adds nothing.
        !was_seen && entry.duplicate_of() <= cursor
    };
    entries.into_iter().filter(is_new).map(|entry| entry.frame).collect()
}

fn reset(reason: ResetReason, channel: &str) -> Frame {
    let data = json!({ "reason": reason.as_str(), "channel": channel }).to_string();
    Event { name: "ssekit:reset", data: &data, ..Event::default() }.encode_unchecked().without_id()
}

fn notice(name: &str, channel: &str) -> Draft {
    let data = json!({ "channel": channel }).to_string();
    Event { name, data: &data, ..Event::default() }.encode_unchecked()
}
