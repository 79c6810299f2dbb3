//! Tracks the bytes of hyper's streams on their way to the kernel. A flush, and the end of the process, must wait until the
//! bytes are there. It is not enough that hyper has taken them.

use std::mem::take;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;

use ssekit_core::event::position::Position;
use ssekit_core::session::client::Client;

/// Some bytes of a body.
#[derive(Debug)]
pub(crate) struct BodyChunk {
    bytes: Bytes,
    /// The receipt for the last of them, if they belong to a stream.
    receipt: Option<(Receipt, Receipts)>,
}

/// Once some bytes are with the kernel, the client has got everything up to `position`. If this is dropped earlier, the bytes
/// are lost and nobody need wait for them.
#[derive(Debug)]
struct Receipt {
    client: Arc<Client>,
    position: Position,
    is_written: bool,
}

/// Receipts for bytes that were written, but perhaps only into a buffer between hyper and the kernel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receipts(Arc<Mutex<Vec<Receipt>>>);

impl Receipts {
    /// Everything written so far is with the kernel.
    pub(crate) fn flushed(&self) {
        let receipts = take(&mut *self.0.lock());
        receipts.into_iter().for_each(Receipt::sign);
    }
}

impl BodyChunk {
    /// Bytes whose arrival nobody waits for.
    pub(crate) fn plain(bytes: Bytes) -> Self {
        Self { bytes, receipt: None }
    }

    /// Bytes after which the client has got everything up to `position`.
    pub(crate) fn for_client(bytes: Bytes, client: &Arc<Client>, position: Position, receipts: &Receipts) -> Self {
        let receipt = Receipt { client: Arc::clone(client), position, is_written: false };
        Self { bytes, receipt: Some((receipt, receipts.clone())) }
    }
}

impl Buf for BodyChunk {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if self.bytes.is_empty()
            && let Some((receipt, receipts)) = self.receipt.take()
        {
            receipts.0.lock().push(receipt);
        }
    }
}

impl Receipt {
    fn sign(mut self) {
        self.is_written = true;
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        let progress = &self.client.progress;
        if self.is_written {
            progress.wrote_to(self.position);
        } else {
            progress.give_up();
        }
        self.client.shard.progressed();
    }
}
