//! A client's cursor in the one sequence: live delivery, catching up and resuming are all "read on from here".

use std::sync::Arc;

use crate::event::position::{Position, is_agreed};
use crate::event::{Event, Frame, RESERVED_PREFIX};
use crate::history::log::{Entry, Gap, Log};
use crate::history::timeline::Timeline;
use crate::session::client::Client;

/// Most events that are read at once; as many slices go into one vectored write everywhere (`IOV_MAX` is at least 1,024).
pub const MAX_EVENTS: usize = 256;

/// Why a client is told to start anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetReason {
    /// The last event id is of another epoch, malformed, or of an event that is not in the history.
    Unknown,
    /// Events that the client has not seen have left the history.
    Evicted,
}

impl ResetReason {
    const ALL: [Self; 2] = [Self::Unknown, Self::Evicted];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Evicted => "evicted",
        }
    }

    /// The id of `ssekit:ready` on a stream that owes a reset. A client that is cut between the two comes back with it, and is
    /// owed the reset still; with the id of a position the gap would be forgotten.
    pub fn owed_id(self) -> String {
        format!("{RESERVED_PREFIX}{}", self.as_str())
    }

    /// What a client is owed that comes back with such an id.
    pub fn of_owed_id(id: &str) -> Option<Self> {
        let reason = id.strip_prefix(RESERVED_PREFIX)?;
        Some(Self::ALL.into_iter().find(|known| known.as_str() == reason).unwrap_or(Self::Unknown))
    }
}

/// One event that a client is to get next.
#[derive(Debug)]
pub struct Pending {
    /// Where it stands.
    pub position: Position,
    /// Its bytes.
    pub frame: Frame,
    /// It tells of a gap.
    pub is_reset: bool,
}

/// What a client is to get next.
#[derive(Debug, Default)]
pub struct Batch {
    /// In order of position.
    pub events: Vec<Pending>,
    /// Where the cursor is when all of it has been taken.
    pub end: Position,
    /// There is more that was left out.
    pub has_more: bool,
}

/// Reads a client's logs in order of position. Between the events of a client's three logs, and of those alone, the cursor
/// knows no difference, so one id resumes all of them.
#[derive(Debug)]
pub struct Reader {
    client: Arc<Client>,
    /// The client has a key, which is to be added to each event: what others get is not for it as it is.
    is_keyed: bool,
    /// Everything up to here has been taken.
    cursor: Position,
    /// Of what all nodes have agreed on, the client has seen everything up to here elsewhere. As long as the cursor is before it,
    /// the client is catching up: it gets only what this node has delivered alone, with ids of its own.
    elsewhere: Position,
    /// The client is to be told of this before anything else. Everything after the cursor follows it.
    reset: Option<ResetReason>,
}

impl Reader {
    /// From this cursor on; a gap is told first.
    pub fn new(client: Arc<Client>, cursor: Position, reset: Option<ResetReason>) -> Self {
        let is_keyed = client.key.is_some();
        Self { client, is_keyed, cursor, elsewhere: 0, reset }
    }

    /// Of what all nodes have agreed on, its client has seen everything up to here.
    #[must_use]
    pub fn having_seen(self, elsewhere: Position) -> Self {
        Self { elsewhere, ..self }
    }

    /// Who reads.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// What the client is to be told before anything else.
    pub fn owes(&self) -> Option<ResetReason> {
        self.reset
    }

    /// Everything up to here has been taken.
    pub fn cursor(&self) -> Position {
        self.cursor
    }

    /// Whether nothing but broadcasts can be new, as they are, and no gap has to be told. The logs are asked only if something for
    /// anybody, at `newest_targeted`, has come since.
    pub fn wants_only_broadcasts(&self, newest_targeted: Position) -> bool {
        !self.is_keyed
            && self.reset.is_none()
            && !self.is_catching_up()
            && (newest_targeted <= self.cursor || !self.client.has_own_news(self.cursor))
    }

    /// Whether this event is for this client, and not one that it has had already.
    pub fn wants(&self, entry: &Entry) -> bool {
        let was_seen = entry.position <= self.elsewhere && is_agreed(entry.position);
        !was_seen && self.client.wants(entry)
    }

    fn is_catching_up(&self) -> bool {
        self.cursor < self.elsewhere
    }

