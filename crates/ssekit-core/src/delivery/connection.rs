//! A client whose socket a shard writes to: its reader, its writer, and the step from one to the other.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

use crate::delivery::broadcasts::Broadcasts;
use crate::delivery::deliveries::Tally;
use crate::delivery::handoff::{Handoff, Held};
use crate::delivery::pace::Pace;
use crate::delivery::socket::{Input, Writer, expect_answers, reason_of};
use crate::event::position::Position;
use crate::event::{Frame, Framing};
use crate::history::log::Backlog;
use crate::history::timeline::Timeline;
use crate::options::MaxLag;
use crate::session::client::Client;
use crate::session::lifecycle::DisconnectReason;
use crate::session::reader::Reader;

/// Bytes passed to the kernel at once; usually more than its socket buffer accepts.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Batches that a client may write before the others may.
const BATCHES_PER_ITERATION: usize = 4;

/// The result of writing to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is as far as it can get now: it has everything, or its socket is full.
    Settled,
    /// It has written as many batches as it may, and there is more to write.
    More,
    /// It is gone.
    Gone(DisconnectReason),
}

/// A client with its own socket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// The shard's tick at the last write of an event.
    last_write: u32,
    /// The same for the last heartbeat.
    last_beat: u32,
    /// The id of the last event was old when it was written.
    id_was_old: bool,
    /// Dropped after the socket.
    _held: Option<Held>,
}

impl Connection {
    pub(crate) fn new(handoff: Handoff, timeout: Duration, tick: u32) -> Self {
        expect_answers(&SockRef::from(&handoff.socket), timeout);
        let mut writer = Writer::new(handoff.socket, handoff.framing);
        handoff.first.into_iter().for_each(|first| writer.keep(first));
        let id_was_old = handoff.reader.client().came_behind;
        Self { reader: handoff.reader, writer, last_write: tick, last_beat: tick, id_was_old, _held: handoff.held }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        self.reader.client()
    }

    /// Whether the client was let go, and has yet to get the rest of the events sent before that: its socket is full, or they
    /// have to be recalled.
    pub(crate) fn is_owed(&self) -> bool {
        let waits = self.writer.may_go_on() || (self.reader.has_arrears() && self.writer.is_open());
        self.client().end() > 0 && waits
    }

