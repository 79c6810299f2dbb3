//! Signs tickets for the listener.

use napi::Env;
use napi::bindgen_prelude::Unknown;
use napi_derive::napi;
use ssekit_core::schema::{Fields, Schema};
use ssekit_http::ticket::{self, NewTicket};

use crate::error::throw;
use crate::server::ticket_secret;
use crate::source::read;

/// A ticket that JavaScript asks for.
#[derive(Default)]
pub(crate) struct AskedTicket {
    claims: NewTicket,
    /// JavaScript has refused a ticket that has no user and is not anonymous.
    anonymous: bool,
    secret: Option<String>,
}

impl Schema for AskedTicket {
    fn fields(&mut self) -> Fields<'_> {
        let Self { claims, anonymous, secret } = self;
        claims.fields().flag("anonymous", anonymous).text("secret", secret).secret()
    }
}

/// Signs a ticket. Without a secret in it, uses `default_secret`, and otherwise the secret of this process's listener. Returns
/// `null` if there is none.
#[napi(catch_unwind)]
pub fn issue_ticket(env: Env, ticket: Unknown<'_>, default_secret: Option<String>) -> napi::Result<Option<String>> {
    let mut asked = AskedTicket::default();
    read(env, "ticket", ticket, asked.fields())?;
    let Some(secret) = asked.secret.or(default_secret).or_else(ticket_secret) else { return Ok(None) };
    ticket::issue(&secret, asked.claims, ticket::now()).map(Some).map_err(|error| throw(&env, &error))
}
