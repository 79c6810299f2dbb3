//! The identity behind a request: the ticket that it presents, and the client that it speaks for.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::Request;
use hyper::header::AUTHORIZATION;
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::headers::{bearer, cookie};
use crate::query::parameter;
use crate::state::{ConnectionContext, Shared, shown};
use crate::ticket::{self, Claims, Continued, Redeemed, Subject, TicketError, TicketOptions};
use ssekit_core::event::key::Key;
use ssekit_core::session::network::parse_address;

/// A client that may have a stream.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) claims: Option<Claims>,
    pub(crate) client: Option<String>,
    /// The one-time ticket that this request uses.
    pub(crate) used: Option<String>,
    /// The key at the end of the event ids, for a stream of a one-time ticket.
    pub(crate) key: Option<Key>,
}

impl Identity {
    /// A client that proposes its own id, unless its ticket names another.
    pub(crate) fn new(claims: Option<Claims>, proposed: Option<String>) -> Result<Self, TicketError> {
        let named = claims.as_ref().and_then(|claims| claims.client.clone());
        if named.is_some() && proposed.is_some() && named != proposed {
            return Err(TicketError::Client);
        }
        Ok(Self { client: named.or(proposed), claims, ..Self::default() })
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.claims.as_ref()?.user.as_deref()
    }

    /// Whether its ticket opens only one stream.
    pub(crate) fn is_one_time(&self, context: &ConnectionContext) -> bool {
        self.claims.is_some() && context.shared.options.tickets.as_ref().is_some_and(|tickets| tickets.one_time)
    }
}

/// The address that a request comes from: the other end of the connection, or the client that the proxy names. The proxy has
/// written the last entry of the header; anybody may have written the entries before it.
pub(crate) fn address_of<B>(request: &Request<B>, context: &ConnectionContext) -> Option<IpAddr> {
    if !context.shared.options.trust_proxy {
        return context.address;
    }
    let last = request.headers().get_all("x-forwarded-for").iter().next_back();
    let served = last.and_then(|value| value.to_str().ok()).and_then(|value| value.rsplit(',').next());
    served.and_then(parse_address).or(context.address)
}

/// The claims of a request's ticket; `None` if it has no ticket and needs none. This uses up nothing.
pub(crate) fn authenticate<B>(
    request: &Request<B>,
    context: &ConnectionContext,
) -> Result<Option<Claims>, TicketError> {
    let Shared { options, hub, .. } = &*context.shared;
    let presented = options.tickets.as_ref().map(|tickets| (tickets, find_ticket(request, context, tickets)));
    let (tickets, token) = match presented {
        Some((tickets, Ok(Some(token)))) => (tickets, token),
        Some((_, Err(refusal))) => return Err(refusal),
        Some((_, Ok(None))) | None if options.anonymous => return Ok(None),
        _ => return Err(TicketError::Missing),
    };
    let claims = tickets.verify(&token, ticket::now())?;
    if claims.user.as_deref().is_some_and(|user| hub.is_logged_out(user, claims.issued)) {
        return Err(TicketError::Revoked);
    }
    Ok(Some(claims))
}

/// Refuses a ticket. Only the operator learns why.
pub(crate) fn refuse(refusal: TicketError, context: &ConnectionContext) -> Answer {
    let Shared { operator_log, meter, .. } = &*context.shared;
    meter.refused_tickets.add(1);
    operator_log.write(|| format!("refused a ticket from {}: {refusal}", shown(&context.address)));
    answer::unauthorized()
}

/// Uses a ticket that may open only one stream.
pub(crate) fn redeem(
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

/// The client id of a page that speaks for the stream of its one-time ticket. The ticket must have opened that stream, and the
/// page must show the key of that stream.
pub(crate) fn continuing(
    identity: &Identity,
    context: &ConnectionContext,
    shown: Option<&Key>,
) -> Result<Arc<str>, TicketError> {
    let Shared { once, hub, .. } = &*context.shared;
    let ticket = identity.claims.as_ref().and_then(|claims| claims.id.as_deref()).ok_or(TicketError::Malformed)?;
    let client = identity.client.as_deref().unwrap_or_default();
    let client = once.client_of(Continued { ticket, client, shown }).ok_or(TicketError::Used)?;
    if shown.is_some_and(|key| hub.has_moved_on(&client, key)) { Err(TicketError::Used) } else { Ok(client) }
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
