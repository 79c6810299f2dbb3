//! Histories in real folders.
#![cfg(test)]

mod contract;
mod folder;
