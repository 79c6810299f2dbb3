//! Errors of a call.

use std::fmt;

/// The result of a call into the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call was refused. A refused call has changed nothing and sent nothing.
///
/// The kind is private, so that kinds can be added; ask the `is_*` questions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Argument,
    Range,
    Configured,
    Refused(Refusal),
    Gone,
    LoggedOut,
    Forked,
    System,
    Backplane,
}

impl Error {
    /// An argument cannot be used at all.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(Kind::Argument, message)
    }

    /// A size or number is out of its bounds.
    pub fn range(message: impl Into<String>) -> Self {
        Self::new(Kind::Range, message)
    }

    /// An option differs from what the running hub has.
    pub fn configured(message: impl Into<String>) -> Self {
        Self::new(Kind::Configured, message)
    }

    /// The running hub has another value for the option with this name.
    pub fn differs(option: &str) -> Self {
        Self::configured(format!(
            "options.{option}: the hub of this process already runs with another value; \
             call SSEService.configure once, before the first client or event"
        ))
    }

    /// A client may not connect.
    pub fn refused(refusal: Refusal) -> Self {
        let message = match refusal {
            Refusal::Clients => "too many clients (limits.clients)",
            Refusal::User => "too many clients of this user (limits.clientsPerUser)",
            Refusal::Address => "too many clients from this address (limits.clientsPerAddress)",
            Refusal::Claimed => "clientId: this id belongs to a client of another user",
            Refusal::Draining => "ssekit is draining and accepts no more clients",
        };
        Self::new(Kind::Refused(refusal), message)
    }

    /// The client in question is gone.
    pub fn gone() -> Self {
        Self::new(Kind::Gone, "the client is already disconnected")
    }

    /// The user was logged out while the client was connecting.
    pub fn logged_out() -> Self {
        Self::new(Kind::LoggedOut, "the user was logged out while the client was connecting")
    }

    /// The process has no threads of the hub.
    pub fn forked() -> Self {
        Self::new(
            Kind::Forked,
            "this process is a raw fork() of the one that started ssekit, and threads do not survive a fork; \
             start it with child_process or cluster instead",
        )
    }

    /// The backplane cannot be used.
    pub fn backplane(message: impl Into<String>) -> Self {
        Self::new(Kind::Backplane, message)
    }

    /// The operating system refused the call.
    pub fn system(what: &str, error: &std::io::Error) -> Self {
        Self::new(Kind::System, format!("{what}: {error}"))
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// An argument cannot be used at all.
    pub fn is_argument(&self) -> bool {
        self.kind == Kind::Argument
    }

    /// A size or number is out of its bounds.
    pub fn is_range(&self) -> bool {
        self.kind == Kind::Range
    }

    /// An option differs from what the running hub has.
    pub fn is_configured(&self) -> bool {
        self.kind == Kind::Configured
    }

    /// The client id belongs to another user.
    pub fn is_claimed(&self) -> bool {
        self.kind == Kind::Refused(Refusal::Claimed)
    }

    /// Why a client could not connect, if the error is about that.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.kind {
            Kind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The client was disconnected before the call.
    pub fn is_gone(&self) -> bool {
        self.kind == Kind::Gone
    }

    /// The user was logged out while the client was connecting.
    pub fn is_logged_out(&self) -> bool {
        self.kind == Kind::LoggedOut
    }

    /// The process is a raw fork of the one that started the hub.
    pub fn is_forked(&self) -> bool {
        self.kind == Kind::Forked
    }

    /// The backplane cannot be used, so an event that was sent is waiting.
    pub fn is_backplane(&self) -> bool {
        self.kind == Kind::Backplane
    }

    /// The operating system refused the call, for example because no descriptors or threads are left.
    pub fn is_system(&self) -> bool {
        self.kind == Kind::System
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

/// Why a client could not connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The hub already has the maximum number of clients.
    Clients,
    /// The user already has the maximum number of clients.
    User,
    /// Too many clients from this address.
    Address,
    /// The client id belongs to a client of another user.
    Claimed,
    /// The hub is being drained.
    Draining,
}

impl Refusal {
    /// Every refusal, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Clients, Self::User, Self::Address, Self::Claimed, Self::Draining];

    /// Its name in JavaScript and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::User => "user",
            Self::Address => "address",
            Self::Claimed => "claimed",
            Self::Draining => "draining",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_numbered_in_order() {
        for (number, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, number);
        }
    }
}
