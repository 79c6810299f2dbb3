//! Pages that have seen more of the history than this node, because it lags behind the node that they come from.
//!
//! Such a page waits a while and is then let in. Events that it has already seen are skipped when they come. But a page
//! can make up an id, and a history can lose its end while nobody is there to notice. So the node checks whether the
//! history reaches as far as the page says. It appends a record *after* the page came. When it reads that record back,
//! it has read everything that was there *before*.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::event::position::Position;
use crate::session::client::Client;

/// The maximum number of positions beyond the end of the history that are remembered. A page that makes up more of them just waits
/// in vain.
const MOST_REFUTED: usize = 256;

/// The newcomers that are here, and the positions that others have made up.
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
    /// The newcomer has seen the history up to this position.
    seen: Position,
    /// The count of a record that this node appends after the newcomer came.
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
    /// Adds a client that came before the record with the count `probe` is appended.
    pub(crate) fn add(&self, client: &Arc<Client>, seen: Position, probe: u64) {
        self.0.lock().here.push(Newcomer { client: Arc::downgrade(client), seen, probe });
    }

    /// Notes that the history does not reach this position.
    pub(crate) fn refute(&self, position: Position) {
        self.0.lock().refute(position);
    }

    /// Whether the history is known not to reach this position.
    pub(crate) fn is_refuted(&self, position: Position) -> bool {
        self.0.lock().refuted.contains(&position)
    }

    /// Checks the newcomers when this node has read the history up to `read`, and its own record with the count
    /// `heard`. Returns the clients that have seen something that is not there.
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

    /// Whether no newcomer is being waited for.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().here.is_empty()
    }

    /// Removes and returns all newcomers, because nobody can tell any more what they have seen.
    pub(crate) fn take(&self) -> Vec<Arc<Client>> {
        std::mem::take(&mut self.0.lock().here).iter().filter_map(|newcomer| newcomer.client.upgrade()).collect()
    }

    /// Forgets the refuted positions, because the history is another one, with other positions.
    pub(crate) fn forget_refuted(&self) {
        self.0.lock().refuted.clear();
    }
}
