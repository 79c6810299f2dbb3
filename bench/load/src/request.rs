//! The request of a connection, and the parts of an answer.

/// The request to send.
#[derive(Debug)]
pub struct Request {
    /// The host and its port.
    pub authority: String,
    /// The path, and the query.
    pub path: String,
    /// Lines of their own, each with its end.
    pub headers: String,
}

/// The parts of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// The head of its response, with the status 200.
    Head,
    /// Some of what follows.
    Body(&'a [u8]),
}
