//! A client's cursor in the one sequence: live delivery, catching up and resuming all mean "read on from here".

use std::sync::Arc;

use crate::event::position::{Position, is_agreed};
use crate::event::{Event, Frame};
use crate::history::log::{Entry, Gap, Log};
use crate::history::timeline::Timeline;
use crate::session::arrears::{Arrears, Step};
use crate::session::client::Client;
use crate::session::reset::ResetReason;

/// The maximum number of events that one read returns. One vectored write takes that many slices everywhere (`IOV_MAX` is at least
/// 1,024).
pub const MAX_EVENTS: usize = 256;

/// The next event for a client.
#[derive(Debug)]
pub struct Pending {
    /// Its position.
    pub position: Position,
    /// Its bytes.
    pub frame: Frame,
    /// The gap that it reports, if it does.
    pub reset: Option<ResetReason>,
}

/// The next events for a client.
#[derive(Debug, Default)]
pub struct ReadBatch {
    /// In order of position.
    pub events: Vec<Pending>,
    /// Where the cursor is when all of these have been taken.
    pub end: Position,
    /// More events were left out.
    pub has_more: bool,
}

/// Reads a client's logs in order of position. One cursor covers all of the client's logs, so one id resumes all of
/// them.
#[derive(Debug)]
pub struct Reader {
    client: Arc<Client>,
    /// The client has a key, which must be added to each event: the frames that others share do not fit it as they are.
    is_keyed: bool,
    /// Everything up to this position has been taken.
    cursor: Position,
    /// The client has seen every agreed event up to this position elsewhere. While the cursor is before it, the client is
    /// catching up. It then gets only this node's unsequenced events, with ids made for it.
    elsewhere: Position,
    /// The client must get this reset before anything else. Everything after the cursor follows it.
    reset: Option<ResetReason>,
    /// The events that the client missed and that memory does not hold.
    arrears: Option<Arc<Arrears>>,
}

impl Reader {
    /// A reader that begins at this cursor; a reset comes first.
    pub fn new(client: Arc<Client>, cursor: Position, reset: Option<ResetReason>) -> Self {
        let is_keyed = client.key.is_some();
        Self { client, is_keyed, cursor, elsewhere: 0, reset, arrears: None }
    }

    /// With what the client has missed and memory does not hold.
    #[must_use]
    pub(crate) fn owing(self, arrears: Option<Arc<Arrears>>) -> Self {
        Self { arrears, ..self }
    }

    /// Notes that the client has seen every agreed event up to this position elsewhere.
    #[must_use]
    pub fn having_seen(self, elsewhere: Position) -> Self {
        Self { elsewhere, ..self }
    }

    /// The client that reads.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The reset that the client must get before anything else.
    pub fn owes(&self) -> Option<ResetReason> {
        self.reset
    }

    /// The position up to which everything has been taken.
    pub fn cursor(&self) -> Position {
        self.cursor
    }

    /// Whether only broadcasts can be new, with their shared bytes, and no reset is owed. The client's own logs are asked
    /// only if a targeted event, at `newest_targeted`, has come since.
    pub fn wants_only_broadcasts(&self, newest_targeted: Position) -> bool {
        self.takes_shared_bytes()
            && (newest_targeted <= self.cursor || !self.client.subscriptions.has_news(self.cursor))
    }

    /// Whether only a channel can be new, from its event at `first` on. There must be no new broadcast.
    pub fn wants_only(&self, channel: &Arc<Log>, first: Position) -> bool {
        self.takes_shared_bytes() && self.client.subscriptions.has_news_only_in(channel, self.cursor, first)
    }

    /// Whether it gets the bytes that others share, and no reset is owed.
    fn takes_shared_bytes(&self) -> bool {
        !self.is_keyed && self.reset.is_none() && !self.is_catching_up() && self.open_arrears().is_none()
    }

    /// Whether this event is for this client and new to it.
    pub fn wants(&self, entry: &Entry) -> bool {
        let was_seen = entry.position <= self.elsewhere && is_agreed(entry.position);
        !was_seen && self.client.wants(entry)
    }

    /// Whether the client still waits for events that have to be recalled.
    pub(crate) fn has_arrears(&self) -> bool {
        self.client.end() > self.cursor && self.open_arrears().is_some()
    }

    /// The arrears, until everything has been read.
    fn open_arrears(&self) -> Option<&Arc<Arrears>> {
        self.arrears.as_ref().filter(|arrears| !arrears.are_over())
    }

    fn is_catching_up(&self) -> bool {
        self.cursor < self.elsewhere
    }

    /// Prepares an event for this client. While the client is catching up, it has not seen what other clients saw before
    /// this event, so the id must say that.
    fn pending(&self, timeline: &Timeline, entry: Entry) -> Pending {
        let Entry { position, frame, .. } = entry;
        let frame = if position < self.elsewhere && frame.own_id().is_none() {
            frame.with_id(&timeline.id_of_newcomer(position, self.elsewhere))
        } else {
            frame
        };
        Pending { position, frame: self.own(frame), reset: None }
    }

    /// The next events: at most [`MAX_EVENTS`], and at most `max_bytes` except for a first event that is larger. The cursor
    /// stays; move it by [`Reader::advance`] as far as the events have been taken.
    pub fn next(&self, timeline: &Timeline, max_bytes: usize) -> ReadBatch {
        // Load the head before reading the logs, because everything up to this head is in them. Load it before the client's
        // end, too: events published after a disconnect has returned then stay unseen.
        let head = timeline.head().min(self.client.end()).max(self.cursor);
        if let Some(batch) = self.next_of_arrears(timeline, head, max_bytes) {
            return batch;
        }
        let mut entries = Vec::new();
        let read = self.read(timeline, head, &mut entries);
        if self.reset.is_some() || read.is_err() {
            return self.tell_gap(timeline, head, read.is_err());
        }
        entries.sort_unstable_by_key(|entry| entry.position);
        // Events left out by a log's limit lie after the last event taken.
        let is_limited = entries.len() >= MAX_EVENTS;
        self.batch(timeline, entries, (head, is_limited), max_bytes)
    }

