//! Requests that are sent again, because their answer was lost, and must not publish again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use ring::digest::{SHA256, digest};
use tokio::time::Instant;

use crate::listener::answer::Answer;

/// Keys that are remembered, and for how long.
const MOST: usize = 10_000;
const AGE: Duration = Duration::from_secs(600);

/// What is known of a key.
#[derive(Debug)]
pub(crate) enum Earlier<T> {
    /// The same request was here; this was its answer.
    Was(Answer),
    /// It was not; this came of it.
    WasNot(T),
    /// Another request was here with this key.
    WasAnother,
}

/// The newest answers by key.
#[derive(Debug, Default)]
pub(crate) struct Idempotency(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    by_key: HashMap<String, Given>,
    /// In the order in which they came, which is that in which they go.
    order: VecDeque<(Instant, String)>,
}

#[derive(Debug)]
struct Given {
    body: [u8; 32],
    answer: Answer,
}

impl Idempotency {
    /// Does something unless it was done with this key already. What fails can be tried again. Nobody else is let in meanwhile,
    /// so of two at once one waits for the other's answer.
    pub(crate) fn once<E>(
        &self,
        key: &str,
        body: &[u8],
        what: impl FnOnce() -> Result<Answer, E>,
    ) -> Earlier<Result<Answer, E>> {
        let mut body_hash = [0; 32];
        body_hash.copy_from_slice(digest(&SHA256, body).as_ref());
        let mut answers = self.0.lock();
        answers.forget(Instant::now());
        match answers.by_key.get(key) {
            Some(given) if given.body == body_hash => return Earlier::Was(given.answer.clone()),
            Some(_) => return Earlier::WasAnother,
            None => {}
        }
        let result = what();
        if let Ok(answer) = &result {
            answers.order.push_back((Instant::now(), key.to_owned()));
            answers.by_key.insert(key.to_owned(), Given { body: body_hash, answer: answer.clone() });
        }
        Earlier::WasNot(result)
    }
}

impl Answers {
    fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(at, _)| now.duration_since(*at) >= AGE || self.order.len() >= MOST) {
            if let Some((_, key)) = self.order.pop_front() {
                self.by_key.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;
    use crate::listener::answer::text;

    fn done(idempotency: &Idempotency, key: &str, body: &str) -> Earlier<Result<Answer, ()>> {
        idempotency.once(key, body.as_bytes(), || Ok(text(StatusCode::OK, "done")))
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_done_is_not_done_again_while_it_is_remembered() {
        let idempotency = Idempotency::default();
        assert!(matches!(done(&idempotency, "k", "body"), Earlier::WasNot(Ok(_))));
        assert!(matches!(done(&idempotency, "k", "body"), Earlier::Was(_)));
        assert!(matches!(done(&idempotency, "k", "other"), Earlier::WasAnother));
        tokio::time::advance(AGE).await;
        assert!(matches!(done(&idempotency, "k", "other"), Earlier::WasNot(Ok(_))));
    }

    #[test]
    fn what_failed_can_be_tried_again() {
        let idempotency = Idempotency::default();
        assert!(matches!(idempotency.once("k", b"", || Err(())), Earlier::WasNot(Err(()))));
        assert!(matches!(done(&idempotency, "k", "body"), Earlier::WasNot(Ok(_))));
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_many() {
        let idempotency = Idempotency::default();
        for key in 0..3 * MOST {
            assert!(matches!(done(&idempotency, &key.to_string(), ""), Earlier::WasNot(Ok(_))));
        }
        assert!(idempotency.0.lock().by_key.len() <= MOST);
        assert!(matches!(done(&idempotency, &(3 * MOST - 1).to_string(), ""), Earlier::Was(_)));
        assert!(matches!(done(&idempotency, "0", ""), Earlier::WasNot(_)));
    }
}
