//! A request for an event stream: who sends it, what its client has seen, and whether it is allowed.

use std::borrow::Cow;
use std::net::IpAddr;

use http_body_util::Full;
use hyper::header::{AUTHORIZATION, ORIGIN};
use hyper::{Method, Request, StatusCode, Version};
use tokio::time::Instant;
use uuid::Uuid;

use crate::answer::{self, Answer, beginning_head, stream_head};
use crate::headers::{accepts_events, bearer, cookie, header_id, last_event_id};
use crate::query::parameter;
use crate::response::{Routed, StreamResponse};
use crate::state::ConnectionContext;
use crate::state::Shared;
use crate::state::shown;
use crate::ticket::{self, Claims, Redeemed, Subject, TicketError, TicketOptions};
use ssekit_core::error::Error;
use ssekit_core::event::key::Key;
use ssekit_core::hub::{Connect, Connected};
use ssekit_core::session::network::parse_address;
use ssekit_core::session::revoked::LogOutMark;

const METHODS: &str = "GET, HEAD, OPTIONS";

/// Answers a request for the event stream.
pub(crate) async fn subscribe<B>(request: &Request<B>, context: &ConnectionContext) -> Routed {
    let cors = &context.shared.cors;
    let mut routed = match *request.method() {
        Method::GET | Method::HEAD => {
            let opened = open(request, context).await;
            opened.unwrap_or_else(|no| Routed::Answer(no.into_answer(context, request.version())))
        }
        Method::OPTIONS => Routed::Answer(answer::options(METHODS)),
        _ => Routed::Answer(answer::wrong_method(METHODS)),
    };
    let headers = match &mut routed {
        Routed::Answer(answer) => answer.headers_mut(),
        Routed::Stream(opened) => opened.head.headers_mut(),
    };
    cors.decorate(request.headers().get(ORIGIN), headers);
    cors.decorate_preflight(request, headers);
    routed
}

/// A client that may have a stream.
#[derive(Debug, Default)]
struct Identity {
    claims: Option<Claims>,
    client: Option<String>,
    /// The one-time ticket that this request uses.
    used: Option<String>,
    /// The key at the end of the event ids, for a stream of a one-time ticket.
    key: Option<Key>,
}

/// Why a request gets no stream.
#[derive(Debug)]
enum Rejection {
    /// The client does not accept event streams.
    NotAcceptable,
    /// The listener is closing.
    Closing,
    /// The ticket is not valid.
    Ticket(TicketError),
    /// The hub refuses.
    Hub(Error),
    /// The hub accepts no more clients, because the process is about to end.
    Draining,
}

impl Rejection {
    fn into_answer(self, context: &ConnectionContext, version: Version) -> Answer {
        match self {
            Self::NotAcceptable => answer::text(StatusCode::NOT_ACCEPTABLE, "Accept: wants text/event-stream.\n"),
            Self::Closing => answer::later(StatusCode::SERVICE_UNAVAILABLE, "Closing.\n"),
            Self::Ticket(refusal) => {
                let Shared { operator_log, meter, .. } = &*context.shared;
                meter.refused_tickets.add(1);
                operator_log.write(|| format!("refused a ticket from {}: {refusal}", shown(&context.address)));
                answer::unauthorized()
            }
            Self::Hub(error) => answer::of_error(&error),
            Self::Draining => answer::farewell(context.shared.hub.farewell_of_drain(), version),
        }
    }
}

async fn open<B>(request: &Request<B>, context: &ConnectionContext) -> Result<Routed, Rejection> {
    let shared = &context.shared;
    if !accepts_events(request.headers()) {
        return Err(Rejection::NotAcceptable);
    }
    let seen = last_event_id(request).map(Cow::into_owned);
    let mut has_waited = false;
    loop {
        // Taken before the ticket is checked, so a user who is logged out from now on cannot enter with it.
        let mark = LogOutMark::now();
        let identity = check(request, context)?;
        if request.method() == Method::HEAD {
            return Ok(Routed::Answer(stream_head().map(|()| Full::default())));
        }
        // Only an allowed client waits for the events of other nodes. Afterwards its ticket is checked again.
        if !has_waited && !shared.hub.is_caught_up(seen.as_deref()) {
            catch_up(seen.as_deref(), shared).await;
            has_waited = true;
            continue;
        }
        match enter(request, context, (seen.as_deref(), mark), identity) {
            // The ticket may be newer than that log-out. The next check finds out whether it is valid.
            Err(Rejection::Hub(error)) if error.is_logged_out() => {}
            opened => return opened,
        }
    }
}

