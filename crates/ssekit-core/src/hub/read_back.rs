//! Reading back events that memory does not hold.

use std::collections::VecDeque;

use crate::cluster::librarian::Desk;
use crate::cluster::recall::{frame_of, newest_of};
use crate::error::{Error, ErrorKind, Result};
use crate::event::audience::Audience;
use crate::event::position::{Epoch, Position, agreed, number_of};
use crate::event::{RESERVED_PREFIX, StoredEvent};
use crate::history::timeline::Located;
use crate::hub::Hub;

/// Where the events begin that a caller wants.
enum ReadStart<'a> {
    /// After this position, or with the oldest event that is kept.
    After(Position),
    /// After the event with this caller's own id.
    Behind(&'a str),
}

/// The newest events so far, as they are read from the newest on.
struct Newest<'a> {
    events: VecDeque<StoredEvent>,
    limit: usize,
    /// The id of the event before the first, until it has been found.
    search: Option<&'a str>,
}

impl Newest<'_> {
    /// Adds the event before all others. Returns whether that was the last one.
    fn add(&mut self, event: StoredEvent) -> bool {
        if self.search == Some(&event.id) {
            self.search = None;
            return true;
        }
        if self.events.len() < self.limit && !event.name.starts_with(RESERVED_PREFIX) {
            self.events.push_front(event);
        }
        self.is_full()
    }

    fn is_full(&self) -> bool {
        self.events.len() >= self.limit && self.search.is_none()
    }
}

impl Hub {
    /// The newest events that were sent to an audience, after the event with the id `after`, or of all that is kept: in memory, and
    /// where memory ends, in the backplane. At most `limit`, the newest last.
    ///
    /// # Errors
    /// An id or a name is invalid, events after `after` are gone, or the backplane cannot be used.
    pub async fn read_back(
        &self,
        audience: Audience<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>> {
        let desk = self.inner.cluster.as_ref().and_then(|cluster| cluster.desk.as_ref());
        let (Some(desk), false) = (desk, matches!(audience, Audience::Client(_))) else {
            return self.history(audience, after, limit);
        };
        self.check_process()?;
        audience.check()?;
        let timeline = &self.inner.engine.timeline;
        let (mut log, epoch) = (self.log_of(audience), timeline.epoch());
        let mut floor = log.floor().max(timeline.horizon());
        let start = self.start_of(audience, after)?;
        let (from, search) = match start {
            ReadStart::After(position) => (position, None),
            ReadStart::Behind(id) => (timeline.base(), Some(id)),
        };
        if search.is_none() && from >= floor {
            match self.history(audience, after, limit) {
                // The log was given up after the look at its floor. Its events can be recalled.
                Err(error) if error.kind() == ErrorKind::Evicted => log = self.log_of(audience),
                found => return found,
            }
            floor = log.floor().max(timeline.horizon());
        }
        let mut entries = Vec::new();
        while log.read(floor.max(from), timeline.head(), usize::MAX, &mut entries).is_err() {
            // Events were dropped after the look at the floor, and have to be recalled as well.
            floor = log.floor().max(floor);
        }
        let mut newest = Newest { events: VecDeque::new(), limit, search };
        let is_done =
            entries.iter().rev().filter_map(|entry| StoredEvent::of(&entry.frame)).any(|event| newest.add(event));
        if !is_done {
            let range = (number_of(from), number_of(floor));
            let floor = recall_before(desk, (audience, epoch), range, &mut newest).await?;
            let is_gone = after.is_some() && agreed(floor) > from && !newest.is_full();
            if let Some(id) = after.filter(|_| is_gone || newest.search.is_some()) {
                return Err(Error::evicted(id));
            }
        }
        Ok(newest.events.into())
    }

    fn start_of<'a>(&self, audience: Audience<'_>, after: Option<&'a str>) -> Result<ReadStart<'a>> {
        let timeline = &self.inner.engine.timeline;
        let Some(id) = after else { return Ok(ReadStart::After(timeline.base())) };
        match timeline.locate(id, |own| self.log_of(audience).find(own, 0)) {
            Some(Located { cursor, .. }) if cursor >= timeline.base() => Ok(ReadStart::After(cursor)),
            Some(_) => Err(Error::evicted(id)),
            None if Epoch::has_made(id) => Err(Error::unknown_event(id)),
            None => Ok(ReadStart::Behind(id)),
        }
    }
}

/// Adds what was sent to the audience in this range, from the end on, until there is enough. Returns the number up to which the
/// history knows nothing.
async fn recall_before(
    desk: &Desk,
    (audience, epoch): (Audience<'_>, Epoch),
    (from, mut upto): (u64, u64),
    newest: &mut Newest<'_>,
) -> Result<u64> {
    let mut floor = 0;
    while upto > from.max(floor) {
        let wanted = if newest.search.is_some() { usize::MAX } else { newest.limit - newest.events.len() };
        let call = desk.recall(epoch, newest_of(audience, from, upto, wanted));
        let recalled = call.await.map_err(|failure| Error::backplane(failure.to_string()))?;
        let frames = recalled.records.iter().rev().filter_map(|record| frame_of(record, audience, epoch));
        if frames.filter_map(|frame| StoredEvent::of(&frame)).any(|event| newest.add(event)) {
            return Ok(0);
        }
        (upto, floor) = (recalled.reached, recalled.floor);
    }
    Ok(floor)
}
