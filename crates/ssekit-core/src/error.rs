//! Errors of a call.
//!
//! A new kind is a line in the table of [`ErrorKind`], the function that makes it, and a line in `ts/server/error-codes.ts` and in
//! `docs/troubleshooting.md`. Codes that only JavaScript throws are in the latter two alone.

use std::fmt;

/// The result of a call into the engine.
pub type Result<T> = std::result::Result<T, Error>;

/// Makes the enum of kinds, the list of them and their codes from one table.
macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $code:literal,)+) => {
        /// The kinds of errors. More may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// Its code in JavaScript.
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)+
                }
            }
        }
    };
}

error_kinds! {
    /// An argument cannot be used at all.
    Argument = "ERR_SSEKIT_ARGUMENT",
    /// A size or number is out of its bounds.
    Range = "ERR_SSEKIT_RANGE",
    /// An option differs from what is running.
    Configured = "ERR_SSEKIT_CONFIGURED",
    /// The hub already has the maximum number of clients.
    Full = "ERR_SSEKIT_FULL",
    /// The user already has the maximum number of clients.
    UserFull = "ERR_SSEKIT_USER_FULL",
    /// Too many clients from this address.
    AddressFull = "ERR_SSEKIT_ADDRESS_FULL",
    /// The client has as many channels as it may have, with those that it had before.
    ChannelsFull = "ERR_SSEKIT_CHANNELS_FULL",
    /// The client id belongs to a client of another user.
    Claimed = "ERR_SSEKIT_CLAIMED",
    /// The hub is being drained.
    Draining = "ERR_SSEKIT_DRAINING",
    /// The client was disconnected before the call.
    Gone = "ERR_SSEKIT_GONE",
    /// No client of the caller has the given id.
    UnknownClient = "ERR_SSEKIT_UNKNOWN_CLIENT",
    /// Events that were asked for are not kept any more.
    Evicted = "ERR_SSEKIT_EVICTED",
    /// The user was logged out while the client was connecting.
    LoggedOut = "ERR_SSEKIT_LOGGED_OUT",
    /// The process is a raw fork of the one that started the hub.
    Forked = "ERR_SSEKIT_FORKED",
    /// The operating system refused the call, for example because no descriptors or threads are left.
    System = "ERR_SSEKIT_SYSTEM",
    /// The backplane cannot be used, so an event that was sent is waiting.
    Backplane = "ERR_SSEKIT_BACKPLANE",
}

