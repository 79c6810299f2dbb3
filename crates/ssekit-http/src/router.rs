//! The routes: each request and its answer.

use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use crate::admission::Overload;
use crate::answer::{self, Answer};
use crate::events::events;
use crate::headers::shown;
use crate::host;
use crate::inspector::inspector;
use crate::metrics::metrics;
use crate::publish::publish;
use crate::response::Routed;
use crate::state::ConnectionContext;
use crate::state::Shared;
use ssekit_core::error::grouped;

/// A description of this API for programs (OpenAPI 3.1).
const OPENAPI: &str = include_str!("openapi.json");

/// Answers a request.
pub(crate) async fn route(request: Request<Incoming>, context: &ConnectionContext) -> Routed {
    let head_only = request.method() == Method::HEAD;
    let routed = match refuse(&request, context) {
        Some(answer) => Routed::Answer(answer),
        None => dispatch(request, context).await,
    };
    context.shared.meter.answered(routed.status());
    match routed {
        Routed::Answer(answer) if head_only => Routed::Answer(without_body(answer)),
        routed => routed,
    }
}

/// Refuses some requests before looking at their path.
fn refuse(request: &Request<Incoming>, context: &ConnectionContext) -> Option<Answer> {
    match context.refusal {
        Some(Overload::Full) => {
            return Some(answer::later(StatusCode::SERVICE_UNAVAILABLE, "Too many connections. Try again later.\n"));
        }
        Some(Overload::AddressFull) => {
            return Some(answer::later(
                StatusCode::TOO_MANY_REQUESTS,
                "Too many connections from this address. Try again later.\n",
            ));
        }
        None => {}
    }
    if !host::is_named_properly(request.version(), request.headers()) {
        let got = shown(request.headers(), HOST);
        let says = format!("Host: got {got}, wants one host, such as example.com or 127.0.0.1:4000.\n");
        return Some(answer::last(answer::text(StatusCode::BAD_REQUEST, says), request.version()));
    }
    let bytes = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let most = context.shared.options.limits.url_bytes;
    (bytes > most).then(|| {
        let (got, most) = (grouped(bytes as u64), grouped(most as u64));
        answer::text(
            StatusCode::URI_TOO_LONG,
            format!("URL: got {got} bytes, wants at most {most} (limits.urlBytes).\n"),
        )
    })
}

async fn dispatch(request: Request<Incoming>, context: &ConnectionContext) -> Routed {
    let shared = &context.shared;
    if request.uri().path() == shared.options.path {
        return events(request, context).await;
    }
    if request.uri().path() == "/inspector" && shared.options.inspector.is_some() {
        return inspector(request, context).await;
    }
    Routed::Answer(match request.uri().path() {
        "/healthz" => get(&request, || answer::text(StatusCode::OK, "ok\n")),
        "/readyz" => get(&request, || ready(shared)),
        "/metrics" => get(&request, || metrics(&request, context)),
        "/openapi.json" => get(&request, || answer::with_type(StatusCode::OK, "application/json", OPENAPI.into())),
        "/publish" if shared.publish_token.is_some() => publish(request, context).await,
        _ => answer::not_found(&request, &shared.options.path),
    })
}

/// Answers GET and HEAD.
fn get<B>(request: &Request<B>, answer: impl FnOnce() -> Answer) -> Answer {
    match *request.method() {
        Method::GET | Method::HEAD => answer(),
        Method::OPTIONS => answer::options("GET, HEAD, OPTIONS"),
        _ => answer::wrong_method(request.method(), "GET, HEAD, OPTIONS"),
    }
}

fn ready(shared: &Shared) -> Answer {
    if shared.is_open() && !shared.hub.is_draining() {
        answer::text(StatusCode::OK, "ready\n")
    } else {
        answer::later(StatusCode::SERVICE_UNAVAILABLE, "closing\n")
    }
}

/// The answer to HEAD says how long the body would be (RFC 9110, section 9.3.2).
fn without_body(answer: Answer) -> Answer {
    let (mut head, body) = answer.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Full::default())
}
