//! Requests that a publisher repeats because the answer was lost. They must not publish again.

use std::collections::HashMap;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Body;
use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::answer::Answer;
use ssekit_core::aging::AgingMap;

/// The maximum number of remembered keys, and the time each is remembered.
const MOST: usize = 10_000;
const AGE: Duration = Duration::from_secs(600);

/// Bytes of answers that are kept. Beyond that, only the fact that a request was done is remembered.
const MOST_BYTES: usize = 16 << 20;

type BodyHash = [u8; 32];

/// The state of a key.
#[derive(Debug)]
pub(crate) enum Earlier<T> {
    /// The same request came before; this was its answer.
    Was(Answer),
    /// The same request came before and was done, but its answer is no longer kept.
    WasLongAgo,
    /// The key is new; this is the result.
    WasNot(T),
    /// Another request came before with this key.
    WasAnother,
}

/// The newest requests by key, with their answers.
#[derive(Debug, Default)]
pub(crate) struct Idempotency(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    /// Requests in progress. The other end of each is dropped when it is over.
    running: HashMap<String, (BodyHash, watch::Receiver<()>)>,
    /// Requests that were done, and when.
    done: AgingMap<String, (BodyHash, Instant)>,
    /// Their answers, as long as there is room.
    answers: AgingMap<String, Answer>,
    /// The size of all answers.
    bytes: usize,
}

/// The decision about a request with a key.
enum Begun<'a, T> {
    /// The caller must do it.
    Mine(Running<'a>),
    /// The same request is in progress; wait for it.
    Waits(watch::Receiver<()>),
    Over(Earlier<T>),
}

/// Forgets a key whose request failed.
struct Running<'a> {
    requests: &'a Mutex<Requests>,
    key: &'a str,
    /// Waiting requests learn from its drop that this one is over. By then the key is forgotten, because fields are dropped
    /// after `drop`.
    _over: watch::Sender<()>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.requests.lock().running.remove(self.key);
    }
}

impl Idempotency {
    /// Does something, unless it was done with this key before. A failed request can be tried again. If two requests with the
    /// same key come at once, one waits for the answer of the other. Requests with other keys do not wait.
    pub(crate) async fn once<E>(
        &self,
        key: &str,
        body: &[u8],
        what: impl FnOnce() -> Result<Answer, E>,
    ) -> Earlier<Result<Answer, E>> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, body).as_ref());
        let running = loop {
            let mut other = match self.begin(key, hash) {
                Begun::Mine(running) => break running,
                Begun::Waits(other) => other,
                Begun::Over(earlier) => return earlier,
            };
            // This ends with an error, because nothing is ever sent.
            let _ = other.changed().await;
        };
        let result = what();
        if let Ok(answer) = &result {
            self.0.lock().keep(key, hash, answer.clone());
        }
        drop(running);
        Earlier::WasNot(result)
    }

    /// Claims a key for a request. If the key is taken, says who has it, or what the result was.
    fn begin<'a, T>(&'a self, key: &'a str, body: BodyHash) -> Begun<'a, T> {
        let mut requests = self.0.lock();
        requests.forget(Instant::now());
        if let Some((known, other)) = requests.running.get(key) {
            return if *known == body { Begun::Waits(other.clone()) } else { Begun::Over(Earlier::WasAnother) };
        }
        match requests.done.get(key) {
            Some((known, _)) if *known != body => Begun::Over(Earlier::WasAnother),
            Some(_) => Begun::Over(requests.answers.get(key).cloned().map_or(Earlier::WasLongAgo, Earlier::Was)),
            None => {
                let (over, waits) = watch::channel(());
                requests.running.insert(key.to_owned(), (body, waits));
                Begun::Mine(Running { requests: &self.0, key, _over: over })
            }
        }
    }
}

impl Requests {
    fn keep(&mut self, key: &str, body: BodyHash, answer: Answer) {
        self.done.insert(key.to_owned(), (body, Instant::now()));
        self.bytes += size(&answer);
        self.answers.insert(key.to_owned(), answer);
        // The oldest answers are the least likely to be asked for again.
        while self.bytes > MOST_BYTES {
            let Some((_, answer)) = self.answers.pop_oldest() else { return };
            self.bytes -= size(&answer);
        }
    }

    fn forget(&mut self, now: Instant) {
        let is_due = |(_, at): &(BodyHash, Instant), count| now.duration_since(*at) >= AGE || count >= MOST;
        while let Some((key, _)) = self.done.pop_oldest_if(is_due) {
            self.bytes -= self.answers.remove(&key).as_ref().map_or(0, size);
        }
    }
}

