//! Picks the events for one client from recalled records.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::backplane::{Address, Number, Recall, Record, Whose};
use crate::cluster::message::Message;
use crate::engine::Engine;
use crate::event::audience::Audience;
use crate::event::position::{Epoch, Position, agreed};
use crate::event::{Draft, Encoded, Frame};
use crate::history::log::{Entry, Gap, Special};
use crate::options::MOST_EVENT_BYTES;
use crate::session::client::Client;
use crate::session::subscriptions::Subscription;

/// The maximum number of records of one piece.
const MOST_RECORDS: usize = 1_024;

/// The part of the history that one client needs.
pub(super) struct Wanted {
    client: Arc<str>,
    channels: Vec<Subscription>,
    addresses: Vec<Address>,
    attendance: AttendanceChanges,
}

impl Wanted {
    pub(super) fn by(client: &Client, engine: &Engine) -> Self {
        let mut addresses = vec![Address::everybody()];
        addresses.extend(client.info.user.as_deref().map(|user| Address::from(Audience::User(user))));
        let channels = client.subscriptions.channels();
        for one in &channels {
            add_channel(&mut addresses, &one.channel.name, engine);
        }
        let (client, attendance) = (Arc::clone(&client.info.id), AttendanceChanges::default());
        Self { client, channels, addresses, attendance }
    }

    /// The first records of a range that may be for the client.
    pub(super) fn oldest(&self, after: Number, upto: Number) -> Recall {
        let whose = Whose::Addresses(self.addresses.clone());
        Recall { whose, after, upto, most: MOST_RECORDS, newest: false }
    }

    /// The last ones.
    pub(super) fn newest(&self, after: Number, upto: Number) -> Recall {
        Recall { newest: true, ..self.oldest(after, upto) }
    }

    /// Whether a record is an event with this caller's own id that the client gets.
    pub(super) fn is_event(&mut self, record: &Record, own_id: &str, epoch: Epoch) -> bool {
        let found = self.find_in(record, epoch).unwrap_or(None);
        found.is_some_and(|one| one.entry.frame.own_id() == Some(own_id))
    }

    /// The events that the client gets, in order, with those that were sent to it alone. `None`: one of them is missing.
    pub(super) fn choose(
        &mut self,
        records: &[Record],
        own: Result<Vec<Entry>, Gap>,
        epoch: Epoch,
    ) -> Option<Vec<Entry>> {
        let mut found: Vec<Found> = own.ok()?.into_iter().map(|entry| Found { entry, key: None }).collect();
        for record in records {
            match self.find_in(record, epoch) {
                Ok(one) => found.extend(one),
                Err(Gap) => return None,
            }
        }
        found.sort_by_key(|one| one.entry.position);
        Some(newest_of_each_key(found))
    }

    fn find_in(&mut self, record: &Record, epoch: Epoch) -> Result<Option<Found>, Gap> {
        let position = agreed(record.number);
        let (draft, to) = match Message::decode(&record.payload) {
            Some(Message::Event(to, event)) => match to.audience {
                Audience::Channel(name) if !self.has(name, position) => return Ok(None),
                Audience::All { exclude } if exclude == Some(&*self.client) => return Ok(None),
                audience => (draft_of(&event)?, Address::from(audience)),
            },
            Some(Message::Attendance { attendee, comes }) => {
                let is_news = self.attendance.note(attendee.channel, attendee.client, comes);
                if !is_news || !self.has(attendee.channel, position) {
                    return Ok(None);
                }
                (attendee.notice(comes), Address::attendance(attendee.channel))
            }
            _ => return Ok(None),
        };
        // The backplane has chosen by address. Whom an event is for is what the event says.
        if !self.addresses.contains(&to) {
            return Ok(None);
        }
        let key = draft.coalesce_key().map(|key| (to, Arc::clone(key)));
        let frame = draft.finish(&epoch, position);
        Ok(Some(Found { entry: Entry::new(position, frame, record.at, Special::default()), key }))
    }

    fn has(&self, channel: &str, position: Position) -> bool {
        self.channels.iter().any(|one| *one.channel.name == *channel && one.covers(position))
    }
}

