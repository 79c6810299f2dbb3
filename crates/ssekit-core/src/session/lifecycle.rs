//! A client's identity and its life cycle: plain values, which any module may know.

use std::sync::Arc;

/// A client's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its id.
    pub id: Arc<str>,
    /// Its user's id. `None`: an anonymous client.
    pub user: Option<Arc<str>>,
}

/// Why a client is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DisconnectReason {
    /// The peer closed or reset the connection.
    Peer,
    /// The application ended it.
    Server,
    /// A newer connection with the same id took its place.
    Replaced,
    /// Its response was never read.
    Unopened,
    /// It sent data that no event-stream client sends.
    Protocol,
    /// A fault in the engine.
    Fault,
    /// The peer did not acknowledge sent data for too long: it has vanished, or reads nothing.
    Timeout,
    /// It lagged behind by more than the hub allows.
    Slow,
    /// The hub was drained.
    Drained,
    /// Its ticket has expired.
    Expired,
}

impl DisconnectReason {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Peer,
        Self::Server,
        Self::Replaced,
        Self::Unopened,
        Self::Protocol,
        Self::Fault,
        Self::Timeout,
        Self::Slow,
        Self::Drained,
        Self::Expired,
    ];

    /// Its name in JavaScript and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Server => "server",
            Self::Replaced => "replaced",
            Self::Unopened => "unopened",
            Self::Protocol => "protocol",
            Self::Fault => "fault",
            Self::Timeout => "timeout",
            Self::Slow => "slow",
            Self::Drained => "drained",
            Self::Expired => "expired",
        }
    }

    /// Whether this side ended it, while the peer can still receive what was sent before.
    pub fn is_by_server(self) -> bool {
        matches!(self, Self::Server | Self::Drained)
    }
}

/// Why a stream stays with Node although its socket could have moved to native code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum NotHandedOff {
    /// The application chose streams, or the platform has no descriptors to move.
    Transport,
    /// The connection is not plain HTTP/1: it is TLS or HTTP/2, or has no socket of Node.
    Protocol,
    /// One response carries the streams of several tabs.
    Shared,
    /// Nothing proves which response carries the stream.
    Response,
    /// Code that may change the body has read it.
    Body,
    /// Code between the stream and the socket may change what is written.
    Wrapped,
    /// The head is not that of a plain event stream.
    Head,
    /// The request has not been read to its end.
    Request,
    /// Something other than the head and the opening was written.
    Bytes,
    /// The operating system refused.
    System,
}

impl NotHandedOff {
    /// Every reason, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Transport,
        Self::Protocol,
        Self::Shared,
        Self::Response,
        Self::Body,
        Self::Wrapped,
        Self::Head,
        Self::Request,
        Self::Bytes,
        Self::System,
    ];

    /// Its name in JavaScript and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Protocol => "protocol",
            Self::Shared => "shared",
            Self::Response => "response",
            Self::Body => "body",
            Self::Wrapped => "wrapped",
            Self::Head => "head",
            Self::Request => "request",
            Self::Bytes => "bytes",
            Self::System => "system",
        }
    }

    /// The reason with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// Where a client is in its life.
///
/// | from | to | when |
/// |---|---|---|
/// | `Opening` | `Stream` | its stream is read for the second time: somebody else carries it |
/// | `Opening`, `Stream` | `Handoff` | its socket is adopted |
/// | `Opening` | `Listener` | the listener carries it, either by its socket or by a body that is pulled |
/// | any but `Closed` | `Closed` | once, by the first caller; no step leads out of it |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Connected; the response is still on its way through Node.
    Opening,
    /// Pulled by somebody else's stream.
    Stream,
    /// Written by a shard to its own socket.
    Handoff,
    /// Carried by ssekit's own listener.
    Listener,
    /// Gone.
    Closed,
}

impl Phase {
    /// The number of phases in which a client is connected.
    pub const CONNECTED: usize = 4;

    /// Whether this phase may lead to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match next {
            Self::Opening => false,
            Self::Stream | Self::Listener => self == Self::Opening,
            Self::Handoff => matches!(self, Self::Opening | Self::Stream),
            Self::Closed => self != Self::Closed,
        }
    }

    /// The phase with this number.
    pub fn from_u8(byte: u8) -> Self {
        [Self::Opening, Self::Stream, Self::Handoff, Self::Listener]
            .get(usize::from(byte))
            .copied()
            .unwrap_or(Self::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phase_goes_forward_and_ends_once() {
        use Phase::{Closed, Handoff, Listener, Opening, Stream};
        let all = [Opening, Stream, Handoff, Listener, Closed];
        let steps: Vec<_> = all
            .iter()
            .flat_map(|from| all.iter().filter(|to| from.may_become(**to)).map(move |to| (*from, *to)))
            .collect();
        assert_eq!(
            steps,
            [
                (Opening, Stream),
                (Opening, Handoff),
                (Opening, Listener),
                (Opening, Closed),
                (Stream, Handoff),
                (Stream, Closed),
                (Handoff, Closed),
                (Listener, Closed)
            ]
        );
    }

    #[test]
    fn a_phase_survives_its_number() {
        for phase in [Phase::Opening, Phase::Stream, Phase::Handoff, Phase::Listener, Phase::Closed] {
            assert_eq!(Phase::from_u8(phase as u8), phase);
        }
    }

    #[test]
    fn reasons_are_numbered_in_order() {
        for (number, reason) in DisconnectReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
    }
}