/// The size of an answer's body, in bytes.
fn size(answer: &Answer) -> usize {
    Full::size_hint(answer.body()).exact().unwrap_or_default() as usize
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use hyper::StatusCode;

    use super::*;
    use crate::answer::{text, with_type};

    async fn done(idempotency: &Idempotency, key: &str, body: &str) -> Earlier<Result<Answer, ()>> {
        idempotency.once(key, body.as_bytes(), || Ok(text(StatusCode::OK, "done"))).await
    }

    #[tokio::test(start_paused = true)]
    async fn remembered_request_is_not_repeated() {
        let idempotency = Idempotency::default();
        assert!(matches!(done(&idempotency, "k", "body").await, Earlier::WasNot(Ok(_))));
        assert!(matches!(done(&idempotency, "k", "body").await, Earlier::Was(_)));
        assert!(matches!(done(&idempotency, "k", "other").await, Earlier::WasAnother));
        tokio::time::advance(AGE).await;
        assert!(matches!(done(&idempotency, "k", "other").await, Earlier::WasNot(Ok(_))));
    }

    #[tokio::test]
    async fn failed_request_can_be_retried() {
        let idempotency = Idempotency::default();
        assert!(matches!(idempotency.once("k", b"", || Err(())).await, Earlier::WasNot(Err(()))));
        assert!(matches!(done(&idempotency, "k", "body").await, Earlier::WasNot(Ok(_))));
    }

    #[tokio::test]
    async fn oldest_keys_are_forgotten_first() {
        let idempotency = Idempotency::default();
        for key in 0..3 * MOST {
            assert!(matches!(done(&idempotency, &key.to_string(), "").await, Earlier::WasNot(Ok(_))));
        }
        assert!(idempotency.0.lock().done.len() <= MOST);
        assert!(matches!(done(&idempotency, &(3 * MOST - 1).to_string(), "").await, Earlier::Was(_)));
        assert!(matches!(done(&idempotency, "0", "").await, Earlier::WasNot(_)));
    }

    #[tokio::test]
    async fn request_without_a_kept_answer_is_not_repeated() {
        let idempotency = Idempotency::default();
        let large = |size: usize| move || Ok::<_, ()>(with_type(StatusCode::OK, "text/plain", vec![b'x'; size].into()));
        for key in 0..600 {
            let once = idempotency.once(&key.to_string(), b"", large(1 << 20)).await;
            assert!(matches!(once, Earlier::WasNot(Ok(_))));
            assert!(idempotency.0.lock().bytes <= MOST_BYTES);
        }
        assert!(matches!(done(&idempotency, "599", "").await, Earlier::Was(_)));
        assert!(matches!(done(&idempotency, "0", "").await, Earlier::WasLongAgo));
        assert!(matches!(done(&idempotency, "0", "other").await, Earlier::WasAnother));
        // This holds even for an answer that is too large by itself, which displaces all others.
        let once = idempotency.once("huge", b"", large(MOST_BYTES + 1)).await;
        assert!(matches!(once, Earlier::WasNot(Ok(_))));
        assert!(matches!(done(&idempotency, "huge", "").await, Earlier::WasLongAgo));
        assert!(matches!(done(&idempotency, "next", "").await, Earlier::WasNot(Ok(_))));
        assert!(matches!(done(&idempotency, "next", "").await, Earlier::Was(_)));
        let requests = idempotency.0.lock();
        assert_eq!((requests.done.len(), requests.answers.len(), requests.bytes), (602, 1, "done".len()));
    }

    #[tokio::test]
    async fn only_requests_with_the_same_key_wait() {
        let idempotency = Idempotency::default();
        let mut waits = std::pin::pin!(done(&idempotency, "k", "body"));
        let failed = idempotency.once("k", b"body", || {
            // Another key is served while this one is in progress; the same key is not.
            assert!(matches!(done(&idempotency, "other", "").now_or_never(), Some(Earlier::WasNot(Ok(_)))));
            assert!(matches!(done(&idempotency, "k", "another body").now_or_never(), Some(Earlier::WasAnother)));
            assert!(waits.as_mut().now_or_never().is_none());
            Err(())
        });
        assert!(matches!(failed.await, Earlier::WasNot(Err(()))));
        // The first request failed, so the waiting one may run.
        assert!(matches!(waits.await, Earlier::WasNot(Ok(_))));
        assert!(matches!(done(&idempotency, "k", "body").await, Earlier::Was(_)));
    }
}
