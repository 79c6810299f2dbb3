//! Channels of connected clients, and of clients that are away: they begin and end at a position in the stream, where the
//! client learns about it.

use serde_json::json;

use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::event::{Draft, Event};
use crate::history::timeline::Place;
use crate::session::subscriptions::{Begun, MOST_CHANNELS};

impl Engine {
    /// Subscribes a client to a channel from this place on. Returns false if it has subscribed before.
    ///
    /// # Errors
    /// The client has as many channels as it may have.
    pub(crate) fn subscribe(&self, place: Place, client: &str, name: &str) -> Result<bool> {
        let (mut draft, mut begun) = (notice("ssekit:subscribed", name), Begun::Already);
        loop {
            let Some(client) = self.registry.known_client(client) else { return Ok(false) };
            let channel = self.registry.channel(name);
            let begin = |position| {
                client.is_listed() && {
                    begun = client.subscriptions.begin(&channel, position);
                    begun == Begun::Added
                }
            };
            match self.timeline.publish(place, draft, None, client.subscriptions.own(), begin) {
                Ok(_) => {
                    self.registry.take_seats(&client);
                    client.mark();
                    return Ok(true);
                }
                Err(unpublished) => draft = unpublished,
            }
            match begun {
                Begun::Full => return Err(too_many()),
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
                    if let Some((channel, seat)) = ended.flatten() {
                        channel.leave(seat);
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

fn too_many() -> Error {
    Error::range(format!("channel: the client has {MOST_CHANNELS} channels, and may have no more"))
}

fn notice(name: &str, channel: &str) -> Draft {
    let data = json!({ "channel": channel }).to_string();
    Event { name, data: &data, ..Event::default() }.encode_unchecked()
}
