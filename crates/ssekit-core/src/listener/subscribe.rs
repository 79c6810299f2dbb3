//! A request for an event stream: who asks, what it has seen, and whether it may.

use std::borrow::Cow;
use std::net::IpAddr;

use http_body_util::Full;
use hyper::header::{ACCEPT, AUTHORIZATION, COOKIE, ORIGIN};
use hyper::{HeaderMap, Method, Request, StatusCode, Version};
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::Error;
use crate::hub::{Connect, Connected};
use crate::key::Key;
use crate::life;
use crate::listener::answer::{self, Answer, beginning_head, stream_head};
use crate::listener::protocol::shown;
use crate::listener::query::parameter;
use crate::listener::router::{Opened, Routed, Visitor};
use crate::listener::server::Shared;
use crate::listener::ticket::{self, Claims, Redeemed, Refusal, Subject, TicketOptions};
use crate::network::parse_address;
use crate::revoked::LogOutMark;

const METHODS: &str = "GET, HEAD, OPTIONS";

/// Answers a request for the event stream.
pub(crate) async fn subscribe<B>(request: &Request<B>, visitor: &Visitor) -> Routed {
    let cors = &visitor.shared.cors;
    let mut routed = match *request.method() {
        Method::GET | Method::HEAD => {
            let opened = open(request, visitor).await;
            opened.unwrap_or_else(|no| Routed::Answer(no.into_answer(visitor, request.version())))
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

/// Who may have a stream.
#[derive(Debug, Default)]
struct Identity {
    claims: Option<Claims>,
    client: Option<String>,
    /// The ticket whose one use this is.
    used: Option<String>,
    /// What the ids of a one-time ticket's stream end with.
    key: Option<Key>,
}

/// Why there is no stream.
#[derive(Debug)]
enum No {
    /// The client wants something else.
    NotAcceptable,
    /// The listener is closing.
    Closing,
    /// The ticket is not good.
    Ticket(Refusal),
    /// The hub refuses.
    Hub(Error),
    /// The hub lets nobody in any more: the process is about to end.
    Draining,
}

impl No {
    fn into_answer(self, visitor: &Visitor, version: Version) -> Answer {
        match self {
            Self::NotAcceptable => answer::text(StatusCode::NOT_ACCEPTABLE, "This is a text/event-stream.\n"),
            Self::Closing => answer::later(StatusCode::SERVICE_UNAVAILABLE, "Closing.\n"),
            Self::Ticket(refusal) => {
                let Shared { journal, meter, .. } = &*visitor.shared;
                meter.refused_tickets.add(1);
                journal.write(|| format!("refused a ticket from {}: {refusal}", shown(&visitor.address)));
                answer::unauthorized()
            }
            Self::Hub(error) => answer::of_error(&error),
            Self::Draining => answer::farewell(visitor.shared.hub.farewell_of_drain(), version),
        }
    }
}

async fn open<B>(request: &Request<B>, visitor: &Visitor) -> Result<Routed, No> {
    let shared = &visitor.shared;
    if !accepts_events(request.headers()) {
        return Err(No::NotAcceptable);
    }
    let seen = last_event_id(request).map(Cow::into_owned);
    let mut has_waited = false;
    loop {
        // Before the ticket is looked at: whoever is logged out from here on does not get in with it.
        let mark = LogOutMark::now();
        let identity = check(request, visitor)?;
        if request.method() == Method::HEAD {
            return Ok(Routed::Answer(stream_head().map(|()| Full::default())));
        }
        // Only who may come in waits for what other nodes have sent, and then the ticket is looked at again.
        if !has_waited && !shared.hub.is_caught_up(seen.as_deref()) {
            catch_up(seen.as_deref(), shared).await;
            has_waited = true;
            continue;
        }
        match enter(request, visitor, (seen.as_deref(), mark), identity) {
            // The ticket may be newer than that log-out; looked at again, it is void or good.
            Err(No::Hub(error)) if error.is_logged_out() => {}
            opened => return opened,
        }
    }
}

/// Who asks, if they may have a stream. This uses nothing up.
fn check<B>(request: &Request<B>, visitor: &Visitor) -> Result<Identity, No> {
    if !visitor.shared.is_open() {
        return Err(No::Closing);
    }
    identify(request, visitor).map_err(No::Ticket)
}

/// Waits until the node has come as far as a page that may come from another one. An id is easily made up, so only so many wait at
/// once; whoever comes on top of them goes on without, and is told if anything is missing.
async fn catch_up(seen: Option<&str>, shared: &Shared) {
    if let Ok(_place) = shared.waiting.try_acquire() {
        shared.hub.caught_up(seen).await;
    }
}

/// Opens the stream of who has been found to be good, unless their user was logged out since the mark.
fn enter<B>(
    request: &Request<B>,
    visitor: &Visitor,
    (seen, mark): (Option<&str>, LogOutMark),
    identity: Identity,
) -> Result<Routed, No> {
    let (shared, by_url) = (&visitor.shared, header_id(request).is_none());
    let address = address_of(request, visitor);
    let one_time = identity.claims.is_some() && shared.options.tickets.as_ref().is_some_and(|tickets| tickets.one_time);
    let identity = if one_time {
        // From the header alone: what stands in the URL, a thief has from the same line of the access log as the ticket.
        let shown = header_id(request).and_then(Key::split).map(|(_, key)| key);
        redeem(identity, visitor, address, shown.as_ref()).map_err(No::Ticket)?
    } else {
        identity
    };
    let Identity { claims, client, used, key } = identity;
    let user = claims.as_ref().and_then(|claims| claims.user.as_deref());
    let who = Connect { user, client: client.as_deref(), last_event_id: seen, by_url, key, address };
    let Connected { client_id, opening, stream } = shared.hub.connect_since(mark, who).map_err(|error| {
        if let Some(ticket) = &used {
            shared.once.give_back(ticket);
        }
        if error.refusal() == Some(life::Refusal::Draining) { No::Draining } else { No::Hub(error) }
    })?;
    if let Some(ticket) = &used {
        shared.once.opened(ticket, &client_id);
    }
    if let Some(client) = stream.client() {
        shared.roster.add(client, claims.and_then(|claims| Instant::now().checked_add(claims.left)));
    }
    let head = beginning_head(request.version(), request.headers());
    Ok(Routed::Stream(Opened { head, opening, stream: stream.by_listener() }))
}

/// Where a request comes from: the other end of the connection, or who the proxy there says that it serves. What stands last
/// in the header, the proxy has put there; what stands before, anybody may have.
fn address_of<B>(request: &Request<B>, visitor: &Visitor) -> Option<IpAddr> {
    if !visitor.shared.options.trust_proxy {
        return visitor.address;
    }
    let last = request.headers().get_all("x-forwarded-for").iter().next_back();
    let served = last.and_then(|value| value.to_str().ok()).and_then(|value| value.rsplit(',').next());
    served.and_then(parse_address).or(visitor.address)
}

/// The header, or the query's parameter for clients that cannot set it. An empty one says that nothing was seen.
fn last_event_id<B>(request: &Request<B>) -> Option<Cow<'_, str>> {
    let id = header_id(request).map(Cow::Borrowed).or_else(|| parameter(request.uri().query(), "lastEventId"));
    id.filter(|id| !id.is_empty())
}

fn header_id<B>(request: &Request<B>) -> Option<&str> {
    request.headers().get("last-event-id").and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// Whether a client would take an event stream (RFC 9110, section 12.5.1). Without the header it takes anything.
fn accepts_events(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(ACCEPT).iter().peekable();
    let fits = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        ["text/event-stream", "text/*", "*/*"].iter().any(|wanted| range.eq_ignore_ascii_case(wanted))
    };
    given.peek().is_none() || given.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(fits)
}

fn identify<B>(request: &Request<B>, visitor: &Visitor) -> Result<Identity, Refusal> {
    let shared = &visitor.shared;
    let proposed = parameter(request.uri().query(), "clientId").map(Cow::into_owned);
    let presented = shared.options.tickets.as_ref().map(|tickets| (tickets, find_ticket(request, visitor, tickets)));
    let (tickets, token) = match presented {
        Some((tickets, Ok(Some(token)))) => (tickets, token),
        Some((_, Err(refusal))) => return Err(refusal),
        Some((_, Ok(None))) | None if shared.options.anonymous => {
            return Ok(Identity { client: proposed, ..Identity::default() });
        }
        _ => return Err(Refusal::Missing),
    };
    let claims = tickets.verify(&token, ticket::now())?;
    if claims.user.as_deref().is_some_and(|user| shared.hub.is_logged_out(user, claims.issued)) {
        return Err(Refusal::Revoked);
    }
    if claims.client.is_some() && proposed.is_some() && claims.client != proposed {
        return Err(Refusal::Client);
    }
    let client = claims.client.clone().or(proposed);
    Ok(Identity { client, claims: Some(claims), ..Identity::default() })
}

/// Uses a ticket that may open one stream only.
fn redeem(
    mut identity: Identity,
    visitor: &Visitor,
    address: Option<IpAddr>,
    shown: Option<&Key>,
) -> Result<Identity, Refusal> {
    let claims = identity.claims.as_ref().ok_or(Refusal::Missing)?;
    let id = claims.id.clone().ok_or(Refusal::Malformed)?;
    // The stream needs its id now, for it is what the ticket will be bound to.
    let client = identity.client.get_or_insert_with(|| Uuid::new_v4().to_string());
    let subject = &Subject::of(claims.user.as_deref(), address);
    let redeemed = Redeemed { ticket: &id, subject, client, shown, left: claims.left };
    let (key, is_first) = visitor.shared.once.redeem(redeemed, ticket::now())?;
    if !is_first {
        if let Some(instead) = visitor.shared.once.instead(&id) {
            *client = instead.to_string();
        }
        if visitor.shared.hub.has_moved_on(client, &key) {
            return Err(Refusal::Used);
        }
    }
    identity.used = is_first.then_some(id);
    identity.key = Some(key);
    Ok(identity)
}

/// The ticket of a request: in `Authorization`, in the query, or in a cookie, the first of these that is there.
fn find_ticket<'a, B>(
    request: &'a Request<B>,
    visitor: &Visitor,
    tickets: &TicketOptions,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    if let Some(value) = request.headers().get(AUTHORIZATION) {
        let token = value.to_str().ok().and_then(bearer).ok_or(Refusal::Malformed)?;
        return Ok(Some(Cow::Borrowed(token)));
    }
    if let Some(token) = parameter(request.uri().query(), "ticket") {
        return Ok(Some(token));
    }
    let token = cookie(request.headers(), &tickets.cookie);
    if token.is_some() && !visitor.shared.cors.trusts_cookies(request) {
        return Err(Refusal::Origin);
    }
    Ok(token.map(Cow::Borrowed))
}

/// The token of an `Authorization` header (RFC 6750, section 2.1).
pub(crate) fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a cookie (RFC 6265, section 4.2).
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    Some(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn headers(name: hyper::header::HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn whoever_takes_something_else_only_is_told_so() {
        for (accept, accepts) in [
            (&[][..], true),
            (&["text/event-stream"], true),
            (&["Text/Event-Stream;q=0.5"], true),
            (&["text/html, */*;q=0.1"], true),
            (&["text/*"], true),
            (&["application/json", "text/event-stream"], true),
            (&["text/html"], false),
            (&["application/json, text/html"], false),
            (&[""], false),
        ] {
            assert_eq!(accepts_events(&headers(ACCEPT, accept)), accepts, "{accept:?}");
        }
    }

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let headers = headers(COOKIE, &["other_t=1; t2=2", "a=b=c; t=\"value\" ; t=later"]);
        assert_eq!(cookie(&headers, "t"), Some("value"));
        assert_eq!(cookie(&headers, "a"), Some("b=c"));
        assert_eq!(cookie(&headers, "o"), None);
    }

    #[test]
    fn a_bearer_token_is_told_by_its_scheme() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("abc"), None);
    }
}
