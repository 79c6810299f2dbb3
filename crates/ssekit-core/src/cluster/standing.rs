//! Standing records: the part of an unread history that every node needs, which is commands and events for single clients.
//!
//! No single address leads to an id's owner, a log-out, a returning client's channels, or the events that it alone
//! missed. So a node that starts recalls all such records. They are few beside the events of users, channels and
//! everybody.

use std::sync::Weak;

use crate::backplane::{Backplane, Failure, Joined, Number, Recall, Record, Whose};
use crate::cluster::message::Message;
use crate::cluster::recall::{frames_of, of_channel};
use crate::engine::Engine;
use crate::event::Frame;
use crate::event::position::{Epoch, agreed, last_agreed, number_of};

/// The maximum number of records of one call.
const MOST_RECORDS: usize = 1_024;

/// The standing records of a history.
pub(super) struct Standing {
    /// With what a client missed of a channel before it subscribed.
    pub(super) records: Vec<(Record, Option<Vec<Frame>>)>,
    /// The history knows nothing up to this number.
    pub(super) floor: Number,
    /// The records are all up to this number.
    pub(super) end: Number,
}

impl Standing {
    /// Recalls them up to the newest record, which is read like any later one.
    pub(super) async fn recall(
        backplane: &mut impl Backplane,
        engine: &Weak<Engine>,
        joined: &Joined,
    ) -> Result<Self, Failure> {
        let end = joined.ends.events.saturating_sub(1).max(joined.forgotten);
        let mut standing = Self { records: Vec::new(), floor: joined.forgotten, end };
        let mut reached = joined.forgotten;
        while reached < end {
            let what = Recall { whose: Whose::Standing, after: reached, upto: end, most: MOST_RECORDS, newest: false };
            let recalled = backplane.recall(joined.epoch, &what).await?;
            if recalled.floor > reached {
                // Records were forgotten meanwhile. The older ones are of no use without them.
                standing.records.retain(|(record, _)| record.number > recalled.floor);
                standing.floor = recalled.floor.min(end);
            }
            for record in recalled.records {
                let Some(engine) = engine.upgrade() else { return Ok(standing) };
                let message = Message::decode(&record.payload);
                let missed = match message.and_then(|message| Past::of(&message, record.number, joined.epoch)) {
                    Some(past) => past.recall(backplane, &engine).await?,
                    None => None,
                };
                standing.records.push((record, missed));
            }
            reached = recalled.reached;
        }
        Ok(standing)
    }
}

/// The events of a channel that a client missed before it subscribed.
pub(super) struct Past {
    channel: String,
    epoch: Epoch,
    after: Number,
    upto: Number,
}

/// That of a command with this number, if memory does not hold it.
pub(super) fn past_of(message: &Message<'_>, number: Number, engine: &Engine) -> Option<Past> {
    let past = Past::of(message, number, engine.timeline.epoch())?;
    if engine.timeline.has_unsequenced() {
        // The history lacks what this node alone has delivered. If memory does not have it all, the channel is reset.
        return None;
    }
    let after = agreed(past.after);
    let log = engine.registry.channels.get(&past.channel).map(|channel| channel.events.log.floor());
    let floor = log.unwrap_or_else(|| engine.registry.channels.missing_of(&past.channel));
    // No other node knows anything between the base and the agreed position before it.
    let base = last_agreed(engine.timeline.base());
    let is_elsewhere = base <= after && after < engine.timeline.horizon().max(floor);
    is_elsewhere.then_some(past)
}

impl Past {
    fn of(message: &Message<'_>, number: Number, epoch: Epoch) -> Option<Self> {
        let Message::Subscribe(command) = message else { return None };
        let seen = epoch.parse_seen(command.since?)?;
        let after = number_of(seen.position);
        // Only its own node knows what any other id means.
        let is_plain = seen.only_at.is_none() && after < number;
        is_plain.then(|| Self { channel: command.channel.to_owned(), epoch, after, upto: number - 1 })
    }

    /// Recalls it. `None`: there is too much of it, or it is gone.
    pub(super) async fn recall(
        &self,
        backplane: &mut impl Backplane,
        engine: &Engine,
    ) -> Result<Option<Vec<Frame>>, Failure> {
        let what = of_channel(&self.channel, self.after, self.upto, engine);
        let recalled = backplane.recall(self.epoch, &what).await?;
        if recalled.floor > self.after || recalled.reached < self.upto {
            return Ok(None);
        }
        Ok(frames_of(&recalled.records, &self.channel, self.epoch))
    }
}
