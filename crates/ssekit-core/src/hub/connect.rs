//! Connecting: a client's identity, the position where it resumes, and its place among the others.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::delivery::heartbeat::Heartbeat;
use crate::delivery::inbox::{Command, Inbox};
use crate::delivery::stream::{Parts, Stream};
use crate::engine::Engine;
use crate::error::{Error, Result, grouped};
use crate::event::position::Position;
use crate::event::{Event, check_channel, check_header_text, check_length};
use crate::history::log::{Entry, Log};
use crate::history::timeline::Located;
use crate::hub::claim::IdentityClaim;
use crate::hub::ready;
use crate::hub::request::{Connect, Connected};
use crate::hub::{Hub, Inner};
use crate::session::arrears::Arrears;
use crate::session::client::{Client, ShardLink, Start};
use crate::session::drain;
use crate::session::forgotten::Earlier;
use crate::session::lifecycle::{ClientInfo, DisconnectReason};
use crate::session::network::Network;
use crate::session::reader::{MAX_EVENTS, Reader};
use crate::session::registry::Registry;
use crate::session::reset::ResetReason;
use crate::session::revoked::LogOutMark;
use crate::session::subscriptions::{Part, Subscription, Subscriptions};
use crate::session::user::User;

/// A client's reader, whether the client resumes, and its last event id if that says more than a position.
type Admitted = (Reader, bool, Option<String>);

/// Where a client resumes, the reset that it must receive first, and what has to be recalled for it.
type Resumed = (Located, Option<ResetReason>, Option<Arc<Arrears>>);

/// The history of a client that brings its own id, as far as known.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    /// Something sent to this client alone is missing up to this position.
    missing: Position,
    /// The page's earlier client.
    earlier: Option<Earlier>,
}

/// Whether a page without a last event id has missed something up to `until` that its earlier client did not get.
fn has_missed(
    reached: Position,
    until: Position,
    broadcasts: &Arc<Log>,
    subscriptions: &Subscriptions,
    is_for: impl Fn(&Entry) -> bool,
) -> bool {
    // The client already got a duplicate if its original is not after `reached`.
    let is_new = |entry: &Entry| is_for(entry) && (entry.duplicate_of() == 0 || entry.duplicate_of() > reached);
    let has_new = |part: Part<'_>| {
        let (mut from, mut entries) = (reached, Vec::new());
        while part.has_news(from) || part.has_gap(from) {
            entries.clear();
            if part.read(from, until, MAX_EVENTS, &mut entries).is_err() || entries.iter().any(is_new) {
                return true;
            }
            match entries.last() {
                Some(last) => from = last.position,
                None => return false,
            }
        }
        false
    };
    has_new(Part::whole(broadcasts)) || subscriptions.any(has_new)
}

/// The maximum number of bytes of a client's data.
const MOST_DATA: usize = 1_024;

fn check_json(argument: &str, json: Option<&str>, most: usize) -> Result<()> {
    match json.map_or(0, str::len) {
        length if length > most => {
            let (got, most) = (grouped(length as u64), grouped(most as u64));
            Err(Error::range(format!("{argument}: got {got} bytes of JSON, wants at most {most}")))
        }
        _ => Ok(()),
    }
}

fn check_channels(channels: &[&str], most: usize) -> Result<()> {
    if channels.len() > most {
        let (got, most) = (grouped(channels.len() as u64), grouped(most as u64));
        return Err(Error::range(format!(
            "channels: got {got} channels, wants at most {most} (limits.channelsPerClient)"
        )));
    }
    channels.iter().try_for_each(|name| check_channel(name))
}

impl Hub {
    /// Connects a client. It gets every event that is sent to it from now on, and those that it has missed since its
    /// last event id. If the missed events are gone, it receives `ssekit:reset`.
    ///
    /// # Errors
    /// An id is invalid, or the client is refused: see [`Refusal`](crate::error::Refusal).
    pub fn connect(&self, who: Connect<'_>) -> Result<Connected> {
        self.try_connect(who).inspect_err(|error| {
            let registry = &self.inner.engine.registry;
            registry.gate.count(error);
            if let Some(refusal) = error.refusal() {
                registry.tell(|observer| observer.refused(refusal, who.user, who.client));
            }
        })
    }

