//! Observers learn that clients come and go. The engine owns the trait; the binding implements it.

use crate::error::Refusal;
use crate::event::Glimpse;
use crate::event::audience::Audience;
use crate::session::client::Client;
use crate::session::lifecycle::{ClientInfo, DisconnectReason};
use crate::session::reset::ResetReason;

/// An event that has just been sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Its audience.
    pub to: Audience<'a>,
    /// Its id. `None`: it is for a client that nobody knows, so the history does not keep it.
    pub id: Option<&'a str>,
    /// The connected clients of this node that it is for.
    pub clients: usize,
    /// Its contents.
    pub event: &'a Glimpse,
}

/// Follows a hub's life. Called on any thread, often one of the engine's own, so it must be quick and must not call back
/// into the hub: a delay here delays everybody's delivery. The hub catches and counts its panics.
pub trait Observer: Send + Sync {
    /// A client is connected: everything sent from now on reaches it.
    fn connected(&self, client: &Client);
    /// A client is gone. Called once for each client that was connected, whatever ended it.
    fn disconnected(&self, client: &ClientInfo, reason: DisconnectReason);
    /// A user has a client, and had no client before.
    fn user_online(&self, _user_id: &str) {}
    /// A user's last client has been gone for as long as a page may take to come back.
    fn user_offline(&self, _user_id: &str) {}
    /// Something went wrong, and no caller can learn about it.
    fn failed(&self, message: &str);
    /// A client was not let in. The ids are those that it asked for.
    fn refused(&self, _refusal: Refusal, _user: Option<&str>, _client: Option<&str>) {}
    /// A client was told about a gap.
    fn was_reset(&self, _client: &ClientInfo, _reason: ResetReason) {}
    /// Whether it looks at events. Asked once, when it is added.
    fn looks_at_events(&self) -> bool {
        false
    }
    /// Whether it wants to see this event, which is about to be sent. An event that nobody wants costs little.
    fn wants(&self, _to: Audience<'_>, _name: &str) -> bool {
        false
    }
    /// An event was sent. It may also be one that only another observer wanted.
    fn sent(&self, _sent: &Sent<'_>) {}
}
