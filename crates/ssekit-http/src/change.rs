//! `POST` to the path of the event stream: a page changes the channels of its stream.

use std::collections::HashSet;

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::answer::{self, Answer};
use crate::identity::{Identity, authenticate, continuing, refuse};
use crate::json_body::{self, Unfit};
use crate::misfit::{self, Member, Wants};
use crate::state::ConnectionContext;
use crate::ticket::TicketError;
use ssekit_core::error::{Error, ErrorKind, grouped};
use ssekit_core::event::check_channel_at;
use ssekit_core::event::key::Key;
use ssekit_core::hub::{Change, Changed, Page};

/// The maximum number of bytes of a request: far more than the names of all channels that a client may have usually take.
const MOST_BYTES: usize = 64 << 10;

/// Answers a page that changes the channels of its stream.
pub(crate) async fn change(request: &Request<()>, body: Incoming, context: &ConnectionContext) -> Answer {
    accept(request, body, context).await.unwrap_or_else(|rejection| match rejection {
        Rejection::Ticket(refusal) => refuse(refusal, context),
        Rejection::Unfit(unfit) => unfit.into_answer(),
        Rejection::Closing => answer::closing(),
    })
}

/// Why nothing was changed.
enum Rejection {
    Ticket(TicketError),
    Unfit(Unfit),
    /// The listener or the process is about to end. The page will soon have its stream elsewhere.
    Closing,
}

impl From<Unfit> for Rejection {
    fn from(unfit: Unfit) -> Self {
        Self::Unfit(unfit)
    }
}

impl From<TicketError> for Rejection {
    fn from(refusal: TicketError) -> Self {
        Self::Ticket(refusal)
    }
}

async fn accept(request: &Request<()>, body: Incoming, context: &ConnectionContext) -> Result<Answer, Rejection> {
    json_body::check_type(request.headers())?;
    authenticate(request, context)?;
    let body = json_body::read(body, MOST_BYTES, context.shared.options.limits.body_timeout).await?;
    if !context.shared.is_open() {
        return Err(Rejection::Closing);
    }
    // Once more: the ticket may have become void while the body arrived.
    let claims = authenticate(request, context)?;
    let asked = Asked::parse(&body)?;
    let identity = Identity::new(claims, Some(asked.client_id.clone()))?;
    let shown = asked.last_event_id.as_deref().and_then(Key::split).map(|(_, key)| key);
    let client = if identity.is_one_time(context) {
        continuing(&identity, context, shown.as_ref())?.to_string()
    } else {
        asked.client_id.clone()
    };
    let most = context.shared.hub.options().limits.channels_per_client;
    let leaving = distinct("unsubscribe", asked.unsubscribe.iter().map(|name| Ok((name.as_str(), None))), most)?;
    let requests = distinct("subscribe", asked.subscribe.iter().enumerate().map(channel_request), most)?;
    carry_out(&identity, Page { client: &client, user: identity.user(), key: shown }, (&leaving, &requests), context)
}

/// The body of a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    client_id: String,
    #[serde(default)]
    subscribe: Vec<Value>,
    #[serde(default)]
    unsubscribe: Vec<String>,
    last_event_id: Option<String>,
}

const WHAT: &str = "an object { clientId, subscribe?, unsubscribe?, lastEventId? }";

const MEMBERS: [Member; 4] = [
    Member::required("clientId", Wants::Text),
    Member::optional("subscribe", Wants::List),
    Member::optional("unsubscribe", Wants::Texts),
    Member::optional("lastEventId", Wants::Text),
];

impl Asked {
    fn parse(body: &[u8]) -> Result<Self, Unfit> {
        // The decoder would take a list as well.
        if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return Err(Unfit::bad(format!("body: got no JSON object, wants {WHAT}")));
        }
        let asked: Self =
            serde_json::from_slice(body).map_err(|error| Unfit::bad(misfit::explain(body, &error, WHAT, &MEMBERS)))?;
        if asked.subscribe.is_empty() && asked.unsubscribe.is_empty() {
            return Err(Unfit::bad("body: got no channel, wants at least one in subscribe or unsubscribe"));
        }
        Ok(asked)
    }
}

/// A channel, and the cursor that the page begins at.
type ChannelRequest<'a> = (&'a str, Option<&'a str>);