    /// The same, for a client that an application identified after `mark`. A user who was logged out since then stays
    /// out, and so does one who was [identified](Connect::identified_at) before a log-out.
    ///
    /// # Errors
    /// The same as for [`Hub::connect`], and if the user was logged out since the mark.
    pub fn connect_since(&self, mark: LogOutMark, who: Connect<'_>) -> Result<Connected> {
        let revoked = &self.inner.engine.revoked;
        let is_void = |user| who.identified_at.is_some_and(|issued| revoked.is_void(user, issued));
        let is_out = || who.user.is_some_and(|user| revoked.is_out_since(user, mark) || is_void(user));
        if is_out() {
            return Err(Error::logged_out());
        }
        let mut connected = self.connect(who)?;
        // A log-out is recorded before the user's clients are looked up; here the order is reversed. So either this
        // check sees the log-out, or the log-out sees this client.
        if is_out() {
            let client = connected.stream.client().cloned();
            connected.stream.close(DisconnectReason::Server);
            // The log-out may not have seen its channels, either.
            let Engine { registry, timeline, .. } = &*self.inner.engine;
            registry.end_channels(client.as_slice(), (who.user.unwrap_or_default(), Duration::MAX), timeline);
            return Err(Error::logged_out());
        }
        Ok(connected)
    }

    fn try_connect(&self, who: Connect<'_>) -> Result<Connected> {
        self.check_process()?;
        if let Some(user) = who.user {
            check_length("userId", user)?;
        }
        if let Some(client) = who.client {
            check_header_text("clientId", client)?;
        }
        let Inner { engine, options, .. } = &*self.inner;
        check_channels(who.channels, options.limits.channels_per_client)?;
        check_json("data", who.data, MOST_DATA)?;
        check_json("welcome", who.welcome, options.max_event_bytes)?;
        let (shard, deliveries) = engine.next_shard();
        let (reader, resumed, kept_id) = self.admit(who, &shard)?;
        let key = reader.client().key;
        let id_of_own = reader.owes().map(ResetReason::owed_id).or(kept_id);
        let data = ready::data(reader.client(), resumed, options.heartbeat, who.welcome);
        let ready = Event {
            name: "ssekit:ready",
            data: &data,
            id: id_of_own.as_deref(),
            retry: Some(options.retry.as_millis() as u64),
            ..Event::default()
        };
        let ready = engine.timeline.notice(ready, reader.cursor());
        let opening = key.map_or_else(|| ready.body(), |key| ready.with_key(&key).body());
        let client_id = Arc::clone(&reader.client().info().id);
        let parts = Parts {
            reader,
            timeline: Arc::clone(&engine.timeline),
            registry: Arc::clone(&engine.registry),
            deliveries,
            heartbeat: Heartbeat::of(options),
            shard,
            by_listener: false,
            is_read_to_end: false,
        };
        Ok(Connected { client_id, opening, stream: Stream::new(parts) })
    }

    /// Creates and registers the client. Retries as long as another client with the same id is faster.
    fn admit(&self, who: Connect<'_>, shard: &Arc<Inbox>) -> Result<Admitted> {
        loop {
            match self.try_admit(who, shard)? {
                Some(admitted) => return Ok(admitted),
                // Another thread is halfway through registering or removing a client.
                None => std::thread::yield_now(),
            }
        }
    }

