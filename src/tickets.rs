//! Tickets for the listener, signed.

use napi::Env;
use napi_derive::napi;
use ssekit_core::listener::ticket::{self, DEFAULT_AUDIENCE, NewTicket};

use crate::error::throw;
use crate::server::{seconds, ticket_secret};

/// What a ticket shall say; see `NewTicket` in index.d.ts. Numbers are non-negative integers.
#[napi(object, object_to_js = false)]
pub struct NativeTicket {
    pub user_id: Option<String>,
    pub client_id: Option<String>,
    pub ttl_seconds: f64,
    pub not_before_seconds: f64,
    pub audience: Option<String>,
    pub issuer: Option<String>,
}

/// Signs a ticket, with the secret of this process's listener unless told another. `null`: there is none.
#[napi(catch_unwind)]
pub fn issue_ticket(env: Env, given: NativeTicket, secret: Option<String>) -> napi::Result<Option<String>> {
    let Some(secret) = secret.or_else(ticket_secret) else { return Ok(None) };
    let new = NewTicket {
        user: given.user_id.as_deref(),
        client: given.client_id.as_deref(),
        ttl: seconds(given.ttl_seconds),
        not_before: seconds(given.not_before_seconds),
        audience: given.audience.as_deref().unwrap_or(DEFAULT_AUDIENCE),
        issuer: given.issuer.as_deref(),
    };
    ticket::issue(&secret, new, ticket::now()).map(Some).map_err(|error| throw(&env, &error))
}
