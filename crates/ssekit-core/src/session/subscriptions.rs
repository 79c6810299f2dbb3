//! The logs that a client reads besides the broadcasts.

mod part;
mod subscription;

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;

pub(crate) use self::part::Part;
use self::subscription::SubscriptionSource;
pub(crate) use self::subscription::{Span, Subscription};
use crate::event::position::Position;
use crate::history::log::{Entry, Gap, Log};
use crate::session::channel_log::ChannelLog;

/// The maximum number of channels that the client has left and whose events it may still have to read.
const MOST_ENDED: usize = 128;

/// The maximum number of channels without such events that the client has left and that are remembered.
const MOST_EMPTY: usize = 16;

/// The logs of one client, in no particular order. The client's cursor covers all of them.
#[derive(Debug, Default)]
pub struct Subscriptions {
    /// The events sent to its user.
    user: Option<Arc<Log>>,
    /// The events sent to this client alone. Few clients ever need this log.
    own: OnceLock<Arc<Log>>,
    /// The channels that it has subscribed to, or has left and may still have to read. Many clients never have one.
    channels: OnceLock<Box<RwLock<Channels>>>,
}

#[derive(Debug, Default)]
struct Channels {
    /// In the order in which they were added. The ended ones are in the order in which they ended.
    all: Vec<Subscription>,
    /// Up to this position, events may be missing of channels that the client has left and that are not known any more.
    missing: Position,
}

/// The key of a client among the members of a channel that its shard serves.
pub(crate) type MemberKey = usize;

/// The effect of an attempt to subscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    Added,
    /// The client has subscribed to the channel before.
    Already,
    /// The client has as many channels as it may have.
    Full,
}

impl Channels {
    fn active(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|one| one.is_active() && &*one.channel.name == name)
    }

    /// Most clients have few channels, and memory for those to come would cost more than the channels.
    fn add(&mut self, one: Subscription) {
        if self.all.len() == self.all.capacity() {
            self.all.reserve_exact(self.all.len() / 2 + 1);
        }
        self.all.push(one);
    }

    fn forget_ended(&mut self) {
        for (most, has_news) in [(MOST_ENDED, true), (MOST_EMPTY, false)] {
            let may_matter = |part: Part<'_>| part.has_news(0) || part.has_gap(0);
            let is_such = |one: &&Subscription| !one.is_active() && may_matter(one.part()) == has_news;
            if self.all.iter().filter(is_such).count() > most
                && let Some(first) = self.all.iter().position(|one| is_such(&one))
            {
                let until = self.all.remove(first).until;
                if has_news {
                    self.missing = self.missing.max(until);
                }
            }
        }
    }
}

impl Subscriptions {
    /// The logs of a client of this user. Its own log exists already if it brings its id, because it may have been here
    /// before.
    pub(crate) fn new(
        user: Option<Arc<Log>>,
        own: Option<Arc<Log>>,
        all: Vec<Subscription>,
        missing: Position,
    ) -> Self {
        let channels = OnceLock::new();
        if !all.is_empty() || missing > 0 {
            let _ = channels.set(Box::new(RwLock::new(Channels { all, missing })));
        }
        Self { user, own: own.map_or_else(OnceLock::new, OnceLock::from), channels }
    }

    /// The log of events sent to this client alone, made at its first use.
    pub(crate) fn own(&self) -> &Arc<Log> {
        self.own.get_or_init(|| Arc::new(Log::new(0)))
    }

    /// That log, if it exists.
    pub(crate) fn own_if_any(&self) -> Option<&Arc<Log>> {
        self.own.get()
    }

    /// Copies the entries after `cursor` and up to `head` to `out`, at most `limit` of each log.
    ///
    /// # Errors
    /// [`Gap`] if events are missing that the client has yet to read.
    pub(crate) fn read(&self, cursor: Position, head: Position, limit: usize, out: &mut Vec<Entry>) -> Result<(), Gap> {
        if self.missing() > cursor {
            return Err(Gap);
        }
        self.try_each(|part| part.read(cursor, head, limit, out))
    }