    /// Sets the cursor before anybody can send to the client, and reads the logs from the cursor on. So no event is
    /// lost in between.
    fn try_admit(&self, who: Connect<'_>, shard: &Arc<Inbox>) -> Result<Option<Admitted>> {
        let Engine { timeline, registry, .. } = &*self.inner.engine;
        let claim = self.claim(who);
        let IdentityClaim { client, last_event_id, ref predecessor, key, .. } = claim;
        let before = self.before(who, &claim);
        let own = client.map(|_| Registry::log_of_returning(predecessor.as_ref(), before.missing, timeline.head()));
        let (elsewhere, moves) = self.look_elsewhere(who.user, client)?;
        let (channels, missing) = self.channels_of(who, &claim)?;
        let replaces = predecessor.as_ref().is_some_and(|predecessor| predecessor.is_connected());
        let network = who.address.map(Network::of);
        registry.gate.enter(network, replaces)?;
        let user = match who.user.map(|id| registry.hold_user(id, elsewhere, replaces || moves)).transpose() {
            Ok(user) => user,
            Err(error) => {
                registry.gate.leave(network);
                return Err(error);
            }
        };
        let subscriptions = Subscriptions::new(user.as_ref().map(|user| Arc::clone(&user.log)), own, channels, missing);

        let seen_id = last_event_id.or(who.since);
        let comes_back = last_event_id.is_some();
        let (mut located, mut reset, mut owed) =
            self.resume(seen_id, comes_back, who.client, user.as_ref(), &subscriptions, before);
        if reset.is_none()
            && let Some(reason) = claim.loss(seen_id.map(|_| located.cursor))
        {
            (located, reset, owed) = (self.now(), Some(reason), None);
        }
        let Located { cursor, elsewhere: seen, keeps_id } = located;
        let id = client.map_or_else(|| Uuid::new_v4().to_string().into(), Arc::from);
        let info = ClientInfo { id, user: user.as_ref().map(|user| Arc::clone(&user.id)) };
        let link = Arc::clone(shard) as Arc<dyn ShardLink>;
        let start = Start { cursor, head: timeline.head(), base: timeline.base(), owes: reset.is_some() };
        let mut client = Client::new(info, network, subscriptions, link, start);
        (client.key, client.data, client.by_ticket) = (key, who.data.map(Arc::from), who.by_ticket);
        client.identified_at = who.identified_at.unwrap_or(client.identified_at);
        let client = Arc::new(client);
        // Before anybody can find and end the client, so that the shard sees `Join` before `Leave`.
        shard.push(Command::Join(Arc::clone(&client)));
        let admitted = if self.welcome(&client, seen_id, seen) {
            registry.admit(&client, user.as_ref(), (predecessor.as_ref(), before.missing), timeline)
        } else {
            Ok(false)
        };
        if let Some(user) = user {
            user.release();
        }
        if matches!(admitted, Ok(true)) {
            registry.join_channels(&client);
        }
        if matches!(admitted, Ok(true)) && registry.gate.is_closed() {
            // The gate closed while this client was halfway in, so the drain may not have seen it.
            drain::let_go(&client, registry, timeline, self.inner.options.drain);
        }
        if !matches!(admitted, Ok(true)) {
            registry.gate.leave(network);
            shard.push(Command::Leave(Arc::clone(&client)));
        }
        let resumed = comes_back && reset.is_none();
        let kept_id = seen_id.filter(|_| reset.is_none() && keeps_id).map(str::to_owned);
        let reader = || Reader::new(client, cursor, reset).having_seen(seen).owing(owed);
        Ok(admitted?.then(|| (reader(), resumed, kept_id)))
    }

    /// The channels that a client names, and those that it had before, here or on another node. Up to the position, events
    /// of others may be missing.
    ///
    /// # Errors
    /// Together, they are more channels than a client may have.
    fn channels_of(&self, who: Connect<'_>, claim: &IdentityClaim<'_>) -> Result<(Vec<Subscription>, Position)> {
        let registry = &self.inner.engine.registry;
        let head = self.inner.engine.timeline.head();
        let has = |all: &[Subscription], name: &str| all.iter().any(|one| *one.channel.name == *name);
        let mut channels: Vec<Subscription> = Vec::with_capacity(who.channels.len());
        for name in who.channels {
            if !has(&channels, name) {
                channels.push(Subscription::named(registry.channel_log(name), head));
            }
        }
        let named = channels.len();
        let predecessor =
            claim.predecessor.as_ref().filter(|predecessor| predecessor.hands_down_channels(who.by_ticket));
        let before = predecessor.map(|predecessor| &predecessor.subscriptions);
        for earlier in before.map_or_else(Vec::new, Subscriptions::channels) {
            if !has(channels.get(..named).unwrap_or_default(), &earlier.channel.name) {
                channels.push(earlier.inherited());
            }
        }
        for span in self.channels_elsewhere(who.user, claim.client) {
            Subscriptions::add_elsewhere(&mut channels, &span, || registry.channel_log(&span.channel));
        }
        let most = self.inner.options.limits.channels_per_client;
        // A client that names others each time it comes back must not pile them up.
        if channels.iter().filter(|one| one.is_active()).count() > most {
            return Err(Error::too_many_channels(most));
        }
        Ok((channels, before.map_or(0, Subscriptions::missing)))
    }