/// The events for the client alone, which are in memory.
pub(super) fn own_of(client: &Client, after: Position, upto: Position) -> Result<Vec<Entry>, Gap> {
    let mut entries = Vec::new();
    match client.subscriptions.own_if_any() {
        Some(own) => own.read(after, upto, usize::MAX, &mut entries).map(|()| entries),
        None => Ok(entries),
    }
}

/// The addresses of what the clients of a channel get.
fn add_channel(addresses: &mut Vec<Address>, name: &str, engine: &Engine) {
    let channel = Address::from(Audience::Channel(name));
    if !addresses.contains(&channel) {
        addresses.push(channel);
        if engine.registry.has_attendance(name) {
            addresses.push(Address::attendance(name));
        }
    }
}

/// The newest records of an audience in a range.
pub(crate) fn newest_of(audience: Audience<'_>, after: Number, upto: Number, most: usize) -> Recall {
    let whose = Whose::Addresses(vec![audience.into()]);
    Recall { whose, after, upto, most: most.clamp(1, MOST_RECORDS), newest: true }
}

/// The event in a record, if it is one that a caller has sent to this audience. The backplane has chosen by address, but whom an
/// event is for is what the event says.
pub(crate) fn frame_of(record: &Record, audience: Audience<'_>, epoch: Epoch) -> Option<Frame> {
    let Some(Message::Event(to, event)) = Message::decode(&record.payload) else { return None };
    if Address::from(to.audience) != Address::from(audience) {
        return None;
    }
    Some(draft_of(&event).ok()?.finish(&epoch, agreed(record.number)))
}

/// The records of a channel in a range, at most as many as one log keeps.
pub(super) fn of_channel(name: &str, after: Number, upto: Number, engine: &Engine) -> Recall {
    let mut addresses = Vec::new();
    add_channel(&mut addresses, name, engine);
    Recall { whose: Whose::Addresses(addresses), after, upto, most: MOST_RECORDS, newest: false }
}

/// The events of one channel. `None`: one of them cannot be used here.
pub(super) fn frames_of(records: &[Record], name: &str, epoch: Epoch) -> Option<Vec<Frame>> {
    let (mut frames, mut attendance) = (Vec::new(), AttendanceChanges::default());
    for record in records {
        let draft = match Message::decode(&record.payload) {
            Some(Message::Event(to, event)) if to.audience == Audience::Channel(name) => draft_of(&event).ok()?,
            Some(Message::Attendance { attendee, comes })
                if attendee.channel == name && attendance.note(name, attendee.client, comes) =>
            {
                attendee.notice(comes)
            }
            _ => continue,
        };
        frames.push(draft.finish(&epoch, agreed(record.number)));
    }
    Some(frames)
}

fn draft_of(event: &Encoded<'_>) -> Result<Draft, Gap> {
    event.draft(MOST_EVENT_BYTES).map_err(|_| Gap)
}

/// An event that the client gets.
struct Found {
    entry: Entry,
    /// By this, it supersedes earlier events of its audience.
    key: Option<(Address, Arc<str>)>,
}

/// The events without those that a newer one supersedes.
fn newest_of_each_key(found: Vec<Found>) -> Vec<Entry> {
    let mut keys = HashSet::new();
    let is_newest = |one: &Found| one.key.clone().is_none_or(|key| keys.insert(key));
    let mut newest: Vec<Found> = found.into_iter().rev().collect();
    newest.retain(is_newest);
    newest.into_iter().rev().map(|one| one.entry).collect()
}

/// Arrivals and departures at channels, from the first recalled record on. Nothing is known about clients that were there
/// before, so the first record of each counts as news.
#[derive(Debug, Default)]
struct AttendanceChanges(HashMap<(Box<str>, Box<str>), bool>);

impl AttendanceChanges {
    /// Returns whether it is news.
    fn note(&mut self, channel: &str, client: &str, comes: bool) -> bool {
        self.0.insert((channel.into(), client.into()), comes) != Some(comes)
    }
}