    /// The next events from the arrears; `None`: there are none, or they have been read.
    fn next_of_arrears(&self, timeline: &Timeline, head: Position, max_bytes: usize) -> Option<ReadBatch> {
        let arrears = self.open_arrears()?;
        if self.reset.is_some() || timeline.base() > self.cursor {
            // The history began anew, so the rest is gone.
            arrears.give_up();
            return None;
        }
        match arrears.next(&self.client, self.cursor, head, MAX_EVENTS) {
            Step::Read { entries, end, has_more } => Some(self.batch(timeline, entries, (end, has_more), max_bytes)),
            Step::Gap(reason, position) => Some(self.reset_at(timeline, reason, position, true)),
            Step::Over => None,
        }
    }

    /// As many of these events as fit. Without them, everything up to `head` has been read. `is_limited`: there may be more
    /// after the last of them.
    fn batch(
        &self,
        timeline: &Timeline,
        entries: Vec<Entry>,
        (head, is_limited): (Position, bool),
        max_bytes: usize,
    ) -> ReadBatch {
        let mut bytes = 0;
        let room = entries
            .iter()
            .take(MAX_EVENTS)
            .take_while(|entry| {
                let fits = bytes == 0 || bytes + entry.frame.cost() <= max_bytes;
                bytes += entry.frame.cost();
                fits
            })
            .count();
        let complete = room == entries.len() && !is_limited;
        let end = match entries.get(room.wrapping_sub(1)) {
            Some(last) if !complete => last.position,
            _ => head,
        };
        let wanted = entries.into_iter().take(room).filter(|entry| self.wants(entry));
        let events = wanted.map(|entry| self.pending(timeline, entry)).collect();
        ReadBatch { events, end, has_more: !complete }
    }

    /// The reset alone. The client goes on behind the reset's position. That is where it connected, if it has been owed the
    /// reset since then. If events after the cursor are `missing`, one reset reports that, too.
    fn tell_gap(&self, timeline: &Timeline, head: Position, missing: bool) -> ReadBatch {
        let position = if missing { self.after_gap(timeline, head) } else { self.cursor };
        let reason = self.reset.unwrap_or(ResetReason::Evicted);
        self.reset_at(timeline, reason, position, position < head)
    }

    fn reset_at(&self, timeline: &Timeline, reason: ResetReason, position: Position, has_more: bool) -> ReadBatch {
        let frame = self.own(reset_frame(timeline, reason, position));
        let events = vec![Pending { position, frame, reset: Some(reason) }];
        ReadBatch { events, end: position, has_more }
    }

    /// Where a client that missed events goes on. A lagging client skips everything that it has not received; otherwise the
    /// next gap would soon follow. A client that has not read yet, or is being let go, gets everything that is left: a
    /// greeting, or a last word.
    fn after_gap(&self, timeline: &Timeline, head: Position) -> Position {
        let is_lagging = self.reset.is_none() && self.client.end() == Position::MAX;
        // In a history that began anew, events before the head are for clients that come back.
        if is_lagging || timeline.base() > self.cursor {
            return head;
        }
        let floor = timeline.broadcasts().floor().max(self.client.subscriptions.floor(self.cursor));
        floor.min(head).max(self.cursor)
    }

    /// `ssekit:position`: the client has everything up to its cursor, so its next id can name that. `None`: there is more by
    /// now, or the client is still catching up. Then its last id says all that is known.
    pub fn position(&self, timeline: &Timeline) -> Option<Frame> {
        if self.reset.is_some() || self.is_catching_up() || self.has_arrears() {
            return None;
        }
        let has_news = |after| timeline.broadcasts().last() > after || self.client.subscriptions.has_news(after);
        timeline.position_notice(self.cursor, has_news).map(|frame| self.own(frame))
    }

    /// An event in the form that this client gets.
    fn own(&self, frame: Frame) -> Frame {
        match &self.client.key {
            Some(key) => frame.with_key(key),
            None => frame,
        }
    }

    fn read(&self, timeline: &Timeline, head: Position, out: &mut Vec<Entry>) -> Result<(), Gap> {
        if head == self.cursor {
            return Ok(());
        }
        timeline.broadcasts().read(self.cursor, head, MAX_EVENTS, out)?;
        self.client.subscriptions.read(self.cursor, head, MAX_EVENTS, out)
    }

    /// Notes that everything up to `position` has been taken.
    pub fn advance(&mut self, position: Position) {
        self.begin(position);
        self.finish();
    }

    /// The same, but only a part of the event at `position` has been taken, and the rest is kept elsewhere.
    pub fn begin(&mut self, position: Position) {
        self.cursor = position;
        self.reset = None;
    }

    /// Notes that the rest has been taken.
    pub fn finish(&self) {
        self.client.has_got(self.cursor);
    }
}

fn reset_frame(timeline: &Timeline, reason: ResetReason, position: Position) -> Frame {
    let data = format!(r#"{{"reason":"{}"}}"#, reason.as_str());
    timeline.notice(Event { name: "ssekit:reset", data: &data, ..Event::default() }, position)
}
