//! Any answer in place of Redis's causes no crash, and no history or record that is not in the answer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ssekit_core::backplane::Topic;
use ssekit_redis::answer::{Clock, joined, streams};

/// No record has this number.
const MOST_NUMBER: u64 = 1 << 43;

fuzz_target!(|data: &[u8]| {
    let Ok(answer) = redis::parse_redis_value(data) else { return };
    if let Some((joined, _)) = joined(&answer) {
        assert!(joined.ends.events.max(joined.ends.members).max(joined.forgotten) < MOST_NUMBER);
    }
    for entry in streams(answer).into_iter().flatten().flat_map(|(_, entries)| entries) {
        let id = entry.id();
        let Some(record) = entry.record(Topic::Events, Clock::now(0)) else { continue };
        assert_eq!(id, Some((record.number, 0)));
        assert!((1..MOST_NUMBER).contains(&record.number));
        assert!(record.payload.is_empty() || data.windows(record.payload.len()).any(|part| part == record.payload));
    }
});
