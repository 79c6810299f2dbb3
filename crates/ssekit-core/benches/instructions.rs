//! The engine's paths for a counter of instructions: `instructions` lists the scenarios, `instructions NAME TIMES` runs one.
//! `npm run instructions` counts by valgrind, and compares with what is committed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench fails by panicking")]
#![allow(clippy::print_stdout, reason = "it is a program, and this is its answer")]

#[cfg(unix)]
mod scenarios;

#[cfg(unix)]
fn main() {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [name, times] => scenarios::scenario(name).unwrap()(times.parse().unwrap()),
        _ => scenarios::NAMES.iter().for_each(|name| println!("{name}")),
    }
}

#[cfg(not(unix))]
fn main() {}
