//! Pages that have seen more of the history than this node has: it lags behind the node that they come from.
//!
//! Such a page is waited for, then let in: what it has seen is passed over when it comes. But an id can be made up, and a history can
//! have lost its end when nobody was there to notice. So it is found out whether the history reaches as far as the page says: when
//! something that this node has appended *after* the page came is read back, everything has been read that was there *before*.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::event::position::Position;
use crate::session::client::Client;

/// Positions that are remembered which the history does not reach. Whoever makes up more of them waits for nothing.
const MOST_REFUTED: usize = 256;

/// Those that are here, and what is known of the others.
#[derive(Debug, Default)]
pub(crate) struct Newcomers(Mutex<View>);

#[derive(Debug, Default)]
struct View {
    here: Vec<Newcomer>,
    refuted: VecDeque<Position>,
}

#[derive(Debug)]
struct Newcomer {
    client: Weak<Client>,
    /// It has seen the history up to here.
    seen: Position,
    /// The count of something that this node has appended since.
    probe: u64,
}

impl View {
    fn refute(&mut self, position: Position) {
        if !self.refuted.contains(&position) {
            self.refuted.push_back(position);
            if self.refuted.len() > MOST_REFUTED {
                self.refuted.pop_front();
            }
        }
    }
}

impl Newcomers {
    /// A client has come, before something with the count `probe` is appended.
    pub(crate) fn add(&self, client: &Arc<Client>, seen: Position, probe: u64) {
        self.0.lock().here.push(Newcomer { client: Arc::downgrade(client), seen, probe });
    }

    /// The history does not reach so far.
    pub(crate) fn refute(&self, position: Position) {
        self.0.lock().refute(position);
    }

    /// Whether it was found out that the history does not reach so far.
    pub(crate) fn is_refuted(&self, position: Position) -> bool {
        self.0.lock().refuted.contains(&position)
    }

    /// Looks how far this node has come: it has read the history up to `read`, and its own record with the count `heard`. Returns the
    /// clients that have seen what is not there.
    pub(crate) fn review(&self, read: Position, heard: u64) -> Vec<Arc<Client>> {
        let mut view = self.0.lock();
        view.refuted.retain(|position| *position > read);
        let (mut strays, mut refuted) = (Vec::new(), Vec::new());
        view.here.retain(|newcomer| {
            let Some(client) = newcomer.client.upgrade().filter(|client| client.is_connected()) else { return false };
            if newcomer.seen > read && newcomer.probe <= heard {
                refuted.push(newcomer.seen);
                strays.push(client);
                return false;
            }
            newcomer.seen > read
        });
        refuted.into_iter().for_each(|position| view.refute(position));
        strays
    }

    /// Whether some are waited for.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().here.is_empty()
    }

    /// All of them: what they have seen cannot be known any more.
    pub(crate) fn take(&self) -> Vec<Arc<Client>> {
        std::mem::take(&mut self.0.lock().here).iter().filter_map(|newcomer| newcomer.client.upgrade()).collect()
    }

    /// The history is another one, with other positions.
    pub(crate) fn forget_refuted(&self) {
        self.0.lock().refuted.clear();
    }
}
