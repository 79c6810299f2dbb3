//! Applies records of the history to this node's engine: events enter its logs, commands are carried out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::backplane::{LogOut, Number};
use crate::cluster::announcer::Announcer;
use crate::cluster::message::{Addressee, Message, Owner, SubscriptionCommand};
use crate::cluster::newcomers::Newcomers;
use crate::cluster::remote_clients::RemoteClients;
use crate::engine::{Engine, Since};
use crate::event::audience::Audience;
use crate::event::key::Key;
use crate::event::position::{Epoch, Position, agreed, is_agreed};
use crate::event::{Encoded, Frame};
use crate::history::timeline::Place;
use crate::options::MOST_EVENT_BYTES;
use crate::session::client::ShardLink;
use crate::session::lifecycle::{ClientInfo, DisconnectReason};
use crate::session::revoked::is_from_before;
use crate::session::subscriptions::Span;

/// The fate of a record before this node read it from the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// Nothing: the record is new here.
    New,
    /// The record is an event that this node delivered during an outage. It is in the logs at this position.
    AlreadyDelivered(Position),
    /// The record is a command that has been carried out.
    AlreadyDone,
}

/// The fate of an event for one client.
enum Expected {
    /// The client has a log: it is here, was here, or may come from another node.
    Here,
    /// Nobody knows the client. The event took this position, and the client's page will learn about it.
    Missed(Position),
    /// The event is meant for another user's client.
    Never,
}

/// The parts of this node that a record changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Applier<'a> {
    /// The events that a subscriber missed, if memory does not hold them.
    pub(super) missed: Option<&'a [Frame]>,
    pub(super) engine: &'a Engine,
    pub(super) remote_clients: &'a RemoteClients,
    pub(super) newcomers: &'a Newcomers,
    pub(super) announcer: &'a Announcer,
    /// The backplane recalls, so memory need not hold what nobody here reads.
    pub(super) recalls: bool,
}

impl<'a> Applier<'a> {
    /// The same for a command to subscribe from a point in the past.
    pub(super) fn with(self, missed: Option<&'a [Frame]>) -> Self {
        Self { missed, ..self }
    }

    /// Joins a history that the node need not read: it knows only the records after this number.
    pub(super) fn begin_at(&self, number: Number) {
        self.engine.begin_at(agreed(number));
    }

    /// The history is another one or has a gap: nothing up to this number is known any more. From now on, records are
    /// only for clients that come back. Connected clients learn about the gap at the end of the backfill, and continue
    /// from there.
    pub(super) fn begin_after(&self, epoch: Epoch, number: Number) {
        // Positions that these clients saw in the other history mean nothing in this one.
        self.end_newcomers();
        self.engine.timeline.begin_backfill();
        self.engine.begin_anew(epoch, agreed(number));
        self.engine.wake_for_broadcasts();
    }

    /// Ends clients that had seen more than this node, because it can no longer tell what they have seen. They come back.
    pub(super) fn end_newcomers(&self) {
        for client in self.newcomers.take() {
            self.engine.end(&client, DisconnectReason::Fault);
        }
    }

    /// Applies a record of the events' channel. A record without a readable message only moves the head.
    pub(super) fn apply(&self, number: Number, at: Instant, message: Option<Message<'_>>, earlier: Arrival) {
        let position = agreed(number);
        let place = Place::given(position, at);
        let place = match earlier {
            Arrival::New => Some(place),
            Arrival::AlreadyDelivered(original) => {
                self.engine.timeline.meet_duplicate(original, position);
                Some(place.as_duplicate(original))
            }
            Arrival::AlreadyDone => None,
        };
        if let Some((message, place)) = message.zip(place) {
            self.carry_out(&message, place);
        }
        self.engine.timeline.skip_to(position);
    }

    /// The same, before all nodes have agreed on the record's place. Returns `None` if there is no room.
    pub(super) fn apply_unsequenced(&self, message: &Message<'_>) -> Option<Arrival> {
        let timeline = &self.engine.timeline;
        // No room is left for this node's own events: the next position belongs to an agreed one.
        if is_agreed(timeline.newest() + 1) {
            return None;
        }
        let Message::Event(to, event) = message else {
            self.carry_out(message, Place::next());
            return Some(Arrival::AlreadyDone);
        };
        let placed = self.apply_event(Place::next(), *to, event);
        // The event is for no client here. It still uses up a position, because it is part of the history.
        Some(Arrival::AlreadyDelivered(placed.unwrap_or_else(|| timeline.leave_out(Place::next()))))
    }

