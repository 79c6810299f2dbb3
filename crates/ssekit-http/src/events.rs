//! The path of the event stream: opening a stream, and changing its channels.

use hyper::body::Incoming;
use hyper::header::ORIGIN;
use hyper::{Method, Request};

use crate::answer;
use crate::change::change;
use crate::response::Routed;
use crate::state::ConnectionContext;
use crate::subscribe::subscribe;

const METHODS: &str = "GET, HEAD, POST, OPTIONS";

/// Answers a request for the path of the event stream.
pub(crate) async fn events(request: Request<Incoming>, context: &ConnectionContext) -> Routed {
    let cors = &context.shared.cors;
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, ());
    let mut routed = match *request.method() {
        Method::GET | Method::HEAD => subscribe(&request, context).await,
        Method::POST => Routed::Answer(change(&request, body, context).await),
        Method::OPTIONS => Routed::Answer(answer::options(METHODS)),
        _ => Routed::Answer(answer::wrong_method(request.method(), METHODS)),
    };
    let headers = match &mut routed {
        Routed::Answer(answer) => answer.headers_mut(),
        Routed::Stream(opened) => opened.head.headers_mut(),
        Routed::Watch(head, _) => head.headers_mut(),
    };
    cors.decorate(request.headers().get(ORIGIN), headers);
    cors.decorate_preflight(&request, headers);
    routed
}
