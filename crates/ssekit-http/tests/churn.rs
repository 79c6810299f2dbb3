//! Clients that come and go: a program of its own, because it counts what the whole process has open.
#![cfg(test)]

use ssekit_testing::door::{Door, get};

#[test]
fn churn_leaves_nothing_behind() {
    let door = Door::anonymous();
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let round = || {
        for n in 0..200 {
            match n % 4 {
                0 => drop(door.stream("/events")),
                1 => drop(door.get("/healthz")),
                2 => door.connect().send("GET /ev"),
                _ => {
                    let mut visitor = door.connect();
                    visitor.send(get("/events"));
                    visitor.reset();
                }
            }
        }
        door.wait_until_empty();
    };
    round();
    let (open, memory) = (descriptors(), ssekit_testing::resident_bytes());
    for _ in 0..10 {
        round();
    }
    // A leak would be of thousands.
    let (left, grown) = (descriptors().saturating_sub(open), ssekit_testing::resident_bytes().saturating_sub(memory));
    assert!(left < 50, "{left} descriptors more than before");
    assert!(grown < 64 << 20, "{grown} bytes more than before");
    assert_eq!(door.engine.stats().clients, 0);
}