/// Why a call was refused. A refused call has changed nothing and sent nothing.
///
/// ```
/// use ssekit_core::{ErrorKind, Options};
///
/// let error = Options { threads: 0, ..Options::default() }.validate().unwrap_err();
/// assert!(error.is_range());
/// assert_eq!(error.kind(), ErrorKind::Range);
/// assert_eq!(error.kind().code(), "ERR_SSEKIT_RANGE");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// An argument cannot be used at all.
    pub fn argument(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Argument, message)
    }

    /// A size or number is out of its bounds.
    pub fn range(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Range, message)
    }

    /// An option differs from what the running hub has.
    pub fn configured(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configured, message)
    }

    /// The running hub, or an earlier call, has another value for the option with this name.
    pub fn differs(option: &str) -> Self {
        Self::configured(format!(
            "options.{option}: an earlier call of SSEService.configure, or the hub that already runs, has another value; \
             wants all options in one call, before the first client or event"
        ))
    }

    /// The hub has `most` clients, which is its limit.
    pub fn full(most: usize) -> Self {
        let most = grouped(most as u64);
        Self::new(ErrorKind::Full, format!("limits.clients: got one more client, wants at most {most}"))
    }

    /// The user has `most` clients, which is the limit.
    pub fn user_full(most: usize) -> Self {
        let most = grouped(most as u64);
        let message = format!("limits.clientsPerUser: got one more client of the user, wants at most {most}");
        Self::new(ErrorKind::UserFull, message)
    }

    /// The address has `most` clients, which is the limit.
    pub fn address_full(most: usize) -> Self {
        let most = grouped(most as u64);
        let message = format!("limits.clientsPerAddress: got one more client from the address, wants at most {most}");
        Self::new(ErrorKind::AddressFull, message)
    }

    /// The client id belongs to a client of another user.
    pub fn claimed() -> Self {
        Self::new(ErrorKind::Claimed, "clientId: got the id of another user's client, wants another id, or none")
    }

    /// The hub is being drained.
    pub fn draining() -> Self {
        Self::new(ErrorKind::Draining, "this process is draining, so it accepts no clients and no changes of channels")
    }

    /// The client is gone. Its id, if that is still known.
    pub fn gone(client: Option<&str>) -> Self {
        let client = client.map_or_else(|| "the client".to_owned(), |id| format!("the client {id:?}"));
        Self::new(ErrorKind::Gone, format!("{client} is already disconnected"))
    }

    /// The client is not known, or belongs to somebody else.
    pub fn unknown_client() -> Self {
        Self::new(
            ErrorKind::UnknownClient,
            "clientId: got an id that is not the page's, wants the id of its own stream",
        )
    }

    /// A client has `most` channels, which is the limit.
    pub fn too_many_channels(most: usize) -> Self {
        let most = grouped(most as u64);
        let message = format!("channel: got one more channel, wants at most {most} (limits.channelsPerClient)");
        Self::new(ErrorKind::ChannelsFull, message)
    }

    /// The events after this id are not kept any more.
    pub fn evicted(id: &str) -> Self {
        let message = format!("options.after: got {id:?}, after which events are no longer kept, wants a newer id");
        Self::new(ErrorKind::Evicted, message)
    }

    /// No event with this id is kept.
    pub fn unknown_event(id: &str) -> Self {
        Self::new(ErrorKind::Evicted, format!("options.after: got {id:?}, wants the id of an event in the history"))
    }

    /// The user was logged out while the client was connecting.
    pub fn logged_out() -> Self {
        Self::new(ErrorKind::LoggedOut, "the user was logged out while the client was connecting")
    }

    /// The process has no threads of the hub.
    pub fn forked() -> Self {
        Self::new(
            ErrorKind::Forked,
            "this process is a raw fork() of the one that started ssekit, and threads do not survive a fork; \
             start it with child_process or cluster instead",
        )
    }

    /// The backplane cannot be used.
    pub fn backplane(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Backplane, message)
    }

    /// The operating system refused the call.
    pub fn system(what: &str, error: &std::io::Error) -> Self {
        Self::unavailable(format!("{what}: {error}"))
    }

    /// The operating system does not give what an argument names.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::System, message)
    }

    fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Its kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// An argument cannot be used at all.
    pub fn is_argument(&self) -> bool {
        self.kind == ErrorKind::Argument
    }

    /// A size or number is out of its bounds, also the number of a client's channels.
    pub fn is_range(&self) -> bool {
        matches!(self.kind, ErrorKind::Range | ErrorKind::ChannelsFull)
    }

    /// An option differs from what the running hub has.
    pub fn is_configured(&self) -> bool {
        self.kind == ErrorKind::Configured
    }

    /// The client has as many channels as it may have, with those that it had before.
    pub fn is_channels_full(&self) -> bool {
        self.kind == ErrorKind::ChannelsFull
    }

    /// The client id belongs to another user.
    pub fn is_claimed(&self) -> bool {
        self.kind == ErrorKind::Claimed
    }

    /// Why a client could not connect, if the error is about that.
    pub fn refusal(&self) -> Option<Refusal> {
        Refusal::ALL.into_iter().find(|refusal| refusal.kind() == self.kind)
    }

    /// The client was disconnected before the call.
    pub fn is_gone(&self) -> bool {
        self.kind == ErrorKind::Gone
    }

    /// The user was logged out while the client was connecting.
    pub fn is_logged_out(&self) -> bool {
        self.kind == ErrorKind::LoggedOut
    }

    /// The process is a raw fork of the one that started the hub.
    pub fn is_forked(&self) -> bool {
        self.kind == ErrorKind::Forked
    }

    /// The backplane cannot be used, so an event that was sent is waiting.
    pub fn is_backplane(&self) -> bool {
        self.kind == ErrorKind::Backplane
    }

    /// The operating system refused the call, for example because no descriptors or threads are left.
    pub fn is_system(&self) -> bool {
        self.kind == ErrorKind::System
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

    /// The kind of the error that refuses the client.
    pub fn kind(self) -> ErrorKind {
        match self {
            Self::Clients => ErrorKind::Full,
            Self::User => ErrorKind::UserFull,
            Self::Address => ErrorKind::AddressFull,
            Self::Claimed => ErrorKind::Claimed,
            Self::Draining => ErrorKind::Draining,
        }
    }

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

/// A text from elsewhere, safe in a message: after a line end, the rest could pass for a line from another source.
///
/// ```
/// assert_eq!(ssekit_core::error::printable("a\nb\u{1b}[2J ä"), "a\u{fffd}b\u{fffd}[2J ä");
/// ```
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// A number with its noun, as messages write it: `1 byte`, `2,000 bytes`.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number as u64), if number == 1 { "" } else { "s" })
}

/// A number as messages write limits and counts.
///
/// ```
/// use ssekit_core::error::grouped;
///
/// assert_eq!([999, 1_000, 1_048_576].map(grouped), ["999", "1,000", "1,048,576"]);
/// ```
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn refusals_are_numbered_in_order() {
        for (number, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, number);
        }
    }

    #[test]
    fn refused_error_names_its_refusal() {
        let errors = [Error::full(1), Error::user_full(1), Error::address_full(1), Error::claimed(), Error::draining()];
        assert_eq!(errors.map(|error| error.refusal()), Refusal::ALL.map(Some));
        assert_eq!(Error::gone(None).refusal(), None);
    }

    #[test]
    fn limit_is_named_with_its_number() {
        for (error, says) in [
            (Error::full(1_000), "limits.clients: got one more client, wants at most 1,000"),
            (Error::user_full(2), "limits.clientsPerUser: got one more client of the user, wants at most 2"),
            (Error::address_full(2), "limits.clientsPerAddress: got one more client from the address, wants at most 2"),
            (Error::too_many_channels(2), "channel: got one more channel, wants at most 2 (limits.channelsPerClient)"),
        ] {
            assert_eq!(error.to_string(), says);
        }
    }

    #[test]
    fn lone_thing_is_not_plural() {
        assert_eq!([0, 1, 2_000].map(|number| counted(number, "byte")), ["0 bytes", "1 byte", "2,000 bytes"]);
    }

    #[test]
    fn codes_are_distinct() {
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
    }
}
