//! `/inspector`: the page that shows who is connected and what was sent. The page itself is public and has no data. Its requests
//! need the token.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use crate::answer::{self, Answer};
use crate::headers::bearer;
use crate::inspector_lines::Lines;
use crate::json_body::{self, Unfit};
use crate::response::Routed;
use crate::state::{ConnectionContext, shown};
use ssekit_inspector::page::{PAGE, headers};
use ssekit_inspector::{Acted, Request as Asked, Rights, act};

const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Answers a request for the inspector.
pub(crate) async fn inspector(request: Request<Incoming>, context: &ConnectionContext) -> Routed {
    Routed::Answer(match *request.method() {
        Method::GET | Method::HEAD => page(),
        Method::POST => {
            return obey(request, context).await.unwrap_or_else(|unfit| Routed::Answer(unfit.into_answer()));
        }
        Method::OPTIONS => answer::options(METHODS),
        _ => answer::wrong_method(request.method(), METHODS),
    })
}

fn page() -> Answer {
    let mut page = Answer::new(Bytes::from_static(PAGE.as_bytes()).into());
    for (name, value) in headers() {
        page.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    page
}

async fn obey(request: Request<Incoming>, context: &ConnectionContext) -> Result<Routed, Unfit> {
    let shared = &context.shared;
    let rights = authorize(request.headers(), context)?;
    json_body::check_type(request.headers())?;
    let limits = &shared.options.limits;
    let body = json_body::read(request.into_body(), limits.body_bytes, limits.body_timeout).await?;
    let asked = Asked::parse(&body).map_err(Unfit::bad)?;
    if let Asked::Watch(watch) = &asked {
        return Ok(match shared.watches.begin(&watch.find, rights) {
            Some(watch) => Routed::Watch(stream_head(), Box::new(Lines::of(watch, shared))),
            None => Routed::Answer(answer_of(&Acted::too_many())),
        });
    }
    // Everything but a watch is carried out.
    let acted = act(&shared.hub, &asked, rights).unwrap_or_else(|| Acted::refused(400, "body: got no request"));
    Ok(Routed::Answer(answer_of(&acted)))
}

/// The rights of whoever presents the token.
fn authorize(headers: &HeaderMap, context: &ConnectionContext) -> Result<Rights, Unfit> {
    let shared = &context.shared;
    let presented = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
    let is_right = shared.inspector_token.as_ref().zip(presented).is_some_and(|(token, presented)| token.is(presented));
    let rights = shared.options.inspector.as_ref().filter(|_| is_right).map(|options| options.rights());
    rights.ok_or_else(|| {
        shared.operator_log.write(|| format!("refused a token for /inspector from {}", shown(&context.address)));
        Unfit::new(
            StatusCode::UNAUTHORIZED,
            "Authorization: got no token or a wrong one, wants `Bearer` and the token of the inspector",
        )
    })
}

fn answer_of(acted: &Acted) -> Answer {
    let status = StatusCode::from_u16(acted.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = Bytes::copy_from_slice(acted.body.as_bytes());
    if status == StatusCode::TOO_MANY_REQUESTS {
        let mut answer = answer::later(status, body);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return answer;
    }
    answer::with_type(status, "application/json", body)
}

fn stream_head() -> Response<()> {
    let mut head = Response::new(());
    let headers = head.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    head
}
