//! Who wants to know that clients come and go. The engine owns the trait; the binding implements it.

use crate::session::lifecycle::{ClientInfo, DisconnectReason};

/// Is told of a hub's life. Called on any thread, often one of the engine's own, so it must be quick and must not call back
/// into the hub; what it delays is everybody's delivery. A panic in it is caught and counted.
pub trait Observer: Send + Sync {
    /// A client is connected: what is sent from here on reaches it.
    fn connected(&self, client: &ClientInfo);
    /// A client is gone. Called once for each that was connected, whatever ended it.
    fn disconnected(&self, client: &ClientInfo, reason: DisconnectReason);
    /// A user has a client, and had none before.
    fn user_online(&self, _user_id: &str) {}
    /// A user's last client has been gone for as long as a page may take to come back.
    fn user_offline(&self, _user_id: &str) {}
    /// Something went wrong that no caller can be told of.
    fn failed(&self, message: &str);
}
