//! The cost of several processes on the benchmark's own Redis: commands, bytes, throughput beside redis-benchmark's XADD in the
//! same run, latency, and the cost of knowing everybody. `cargo bench -p ssekit-redis --bench backplane`; wants redis-server
//! and redis-benchmark.

use std::future::poll_fn;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use ssekit_core::backplane::{Address, Backplane, Batch, Ends, Interest, Known, NodeId, Outgoing, Topic};
use ssekit_core::{ClusterOptions, Connect, Connected, Event, Hub, Link, Options};
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;
use tokio::runtime::{Builder, Runtime};

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

/// Measures one thing.
type Measure = fn(&Plan, &Runtime) -> Result<Value>;

/// Records that are appended at once, as nodes do it.
const BATCH: u64 = 256;
const PAYLOAD: usize = 150;

/// `[--events <number>] [--clients <number>] [--json]`; what else cargo says is passed by.
struct Plan {
    events: u64,
    clients: usize,
    json: bool,
}

impl Plan {
    fn read() -> Result<Self> {
        let mut plan = Self { events: 100_000, clients: 50_000, json: false };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            let mut number = || -> Result<usize> { Ok(args.next().ok_or("wants a number")?.parse()?) };
            match arg.as_str() {
                "--events" => plan.events = number()?.max(1_000) as u64,
                "--clients" => plan.clients = number()?.max(3),
                "--json" => plan.json = true,
                _ => {}
            }
        }
        Ok(plan)
    }
}

#[expect(clippy::print_stdout, reason = "that is what it is run for")]
fn main() -> Result<()> {
    let plan = Plan::read()?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let parts: [(&str, Measure); 5] = [
        ("commands", commands),
        ("idle", idle),
        ("throughput", throughput),
        ("latency", latency),
        ("presence", presence),
    ];
    let mut report = serde_json::Map::new();
    for (name, measure) in parts {
        let measured = measure(&plan, &runtime)?;
        if !plan.json {
            println!("{name}: {measured:#}");
        }
        report.insert(name.to_owned(), measured);
    }
    if plan.json {
        println!("{}", Value::Object(report));
    }
    Ok(())
}

/// Redis commands and bytes for an event, sent one by one and in bursts; and what it takes in Redis' memory.
fn commands(plan: &Plan, runtime: &Runtime) -> Result<Value> {
    let redis = Server::start()?;
    let hub = node(&redis, runtime)?;
    let single = plan.events.min(2_000);
    let before = redis.usage()?;
    for _ in 0..single {
        send(&hub)?;
        runtime.block_on(hub.flush_shared())?;
    }
    let between = redis.usage()?;
    for _ in 0..plan.events {
        send(&hub)?;
    }
    runtime.block_on(hub.flush_shared())?;
    let after = redis.usage()?;
    let length = redis.number("XLEN {ssekit}:events")?;
    let memory = redis.number("MEMORY USAGE {ssekit}:events SAMPLES 0")?;
    Ok(json!({
        "payloadBytes": PAYLOAD,
        "oneByOne": between.since(&before).per(single),
        "inABurst": after.since(&between).per(plan.events),
        "redisBytesPerKeptEvent": round(memory / length),
    }))
}

/// The cost of an idle node, without clients and with some.
fn idle(_: &Plan, runtime: &Runtime) -> Result<Value> {
    let redis = Server::start()?;
    let hub = node(&redis, runtime)?;
    let mut per_second = Vec::new();
    let mut clients = Vec::new();
    for count in [0, 1_000, 10_000] {
        while clients.len() < count {
            clients.push(hub.connect(Connect::default())?);
        }
        runtime.block_on(hub.flush_shared())?;
        // Until their coming has been told.
        std::thread::sleep(Duration::from_secs(2));
        let (before, began) = (redis.usage()?, Instant::now());
        std::thread::sleep(Duration::from_secs(10));
        let used = redis.usage()?.since(&before);
        per_second.push(json!({ "clients": count, "commands": round(used.calls / began.elapsed().as_secs_f64()) }));
    }
    Ok(Value::Array(per_second))
}