    /// Up to where events are missing that the client has yet to read.
    pub(crate) fn floor(&self, cursor: Position) -> Position {
        let mut floor = self.missing();
        self.each(|part| floor = floor.max(part.floor(cursor)));
        floor
    }

    /// Whether events are missing that a client at `cursor` has yet to read, and that no audience has: those sent to it alone,
    /// and those of channels that are not known any more.
    pub(crate) fn has_gap_of_its_own(&self, cursor: Position) -> bool {
        self.missing() > cursor || self.own.get().is_some_and(|log| Part::whole(log).has_gap(cursor))
    }

    /// Whether events are missing that a client at `cursor` has yet to read.
    pub(crate) fn has_gap(&self, cursor: Position) -> bool {
        self.missing() > cursor || self.any(|part| part.has_gap(cursor))
    }

    /// Runs `each` on the parts of all logs, until it fails.
    fn try_each<E>(&self, mut each: impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        for log in self.user.iter().chain(self.own.get()) {
            each(Part::whole(log))?;
        }
        match self.channels.get() {
            Some(channels) => channels.read().all.iter().try_for_each(|subscription| each(subscription.part())),
            None => Ok(()),
        }
    }

    /// Runs `each` on the parts of all logs.
    pub(crate) fn each(&self, mut each: impl FnMut(Part<'_>)) {
        let _: Result<(), Infallible> = self.try_each(|part| {
            each(part);
            Ok(())
        });
    }

    /// Whether `condition` holds for the part of any log.
    pub(crate) fn any(&self, condition: impl Fn(Part<'_>) -> bool) -> bool {
        self.try_each(|part| if condition(part) { Err(()) } else { Ok(()) }).is_err()
    }

    /// Whether there is an event after `cursor`.
    pub(crate) fn has_news(&self, cursor: Position) -> bool {
        self.any(|part| part.has_news(cursor))
    }

    /// Whether it gets everything in a channel's log from `first` on, and all other logs have no event after `cursor`.
    pub(crate) fn has_news_only_in(&self, log: &Arc<Log>, cursor: Position, first: Position) -> bool {
        let Some(channels) = self.channels.get() else { return false };
        let channels = channels.read();
        let is_quiet = |part: Part<'_>| !part.has_news(cursor);
        let mut is_member = false;
        channels.missing <= cursor
            && self.user.iter().chain(self.own.get()).all(|log| is_quiet(Part::whole(log)))
            && channels.all.iter().map(Subscription::part).all(|part| {
                let is_of_channel = part.is_all_of(log, first);
                is_member |= is_of_channel;
                is_of_channel || is_quiet(part)
            })
            && is_member
    }

    /// Up to this position, events may be missing of channels that it has left long ago.
    pub(crate) fn missing(&self) -> Position {
        self.channels.get().map_or(0, |channels| channels.read().missing)
    }

    /// The channels that it has subscribed to, with those that it has left and may still have to read.
    pub(crate) fn channels(&self) -> Vec<Subscription> {
        self.channels.get().map_or_else(Vec::new, |channels| channels.read().all.clone())
    }

    /// The names of the channels that it has subscribed to.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        let Some(channels) = self.channels.get() else { return Vec::new() };
        let channels = channels.read();
        channels.all.iter().filter(|one| one.is_active()).map(|one| Arc::clone(&one.channel.name)).collect()
    }

    /// Whether it has subscribed to a channel that it did not name when it connected.
    pub(crate) fn has_by_command(&self) -> bool {
        let is_by_command = |one: &Subscription| one.is_active() && one.source == SubscriptionSource::Command;
        self.channels.get().is_some_and(|channels| channels.read().all.iter().any(is_by_command))
    }

    /// Subscribes to a channel from `since` on, unless the client has `most` channels.
    pub(crate) fn begin(&self, channel: &Arc<ChannelLog>, since: Position, most: usize) -> Begun {
        let mut channels = self.channels.get_or_init(Box::default).write();
        if channels.active(&channel.name).is_some() {
            return Begun::Already;
        }
        if channels.all.iter().filter(|one| one.is_active()).count() >= most {
            return Begun::Full;
        }
        channels.add(Subscription::new(Arc::clone(channel), since));
        Begun::Added
    }

    /// Ends a subscription at this position. Returns whether there was one, with the key that the client had as a member.
    pub(crate) fn end(&self, channel: &str, until: Position) -> Option<Option<(Arc<str>, MemberKey)>> {
        let mut channels = self.channels.get()?.write();
        let active = channels.active(channel)?;
        let mut ended = channels.all.remove(active);
        let key = ended.leave();
        // Even if it has nothing to read: other nodes may not know yet that the client has left.
        ended.until = until;
        channels.all.push(ended);
        channels.forget_ended();
        Some(key)
    }

    /// Ends all subscriptions at this position.
    pub(crate) fn end_all(&self, until: Position) {
        if let Some(channels) = self.channels.get() {
            channels.write().all.iter_mut().filter(|one| one.is_active()).for_each(|one| one.until = until);
        }
    }

    /// Takes over everything that the predecessor subscribed to, except for channels that this client named. Nothing may be
    /// published meanwhile.
    pub(crate) fn inherit(&self, predecessor: &Self) {
        let Some(others) = predecessor.channels.get() else { return };
        let (others, mut own) = (others.read(), self.channels.get_or_init(Box::default).write());
        own.missing = own.missing.max(others.missing);
        let has = |all: &[Subscription], name: &str| all.iter().any(|one| *one.channel.name == *name);
        own.all.retain(|one| match one.source {
            SubscriptionSource::Client => true,
            SubscriptionSource::Node => {
                let span = one.span();
                others.all.iter().all(|other| *other.channel.name != *span.channel || other.is_older_than(&span))
            }
            SubscriptionSource::Command => false,
        });
        let kept = own.all.len();
        for other in &others.all {
            if !has(own.all.get(..kept).unwrap_or_default(), &other.channel.name) {
                own.all.push(other.inherited());
            }
        }
    }

    /// Its channels, as other nodes are to know them.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let Some(channels) = self.channels.get() else { return Vec::new() };
        channels.read().all.iter().map(Subscription::span).collect()
    }

