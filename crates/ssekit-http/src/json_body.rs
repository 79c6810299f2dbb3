//! Reads the JSON that a request brings.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use std::time::Duration;
use tokio::time::timeout;

use crate::answer::{self, Answer};
use crate::headers::shown;
use ssekit_core::error::grouped;

/// Why a request cannot be used, for the program that sent it.
#[derive(Debug)]
pub(crate) struct Unfit {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
}

impl Unfit {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn into_answer(self) -> Answer {
        answer::json(self.status, &serde_json::json!({ "error": self.message }))
    }
}

/// Checks that a request brings JSON. A page of another origin needs a preflight for this type.
pub(crate) fn check_type(headers: &HeaderMap) -> Result<(), Unfit> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let got = shown(headers, CONTENT_TYPE);
    Err(Unfit::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("Content-Type: got {got}, wants application/json")))
}

/// Reads a body of at most `most` bytes, frame by frame into one buffer. Kept separately, many tiny frames would take many
/// times their size.
pub(crate) async fn read(mut body: Incoming, most: usize, patience: Duration) -> Result<Bytes, Unfit> {
    let too_large = |got: String| {
        let most = grouped(most as u64);
        Unfit::new(StatusCode::PAYLOAD_TOO_LARGE, format!("body: got {got} bytes, wants at most {most}"))
    };
    let announced = body.size_hint().lower();
    if announced > most as u64 {
        return Err(too_large(grouped(announced)));
    }
    let mut bytes = BytesMut::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Unfit::bad("body: got only its beginning, wants all of it"))?;
            let data = frame.into_data().unwrap_or_default();
            if bytes.len() + data.len() > most {
                return Err(too_large(format!("more than {}", grouped(most as u64))));
            }
            bytes.extend_from_slice(&data);
        }
        Ok(())
    };
    match timeout(patience, reading).await {
        Ok(read) => read.map(|()| bytes.freeze()),
        Err(_) => {
            let ms = grouped(patience.as_millis() as u64);
            let message =
                format!("body: got only its beginning within {ms} ms, wants all of it (limits.bodyTimeoutMs)");
            Err(Unfit::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}
