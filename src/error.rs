//! Turns the engine's errors into JavaScript errors.

use napi::{Env, Status};
use napi_derive::napi;
use ssekit_core::ErrorKind;

/// Throws `error` as a JavaScript error. Returns the value that tells napi about the pending exception.
pub(crate) fn throw(env: &Env, error: &ssekit_core::Error) -> napi::Error {
    let (message, code) = (error.to_string(), Some(error.kind().code()));
    let thrown = match error.kind() {
        ErrorKind::Argument => env.throw_type_error(&message, code),
        ErrorKind::Range | ErrorKind::ChannelsFull => env.throw_range_error(&message, code),
        _ => env.throw_error(&message, code),
    };
    match thrown {
        Ok(()) => napi::Error::new(Status::PendingException, message),
        Err(error) => error,
    }
}

/// The codes of all errors that native code throws.
#[napi(catch_unwind)]
pub fn error_codes() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.code()).collect()
}
