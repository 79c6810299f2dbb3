//! How the threads of the engine stand to those that call it.

/// Lets whoever wakes the current thread go on with what it does, by the scheduling policy `SCHED_BATCH` (sched(7)).
///
/// Otherwise Linux may put a thread that has just been woken in the place of the one that woke it: `broadcast` then returns when
/// the writer has used up its time slice, which takes milliseconds. It costs nothing where a core is free. Where it cannot be
/// had, things are as they are without it.
#[cfg(target_os = "linux")]
pub(crate) fn give_way() {
    use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};

    // On the scale of `thread_priority`, from 0 to 99, this is niceness 0. It is set together with the policy, so a process that
    // somebody has given another niceness keeps that, and the policy.
    const ORDINARY: u8 = 48;
    let (Some(0), Ok(ordinary)) = (niceness(), ORDINARY.try_into()) else { return };
    let batch = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Batch);
    let thread = thread_priority::thread_native_id();
    let _ = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Crossplatform(ordinary), batch);
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn give_way() {}

/// The niceness of the current thread: field 19 in proc_pid_stat(5), where a name in parentheses is the second.
#[cfg(target_os = "linux")]
fn niceness() -> Option<i32> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(16)?.parse().ok()
}
