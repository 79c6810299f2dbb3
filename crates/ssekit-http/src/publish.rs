//! `POST /publish`: lets other processes and languages send.

use std::borrow::Cow;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::answer::{self, Answer};
use crate::headers::bearer;
use crate::idempotency::Earlier;
use crate::json_body::{self, Unfit};
use crate::misfit::{self, Member, Place, Wants};
use crate::state::ConnectionContext;
use crate::state::shown;
use ssekit_core::error::Error;
use ssekit_core::event::audience::Audience;
use ssekit_core::event::trace::TraceContext;
use ssekit_core::event::{Draft, Event};
use ssekit_core::hub::Published;
use ssekit_inspector::act::one_line;

const METHODS: &str = "POST, OPTIONS";

/// Answers a request to publish.
pub(crate) async fn publish(request: Request<Incoming>, context: &ConnectionContext) -> Answer {
    match *request.method() {
        Method::POST => accept(request, context).await.unwrap_or_else(Rejection::into_answer),
        Method::OPTIONS => answer::options(METHODS),
        _ => answer::wrong_method(request.method(), METHODS),
    }
}

/// Why nothing was published.
#[derive(Debug)]
enum Rejection {
    /// The token is missing or wrong.
    Unauthorized,
    /// The request cannot be used.
    Refused(StatusCode, String),
}

impl Rejection {
    fn bad(message: impl Into<String>) -> Self {
        Self::Refused(StatusCode::BAD_REQUEST, message.into())
    }

    fn too_large(message: impl Into<String>) -> Self {
        Self::Refused(StatusCode::PAYLOAD_TOO_LARGE, message.into())
    }

    fn into_answer(self) -> Answer {
        match self {
            Self::Unauthorized => answer::unauthorized(),
            Self::Refused(status, message) => Unfit { status, message }.into_answer(),
        }
    }
}

impl From<Unfit> for Rejection {
    fn from(Unfit { status, message }: Unfit) -> Self {
        Self::Refused(status, message)
    }
}

async fn accept(request: Request<Incoming>, context: &ConnectionContext) -> Result<Answer, Rejection> {
    authorize(request.headers(), context)?;
    json_body::check_type(request.headers())?;
    let key = idempotency_key(request.headers())?.map(str::to_owned);
    let trace = if context.shared.options.trace_context { trace_of(request.headers()) } else { None };
    let limits = &context.shared.options.limits;
    let body = json_body::read(request.into_body(), limits.body_bytes, limits.body_timeout).await?;
    let publish = || publish_all(&body, trace.as_ref(), context);
    let Some(key) = key else { return publish() };
    match context.shared.idempotency.once(&key, &body, publish).await {
        Earlier::Was(mut answer) => {
            answer.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
            Ok(answer)
        }
        Earlier::WasNot(result) => result,
        Earlier::WasLongAgo => Err(Rejection::Refused(
            StatusCode::CONFLICT,
            "Idempotency-Key: got the key of a publication whose answer is no longer kept, wants a new key to publish again".to_owned(),
        )),
        Earlier::WasAnother => Err(Rejection::Refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Idempotency-Key: got a key that was used with another body, wants a new key for this one".to_owned(),
        )),
    }
}

fn authorize(headers: &HeaderMap, context: &ConnectionContext) -> Result<(), Rejection> {
    let presented = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let wanted = context.shared.publish_token.as_ref();
    if wanted.zip(presented).is_some_and(|(wanted, presented)| wanted.is(presented)) {
        return Ok(());
    }
    context.shared.operator_log.write(|| format!("refused a publisher's token from {}", shown(&context.address)));
    Err(Rejection::Unauthorized)
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Rejection> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let got = match (value.to_str(), value.len()) {
        (_, 0) => "an empty one".to_owned(),
        (_, length @ 257..) => format!("{length} bytes"),
        (Ok(key), _) => return Ok(Some(key)),
        (Err(_), _) => "a character outside of printable ASCII".to_owned(),
    };
    Err(Rejection::bad(format!("Idempotency-Key: got {got}, wants 1 to 256 printable ASCII characters")))
}

/// The trace of a request. Two parents are ambiguous, so both are ignored. A state may come in several fields, which form one
/// list.
fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all("traceparent").into_iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
    let states: Result<Vec<&str>, _> = headers.get_all("tracestate").into_iter().map(HeaderValue::to_str).collect();
    TraceContext::parse(parent.to_str().ok()?, Some(&states.unwrap_or_default().join(",")))
}

/// A publisher's request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Publication<'a> {
    #[serde(default, deserialize_with = "user_id")]
    user_id: Option<String>,
    client_id: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    broadcast: bool,
    exclude_client_id: Option<String>,
    #[serde(borrow)]
    event: PublishedEvent<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublishedEvent<'a> {
    #[serde(default)]
    event: Option<String>,
    /// Kept as it is: the page gets exactly the JSON that the program wrote.
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    id: Option<String>,
    retry: Option<u64>,
    coalesce_key: Option<String>,
    /// Named like the attributes of CloudEvents' extension for distributed tracing.
    traceparent: Option<String>,
    tracestate: Option<String>,
}

/// Keeps `null`, which is not the same as no data at all.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Accepts a string or an integer, so `42` and `"42"` are one user, as in JavaScript.
fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Id {
        Text(String),
        Natural(u64),
        Integer(i64),
    }
    Ok(Option::<Id>::deserialize(deserializer)?.map(|id| match id {
        Id::Text(id) => id,
        Id::Natural(id) => id.to_string(),
        Id::Integer(id) => id.to_string(),
    }))
}

