//! Early resume: a page that the application has let in gets its stream back without asking the application again.
//!
//! The answer to its first request sets a cookie, a [`Ticket`]. It says what the application said about the page, and until
//! when that holds. It is encrypted and authenticated ([`seal`]), so nobody else can make one, read one or change one. And it
//! is good only for a request like the first one ([`request`]): with the same URL, host, origin, kind of browser and other
//! credentials. A cookie that is not good means nothing at all. Its request goes on to the application, as if it had none.
//!
//! * [`keys`]: the secrets, and where they come from; [`seal`]: the cryptography.
//! * [`ticket`]: what a cookie says; [`request`]: what it is bound to.
//! * [`unread`]: a request that Node.js has not read yet.
//! * [`cookie`] and [`names`]: names and attributes; [`head`]: the head of the answer.

mod cookie;
mod head;
mod keys;
mod names;
mod request;
mod seal;
mod ticket;
mod unread;

#[cfg(test)]
mod tests;

pub use cookie::without_others;
pub use head::Version;
pub use keys::Keys;
pub use request::Request;
pub use ticket::{Bounds, NewTicket, Ticket};
pub use unread::{Head, MOST_HEAD_BYTES};
