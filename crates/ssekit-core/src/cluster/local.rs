//! What a node asks of its own hub.

use std::sync::Arc;

use tokio::time::Instant;

use crate::backplane::Number;
use crate::cluster::message::Message;
use crate::event::position::{Epoch, Position};
use crate::session::client::Client;
use crate::session::lifecycle::ClientInfo;

/// What became of a record before this node read it from the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Nothing: it is new here.
    New,
    /// An event that this node delivered during an outage. It is in the logs at this position.
    AlreadyDelivered(Position),
    /// An order that has been carried out.
    AlreadyDone,
}

/// What a node does with what it reads; the hub implements it.
pub(crate) trait Local: Send + Sync {
    /// The history is another one, or has a gap: nothing up to this number is known any more. What comes from here on is for those
    /// who come back; clients that are connected are told of the gap when it has [caught up](Local::caught_up), and go on there.
    fn begin_after(&self, epoch: Epoch, number: Number);
    /// Everything has been applied that stood in the history when it was joined, or there is no waiting for it.
    fn caught_up(&self);
    /// A record of the events' channel.
    fn apply(&self, number: Number, at: Instant, message: Option<Message<'_>>, earlier: Arrival);
    /// The same, before all nodes have agreed on its place. None: there is no room.
    fn apply_unsequenced(&self, message: &Message<'_>) -> Option<Arrival>;
    /// What stands in the logs after this position is this node's alone. None: nothing is.
    fn set_unsequenced_after(&self, after: Option<Position>);
    /// The position of the newest event.
    fn newest(&self) -> Position;
    /// Where the history begins: after everything that stood here before it became another one.
    fn base(&self) -> Position;
    /// Some records have been applied.
    fn applied(&self);
    /// Clients that had seen more than this node are to come back, because what they have seen cannot be told apart any more.
    fn end_newcomers(&self);
    /// A client has seen what is not in the history: it is to come back, and be told.
    fn end_stray(&self, client: &Arc<Client>);
    /// A client with this id has come to another node after it came here.
    fn replaced_elsewhere(&self, client: &str);
    /// Nobody knows any more whose this client was, which left another node long ago.
    fn forgotten_elsewhere(&self, client: ClientInfo);
    /// The id is another user's: whoever has it here has it no longer, and gets nothing any more. Says whether somebody had.
    fn give_away(&self, client: &str, owner: Option<&str>) -> bool;
    /// Who is connected here.
    fn members(&self) -> Vec<ClientInfo>;
    /// How many they are.
    fn clients(&self) -> usize;
    /// Something that no caller can be told.
    fn failed(&self, message: &str);
}
