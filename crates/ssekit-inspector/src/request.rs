//! The requests of the page: the body of a `POST`, as JSON.
//!
//! | body | what it does |
//! |---|---|
//! | `{"watch":{"find":"ada"}}` | begins a watch: only what has the text in an id, a channel or a name |
//! | `{"send":{"to":{"user":"ada"},"event":"order","data":{}}}` | sends an event to a `user`, a `client`, a `channel`, or to `"all":true` |
//! | `{"disconnect":{"client":"…"}}` | ends the stream of a `client`, or all streams of a `user` |

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The maximum number of bytes of the text that a page looks for.
const MOST_FIND: usize = 256;

/// The rights of a page besides looking.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// Whether it sees the data of events and of clients.
    pub data: bool,
    /// Whether it may send events.
    pub send: bool,
    /// Whether it may disconnect clients.
    pub disconnect: bool,
}

impl Rights {
    /// Everything.
    pub const ALL: Self = Self { data: true, send: true, disconnect: true };
}

/// A request of the page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Request<'a> {
    /// Begins a watch.
    Watch(#[serde(borrow)] WatchRequest<'a>),
    /// Sends an event.
    Send(#[serde(borrow)] SendRequest<'a>),
    /// Disconnects clients.
    Disconnect(Whom),
}

/// The limits of what a watch shows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchRequest<'a> {
    /// Only events and clients with this text. Empty: all.
    #[serde(borrow, default)]
    pub find: std::borrow::Cow<'a, str>,
}

/// An event to be sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendRequest<'a> {
    pub(crate) to: To,
    #[serde(default)]
    pub(crate) event: String,
    #[serde(borrow)]
    pub(crate) data: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum To {
    User(String),
    Client(String),
    Channel(String),
    All(bool),
}

/// The clients to be disconnected.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Whom {
    /// This client.
    Client(String),
    /// All clients of this user.
    User(String),
}

const WANTS: &str = "wants { watch: { find? } }, { send: { to, event?, data? } } or { disconnect: { client | user } }";

impl<'a> Request<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// A sentence that says why it cannot be used.
    pub fn parse(body: &'a [u8]) -> Result<Self, String> {
        let request: Self = serde_json::from_slice(body).map_err(|error| format!("body: got {error}, {WANTS}"))?;
        match &request {
            Self::Watch(WatchRequest { find }) if find.len() > MOST_FIND => {
                Err(format!("find: got {} bytes, wants at most {MOST_FIND}", find.len()))
            }
            Self::Send(SendRequest { to: To::All(false), .. }) => Err("to.all: got false, wants true".to_owned()),
            _ => Ok(request),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        assert!(matches!(Request::parse(br#"{"watch":{}}"#), Ok(Request::Watch(watch)) if watch.find.is_empty()));
        let escaped = br#"{"watch":{"find":"a\u0064a"}}"#;
        assert!(matches!(Request::parse(escaped), Ok(Request::Watch(watch)) if watch.find == "ada"));
        let send = br#"{"send":{"to":{"all":true},"event":"x","data":{"a":[1, 2]}}}"#;
        let Ok(Request::Send(SendRequest { to: To::All(true), event, data: Some(data) })) = Request::parse(send) else {
            panic!("it is a request to send");
        };
        assert_eq!((event.as_str(), data.get()), ("x", r#"{"a":[1, 2]}"#));
        let disconnect = br#"{"disconnect":{"user":"ada"}}"#;
        assert!(matches!(Request::parse(disconnect), Ok(Request::Disconnect(Whom::User(user))) if user == "ada"));
    }

    #[test]
    fn others_are_refused_with_a_sentence() {
        let long = format!(r#"{{"watch":{{"find":"{}"}}}}"#, "x".repeat(MOST_FIND + 1));
        for body in [
            "",
            "x",
            "{}",
            "[]",
            r#"{"watch":{"fnid":"a"}}"#,
            r#"{"watch":{},"send":{}}"#,
            r#"{"send":{"to":{}}}"#,
            r#"{"send":{"to":{"user":"a","client":"b"}}}"#,
            r#"{"send":{"to":{"all":false}}}"#,
            r#"{"disconnect":{}}"#,
            r#"{"disconnect":{"all":true}}"#,
            &long,
        ] {
            let error = Request::parse(body.as_bytes()).expect_err(body);
            assert!(error.contains("wants"), "{error}");
        }
    }
}
