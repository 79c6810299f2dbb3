//! Histories in real folders, used by real processes.
#![cfg(test)]

mod bell;
mod child;
mod closing;
mod contract;
#[cfg(unix)]
mod disk;
#[cfg(target_os = "linux")]
mod faults;
mod folder;
mod hubs;
mod kill;
mod opening;
mod start;