    /// The position of a client that has nothing to catch up with.
    fn now(&self) -> Located {
        Located { cursor: self.inner.engine.timeline.head(), elsewhere: 0, keeps_id: false }
    }

    /// The state of a client before it made this claim. A client that is refused its requested id may still be
    /// the same page.
    fn before(&self, who: Connect<'_>, claim: &IdentityClaim<'_>) -> Before {
        let (registry, Some(asked)) = (&self.inner.engine.registry, who.client) else { return Before::default() };
        let earlier = registry.earlier(asked, who.user, claim.predecessor.as_ref().or(claim.stranger.as_ref()));
        let is_new_here = claim.client.is_some() && claim.predecessor.is_none();
        Before {
            missing: if is_new_here { registry.missing_of(asked) } else { 0 },
            earlier: earlier.or_else(|| self.earlier_elsewhere(who.user, asked)),
        }
    }

    /// Where a client resumes, the reset that it must receive first, and its arrears. It has seen everything up to `seen_id`. `client` is
    /// the id that it asked for.
    fn resume(
        &self,
        seen_id: Option<&str>,
        comes_back: bool,
        client: Option<&str>,
        user: Option<&Arc<User>>,
        subscriptions: &Subscriptions,
        before: Before,
    ) -> Resumed {
        let timeline = &self.inner.engine.timeline;
        let now = || self.now();
        let Some(id) = seen_id else {
            // Take the cursor first, because the client gets everything after it.
            let now = now();
            let is_for = |entry: &Entry| client.is_none_or(|client| entry.is_for(client));
            let has_missed = |reached| has_missed(reached, now.cursor, timeline.broadcasts(), subscriptions, is_for);
            let missed = before.earlier.is_some_and(|earlier| earlier.reached.is_none_or(has_missed));
            return (now, missed.then_some(ResetReason::Unknown), None);
        };
        if let Some(reason) = ResetReason::of_owed_id(id) {
            return (now(), Some(reason), None);
        }
        let find = |id: &str| {
            let mut first = timeline.broadcasts().find(id, 0);
            subscriptions.each(|part| first = first.into_iter().chain(part.find(id)).min());
            first
        };
        match timeline.locate(id, find) {
            None => match self.search(id, subscriptions, before.missing) {
                Some((located, arrears)) => (located, None, Some(arrears)),
                None => (now(), Some(ResetReason::Unknown), None),
            },
            Some(Located { elsewhere, .. }) if self.is_refuted(elsewhere) => (now(), Some(ResetReason::Unknown), None),
            Some(Located { cursor, .. }) if before.missing > cursor || subscriptions.has_gap_of_its_own(cursor) => {
                (now(), Some(ResetReason::Evicted), None)
            }
            // The page comes back without its old client id, so events sent to that id alone are lost.
            Some(Located { cursor, .. })
                if comes_back
                    && subscriptions.own_if_any().is_none()
                    && self.inner.engine.registry.unclaimed(user.map(|user| &**user)) > cursor =>
            {
                (now(), Some(ResetReason::Evicted), None)
            }
            Some(located)
                if timeline.broadcasts().floor() > located.cursor || subscriptions.has_gap(located.cursor) =>
            {
                match self.arrears_after(located) {
                    Some(arrears) => (located, None, Some(arrears)),
                    None => (now(), Some(ResetReason::Evicted), None),
                }
            }
            Some(located) => (located, None, None),
        }
    }
}