/// The distinct channels, at most `most`. If one is there several times, the first counts.
fn distinct<'a>(
    member: &str,
    requests: impl Iterator<Item = Result<ChannelRequest<'a>, Unfit>>,
    most: usize,
) -> Result<Vec<ChannelRequest<'a>>, Unfit> {
    let (mut seen, mut distinct) = (HashSet::new(), Vec::new());
    for (index, request) in requests.enumerate() {
        let (name, since) = request?;
        check_channel_at(&format!("{member}[{index}]"), name).map_err(|error| Unfit::bad(error.to_string()))?;
        if seen.insert(name) {
            distinct.push((name, since));
        }
        if distinct.len() > most {
            let most = grouped(most as u64);
            let message =
                format!("{member}: got more than {most} channels, wants at most {most} (limits.channelsPerClient)");
            return Err(Unfit::new(StatusCode::TOO_MANY_REQUESTS, message));
        }
    }
    Ok(distinct)
}

fn channel_request((index, value): (usize, &Value)) -> Result<ChannelRequest<'_>, Unfit> {
    match value {
        Value::String(name) => Ok((name, None)),
        Value::Object(members) => {
            if let Some(name) = members.keys().find(|name| *name != "channel" && *name != "since") {
                let place = format!("subscribe[{index}]");
                return Err(Unfit::bad(misfit::unknown(&place, name, &["channel", "since"])));
            }
            let channel =
                text_in(members, "channel", index)?.ok_or_else(|| unfit_request(index, ".channel", "none", TEXT))?;
            Ok((channel, text_in(members, "since", index)?))
        }
        other => {
            let wants = "the name of a channel, or an object { channel, since? }";
            Err(unfit_request(index, "", &misfit::describe(&other.to_string()), wants))
        }
    }
}

const TEXT: &str = "a string";

fn text_in<'a>(members: &'a Map<String, Value>, name: &str, index: usize) -> Result<Option<&'a str>, Unfit> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(unfit_request(index, &format!(".{name}"), &misfit::describe(&other.to_string()), TEXT)),
    }
}

fn unfit_request(index: usize, member: &str, got: &str, wants: &str) -> Unfit {
    Unfit::bad(format!("subscribe[{index}]{member}: got {got}, wants {wants}"))
}

/// The channels that were changed, and those that were not.
#[derive(Serialize)]
struct Outcome<'a> {
    subscribed: Vec<&'a str>,
    unsubscribed: Vec<&'a str>,
    /// The channels that the ticket does not allow.
    refused: Vec<&'a str>,
    /// Why some of the allowed ones are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

fn carry_out(
    identity: &Identity,
    page: Page<'_>,
    (leaving, requests): (&[ChannelRequest<'_>], &[ChannelRequest<'_>]),
    context: &ConnectionContext,
) -> Result<Answer, Rejection> {
    let grants = identity.claims.as_ref().map(|claims| &claims.channels);
    let is_granted = |(name, _): &ChannelRequest<'_>| grants.is_some_and(|grants| grants.allow(name));
    let (granted, refused): (Vec<ChannelRequest<'_>>, Vec<ChannelRequest<'_>>) =
        requests.iter().copied().partition(is_granted);
    let leaving = names(leaving);
    let change = Change { unsubscribe: &leaving, subscribe: &granted };
    let changed = context.shared.hub.change(page, change).map_err(|error| match error.kind() {
        ErrorKind::Draining => Rejection::Closing,
        _ => Rejection::Unfit(Unfit::new(status_of(&error), error.to_string())),
    })?;
    let Changed { unsubscribed, subscribed, stopped } = changed;
    let outcome = Outcome {
        subscribed: names(granted.get(..subscribed).unwrap_or_default()),
        unsubscribed: leaving.get(..unsubscribed).unwrap_or_default().to_vec(),
        refused: names(&refused),
        error: stopped.as_ref().map(Error::to_string),
    };
    Ok(answer::json(stopped.as_ref().map_or(StatusCode::OK, status_of), &outcome))
}

fn names<'a>(requests: &[ChannelRequest<'a>]) -> Vec<&'a str> {
    requests.iter().map(|(name, _)| *name).collect()
}

fn status_of(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Argument => StatusCode::BAD_REQUEST,
        ErrorKind::UnknownClient => StatusCode::NOT_FOUND,
        ErrorKind::ChannelsFull => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
