//! An event stream as the body of a response that hyper carries: over HTTP/2, over TLS, and where no socket is available.
//! hyper asks for more only when the peer has room for it, so the cursor follows hyper's flow control.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

use crate::activity::Busy;
use crate::inspector_lines::Lines;
use crate::receipts::{BodyChunk, Receipts};
use ssekit_core::delivery::stream::Stream;

/// The maximum number of bytes that one read takes from a stream.
const READ_BYTES: usize = 64 << 10;

/// The body of any answer.
#[derive(Debug)]
pub(crate) struct AnyBody {
    content: Content,
    /// The connection counts as in use as long as this exists.
    busy: Option<Busy>,
}

#[derive(Debug)]
enum Content {
    /// A complete body.
    Whole(Full<Bytes>),
    /// The first bytes, and the stream after them. Dropping the stream disconnects its client.
    Events(Option<Bytes>, Stream, Receipts),
    /// The lines of an inspector.
    Lines(Box<Lines>),
}

impl AnyBody {
    pub(crate) fn whole(body: Full<Bytes>) -> Self {
        Self { content: Content::Whole(body), busy: None }
    }

    pub(crate) fn events(opening: Bytes, stream: Stream, receipts: Receipts) -> Self {
        if let Some(client) = stream.client() {
            client.progress.will_be_told();
        }
        Self { content: Content::Events(Some(opening), stream, receipts), busy: None }
    }

    pub(crate) fn lines(lines: Box<Lines>) -> Self {
        Self { content: Content::Lines(lines), busy: None }
    }

    /// The same body, but it also keeps its connection from being idle.
    pub(crate) fn busy(self, busy: Busy) -> Self {
        busy.answered();
        Self { busy: Some(busy), ..self }
    }
}

/// Wraps bytes that were just read from a stream.
fn chunk(bytes: Bytes, stream: &Stream, receipts: &Receipts) -> BodyChunk {
    match stream.client() {
        Some(client) => BodyChunk::for_client(bytes, client, client.progress.pulled(), receipts),
        None => BodyChunk::plain(bytes),
    }
}

impl Body for AnyBody {
    type Data = BodyChunk;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<BodyChunk>, Infallible>>> {
        let this = self.get_mut();
        match &mut this.content {
            Content::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(BodyChunk::plain)))),
            Content::Events(opening, stream, receipts) => {
                // hyper asks for more only when the peer has room for it.
                let busy = this.busy.as_ref().inspect(|busy| busy.taken());
                let chunk = match opening.take() {
                    Some(bytes) => Poll::Ready(Some(BodyChunk::plain(bytes))),
                    None => {
                        stream.poll_next(cx, READ_BYTES).map(|bytes| bytes.map(|bytes| chunk(bytes, stream, receipts)))
                    }
                };
                if let (Some(busy), Poll::Ready(Some(_))) = (busy, &chunk) {
                    busy.streamed(stream.client());
                }
                chunk.map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
            }
            Content::Lines(lines) => {
                lines.poll_next(cx).map(|line| line.map(|line| Ok(Frame::data(BodyChunk::plain(line)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Whole(body) => body.is_end_stream(),
            Content::Events(..) | Content::Lines(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(body) => body.size_hint(),
            Content::Events(..) | Content::Lines(_) => SizeHint::default(),
        }
    }
}
