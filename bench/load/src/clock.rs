//! Time and processor time, in nanoseconds.

use std::mem::MaybeUninit;

/// The clock of `process.hrtime()`: the same in all processes of a machine.
pub fn now() -> u64 {
    read(libc::CLOCK_MONOTONIC)
}

/// The processor time of this process so far, all threads together.
pub fn processor_time() -> u64 {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::zeroed();
    #[expect(unsafe_code)]
    // SAFETY: the kernel writes one timespec to where the pointer leads; all zeros are a timespec should it refuse.
    let time = unsafe {
        libc::clock_gettime(clock, time.as_mut_ptr());
        time.assume_init()
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
