//! The requests of a node to its own hub.

use std::sync::Arc;

use tokio::time::Instant;

use crate::backplane::Number;
use crate::cluster::message::Message;
use crate::event::position::{Epoch, Position};
use crate::session::client::Client;
use crate::session::lifecycle::ClientInfo;

/// What happened to a record before this node read it from the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Nothing: the record is new here.
    New,
    /// The record is an event that this node delivered during an outage. It is in the logs at this position.
    AlreadyDelivered(Position),
    /// The record is an order that has been carried out.
    AlreadyDone,
}

/// How a node applies the records that it reads; the hub implements this.
pub(crate) trait Local: Send + Sync {
    /// The history is another one or has a gap: nothing up to this number is known any more. From now on, records are
    /// only for clients that come back. Connected clients learn about the gap after [`Local::caught_up`], and continue
    /// from there.
    fn begin_after(&self, epoch: Epoch, number: Number);
    /// Everything that the history held at the join has been applied, or there is no point in waiting for it.
    fn caught_up(&self);
    /// Applies a record of the events' channel.
    fn apply(&self, number: Number, at: Instant, message: Option<Message<'_>>, earlier: Arrival);
    /// The same, before all nodes have agreed on its place. Returns `None` if there is no room.
    fn apply_unsequenced(&self, message: &Message<'_>) -> Option<Arrival>;
    /// Events after this position in the logs are unsequenced: only this node has them. `None`: no event is.
    fn set_unsequenced_after(&self, after: Option<Position>);
    /// The position of the newest event.
    fn newest(&self) -> Position;
    /// The base of the history: it comes after every event from before the history became another one.
    fn base(&self) -> Position;
    /// Some records have been applied.
    fn applied(&self);
    /// Ends clients that had seen more than this node, because it can no longer tell what they have seen. They come
    /// back.
    fn end_newcomers(&self);
    /// Ends a client that has seen something that is not in the history. When it comes back, it receives
    /// `ssekit:reset`.
    fn end_stray(&self, client: &Arc<Client>);
    /// A client with this id has come to another node after it came here.
    fn replaced_elsewhere(&self, client: &str);
    /// The nodes have forgotten who owned this client, which left another node long ago.
    fn forgotten_elsewhere(&self, client: ClientInfo);
    /// The id belongs to another user. A client that has it here loses it and gets nothing more. Returns whether there
    /// was one.
    fn give_away(&self, client: &str, owner: Option<&str>) -> bool;
    /// The clients connected here.
    fn members(&self) -> Vec<ClientInfo>;
    /// The number of clients connected here.
    fn clients(&self) -> usize;
    /// Reports a problem that no caller can receive.
    fn failed(&self, message: &str);
}
