//! The result of a request.

use bytes::Bytes;
use hyper::{Response, StatusCode};

use crate::answer::Answer;
use crate::body::AnyBody;
use crate::inspector_lines::Lines;
use crate::receipts::Receipts;
use ssekit_core::delivery::stream::Stream;

/// The result of a request.
#[derive(Debug)]
pub(crate) enum Routed {
    Answer(Answer),
    Stream(StreamResponse),
    /// The lines of an inspector.
    Watch(Response<()>, Box<Lines>),
}

/// An opened event stream.
#[derive(Debug)]
pub(crate) struct StreamResponse {
    pub(crate) head: Response<()>,
    pub(crate) opening: Bytes,
    pub(crate) stream: Stream,
}

impl Routed {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Answer(answer) => answer.status(),
            Self::Stream(_) | Self::Watch(..) => StatusCode::OK,
        }
    }

    /// The answer. A stream becomes a body that hyper pulls, and its receipts go into `receipts`.
    pub(crate) fn into_response(self, receipts: &Receipts) -> Response<AnyBody> {
        match self {
            Self::Answer(answer) => answer.map(AnyBody::whole),
            Self::Stream(StreamResponse { head, opening, stream }) => {
                head.map(|()| AnyBody::events(opening, stream, receipts.clone()))
            }
            Self::Watch(head, lines) => head.map(|()| AnyBody::lines(lines)),
        }
    }
}
