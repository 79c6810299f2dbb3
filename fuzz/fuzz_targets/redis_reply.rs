//! Any answer in Redis' place: no crash, no deep recursion, and no value that was not sent. Cut anywhere, a reply is the
//! same one.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ssekit_redis::reply::take_reply;

fuzz_target!(|data: &[u8]| {
    let mut input = BytesMut::from(data);
    let mut whole = Vec::new();
    let end = loop {
        let before = input.len();
        match take_reply(&mut input) {
            Ok(Some(reply)) => {
                assert!(input.len() < before, "a reply of no bytes");
                whole.push(format!("{reply:?}"));
            }
            Ok(None) => break None,
            Err(unfit) => break Some(unfit),
        }
    };
    // Byte by byte it is the same, up to where it is refused.
    let (mut input, mut slowly) = (BytesMut::new(), Vec::new());
    for byte in data.iter().take(4_096) {
        input.extend_from_slice(&[*byte]);
        match take_reply(&mut input) {
            Ok(Some(reply)) => slowly.push(format!("{reply:?}")),
            Ok(None) => {}
            Err(_) => {
                assert!(end.is_some(), "refused in pieces, and not at once");
                return;
            }
        }
    }
    if data.len() <= 4_096 && end.is_none() {
        assert_eq!(slowly, whole);
    }
});