/// Identifies the client, if it may have a stream. This uses up nothing.
fn check<B>(request: &Request<B>, context: &ConnectionContext) -> Result<Identity, Rejection> {
    if !context.shared.is_open() {
        return Err(Rejection::Closing);
    }
    identify(request, context).map_err(Rejection::Ticket)
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
    (seen, mark): (Option<&str>, LogOutMark),
    identity: Identity,
) -> Result<Routed, Rejection> {
    let (shared, by_url) = (&context.shared, header_id(request).is_none());
    let address = address_of(request, context);
    let one_time = identity.claims.is_some() && shared.options.tickets.as_ref().is_some_and(|tickets| tickets.one_time);
    let identity = if one_time {
        // Only the header counts. A thief who has the ticket from an access log has the rest of its URL from the same line.
        let shown = header_id(request).and_then(Key::split).map(|(_, key)| key);
        redeem(identity, context, address, shown.as_ref()).map_err(Rejection::Ticket)?
    } else {
        identity
    };
    let Identity { claims, client, used, key } = identity;
    let user = claims.as_ref().and_then(|claims| claims.user.as_deref());
    let base = Connect { user, client: client.as_deref(), last_event_id: seen, ..Connect::default() };
    let who = Connect { by_url, key, address, ..base };
    let Connected { client_id, opening, stream } = shared.hub.connect_since(mark, who).map_err(|error| {
        if let Some(ticket) = &used {
            shared.once.give_back(ticket);
        }
        if error.refusal() == Some(ssekit_core::error::Refusal::Draining) {
            Rejection::Draining
        } else {
            Rejection::Hub(error)
        }
    })?;
    if let Some(ticket) = &used {
        shared.once.opened(ticket, &client_id);
    }
    if let Some(client) = stream.client() {
        shared.subscribers.add(client, claims.and_then(|claims| Instant::now().checked_add(claims.left)));
    }
    let head = beginning_head(request.version(), request.headers());
    Ok(Routed::Stream(StreamResponse { head, opening, stream: stream.by_listener() }))
}

/// The address that a request comes from: the other end of the connection, or the client that the proxy names. The proxy has
/// written the last entry of the header; anybody may have written the entries before it.
fn address_of<B>(request: &Request<B>, context: &ConnectionContext) -> Option<IpAddr> {
    if !context.shared.options.trust_proxy {
        return context.address;
    }
    let last = request.headers().get_all("x-forwarded-for").iter().next_back();
    let served = last.and_then(|value| value.to_str().ok()).and_then(|value| value.rsplit(',').next());
    served.and_then(parse_address).or(context.address)
}

fn identify<B>(request: &Request<B>, context: &ConnectionContext) -> Result<Identity, TicketError> {
    let shared = &context.shared;
    let proposed = parameter(request.uri().query(), "clientId").map(Cow::into_owned);
    let presented = shared.options.tickets.as_ref().map(|tickets| (tickets, find_ticket(request, context, tickets)));
    let (tickets, token) = match presented {
        Some((tickets, Ok(Some(token)))) => (tickets, token),
        Some((_, Err(refusal))) => return Err(refusal),
        Some((_, Ok(None))) | None if shared.options.anonymous => {
            return Ok(Identity { client: proposed, ..Identity::default() });
        }
        _ => return Err(TicketError::Missing),
    };
    let claims = tickets.verify(&token, ticket::now())?;
    if claims.user.as_deref().is_some_and(|user| shared.hub.is_logged_out(user, claims.issued)) {
        return Err(TicketError::Revoked);
    }
    if claims.client.is_some() && proposed.is_some() && claims.client != proposed {
        return Err(TicketError::Client);
    }
    let client = claims.client.clone().or(proposed);
    Ok(Identity { client, claims: Some(claims), ..Identity::default() })
}

/// Uses a ticket that may open only one stream.
fn redeem(
    mut identity: Identity,
    context: &ConnectionContext,
    address: Option<IpAddr>,
    shown: Option<&Key>,
) -> Result<Identity, TicketError> {
    let claims = identity.claims.as_ref().ok_or(TicketError::Missing)?;
    let id = claims.id.clone().ok_or(TicketError::Malformed)?;
    // The stream needs its id now, because the ticket will be bound to it.
    let client = identity.client.get_or_insert_with(|| Uuid::new_v4().to_string());
    let subject = &Subject::of(claims.user.as_deref(), address);
    let redeemed = Redeemed { ticket: &id, subject, client, shown, left: claims.left };
    let (key, is_first) = context.shared.once.redeem(redeemed, ticket::now())?;
    if !is_first {
        if let Some(instead) = context.shared.once.instead(&id) {
            *client = instead.to_string();
        }
        if context.shared.hub.has_moved_on(client, &key) {
            return Err(TicketError::Used);
        }
    }
    identity.used = is_first.then_some(id);
    identity.key = Some(key);
    Ok(identity)
}

/// The ticket of a request: in `Authorization`, in the query, or in a cookie. The first of these counts.
fn find_ticket<'a, B>(
    request: &'a Request<B>,
    context: &ConnectionContext,
    tickets: &TicketOptions,
) -> Result<Option<Cow<'a, str>>, TicketError> {
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or(TicketError::Malformed)?;
        return Ok(Some(Cow::Borrowed(token)));
    }
    if let Some(token) = parameter(request.uri().query(), "ticket") {
        return Ok(Some(token));
    }
    let token = cookie(request.headers(), &tickets.cookie);
    if token.is_some() && !context.shared.cors.trusts_cookies(request) {
        return Err(TicketError::Origin);
    }
    Ok(token.map(Cow::Borrowed))
}
