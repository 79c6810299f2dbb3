//! Turns the engine's errors into JavaScript errors.

use napi::{Env, Status};
use ssekit_core::Refusal;

/// Throws `error` as a JavaScript error. Returns the value that tells napi about the pending exception.
pub(crate) fn throw(env: &Env, error: &ssekit_core::Error) -> napi::Error {
    let message = error.to_string();
    let thrown = match code_of(error) {
        code @ "ERR_SSEKIT_ARGUMENT" => env.throw_type_error(&message, Some(code)),
        code @ "ERR_SSEKIT_RANGE" => env.throw_range_error(&message, Some(code)),
        code => env.throw_error(&message, Some(code)),
    };
    match thrown {
        Ok(()) => napi::Error::new(Status::PendingException, message),
        Err(error) => error,
    }
}

fn code_of(error: &ssekit_core::Error) -> &'static str {
    if let Some(refusal) = error.refusal() {
        return match refusal {
            Refusal::Clients => "ERR_SSEKIT_FULL",
            Refusal::User => "ERR_SSEKIT_USER_FULL",
            Refusal::Address => "ERR_SSEKIT_ADDRESS_FULL",
            Refusal::Claimed => "ERR_SSEKIT_CLAIMED",
            Refusal::Draining => "ERR_SSEKIT_DRAINING",
        };
    }
    let codes = [
        (error.is_argument(), "ERR_SSEKIT_ARGUMENT"),
        (error.is_range(), "ERR_SSEKIT_RANGE"),
        (error.is_configured(), "ERR_SSEKIT_CONFIGURED"),
        (error.is_gone(), "ERR_SSEKIT_GONE"),
        (error.is_logged_out(), "ERR_SSEKIT_LOGGED_OUT"),
        (error.is_forked(), "ERR_SSEKIT_FORKED"),
    ];
    codes.into_iter().find(|(is, _)| *is).map_or("ERR_SSEKIT_SYSTEM", |(_, code)| code)
}
