//! Observers learn that clients come and go. The engine owns the trait; the binding implements it.

use crate::session::client::Client;
use crate::session::lifecycle::{ClientInfo, DisconnectReason};

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
}
