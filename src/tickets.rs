//! Signs tickets for the listener.

use std::time::Duration;

use napi::Env;
use napi_derive::napi;
use ssekit_http::ticket::{self, DEFAULT_AUDIENCE, NewTicket};

use crate::error::throw;
use crate::given::Given;
use crate::server::ticket_secret;

/// Signs a ticket; its claims are JSON text. Without `secret`, uses the secret of this process's listener. Returns `null` if
/// there is none.
#[napi(catch_unwind)]
pub fn issue_ticket(env: Env, claims: String, secret: Option<String>) -> napi::Result<Option<String>> {
    let Some(secret) = secret.or_else(ticket_secret) else { return Ok(None) };
    let signed = Given::read(&env, &claims, |given| {
        let [user, client, audience, issuer] =
            ["userId", "clientId", "audience", "issuer"].map(|name| given.text(name));
        let new = NewTicket {
            user: user.as_deref(),
            client: client.as_deref(),
            ttl: given.seconds("ttlSeconds", Duration::ZERO),
            not_before: given.seconds("notBeforeSeconds", Duration::ZERO),
            audience: audience.as_deref().unwrap_or(DEFAULT_AUDIENCE),
            issuer: issuer.as_deref(),
        };
        ticket::issue(&secret, new, ticket::now())
    })?;
    signed.map(Some).map_err(|error| throw(&env, &error))
}