    fn carry_out(&self, message: &Message<'_>, place: Place) {
        let engine = self.engine;
        match message {
            Message::Event(to, event) => {
                self.apply_event(place, *to, event);
            }
            Message::DisconnectUser(user, at) => {
                engine.timeline.skip_to(place.position());
                self.remote_clients.logged_out(user, engine.timeline.newest(), Duration::MAX);
                engine.disconnect_user(user, Duration::from_micros(*at));
            }
            Message::LogOuts(_) => {
                engine.timeline.skip_to(place.position());
                message.log_outs().iter().for_each(|log_out| self.learn(log_out));
            }
            Message::DisconnectClient(client) => {
                engine.timeline.skip_to(place.position());
                engine.disconnect_client(client);
            }
            Message::Subscribe(command) => self.subscribe(command, place),
            Message::Unsubscribe(command) => self.unsubscribe(command, place),
            Message::Attendance { attendee, comes } => engine.apply_attendance(place, *attendee, *comes),
            Message::Lost(_) => engine.begin_anew(engine.timeline.epoch(), place.position()),
            _ => {}
        }
    }

    /// Learns about a log-out whose own record this node has not read, or has yet to read.
    pub(super) fn learn(&self, LogOut { user, at }: &LogOut) {
        // Clients from before this process are not known as they were then.
        if self.engine.learn_log_out(user, *at) && !is_from_before(*at) {
            self.remote_clients.logged_out(user, self.engine.timeline.newest(), *at);
        }
    }

    /// Puts an event into its log. Returns its position, if there is such a log.
    fn apply_event(&self, place: Place, to: Addressee<'_>, event: &Encoded<'_>) -> Option<Position> {
        // The sending node has checked the event against its own bounds.
        let draft = match event.draft(MOST_EVENT_BYTES) {
            Ok(draft) => draft,
            Err(error) => {
                self.engine.report(&format!("an event from another node cannot be used here: {error}"));
                // The clients it was for learn that something is missing.
                if place.position() > 0 {
                    self.engine.begin_anew(self.engine.timeline.epoch(), place.position());
                }
                return None;
            }
        };
        if let Audience::Client(id) = to.audience {
            match self.expects(id, to.owner, place) {
                Expected::Here => {}
                Expected::Missed(position) => return Some(position),
                Expected::Never => return None,
            }
        }
        let elsewhere = if self.recalls { self.engine.leave_elsewhere(place, to.audience, Some(&draft)) } else { None };
        elsewhere.or_else(|| self.engine.put(place, to.audience, draft).1)
    }

    fn subscribe(&self, command: &SubscriptionCommand<'_>, place: Place) {
        if !self.may_change(command, place) {
            return;
        }
        match self.engine.subscribe(
            place,
            command.client,
            command.channel,
            Since { id: command.since, missed: self.missed },
        ) {
            Ok(true) => self.announce(command.client),
            Ok(false) => {}
            Err(error) => self.engine.report(&error.to_string()),
        }
    }

    fn unsubscribe(&self, command: &SubscriptionCommand<'_>, place: Place) {
        if self.may_change(command, place) && self.engine.unsubscribe(place, command.client, command.channel) {
            self.announce(command.client);
        }
    }

    /// Whether a command is for a client that is known here, and comes from somebody who may change it.
    fn may_change(&self, command: &SubscriptionCommand<'_>, place: Place) -> bool {
        if let Some(shown) = command.shown {
            let here = self.engine.registry.known_client(command.client);
            // A page without a user can come back only to the node that knows its key.
            return here.is_some_and(|here| here.is_proved_by(Key::split(shown).map(|(_, key)| key).as_ref()));
        }
        if !matches!(self.expects(command.client, command.owner, place), Expected::Here) {
            return false;
        }
        if let Some(away) = self.engine.registry.known_client(command.client).filter(|client| !client.is_connected()) {
            self.engine.registry.learn(&away, &self.spans_before(command.client, place));
        }
        true
    }

    /// The channels of another node's client before this place.
    fn spans_before(&self, client: &str, place: Place) -> Vec<Span> {
        // Without a position, this node is ahead of everything that it has read.
        let before = if place.position() > 0 { place.position() } else { Position::MAX };
        self.remote_clients.spans_of(client).iter().filter_map(|span| span.before(before)).collect()
    }

    fn announce(&self, client: &str) {
        if let Some(client) = self.engine.registry.client(client) {
            self.announcer.changed(&client);
        }
    }

    /// Decides how to handle an event for this client alone.
    fn expects(&self, id: &str, owner: Option<Owner<'_>>, place: Place) -> Expected {
        let Engine { registry, timeline, .. } = self.engine;
        let owner = owner.map(|owner| match owner {
            Owner::User(user) => Some(Arc::from(user)),
            Owner::Anonymous => None,
        });
        if let Some(known) = registry.known_client(id) {
            // Never deliver an event that was meant for another user's client.
            let is_owner = owner.is_none_or(|user| user == known.info.user);
            return if is_owner { Expected::Here } else { Expected::Never };
        }
        let there = || self.remote_clients.find(id).map(|there| there.user);
        let Some(user) = owner.or_else(there) else {
            // A client that comes with this id later learns that something is missing.
            return registry.miss(id, place, timeline).map_or(Expected::Here, Expected::Missed);
        };
        let link = self.engine.next_shard().0 as Arc<dyn ShardLink>;
        registry.expect_client(ClientInfo { id: id.into(), user }, &self.spans_before(id, place), link, timeline);
        Expected::Here
    }
}
