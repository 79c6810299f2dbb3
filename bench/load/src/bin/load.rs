//! The clients of the benchmark.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use ssekit_bench::commands::process_commands;
use ssekit_bench::fleet::{Fleet, Report, Wanted};

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Command {
    Connect {
        port: u16,
        path: String,
        #[serde(default)]
        headers: String,
        clients: usize,
        #[serde(default)]
        streams: Option<usize>,
        at_a_time: usize,
        next: u64,
        patience_ms: u64,
    },
    Expect {
        end: u64,
    },
    Collect {
        targeted: usize,
        patience_ms: u64,
    },
    Watch {
        ms: u64,
    },
    Close {
        reset: bool,
    },
}

fn main() -> io::Result<()> {
    let mut fleet = Fleet::new()?;
    process_commands(|command| run(&mut fleet, command))
}

fn run(fleet: &mut Fleet, command: Command) -> io::Result<Value> {
    match command {
        Command::Connect { port, path, headers, clients, streams, at_a_time, next, patience_ms } => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let patience = Duration::from_millis(patience_ms);
            let (path, headers) = (path.as_str(), headers.as_str());
            answer(fleet.connect(&Wanted { address, path, headers, clients, streams, at_a_time, next, patience })?)
        }
        Command::Expect { end } => {
            fleet.expect(end);
            Ok(json!({}))
        }
        Command::Collect { targeted, patience_ms } => {
            answer(fleet.collect(targeted, Duration::from_millis(patience_ms))?)
        }
        Command::Watch { ms } => answer(fleet.watch(Duration::from_millis(ms))?),
        Command::Close { reset } => {
            fleet.close(reset);
            Ok(json!({}))
        }
    }
}

fn answer(report: Report) -> io::Result<Value> {
    Ok(serde_json::to_value(report)?)
}