/// One node that appends and one that reads, as ratios to XADD by redis-benchmark; and whole hubs.
fn throughput(plan: &Plan, runtime: &Runtime) -> Result<Value> {
    let redis = Server::start()?;
    let xadd = redis.benchmark(plan.events)?;
    let mut backplane = Redis::new(redis.options())?;
    let (append, read) = runtime.block_on(async {
        let joined = backplane.join(&Known::default()).await?;
        let (node, payload) = (NodeId::random(), Bytes::from(vec![b'x'; PAYLOAD]));
        let record = Outgoing::new(Address::everybody(), payload);
        let began = Instant::now();
        for first in (1..=plan.events).step_by(BATCH as usize) {
            let records = vec![record.clone(); BATCH.min(plan.events + 1 - first) as usize];
            backplane.append(joined.epoch, &Batch { node, topic: Topic::Events, first, records }).await?;
        }
        let appended = began.elapsed();
        let (mut ends, mut count, began) = (joined.ends, 0, Instant::now());
        while count < plan.events {
            let records = backplane.next(ends, &Interest::everything()).await?.records;
            count += records.len() as u64;
            ends = Ends { events: records.last().map_or(ends.events, |last| last.number), ..ends };
        }
        Ok::<_, Failure>((appended, began.elapsed()))
    })?;
    let redis = Server::start()?;
    let (from, to) = (node(&redis, runtime)?, node(&redis, runtime)?);
    let began = Instant::now();
    for _ in 0..plan.events {
        send(&from)?;
    }
    let sent = began.elapsed();
    wait(|| to.stats().events >= plan.events);
    let arrived = began.elapsed();
    // Another one comes, and reads all that there is.
    let began = Instant::now();
    let late = node(&redis, runtime)?;
    let caught_up = began.elapsed();
    assert_eq!(late.stats().position, to.stats().position, "it knows all that the others know");
    let rate = |took: Duration| plan.events as f64 / took.as_secs_f64();
    Ok(json!({
        "redisBenchmarkXaddPerSecond": round(xadd),
        "appendPerSecond": round(rate(append)),
        "appendToXadd": round(rate(append) / xadd),
        "readPerSecond": round(rate(read)),
        "readToXadd": round(rate(read) / xadd),
        "hubSendPerSecond": round(rate(sent)),
        "hubToHubPerSecond": round(rate(arrived)),
        "hubCatchUpPerSecond": round(rate(caught_up)),
    }))
}

