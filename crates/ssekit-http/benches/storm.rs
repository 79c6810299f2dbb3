//! A storm: many clients come back at once, each with what it has seen last, and get what they have missed. Beside it, in the
//! same run, a bare loop that accepts and answers with as many bytes: `cargo bench -p ssekit-http --bench storm`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ssekit_core::{Connect, Event, Hub, Options};
use ssekit_http::{Listener, ListenerOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinSet;

const MISSED: usize = 10;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// `[--clients <number>] [--rounds <number>] [--json]`; what else cargo says is passed by.
struct Plan {
    clients: usize,
    rounds: usize,
    json: bool,
}

impl Plan {
    fn read() -> Result<Self, Failure> {
        let mut plan = Self { clients: 9_000, rounds: 5, json: false };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut number = || -> Result<usize, Failure> { Ok(args.next().ok_or("wants a number")?.parse()?) };
            match arg.as_str() {
                "--clients" => plan.clients = number()?.max(1),
                "--rounds" => plan.rounds = number()?.max(1),
                "--json" => plan.json = true,
                _ => {}
            }
        }
        Ok(plan)
    }
}

/// The time a storm took, at the listener and at the bare loop.
type Round = (Duration, Duration);

fn main() -> Result<(), Failure> {
    let plan = Plan::read()?;
    let limit = rlimit::increase_nofile_limit(plan.clients as u64 * 2 + 1_000)?;
    // Each client is two sockets here: its own and the server's.
    let clients = plan.clients.min(limit.saturating_sub(1_000) as usize / 2);
    let server = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let hub = Hub::start(Options::default(), server.handle())?;
    let seen = missed_by_all(&hub)?;
    let options = ListenerOptions { anonymous: true, ..ListenerOptions::default() };
    let listener = Listener::start(hub.clone(), options, server.handle())?;
    let address = listener.local_addr().ok_or("no address")?;
    let storms = Builder::new_current_thread().enable_all().build()?;
    let answer = storms.block_on(one_answer(address, &seen))?;
    let bare = server.block_on(bare_server(server.handle(), answer))?;
    let mut rounds: Vec<Round> = Vec::new();
    for _ in 0..plan.rounds {
        let ours = storms.block_on(storm(address, clients, &seen))?;
        let floor = storms.block_on(storm(bare, clients, &seen))?;
        rounds.push((ours, floor));
    }
    report(clients, &rounds, plan.json);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "that is what it is run for")]
fn report(clients: usize, rounds: &[Round], json: bool) {
    let ratios = sorted(rounds.iter().map(|(ours, floor)| ours.as_secs_f64() / floor.as_secs_f64()));
    let median = |values: &[f64]| values.get(values.len() / 2).copied();
    if json {
        let seconds = sorted(rounds.iter().map(|(ours, _)| ours.as_secs_f64()));
        let bare_seconds = sorted(rounds.iter().map(|(_, floor)| floor.as_secs_f64()));
        let report = serde_json::json!({
            "clients": clients,
            "seconds": median(&seconds),
            "bareSeconds": median(&bare_seconds),
            "ratio": median(&ratios),
            "least": ratios.first(),
            "most": ratios.last(),
        });
        return println!("{report}");
    }
    let per_second = |took: Duration| clients as f64 / took.as_secs_f64();
    for &(ours, floor) in rounds {
        println!(
            "{clients} clients: listener {ours:.2?} ({:.0}/s), bare loop {floor:.2?} ({:.0}/s)",
            per_second(ours),
            per_second(floor)
        );
    }
    if let Some(median) = median(&ratios) {
        println!("median ratio to the bare loop: {median:.2}");
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Publishes what everybody has missed, and returns the id before it.
fn missed_by_all(hub: &Hub) -> Result<String, Failure> {
    let opened = hub.connect(Connect::default())?;
    let opening = String::from_utf8(opened.opening.to_vec())?;
    for number in 0..MISSED {
        let last = if number + 1 == MISSED { "last" } else { "missed" };
        hub.broadcast(Event { name: last, data: &"x".repeat(150), ..Event::default() }, None)?;
    }
    let id = opening.lines().find_map(|line| line.strip_prefix("id: ")).ok_or("no id")?;
    Ok(id.to_owned())
}

/// All clients at once. Says how long it took until each had everything; they stay connected until then.
async fn storm(address: SocketAddr, clients: usize, seen: &str) -> Result<Duration, Failure> {
    let began = Instant::now();
    let mut coming = JoinSet::new();
    for _ in 0..clients {
        let seen = seen.to_owned();
        coming.spawn(async move { come_back(address, &seen).await.map(|(socket, _)| socket) });
    }
    let mut connected = Vec::with_capacity(clients);
    while let Some(came) = coming.join_next().await {
        connected.push(came??);
    }
    Ok(began.elapsed())
}

async fn one_answer(address: SocketAddr, seen: &str) -> Result<Vec<u8>, Failure> {
    come_back(address, seen).await.map(|(_, answer)| answer)
}

/// Connects, and reads up to the last of what was missed.
async fn come_back(address: SocketAddr, seen: &str) -> Result<(TcpStream, Vec<u8>), Failure> {
    let mut socket = TcpStream::connect(address).await?;
    // The side that closes first keeps the port busy for a minute, unless it closes by a reset; and ports are few.
    socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
    let request = format!("GET /events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: {seen}\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(4096);
    let is_whole = |answer: &[u8]| {
        let text = String::from_utf8_lossy(answer);
        text.split_once("event: last\n").is_some_and(|(_, last)| last.ends_with("\n\n\r\n"))
    };
    while !is_whole(&answer) {
        if socket.read_buf(&mut answer).await? == 0 {
            return Err("the connection ended".into());
        }
    }
    Ok((socket, answer))
}

/// Accepts, reads a request, answers, and keeps the connection.
async fn bare_server(runtime: &Handle, answer: Vec<u8>) -> Result<SocketAddr, Failure> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(4096)?;
    let listener = TcpListener::from_std(socket.into())?;
    let address = listener.local_addr()?;
    let answer: std::sync::Arc<[u8]> = answer.into();
    runtime.spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let answer = std::sync::Arc::clone(&answer);
            tokio::spawn(async move {
                let mut request = Vec::with_capacity(256);
                while !request.ends_with(b"\r\n\r\n") && socket.read_buf(&mut request).await? > 0 {}
                socket.write_all(&answer).await?;
                // Until the client leaves.
                socket.read_u8().await.map(drop)
            });
        }
    });
    Ok(address)
}
