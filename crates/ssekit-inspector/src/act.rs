//! Carries out a request of the page.

use std::borrow::Cow;

use serde_json::{Value, json};
use ssekit_core::error::Error;
use ssekit_core::{Audience, Event, Hub};

use crate::request::{Request, Rights, SendRequest, To, Whom};

/// The outcome of a request: the status code and the body of its answer, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

impl Acted {
    fn ok(body: &Value) -> Self {
        Self { status: 200, body: body.to_string() }
    }

    /// A refusal with its sentence.
    pub fn refused(status: u16, sentence: &str) -> Self {
        Self { status, body: json!({ "error": sentence }).to_string() }
    }

    /// The page may not do this.
    fn forbidden(right: &str) -> Self {
        Self::refused(403, &format!("This inspector does not allow it: give the page the right `{right}`."))
    }

    /// Too many pages watch.
    pub fn too_many() -> Self {
        Self::refused(429, "Too many inspectors are open. Close one, or try again later.")
    }
}

/// Sends or disconnects, if the rights allow it. `None`: the request is for a watch.
pub fn act(hub: &Hub, request: &Request<'_>, rights: Rights) -> Option<Acted> {
    match request {
        Request::Watch(_) => None,
        Request::Send(_) if !rights.send => Some(Acted::forbidden("send")),
        Request::Send(request) => Some(send(hub, request)),
        Request::Disconnect(_) if !rights.disconnect => Some(Acted::forbidden("disconnect")),
        Request::Disconnect(whom) => Some(disconnect(hub, whom)),
    }
}

fn send(hub: &Hub, request: &SendRequest<'_>) -> Acted {
    let to = match &request.to {
        To::User(id) => Audience::User(id),
        To::Client(id) => Audience::Client(id),
        To::Channel(name) => Audience::Channel(name),
        To::All(_) => Audience::All { exclude: None },
    };
    let data = request.data.map_or(Cow::Borrowed("null"), |data| one_line(data.get()));
    let event = Event { name: &request.event, data: &data, ..Event::default() };
    let sent = hub.encode(event).and_then(|draft| hub.publish(to, draft));
    match sent {
        Ok(published) => Acted::ok(&json!({ "receivers": published.clients })),
        Err(error) => Acted::refused(status_of(&error), &error.to_string()),
    }
}

fn disconnect(hub: &Hub, whom: &Whom) -> Acted {
    let disconnected = match whom {
        Whom::Client(id) => usize::from(hub.disconnect_client(id)),
        Whom::User(id) => hub.disconnect_user(id),
    };
    Acted::ok(&json!({ "disconnected": disconnected }))
}

fn status_of(error: &Error) -> u16 {
    if error.is_range() {
        413
    } else if error.is_argument() {
        400
    } else {
        503
    }
}

/// Turns JSON into one line. Line ends occur only between its values, where a space means the same.
pub fn one_line(json: &str) -> Cow<'_, str> {
    if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ").into() } else { json.into() }
}