/// From a send on one node to its receipt by a client of another, and of the same.
fn latency(_: &Plan, runtime: &Runtime) -> Result<Value> {
    let redis = Server::start()?;
    let (here, there) = (node(&redis, runtime)?, node(&redis, runtime)?);
    let measure = |hub: &Hub| -> Result<Value> {
        let mut client = hub.connect(Connect::default())?;
        let mut times = Vec::new();
        for _ in 0..2_000 {
            let began = Instant::now();
            send(&here)?;
            runtime.block_on(receive(&mut client))?;
            times.push(began.elapsed().as_secs_f64() * 1e6);
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().map(f64::round);
        Ok(json!({ "p50Micros": at(0.5), "p99Micros": at(0.99) }))
    };
    Ok(json!({ "otherNode": measure(&there)?, "sameNode": measure(&here)? }))
}

/// Many clients on three nodes: until all know all, and what that takes of memory beyond the clients themselves.
fn presence(plan: &Plan, runtime: &Runtime) -> Result<Value> {
    let redis = Server::start()?;
    let lone = Hub::start(Options::default(), runtime.handle())?;
    let before = resident();
    let alone = connect_all(&[lone], plan.clients)?;
    let of_client = (resident() - before) / plan.clients as f64;
    let nodes = (0..3).map(|_| node(&redis, runtime)).collect::<Result<Vec<Hub>>>()?;
    let before = resident();
    let began = Instant::now();
    let clients = connect_all(&nodes, plan.clients)?;
    let connected = began.elapsed();
    let knows_all = |hub: &Hub| hub.stats().clients + hub.stats().cluster.map_or(0, |cluster| cluster.clients);
    wait(|| nodes.iter().all(|hub| knows_all(hub) == plan.clients));
    let known = began.elapsed();
    let of_known = (resident() - before) / plan.clients as f64;
    let began = Instant::now();
    let late = node(&redis, runtime)?;
    wait(|| knows_all(&late) == plan.clients);
    let late = began.elapsed();
    drop((alone, clients));
    Ok(json!({
        "clients": plan.clients,
        "bytesPerClientAlone": of_client.round(),
        // Each is known by two other nodes, which are in this process as well.
        "bytesPerClientOnThreeNodes": of_known.round(),
        "bytesPerClientAndOtherNode": ((of_known - of_client) / 2.0).round(),
        "secondsToConnect": round(connected.as_secs_f64()),
        "secondsUntilAllKnowAll": round(known.as_secs_f64()),
        "secondsUntilANewNodeKnowsAll": round(late.as_secs_f64()),
    }))
}

fn connect_all(hubs: &[Hub], count: usize) -> Result<Vec<Connected>> {
    let turns = hubs.iter().cycle().zip(0..count);
    turns
        .map(|(hub, number)| {
            let user = format!("user-{}", number / 2);
            Ok(hub.connect(Connect { user: Some(&user), ..Connect::default() })?)
        })
        .collect()
}

async fn receive(client: &mut Connected) -> Result<()> {
    let mut stream = pin!(poll_fn(|context| client.stream.poll_next(context, 64 * 1024)));
    stream.as_mut().await.map(drop).ok_or_else(|| "the stream has ended".into())
}

fn send(hub: &Hub) -> Result<()> {
    // About as much as the payload is to be with what stands beside it.
    hub.broadcast(Event { name: "order", data: &"x".repeat(PAYLOAD - 20), ..Event::default() }, None)?;
    Ok(())
}

/// A node that is up.
fn node(redis: &Server, runtime: &Runtime) -> Result<Hub> {
    let cluster =
        ClusterOptions { max_buffered_events: 10_000_000, max_buffered_bytes: 1 << 32, ..ClusterOptions::default() };
    let options = Options { cluster, ..Options::default() };
    let hub = Hub::start_on(Redis::new(redis.options())?, options, runtime.handle())?;
    wait(|| hub.stats().cluster.is_some_and(|cluster| cluster.link == Link::Up));
    Ok(hub)
}

fn wait(condition: impl Fn() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn round(number: f64) -> f64 {
    if number > 100.0 { number.round() } else { (number * 100.0).round() / 100.0 }
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok()).map_or(0.0, |kilo| kilo * 1024.0)
}

/// The work of Redis so far.
#[derive(Clone, Copy)]
struct Usage {
    /// Commands that came over a connection.
    calls: f64,
    /// Those, and what scripts have called.
    executed: f64,
    /// Bytes, both ways.
    bytes: f64,
}

impl Usage {
    fn since(self, before: &Self) -> Self {
        let Self { calls, executed, bytes } = self;
        Self { calls: calls - before.calls, executed: executed - before.executed, bytes: bytes - before.bytes }
    }

    fn per(&self, events: u64) -> Value {
        let per = |number: f64| round(number / events as f64);
        json!({ "commands": per(self.calls), "executed": per(self.executed), "wireBytes": per(self.bytes) })
    }
}

/// A Redis that keeps nothing on disk.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start() -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let child = command.stdout(Stdio::null()).spawn()?;
        let server = Self { child, port };
        wait(|| server.says("PING").is_ok_and(|answer| answer.starts_with("+PONG")));
        Ok(server)
    }

    fn options(&self) -> RedisOptions {
        RedisOptions { max_stream_events: 10_000_000, ..RedisOptions::at(format!("redis://127.0.0.1:{}", self.port)) }
    }

    /// The answer to one command line.
    fn says(&self, line: &str) -> Result<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.write_all(format!("{line}\r\nQUIT\r\n").as_bytes())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn number(&self, line: &str) -> Result<f64> {
        let answer = self.says(line)?;
        let number = answer.lines().next().and_then(|line| line.strip_prefix(':')).ok_or("got no number")?;
        Ok(number.parse()?)
    }

    fn usage(&self) -> Result<Usage> {
        let stats = self.says("INFO commandstats")?;
        let calls = |is_counted: &dyn Fn(&str) -> bool| -> f64 {
            let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
            let counted = lines.filter(|(name, _)| is_counted(name));
            counted.filter_map(|(_, rest)| rest.split(',').next()?.parse::<f64>().ok()).sum()
        };
        let own = ["info", "quit", "ping", "xlen", "memory|usage"];
        let net = self.says("INFO stats")?;
        let field = |name: &str| net.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
        let bytes = ["total_net_input_bytes:", "total_net_output_bytes:"].iter().filter_map(|name| field(name)).sum();
        Ok(Usage {
            calls: calls(&|name| matches!(name, "evalsha" | "eval" | "xread")),
            executed: calls(&|name| !own.contains(&name)),
            bytes,
        })
    }

    /// XADD by redis-benchmark, in a second.
    fn benchmark(&self, events: u64) -> Result<f64> {
        let mut command = Command::new("redis-benchmark");
        command.args(["-p", &self.port.to_string(), "-n", &events.to_string(), "-P", "16", "-q"]);
        command.args(["xadd", "s", "*", "d", &"x".repeat(PAYLOAD)]);
        let said = String::from_utf8(command.stderr(Stdio::null()).output()?.stdout)?;
        let mut words = said.split_whitespace().collect::<Vec<_>>().into_iter().rev();
        let rate =
            words.by_ref().skip_while(|word| *word != "requests").nth(1).ok_or("redis-benchmark says no rate")?;
        Ok(rate.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
