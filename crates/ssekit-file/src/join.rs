//! Joins the history: decides whether it is still the one that the node knows.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use ssekit_core::backplane::{Joined, Known, Number, Topic};
use ssekit_core::event::position::Epoch;

use crate::database::Database;
use crate::log_outs;
use crate::options::Durability;
use crate::row::Clock;
use crate::state::State;
use crate::trouble::Trouble;

/// A node that is silent for so long has no answer to wait for any more, so its count is forgotten.
const DAY: i64 = 24 * 60 * 60 * 1_000;

pub(crate) fn join(database: &mut Database, known: &Known, now: Clock) -> Result<Joined, Trouble> {
    database.durably(|database| {
        let boot = &database.boot.name;
        let transaction = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = State::load(&transaction)?;
        let mut state = found.clone();
        let has_gone_down = found.unsynced_since.as_ref().is_some_and(|since| since != boot);
        if has_gone_down || found.made != database.file.made {
            // Clients may have seen more than the disk has kept, or than a copy ever had.
            state.epoch = Epoch::random();
            state.made = database.file.made;
        }
        meet(&mut state, &transaction, known)?;
        state.unsynced_since = match database.durability {
            Durability::Process => Some(boot.clone()),
            Durability::Always => None,
        };
        if state != found {
            state.store(&transaction)?;
        }
        if state.epoch != found.epoch {
            // Log-outs may be lost like the records.
            log_outs::begin(&transaction, now)?;
        }
        transaction.execute("DELETE FROM nodes WHERE at < ?", [now.millis - DAY])?;
        let forgotten = forgotten(&transaction, &state)?;
        transaction.commit()?;
        // Nobody has to wait for that. Log-outs that are added meanwhile do no harm.
        let log_outs = log_outs::load(&database.connection, now)?;
        Ok(Joined { epoch: state.epoch, ends: state.ends, forgotten, log_outs })
    })
}

/// Makes sure that no number is used twice which the node has seen.
fn meet(state: &mut State, connection: &Connection, known: &Known) -> Result<(), Trouble> {
    let is_same = known.epoch == Some(state.epoch);
    if is_same && !has_lost(state, connection, known)? {
        return Ok(());
    }
    if is_same {
        state.epoch = Epoch::random();
    }
    for (topic, seen) in [(Topic::Events, known.ends.events), (Topic::Members, known.ends.members)] {
        let end = *state.end(topic);
        if is_same || (seen > 0 && seen >= end) {
            state.skip_to(connection, topic, end.max(seen) + 1)?;
        }
    }
    Ok(())
}

/// Whether the history lost a record that the node has read. A record that was forgotten together with all older ones
/// does not count as lost.
fn has_lost(state: &State, connection: &Connection, known: &Known) -> Result<bool, Trouble> {
    if state.ends.events < known.ends.events || state.ends.members < known.ends.members {
        return Ok(true);
    }
    let Some(last) = &known.last else { return Ok(false) };
    let origin = connection
        .query_row("SELECT node, count FROM events WHERE number = ?", [known.ends.events], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?))
        })
        .optional()?;
    match origin {
        Some((node, count)) => Ok(node != last.node.as_str() || count != last.count),
        None => Ok(forgotten(connection, state)? < known.ends.events),
    }
}

/// The events after this number are still there.
pub(crate) fn forgotten(connection: &Connection, state: &State) -> Result<Number, Trouble> {
    let oldest: Option<Number> = connection.query_row("SELECT min(number) FROM events", params![], |row| row.get(0))?;
    Ok(oldest.map_or(state.ends.events, |oldest| oldest.saturating_sub(1)))
}