    /// Learns what another node knows about its channels.
    pub(crate) fn learn(&self, spans: &[(Span, Arc<ChannelLog>)]) {
        if !spans.is_empty() {
            let mut channels = self.channels.get_or_init(Box::default).write();
            for (span, channel) in spans {
                Self::add_elsewhere(&mut channels.all, span, || Arc::clone(channel));
            }
        }
    }

    /// Adds what another node knows about a client's channels.
    pub(crate) fn add_elsewhere(all: &mut Vec<Subscription>, span: &Span, channel: impl FnOnce() -> Arc<ChannelLog>) {
        let is_known = |one: &Subscription| one.channel.name == span.channel && !one.is_older_than(span);
        if !all.iter().any(is_known) {
            all.push(Subscription::known_elsewhere(channel(), span));
        }
    }

    /// The names of the channels that the client has subscribed to and is not a member of.
    pub(crate) fn not_joined(&self) -> Vec<Arc<str>> {
        let Some(channels) = self.channels.get() else { return Vec::new() };
        let channels = channels.read();
        let pending = channels.all.iter().filter(|one| one.is_active() && one.member_key.is_none());
        pending.map(|one| Arc::clone(&one.channel.name)).collect()
    }

    /// Records that the client is a member of a channel. Returns false if it has left the channel, or has another key.
    pub(crate) fn set_joined(&self, channel: &str, key: MemberKey) -> bool {
        let Some(channels) = self.channels.get() else { return false };
        let mut channels = channels.write();
        let is_pending = |one: &&mut Subscription| one.is_active() && one.member_key.is_none();
        let mut pending = channels.all.iter_mut().filter(is_pending);
        let Some(one) = pending.find(|one| *one.channel.name == *channel) else { return false };
        one.member_key = Some(key);
        true
    }

    /// Takes the client's keys as a member, of all its channels.
    pub(crate) fn take_member_keys(&self) -> Vec<(Arc<str>, MemberKey)> {
        let Some(channels) = self.channels.get() else { return Vec::new() };
        channels.write().all.iter_mut().filter_map(Subscription::leave).collect()
    }
}