    /// Writes shared events, or anything else that this client is to get.
    pub(crate) fn deliver(
        &mut self,
        broadcasts: &Broadcasts,
        slices: &[IoSlice<'_>],
        timeline: &Timeline,
        tick: u32,
        tally: &mut Tally,
    ) -> Outcome {
        if self.writer.blocked || self.reader.cursor() >= broadcasts.to {
            return Outcome::Settled;
        }
        let as_they_are = self.writer.is_clear() && self.writer.framing() == Framing::Chunked;
        if !as_they_are || !broadcasts.suit(&self.reader) {
            return self.write_pending(timeline, tick, tally);
        }
        let sent = match self.writer.send(slices) {
            Ok(sent) => sent,
            Err(error) => return Outcome::Gone(reason_of(&error)),
        };
        self.last_write = tick;
        tally.bytes += sent as u64;
        if sent == broadcasts.bytes {
            self.reader.advance(broadcasts.to);
            tally.events += broadcasts.entries.len() as u64;
            return Outcome::Settled;
        }
        let positions = broadcasts.entries.iter().map(|entry| entry.position);
        tally.events += self.took(sent, positions.zip(&broadcasts.chunks));
        self.write_pending(timeline, tick, tally)
    }

    /// Writes the rest of a frame, then events from the logs, until the socket is full or it has written as many batches as it may.
    pub(crate) fn write_pending(&mut self, timeline: &Timeline, tick: u32, tally: &mut Tally) -> Outcome {
        match self.try_write_pending(timeline, tick, tally) {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Gone(reason_of(&error)),
        }
    }

    fn try_write_pending(&mut self, timeline: &Timeline, tick: u32, tally: &mut Tally) -> io::Result<Outcome> {
        for _ in 0..BATCHES_PER_ITERATION {
            let rest = self.writer.send_rest()?;
            if rest > 0 {
                self.last_write = tick;
                tally.bytes += rest as u64;
            }
            if self.writer.blocked {
                return Ok(Outcome::Settled);
            }
            if rest > 0 {
                self.reader.finish();
            }
            let batch = self.reader.next(timeline, MAX_BATCH_BYTES);
            if batch.events.is_empty() {
                let was = self.reader.cursor();
                if batch.end == was {
                    return Ok(Outcome::Settled);
                }
                self.reader.advance(batch.end);
                continue;
            }
            let framing = self.writer.framing();
            let frames: Vec<Bytes> = batch.events.iter().map(|event| event.frame.framed(framing)).collect();
            let slices: Vec<IoSlice<'_>> = frames.iter().map(|frame| IoSlice::new(frame)).collect();
            let sent = self.writer.send(&slices)?;
            self.last_write = tick;
            tally.bytes += sent as u64;
            // A reset is always alone in its batch.
            let reset = batch.events.first().and_then(|event| event.reset);
            let resets = u64::from(reset.is_some());
            if sent == frames.iter().map(Bytes::len).sum::<usize>() {
                self.reader.advance(batch.end);
                tally.events += frames.len() as u64 - resets;
                tally.resets += resets;
            } else {
                let taken = self.took(sent, batch.events.iter().map(|event| event.position).zip(&frames));
                tally.resets += resets.min(taken);
                tally.events += taken.saturating_sub(resets);
            }
            if sent > 0
                && let Some(reason) = reset
            {
                tally.told.push((Arc::clone(self.client()), reason));
            }
        }
        Ok(Outcome::More)
    }

    /// Moves the cursor past the frames that the kernel has accepted, even in part. Returns their number.
    fn took<'a>(&mut self, sent: usize, frames: impl Iterator<Item = (Position, &'a Bytes)>) -> u64 {
        let (mut left, mut taken) = (sent, 0);
        for (position, frame) in frames {
            if left == 0 {
                break;
            }
            taken += 1;
            if left < frame.len() {
                self.reader.begin(position);
                self.writer.keep(frame.slice(left..));
                break;
            }
            self.reader.advance(position);
            left -= frame.len();
        }
        taken
    }

    /// Handles a report from the poll.
    pub(crate) fn on_ready(&mut self, readable: bool, writable: bool) -> Option<DisconnectReason> {
        if writable && self.writer.may_go_on() {
            self.writer.blocked = false;
        }
        match readable.then(|| self.writer.discard_input()) {
            Some(Input::Over(reason)) => Some(reason),
            Some(Input::Open) | None => None,
        }
    }

    /// The client's lag. It lags only while its socket is full.
    pub(crate) fn backlog(&self, max_lag: &MaxLag, timeline: &Timeline) -> Option<Backlog> {
        self.writer.blocked.then(|| max_lag.backlog_of(self.client(), self.reader.cursor(), timeline))
    }

    /// Sends a heartbeat, or the client's position, if the connection has been idle long enough.
    pub(crate) fn beat(&mut self, pace: &Pace, timeline: &Timeline, tick: u32, tally: &mut Tally) -> Outcome {
        if self.writer.blocked || !self.writer.is_clear() {
            self.id_was_old = true;
            return Outcome::Settled;
        }
        let Some(frame) = self.due(pace, timeline, tick) else { return Outcome::Settled };
        match self.writer.send_frame(frame) {
            Ok(sent) => {
                tally.heartbeats += 1;
                tally.bytes += sent as u64;
                Outcome::Settled
            }
            Err(error) => Outcome::Gone(reason_of(&error)),
        }
    }

    /// The bytes that are due at this tick.
    fn due(&mut self, pace: &Pace, timeline: &Timeline, tick: u32) -> Option<Bytes> {
        let idle = tick.wrapping_sub(self.last_write);
        let framing = self.writer.framing();
        if idle >= pace.until_position(self.id_was_old)
            && let Some(frame) = self.position(timeline)
        {
            (self.last_write, self.id_was_old) = (tick, false);
            return Some(frame.framed(framing));
        }
        if idle.min(tick.wrapping_sub(self.last_beat)) < pace.heartbeat {
            return None;
        }
        self.last_beat = tick;
        Some(Bytes::from_static(pace.form.bytes(framing)))
    }

    /// The client's position, if the client has everything.
    fn position(&mut self, timeline: &Timeline) -> Option<Frame> {
        let batch = self.reader.next(timeline, MAX_BATCH_BYTES);
        if !batch.events.is_empty() {
            return None;
        }
        self.reader.advance(batch.end);
        self.reader.position(timeline)
    }
}
