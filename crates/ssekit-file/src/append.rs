//! Appends a batch: numbers its records, and forgets old ones for them.

use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};
use ssekit_core::backplane::{Batch, Number, Topic};
use ssekit_core::event::position::Epoch;

use crate::bounds;
use crate::database::Database;
use crate::log_outs;
use crate::options::{Durability, FileOptions};
use crate::row::{Clock, Stored};
use crate::state::State;
use crate::trouble::Trouble;

/// Returns the number at which the topic ends afterwards.
pub(crate) fn append(
    database: &mut Database,
    options: &FileOptions,
    epoch: Epoch,
    batch: &Batch,
    now: Clock,
) -> Result<Number, Trouble> {
    let durability = database.durability;
    loop {
        let boot = &database.boot.name;
        let transaction = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut state = State::load(&transaction)?;
        if state.epoch != epoch {
            return Err(Trouble::OtherHistory);
        }
        if durability == Durability::Process && state.unsynced_since.as_ref() != Some(boot) {
            // Another process has closed the folder since this one joined.
            drop(transaction);
            note_unsynced(database)?;
            continue;
        }
        let before = *state.end(batch.topic);
        add(&transaction, &mut state, batch, now)?;
        let end = *state.end(batch.topic);
        if end > before {
            bounds::keep(&transaction, &mut state, options, batch, now)?;
            state.store(&transaction)?;
            transaction.commit()?;
            database.note_written(batch.records.iter().map(|record| record.payload.len()).sum());
        }
        return Ok(end);
    }
}

/// The disk has to know that something may be missing before anything can be.
fn note_unsynced(database: &mut Database) -> Result<(), Trouble> {
    database.durably(|database| {
        let transaction = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let state = State::load(&transaction)?;
        State { unsynced_since: Some(database.boot.name.clone()), ..state }.store(&transaction)?;
        Ok(transaction.commit()?)
    })
}

/// Adds the records that are not there yet.
fn add(transaction: &Transaction<'_>, state: &mut State, batch: &Batch, now: Clock) -> Result<(), Trouble> {
    let node = batch.node.as_str();
    let counts = transaction
        .query_row("SELECT events, members FROM nodes WHERE node = ?", [node], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let (mut events, mut members): (u64, u64) = counts.unwrap_or_default();
    let done = match batch.topic {
        Topic::Events => &mut events,
        Topic::Members => &mut members,
    };
    let mut insert = transaction.prepare(match batch.topic {
        Topic::Events => {
            "INSERT INTO events (number, at, node, count, checksum, payload, address) VALUES (?, ?, ?, ?, ?, ?, ?)"
        }
        Topic::Members => "INSERT INTO members (number, at, node, count, checksum, payload) VALUES (?, ?, ?, ?, ?, ?)",
    })?;
    for (count, record) in (batch.first..).zip(&batch.records).filter(|(count, _)| *count > *done) {
        let (payload, topic, at) = (record.payload.as_ref(), batch.topic, now.millis);
        *state.end(topic) += 1;
        let number = *state.end(topic);
        match topic {
            Topic::Events => {
                let address = record.to.as_bytes();
                let checksum = Stored { topic, number, at, node, count, address, payload }.checksum();
                insert.execute(params![number, at, node, count, checksum, payload, address])?;
                state.bytes += payload.len() as u64;
            }
            Topic::Members => {
                let checksum = Stored { topic, number, at, node, count, address: &[], payload }.checksum();
                insert.execute(params![number, at, node, count, checksum, payload])?;
            }
        }
    }
    let fresh = (batch.first..).zip(&batch.records).filter(|(count, _)| *count > *done);
    log_outs::add(transaction, fresh.flat_map(|(_, record)| &record.log_outs), now)?;
    *done = (*done).max(batch.first + batch.records.len() as u64 - 1);
    transaction.execute(
        "INSERT OR REPLACE INTO nodes (node, events, members, at) VALUES (?, ?, ?, ?)",
        params![node, events, members, now.millis],
    )?;
    Ok(())
}
