//! A request for an event stream: who sends it, what its client has seen, and whether it is allowed.

use std::borrow::Cow;

use http_body_util::Full;
use hyper::header::ACCEPT;
use hyper::{Method, Request, StatusCode, Version};
use tokio::time::Instant;

use crate::answer::{self, Answer, beginning_head, stream_head};
use crate::headers::{accepts_events, header_id, last_event_id, shown};
use crate::identity::{Identity, address_of, authenticate, redeem, refuse};
use crate::query::parameter;
use crate::requested::{Ungranted, channels_of};
use crate::response::{Routed, StreamResponse};
use crate::state::ConnectionContext;
use crate::state::Shared;
use crate::ticket::TicketError;
use ssekit_core::error::Error;
use ssekit_core::event::key::Key;
use ssekit_core::hub::{Connect, Connected};
use ssekit_core::session::revoked::LogOutMark;

/// Answers a request for the event stream.
pub(crate) async fn subscribe<B>(request: &Request<B>, context: &ConnectionContext) -> Routed {
    let opened = open(request, context).await;
    opened.unwrap_or_else(|no| Routed::Answer(no.into_answer(context, request.version())))
}

/// A client that may have a stream, and the channels that it gets.
struct Admitted {
    identity: Identity,
    channels: Vec<String>,
}

/// The page's place in the history, as the page reports it.
#[derive(Clone, Copy)]
struct Known<'a> {
    last_event_id: Option<&'a str>,
    /// The cursor of its snapshot.
    since: Option<&'a str>,
}

impl<'a> Known<'a> {
    /// The id that says most.
    fn newest(self) -> Option<&'a str> {
        self.last_event_id.or(self.since)
    }
}

/// Why a request gets no stream.
#[derive(Debug)]
enum Rejection {
    /// The client does not accept event streams, but these types.
    NotAcceptable { got: String },
    /// The listener is closing.
    Closing,
    /// The ticket is not valid.
    Ticket(TicketError),
    /// It does not get a channel that it asks for.
    Channel(Ungranted),
    /// The hub refuses.
    Hub(Error),
    /// The hub accepts no more clients, because the process is about to end.
    Draining,
}

impl Rejection {
    fn into_answer(self, context: &ConnectionContext, version: Version) -> Answer {
        match self {
            Self::NotAcceptable { got } => {
                answer::text(StatusCode::NOT_ACCEPTABLE, format!("Accept: got {got}, wants text/event-stream.\n"))
            }
            Self::Closing => answer::closing(),
            Self::Ticket(refusal) => refuse(refusal, context),
            Self::Channel(ungranted) => ungranted.into_answer(),
            Self::Hub(error) => answer::of_error(&error),
            Self::Draining => answer::farewell(context.shared.hub.farewell_of_drain(), version),
        }
    }
}

async fn open<B>(request: &Request<B>, context: &ConnectionContext) -> Result<Routed, Rejection> {
    let shared = &context.shared;
    if !accepts_events(request.headers()) {
        return Err(Rejection::NotAcceptable { got: shown(request.headers(), ACCEPT) });
    }
    let seen = last_event_id(request).map(Cow::into_owned);
    let since = parameter(request.uri().query(), "since").map(Cow::into_owned);
    let known = Known { last_event_id: seen.as_deref(), since: since.as_deref() };
    let mut has_waited = false;
    loop {
        // Taken before the ticket is checked, so a user who is logged out from now on cannot enter with it.
        let mark = LogOutMark::now();
        let admitted = check(request, context)?;
        if request.method() == Method::HEAD {
            return Ok(Routed::Answer(stream_head().map(|()| Full::default())));
        }
        // Only an allowed client waits for the events of other nodes. Afterwards its ticket is checked again.
        if !has_waited && !shared.hub.is_caught_up(known.newest()) {
            catch_up(known.newest(), shared).await;
            has_waited = true;
            continue;
        }
        match enter(request, context, (known, mark), admitted) {
            // The ticket may be newer than that log-out. The next check finds out whether it is valid.
            Err(Rejection::Hub(error)) if error.is_logged_out() => {}
            opened => return opened,
        }
    }
}

/// Identifies the client, if it may have a stream with the channels that it asks for. This uses up nothing.
fn check<B>(request: &Request<B>, context: &ConnectionContext) -> Result<Admitted, Rejection> {
    if !context.shared.is_open() {
        return Err(Rejection::Closing);
    }
    let proposed = parameter(request.uri().query(), "clientId").map(Cow::into_owned);
    let claims = authenticate(request, context).map_err(Rejection::Ticket)?;
    let identity = Identity::new(claims, proposed).map_err(Rejection::Ticket)?;
    let most = context.shared.hub.options().limits.channels_per_client;
    let grants = identity.claims.as_ref().map(|claims| &claims.channels);
    let channels = channels_of(request.uri().query(), grants, most).map_err(Rejection::Channel)?;
    Ok(Admitted { identity, channels })
}

/// Waits until this node has caught up with a page that may come from another node. An event id is easy to make up, so only a
/// limited number of requests wait at once. Any other request goes on without waiting, and its client learns if events are
/// missing.
async fn catch_up(seen: Option<&str>, shared: &Shared) {
    if let Ok(_place) = shared.waiting.try_acquire() {
        shared.hub.caught_up(seen).await;
    }
}

/// Opens the stream of an allowed client, unless its user was logged out after the mark.
fn enter<B>(
    request: &Request<B>,
    context: &ConnectionContext,
    (known, mark): (Known<'_>, LogOutMark),
    Admitted { identity, channels }: Admitted,
) -> Result<Routed, Rejection> {
    let (shared, by_url) = (&context.shared, header_id(request).is_none());
    let address = address_of(request, context);
    let identity = if identity.is_one_time(context) {
        // Only the header counts. A thief who has the ticket from an access log has the rest of its URL from the same line.
        let shown = header_id(request).and_then(Key::split).map(|(_, key)| key);
        redeem(identity, context, address, shown.as_ref()).map_err(Rejection::Ticket)?
    } else {
        identity
    };
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    let Known { last_event_id, since } = known;
    let (by_ticket, identified_at) = (identity.claims.is_some(), identity.claims.as_ref().map(|claims| claims.issued));
    let base = Connect { user: identity.user(), client: identity.client.as_deref(), by_ticket, ..Connect::default() };
    let base = Connect { key: identity.key, identified_at, address, channels: &channels, ..base };
    let who = Connect { last_event_id, since, by_url, ..base };
    let Connected { client_id, opening, stream } = shared.hub.connect_since(mark, who).map_err(|error| {
        if let Some(ticket) = &identity.used {
            shared.once.give_back(ticket);
        }
        if error.refusal() == Some(ssekit_core::error::Refusal::Draining) {
            Rejection::Draining
        } else {
            Rejection::Hub(error)
        }
    })?;
    if let Some(ticket) = &identity.used {
        shared.once.opened(ticket, &client_id);
    }
    if let Some(client) = stream.client() {
        shared.subscribers.add(client, identity.claims.and_then(|claims| Instant::now().checked_add(claims.left)));
    }
    let head = beginning_head(request.version(), request.headers());
    Ok(Routed::Stream(StreamResponse { head, opening, stream: stream.by_listener() }))
}