const WHAT: &str = "{ userId | clientId | channel | broadcast: true, excludeClientId?, event }, or a list of them";

const MEMBERS: [Member; 6] = [
    Member::optional("userId", Wants::TextOrInteger),
    Member::optional("clientId", Wants::Text),
    Member::optional("channel", Wants::Text),
    Member::optional("broadcast", Wants::Flag),
    Member::optional("excludeClientId", Wants::Text),
    Member::required("event", Wants::Object(&EVENT_MEMBERS)),
];

const EVENT_MEMBERS: [Member; 7] = [
    Member::optional("event", Wants::Text),
    Member::optional("data", Wants::Anything),
    Member::optional("id", Wants::Text),
    Member::optional("retry", Wants::Milliseconds),
    Member::optional("coalesceKey", Wants::Text),
    Member::optional("traceparent", Wants::Text),
    Member::optional("tracestate", Wants::Text),
];

#[derive(Serialize)]
struct Receipt {
    clients: usize,
    id: Option<String>,
}

/// Publishes one publication or a list of them. If one cannot be published, none is.
fn publish_all(body: &[u8], trace: Option<&TraceContext>, context: &ConnectionContext) -> Result<Answer, Rejection> {
    let began = Instant::now();
    let malformed = |error: serde_json::Error| Rejection::bad(misfit::explain(body, &error, WHAT, &MEMBERS));
    let many = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let publications: Vec<Publication<'_>> = if many {
        serde_json::from_slice(body).map_err(malformed)?
    } else {
        vec![serde_json::from_slice(body).map_err(malformed)?]
    };
    let mut drafts = Vec::with_capacity(publications.len());
    for (index, publication) in publications.iter().enumerate() {
        let place = if many { Place::Item(index) } else { Place::Body };
        drafts.push(publication.draft(place, trace, context)?);
    }
    let mut receipts = Vec::with_capacity(drafts.len());
    for (target, draft) in drafts {
        // This cannot fail, because the target has been checked.
        let Ok(Published { clients, id }) = context.shared.hub.publish(target, draft) else { continue };
        receipts.push(Receipt { clients, id });
    }
    context.shared.meter.published(receipts.len(), began.elapsed());
    Ok(match receipts.as_slice() {
        [receipt] if !many => answer::json(StatusCode::OK, receipt),
        receipts => answer::json(StatusCode::OK, receipts),
    })
}

const ONE_AUDIENCE: &str = "exactly one of userId, clientId, channel and broadcast: true";

impl Publication<'_> {
    fn draft(
        &self,
        place: Place<'_>,
        trace: Option<&TraceContext>,
        context: &ConnectionContext,
    ) -> Result<(Audience<'_>, Draft), Rejection> {
        let says = |error: &Error| place.member(&error.to_string());
        let target = self.audience(place)?;
        target.check().map_err(|error| Rejection::bad(says(&error)))?;
        let data = self.event.data.map_or(Cow::Borrowed("null"), |data| one_line(data.get()));
        let own_trace = if context.shared.options.trace_context { self.event.trace() } else { None };
        let event = Event {
            name: self.event.event.as_deref().unwrap_or_default(),
            data: &data,
            id: self.event.id.as_deref(),
            retry: self.event.retry,
            coalesce_key: self.event.coalesce_key.as_deref(),
            trace: own_trace.as_ref().or(trace),
        };
        let draft = context.shared.hub.encode(event).map_err(|error| {
            if error.is_range() { Rejection::too_large(says(&error)) } else { Rejection::bad(says(&error)) }
        })?;
        if self.event.event.is_none() && self.event.data.is_none() {
            let event = place.member("event");
            return Err(Rejection::bad(format!("{event}: got neither event nor data, wants at least one of them")));
        }
        Ok((target, draft))
    }

    fn audience(&self, place: Place<'_>) -> Result<Audience<'_>, Rejection> {
        let exclude = self.exclude_client_id.as_deref();
        match (&self.user_id, &self.client_id, &self.channel, self.broadcast, exclude) {
            (Some(id), None, None, false, None) => Ok(Audience::User(id)),
            (None, Some(id), None, false, None) => Ok(Audience::Client(id)),
            (None, None, Some(name), false, None) => Ok(Audience::Channel(name)),
            (None, None, None, true, exclude) => Ok(Audience::All { exclude }),
            (user, client, channel, broadcast, exclude) => {
                let named = [
                    (user.is_some(), "userId"),
                    (client.is_some(), "clientId"),
                    (channel.is_some(), "channel"),
                    (broadcast, "broadcast"),
                ];
                let named: Vec<_> = named.into_iter().filter_map(|(is_named, name)| is_named.then_some(name)).collect();
                Err(Rejection::bad(match named.as_slice() {
                    [name] if exclude.is_some() => {
                        let exclude = place.member("excludeClientId");
                        format!("{exclude}: got it with {name}, wants it only with broadcast: true")
                    }
                    [] => format!("{place}: got no audience, wants {ONE_AUDIENCE}"),
                    named => format!("{place}: got {}, wants {ONE_AUDIENCE}", named.join(" and ")),
                }))
            }
        }
    }
}

impl PublishedEvent<'_> {
    /// The event's own trace.
    fn trace(&self) -> Option<TraceContext> {
        TraceContext::parse(self.traceparent.as_deref()?, self.tracestate.as_deref())
    }
}
