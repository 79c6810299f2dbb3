//! The protocol of the programs: one line of JSON on standard input for a command, one on standard output for its
//! answer.

use std::io::{self, BufRead, Write};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Obeys until the input ends.
///
/// # Errors
/// A line that is no command, a command that fails, or nobody to answer to.
pub fn process_commands<C: DeserializeOwned>(mut run: impl FnMut(C) -> io::Result<Value>) -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let answer = run(serde_json::from_str(&line?)?)?;
        tell(&answer)?;
    }
    Ok(())
}

/// Writes one line.
///
/// # Errors
/// Nobody reads it.
pub fn tell(answer: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}
