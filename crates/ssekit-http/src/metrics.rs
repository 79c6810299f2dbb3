//! Answers a scraper.

use hyper::Request;
use hyper::StatusCode;
use hyper::header::AUTHORIZATION;

use crate::answer::{self, Answer};
use crate::headers::bearer;
use crate::options::MetricsAccess;
use crate::state::{ConnectionContext, shown};
use ssekit_core::metrics::{CONTENT_TYPE, text};

pub(crate) fn metrics<B>(request: &Request<B>, context: &ConnectionContext) -> Answer {
    let shared = &context.shared;
    if shared.options.metrics == MetricsAccess::Off {
        return answer::not_found(request, &shared.options.path);
    }
    if let Some(token) = &shared.metrics_token {
        let presented = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        if !presented.is_some_and(|presented| token.is(presented)) {
            shared.operator_log.write(|| format!("refused a token for /metrics from {}", shown(&context.address)));
            return answer::unauthorized();
        }
    }
    let (hub, listener) = (shared.hub.stats().table(), shared.meter.table(shared.admission.connections()));
    answer::with_type(StatusCode::OK, CONTENT_TYPE, text(hub.into_iter().chain(listener)).into())
}
