//! Bounds how often something is said that a peer, or a fault, can cause again and again.

use std::time::Instant;

use parking_lot::Mutex;

/// A token bucket: allows a burst of messages, and a number per second after it.
#[derive(Debug)]
pub struct Throttle {
    burst: f64,
    per_second: f64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: f64,
    counted_at: Option<Instant>,
    suppressed: u64,
}

impl Throttle {
    /// Allows `burst` messages at once.
    pub const fn new(burst: f64, per_second: f64) -> Self {
        Self { burst, per_second, state: Mutex::new(State { left: burst, counted_at: None, suppressed: 0 }) }
    }

    /// The message, if it may be said now, and with how many were left out since the last one. It is only built then.
    ///
    /// ```
    /// use ssekit_core::throttle::Throttle;
    /// let throttle = Throttle::new(1.0, 0.0);
    /// let said = [1, 2].map(|number| throttle.limit(|| format!("fault {number}")));
    /// assert_eq!(said, [Some("fault 1".to_owned()), None]);
    /// ```
    pub fn limit(&self, message: impl FnOnce() -> String) -> Option<String> {
        let suppressed = self.pass_at(Instant::now())?;
        let mut message = message();
        if suppressed > 0 {
            message.push_str(&format!(" (and {suppressed} more messages that were left out)"));
        }
        Some(message)
    }

    /// Whether one more may be said now, and then how many were left out since the last one.
    fn pass_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock();
        let passed = state.counted_at.map_or(0.0, |then| now.saturating_duration_since(then).as_secs_f64());
        state.left = (state.left + passed * self.per_second).min(self.burst);
        state.counted_at = Some(now);
        if state.left < 1.0 {
            state.suppressed += 1;
            return None;
        }
        state.left -= 1.0;
        Some(std::mem::take(&mut state.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_left_out_is_counted_with_the_next() {
        let (throttle, start) = (Throttle::new(2.0, 2.0), Instant::now());
        let at = |millis| throttle.pass_at(start + Duration::from_millis(millis));
        assert_eq!([at(0), at(0), at(0), at(0)], [Some(0), Some(0), None, None]);
        assert_eq!([at(500), at(600)], [Some(2), None]);
        // It saves up no more than one burst.
        assert_eq!([at(60_000), at(60_000), at(60_000)], [Some(1), Some(0), None]);
    }
}
