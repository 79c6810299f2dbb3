//! Recalls the events of some audiences: finds their numbers by the indexes, then reads only those.

use rusqlite::{Connection, ToSql, params};
use ssekit_core::backplane::{Address, Number, Recall, Recalled, Topic, Whose};
use ssekit_core::event::position::Epoch;

use crate::database::Database;
use crate::join::forgotten;
use crate::row::{self, Clock};
use crate::state::State;
use crate::trouble::Trouble;

/// The payloads of one call, beyond which it ends.
const MOST_BYTES: usize = 1 << 20;

pub(crate) fn recall(database: &mut Database, epoch: Epoch, what: &Recall, now: Clock) -> Result<Recalled, Trouble> {
    // One transaction sees one moment: what is forgotten later is still here.
    let transaction = database.connection.transaction()?;
    let state = State::load(&transaction)?;
    if state.epoch != epoch {
        return Err(Trouble::OtherHistory);
    }
    let floor = forgotten(&transaction, &state)?;
    let mut numbers = match &what.whose {
        Whose::Addresses(addresses) => {
            let of = |address: &Address| numbers(&transaction, "address = ?", &[&address.as_bytes()], what);
            addresses.iter().map(of).collect::<Result<Vec<_>, _>>()?.concat()
        }
        // In the words of the index, so that SQLite takes it.
        Whose::Standing => numbers(&transaction, "substr(address, 1, 1) IN (x'02', x'04', x'05')", &[], what)?,
    };
    numbers.sort_unstable();
    numbers.dedup();
    read(&transaction, numbers, what, floor, now)
}

/// The first numbers that meet the condition, or the last, and one more than asked for.
fn numbers(
    connection: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
    what: &Recall,
) -> Result<Vec<Number>, Trouble> {
    let order = if what.newest { "DESC" } else { "ASC" };
    let query = format!(
        "SELECT number FROM events WHERE {condition} AND number > ? AND number <= ? ORDER BY number {order} LIMIT ?"
    );
    let limit = i64::try_from(what.most.max(1)).unwrap_or(i64::MAX - 1) + 1;
    let (after, upto) = (bound(what.after), bound(what.upto));
    let values: Vec<&dyn ToSql> = values.iter().copied().chain([&after as &dyn ToSql, &upto, &limit]).collect();
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query(&*values)?;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next()? {
        numbers.push(row.get(0)?);
    }
    Ok(numbers)
}

fn bound(number: Number) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Reads as many of these records as one call may return.
fn read(
    connection: &Connection,
    mut numbers: Vec<Number>,
    what: &Recall,
    floor: Number,
    now: Clock,
) -> Result<Recalled, Trouble> {
    if what.newest {
        numbers.reverse();
    }
    let columns = row::columns(Topic::Events);
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM events WHERE number = ?"))?;
    let (mut records, mut bytes) = (Vec::new(), 0);
    for number in &numbers {
        if records.len() == what.most.max(1) || bytes >= MOST_BYTES {
            break;
        }
        let mut rows = statement.query(params![number])?;
        if let Some(row) = rows.next()? {
            let record = row::record(row, Topic::Events, now)?;
            bytes += record.payload.len();
            records.push(record);
        }
    }
    let is_complete = records.len() == numbers.len();
    let last = records.last().filter(|_| !is_complete).map(|record| record.number);
    let reached = match last {
        Some(last) if what.newest => last.saturating_sub(1),
        Some(last) => last,
        None if what.newest => what.after,
        None => what.upto,
    };
    if what.newest {
        records.reverse();
    }
    Ok(Recalled { records, reached, floor })
}

#[cfg(test)]
mod tests {
    use ssekit_core::backplane::STANDING;

    #[test]
    fn index_holds_what_the_core_calls_standing() {
        assert_eq!(STANDING, [2, 4, 5]);
    }
}
