//! Tells the other nodes about this node's clients.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::backplane::Number;
use crate::cluster::claims::Claims;
use crate::cluster::message::{AnnouncedClient, Message};
use crate::cluster::outbox::{Bounds, Outbox};
use crate::cluster::remote_clients::announced;
use crate::session::client::Client;
use crate::session::subscriptions::Span;

/// Clients and channels in one piece of a presence snapshot.
const PIECE: usize = 500;

/// This node's messages about its clients.
#[derive(Debug)]
pub(crate) struct Announcer {
    /// Waiting to be appended.
    pub(crate) outbox: Outbox,
    /// Held from the look at clients, or at a client's channels, until what it showed is in the outbox. Otherwise an older
    /// state could follow a newer one.
    order: Mutex<()>,
}

impl Announcer {
    pub(crate) fn new() -> Self {
        Self { outbox: Outbox::new(Bounds { records: 65_536, bytes: 16 << 20 }), order: Mutex::new(()) }
    }

    /// A client has come.
    pub(crate) fn joined(&self, client: &Client) {
        let _order = self.order.lock();
        let spans = client.subscriptions.spans();
        self.outbox.push([Message::Joined(vec![announced(client, &spans, None)]).record()]);
    }

    /// A client's channels have changed.
    pub(crate) fn changed(&self, client: &Client) {
        let _order = self.order.lock();
        let spans = client.subscriptions.spans();
        self.outbox.push([Message::Changed(announced(client, &spans, None)).record()]);
    }

    /// A client has left.
    pub(crate) fn left(&self, client: &str) {
        let _order = self.order.lock();
        self.outbox.push([Message::Left(vec![client]).record()]);
    }

    /// Everything about the clients that are here, in place of whatever the other nodes know about this node. It has read
    /// the members' topic up to the number `read` at least.
    pub(crate) fn snapshot(&self, read: Number, here: impl FnOnce() -> Vec<Arc<Client>>, claims: &Claims) {
        let _order = self.order.lock();
        let here = here();
        let spans: Vec<Vec<Span>> = here.iter().map(|client| client.subscriptions.spans()).collect();
        let reported = |client: &Client| claims.reported(&client.info.id, client.info.user.as_deref());
        let mut clients = here.iter().zip(&spans).map(|(client, spans)| announced(client, spans, reported(client)));
        let mut messages = Vec::new();
        loop {
            let piece = next_piece(&mut clients);
            let is_last = piece.is_empty();
            let first = messages.is_empty();
            if first || !is_last {
                messages.push(Message::PresenceSnapshot { first, read, clients: piece }.record());
            }
            if is_last {
                break;
            }
        }
        messages.push(Message::Alive(here.len() as u64).record());
        self.outbox.push(messages);
    }
}

fn next_piece<'a>(clients: &mut impl Iterator<Item = AnnouncedClient<'a>>) -> Vec<AnnouncedClient<'a>> {
    let (mut piece, mut size) = (Vec::new(), 0);
    while size < PIECE
        && let Some(announced) = clients.next()
    {
        size += 1 + announced.channels.len();
        piece.push(announced);
    }
    piece
}