    /// An event that this client is to get. While the client is catching up, what others have seen with it is not what it has, so
    /// the id must say that.
    fn pending(&self, timeline: &Timeline, entry: Entry) -> Pending {
        let Entry { position, frame, .. } = entry;
        let frame = if position < self.elsewhere && frame.own_id().is_none() {
            frame.with_id(&timeline.id_of_newcomer(position, self.elsewhere))
        } else {
            frame
        };
        Pending { position, frame: self.own(frame), is_reset: false }
    }

    /// What comes next: at most [`MAX_EVENTS`] events, and not more than `max_bytes` but for a first one that is larger.
    /// The cursor stays; move it by [`Reader::advance`] as far as the events have been taken.
    pub fn next(&self, timeline: &Timeline, max_bytes: usize) -> Batch {
        // The head first, then the logs: everything up to this head is in them. And the head before the client's end: what was
        // published after a disconnect had returned is not seen.
        let head = timeline.head().min(self.client.end()).max(self.cursor);
        let mut entries = Vec::new();
        let read = self.read(timeline, head, &mut entries);
        if self.reset.is_some() || read.is_err() {
            return self.tell_gap(timeline, head, read.is_err());
        }
        entries.sort_unstable_by_key(|entry| entry.position);
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
        // What was left out, for lack of room or by a log's limit, lies after the last event taken.
        let complete = room == entries.len() && room < MAX_EVENTS;
        let end = match entries.get(room.wrapping_sub(1)) {
            Some(last) if !complete => last.position,
            _ => head,
        };
        let wanted = entries.into_iter().take(room).filter(|entry| self.wants(entry));
        let events = wanted.map(|entry| self.pending(timeline, entry)).collect();
        Batch { events, end, has_more: !complete }
    }

    /// The reset alone. What the client gets goes on behind its position: where it connected, if it is owed one since then. If
    /// something is `missing` after the cursor, one reset tells of that, too.
    fn tell_gap(&self, timeline: &Timeline, head: Position, missing: bool) -> Batch {
        let position = if missing { self.after_gap(timeline, head) } else { self.cursor };
        let reason = self.reset.unwrap_or(ResetReason::Evicted);
        let frame = self.own(reset_frame(timeline, reason, position));
        let events = vec![Pending { position, frame, is_reset: true }];
        Batch { events, end: position, has_more: position < head }
    }

    /// Where a client goes on that has missed something. A client that lags skips all that it has not got, or the next gap would not
    /// be far. One that has not read yet, or is being let go, gets everything that is left: a greeting, or a last word.
    fn after_gap(&self, timeline: &Timeline, head: Position) -> Position {
        let is_lagging = self.reset.is_none() && self.client.end() == Position::MAX;
        // In a history that began anew, what stands before the head is for those who come back.
        if is_lagging || timeline.base() > self.cursor {
            return head;
        }
        let floor = self.logs(timeline).map(|log| log.floor()).max().unwrap_or(head);
        floor.min(head).max(self.cursor)
    }

    fn logs<'a>(&'a self, timeline: &'a Timeline) -> impl Iterator<Item = &'a Arc<Log>> {
        let own = [self.client.user_log.as_ref(), self.client.log_if_any()];
        std::iter::once(timeline.broadcasts()).chain(own.into_iter().flatten())
    }

    /// An event as this client gets it.
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
        self.logs(timeline).try_for_each(|log| log.read(self.cursor, head, MAX_EVENTS, out))
    }

    /// Everything up to `position` has been taken.
    pub fn advance(&mut self, position: Position) {
        self.begin(position);
        self.finish();
    }

    /// The same, but of what stands at `position` only a part has been taken, and the rest is kept elsewhere.
    pub fn begin(&mut self, position: Position) {
        self.cursor = position;
        self.reset = None;
    }

    /// That rest has been taken.
    pub fn finish(&self) {
        self.client.has_got(self.cursor);
    }
}

fn reset_frame(timeline: &Timeline, reason: ResetReason, position: Position) -> Frame {
    let data = format!(r#"{{"reason":"{}"}}"#, reason.as_str());
    timeline.notice(Event { name: "ssekit:reset", data: &data, ..Event::default() }, position)
}
