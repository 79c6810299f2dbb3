//! The scheduling of the engine's threads relative to the threads that call it.

/// Lets the thread that wakes the current thread go on with its work, by the scheduling policy `SCHED_BATCH` (sched(7)).
///
/// Otherwise Linux may run a newly woken thread in place of the thread that woke it. `broadcast` then returns only when the
/// writer has used up its time slice, which takes milliseconds. The policy costs nothing while a core is free. If it cannot
/// be set, everything works as without it.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

    // On the scale of `thread_priority`, from 0 to 99, this is niceness 0. Niceness and policy are set together, so a process
    // with another niceness keeps both as they are.
    const ORDINARY: u8 = 48;
    let (Some(0), Ok(ordinary)) = (niceness(), ORDINARY.try_into()) else { return };
    let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
    let thread = thread_priority::thread_native_id();
    let _ = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Crossplatform(ordinary), batch);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}

/// The niceness of the current thread: field 19 in proc_pid_stat(5). Field 2 is a name in parentheses.
#[cfg(target_os = "linux")]
fn niceness() -> Option<i32> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(16)?.parse().ok()
}
