//! A raw fork of the process is refused. Without the test harness, whose threads a fork would leave behind half-way.
#![allow(unsafe_code, reason = "there is no safe way to fork, which is what this test is about")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "it reports as the harness would")]

const NAME: &str = "a_raw_fork_of_the_process_is_refused_and_the_process_itself_goes_on";

fn main() {
    let mut arguments = std::env::args().skip(1);
    if arguments.any(|argument| argument == "--list") {
        return println!("{NAME}: test");
    }
    #[cfg(unix)]
    unix::test();
    println!("\nrunning 1 test\ntest {NAME} ... ok\n");
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}

#[cfg(unix)]
mod unix {
    use std::task::{Context, Poll, Waker};

    use ssekit_core::{Connect, Error, Event, Hub, Options};

    pub(crate) fn test() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let hub = Hub::start(Options::default(), runtime.handle()).unwrap();
        let mut client = hub.connect(Connect { user: Some("ada"), client: Some("tab"), ..Connect::default() }).unwrap();

        // SAFETY: the child calls only the tested function, which allocates at most an error's message (the allocator is
        // made for a fork). It leaves by `_exit`, so none of the parent's code or destructors runs a second time.
        match unsafe { libc::fork() } {
            0 => {
                let code = in_the_child(&hub);
                // SAFETY: it ends the process.
                unsafe { libc::_exit(code) }
            }
            child => assert_eq!(exit_code(child), 0, "the number of the call that was not refused in the child"),
        }

        assert_eq!(hub.stats().position, 0, "nothing was sent");
        assert_eq!(hub.send_to_user("ada", Event { data: "x", ..Event::default() }), Ok(1));
        let pull = client.stream.poll_next(&mut Context::from_waker(Waker::noop()), 1_024);
        assert!(matches!(pull, Poll::Ready(Some(_))));
    }

    fn in_the_child(hub: &Hub) -> i32 {
        let event = Event { data: "x", ..Event::default() };
        let refused = |error: Option<Error>| error.is_some_and(|error| error.is_forked());
        let calls = [
            refused(hub.check_process().err()),
            refused(hub.broadcast(event, None).err()),
            refused(hub.send_to_user("ada", event).err()),
            refused(hub.send_to_client("tab", event).err()),
            refused(hub.connect(Connect::default()).err()),
        ];
        calls.iter().position(|refused| !refused).map_or(0, |call| call as i32 + 1)
    }

    fn exit_code(child: libc::pid_t) -> i32 {
        let mut status = 0;
        // SAFETY: the pointer is to a live integer.
        let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(waited, child);
        assert!(libc::WIFEXITED(status), "the child was killed: {status}");
        libc::WEXITSTATUS(status)
    }
}
