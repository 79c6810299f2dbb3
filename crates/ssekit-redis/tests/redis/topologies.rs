//! Redis behind sentinels, as a cluster, and behind TLS.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use ssekit_core::{Connect, Link};
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;
use ssekit_testing::ledger::{Account, Ledger};
use ssekit_testing::node_process::{node_at, node_options};
use ssekit_testing::port::free_port;
use ssekit_testing::pull::Pull;
use ssekit_testing::redis_server::{RedisServer, program};
use ssekit_testing::{Engine, data, eventually};

fn is(node: &Engine, link: Link) {
    eventually("the link is as it should be", || node.stats().cluster.unwrap().link == link);
}

fn flush(node: &Engine) {
    node.block_on(node.flush_shared()).unwrap();
}

/// A sentinel that watches one server, and lets another one take over within a second or so.
struct Sentinel {
    port: u16,
    folder: PathBuf,
    child: Child,
}

impl Sentinel {
    fn watching(master: &RedisServer) -> Self {
        Self::configured(master, "")
    }

    fn configured(master: &RedisServer, more: &str) -> Self {
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("ssekit-sentinel-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        // It writes what it learns into its configuration.
        let file = folder.join("sentinel.conf");
        let watched = master.port;
        let lines = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {watched} 1\n\
             sentinel down-after-milliseconds main 300\nsentinel failover-timeout main 2000\n{more}"
        );
        std::fs::write(&file, lines).unwrap();
        let mut command = Command::new(program());
        command.arg(&file).args(["--sentinel", "--dir"]).arg(&folder).stdout(Stdio::null()).stderr(Stdio::null());
        Self { port, folder, child: command.spawn().unwrap() }
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn sentinel_failover_loses_no_acknowledged_event() {
    let mut first = RedisServer::start();
    let second = RedisServer::start();
    assert!(second.says(&format!("REPLICAOF 127.0.0.1 {}", first.port)).starts_with("+OK"));
    eventually("the replica is up", || second.says("INFO replication").contains("master_link_status:up"));
    let sentinel = Sentinel::watching(&first);
    let asks = |line: &str| {
        std::net::TcpStream::connect(("127.0.0.1", sentinel.port))
            .map_or(String::new(), |_| RedisServer::says_at(sentinel.port, line))
    };
    let port = format!("\r\n{}\r\n", second.port);
    eventually("the sentinel knows the replica", || asks("SENTINEL REPLICAS main").contains(&port));
    // The first one is none at all.
    let url = format!("redis+sentinel://127.0.0.1:{},127.0.0.1:{}/main", free_port(), sentinel.port);
    let nodes = [node_at(&url), node_at(&url)];
    nodes.iter().for_each(|node| is(node, Link::Up));
    let mut pages = nodes.each_ref().map(|node| Pull::of(node.connect(Connect::default()).unwrap()));
    for number in 0..50 {
        nodes[number % 2].broadcast(data(&number.to_string()), None).unwrap();
    }
    nodes.iter().for_each(flush);
    // All that it has got so far the replica has as well.
    assert_eq!(first.says("WAIT 1 10000"), ":1\r\n");
    eventually("it is in the replica", || {
        let length = |server: &RedisServer| server.says("XLEN {ssekit}:events");
        length(&first) == length(&second)
    });
    first.kill();
    nodes.iter().for_each(|node| is(node, Link::Down));
    for number in 50..100 {
        nodes[number % 2].broadcast(data(&number.to_string()), None).unwrap();
    }
    nodes.iter().for_each(|node| is(node, Link::Up));
    assert!(second.says("ROLE").contains("master"));
    for page in &mut pages {
        let mut got: Vec<usize> = page.data(100).iter().map(|data| data.parse().unwrap()).collect();
        got.sort_unstable();
        assert_eq!(got, (0..100).collect::<Vec<_>>(), "all, once, and no gap");
    }
}

#[test]
fn sentinel_and_redis_have_separate_logins() {
    let redis = RedisServer::with(&["--save", "", "--requirepass", "of-redis"]);
    let sentinel = Sentinel::configured(
        &redis,
        "sentinel auth-pass main of-redis\nrequirepass of-sentinel\n\
         user eve on >of-eve ~* &* -@all +auth +sentinel|get-master-addr-by-name\n",
    );
    let is_there = || std::net::TcpStream::connect(("127.0.0.1", sentinel.port)).is_ok();
    eventually("the sentinel is there", is_there);
    let at = |query: &str| node_at(&format!("redis+sentinel://:of-redis@127.0.0.1:{}/main{query}", sentinel.port));
    for query in ["?sentinelPassword=of-sentinel", "?sentinelUser=eve&sentinelPassword=of%2Deve"] {
        let node = at(query);
        is(&node, Link::Up);
        let mut page = Pull::of(node.connect(Connect::default()).unwrap());
        node.broadcast(data("works"), None).unwrap();
        assert_eq!(page.event().data, "works");
    }
    for (query, why) in
        [("", "NOAUTH"), ("?sentinelUser=eve&sentinelPassword=of-redis", "WRONGPASS the login is refused")]
    {
        let node = at(query);
        let _ = node.broadcast(data("x"), None);
        is(&node, Link::Down);
        let told = node.block_on(node.flush_shared()).unwrap_err().to_string();
        assert!(told.contains(why) && told.contains(&format!("says sentinel 127.0.0.1:{}", sentinel.port)), "{told}");
        assert!(!told.contains("of-"), "{told}");
    }
}

/// Two servers of one cluster; the first one has all slots.
fn cluster_of_two() -> [RedisServer; 2] {
    let node = || RedisServer::with(&["--save", "", "--cluster-enabled", "yes"]);
    let (owner, other) = (node(), node());
    // In pieces, for a line has its bounds, and Redis 6.2 knows no ranges.
    for slots in (0..16_384).collect::<Vec<u16>>().chunks(4_096) {
        let slots: Vec<String> = slots.iter().map(u16::to_string).collect();
        assert!(owner.says(&format!("CLUSTER ADDSLOTS {}", slots.join(" "))).starts_with("+OK"));
    }
    assert!(other.says(&format!("CLUSTER MEET 127.0.0.1 {}", owner.port)).starts_with("+OK"));
    let is_ok = |server: &RedisServer| server.says("CLUSTER INFO").contains("cluster_state:ok");
    eventually("the cluster is whole", || is_ok(&owner) && is_ok(&other));
    eventually("one knows of the other's keys", || other.says("GET {ssekit}:history").starts_with("-MOVED"));
    [owner, other]
}

/// The slot of all keys, and the names of both servers.
fn slot_and_ids(servers: [&RedisServer; 2]) -> (String, [String; 2]) {
    let id = |server: &RedisServer| server.says("CLUSTER MYID").lines().nth(1).unwrap_or_default().to_owned();
    let slot = servers[0].says("CLUSTER KEYSLOT {ssekit}:history");
    (slot.trim_start_matches(':').trim().to_owned(), servers.map(id))
}

fn keys_in(slot: &str, server: &RedisServer) -> Vec<String> {
    let keys = server.says(&format!("CLUSTER GETKEYSINSLOT {slot} 100"));
    keys.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect()
}

#[test]
fn server_that_takes_over_without_the_newest_events_resets_pages() {
    let [owner, other] = cluster_of_two();
    let (slot, ids) = slot_and_ids([&owner, &other]);
    let ok = |server: &RedisServer, line: &str| assert_eq!(server.says(line), "+OK\r\n", "{line}");
    let mut options = node_options();
    // It appends nothing of itself meanwhile, and so nothing but a read can meet the other server first.
    options.cluster.lease = Duration::from_secs(3_600);
    let hub = Engine::node(Redis::new(RedisOptions::at(owner.url())).unwrap(), options);
    is(&hub, Link::Up);
    let ledger = Ledger::of(1);
    let mut account = Account::new(&ledger, "ada");
    let mut page = Pull::of(hub.connect(Connect::default()).unwrap());
    let send = |count: usize| {
        for _ in 0..count {
            hub.broadcast(data(&ledger.note(0, None)), None).unwrap();
        }
        flush(&hub);
    };
    let mut look = || {
        page.all().iter().for_each(|event| account.take(event));
        (account.has_the_newest(), account.resets)
    };
    send(50);
    eventually("the page has the newest", || look().0);
    ok(&other, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", ids[0]));
    let keys = keys_in(&slot, &owner).join(" ");
    ok(&owner, &format!("MIGRATE 127.0.0.1 {} \"\" 0 5000 COPY KEYS {keys}", other.port));
    send(50);
    eventually("the page has the newest", || look().0);
    assert_eq!(look().1, 0);
    // It gives a slot away only without keys.
    ok(&owner, "FLUSHALL");
    for server in [&other, &owner] {
        ok(server, &format!("CLUSTER SETSLOT {slot} NODE {}", ids[1]));
    }
    // As many as were lost, and more.
    send(75);
    eventually("the page was reset", || look().1 == 1);
    send(1);
    eventually("the page has the newest", || look().0);
    assert_eq!((account.resets, account.faults), (1, Vec::<String>::new()));
}

#[test]
fn moving_slot_loses_no_event() {
    let [owner, other] = cluster_of_two();
    let (slot, ids) = slot_and_ids([&owner, &other]);
    let ok = |server: &RedisServer, line: &str| assert_eq!(server.says(line), "+OK\r\n", "{line}");
    let nodes = [node_at(&owner.url()), node_at(&other.url())];
    nodes.iter().for_each(|node| is(node, Link::Up));
    let mut page = Pull::of(nodes[1].connect(Connect::default()).unwrap());
    let mut send = |numbers: std::ops::Range<usize>| {
        for number in numbers.clone() {
            nodes[0].broadcast(data(&number.to_string()), None).unwrap();
        }
        flush(&nodes[0]);
        assert_eq!(page.data(numbers.len()), numbers.map(|number| number.to_string()).collect::<Vec<_>>());
    };
    send(0..50);
    ok(&other, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", ids[0]));
    ok(&owner, &format!("CLUSTER SETSLOT {slot} MIGRATING {}", ids[1]));
    // Nodes may have written new keys meanwhile.
    eventually("all keys have moved", || {
        let keys = keys_in(&slot, &owner);
        if !keys.is_empty() {
            owner.says(&format!("MIGRATE 127.0.0.1 {} \"\" 0 5000 KEYS {}", other.port, keys.join(" ")));
        }
        keys.is_empty()
    });
    send(50..100);
    assert!(owner.says("INFO errorstats").contains("errorstat_ASK:"), "the first server has sent nodes on");
    for server in [&other, &owner] {
        ok(server, &format!("CLUSTER SETSLOT {slot} NODE {}", ids[1]));
    }
    send(100..150);
    assert_eq!(other.says("XLEN {ssekit}:events"), ":150\r\n");
    assert!(owner.says("XLEN {ssekit}:events").starts_with("-MOVED"));
}

#[test]
fn cluster_keys_are_followed_when_they_move() {
    let [owner, other] = cluster_of_two();
    let nodes = [node_at(&other.url()), node_at(&format!("redis://127.0.0.1:{},127.0.0.1:{}", other.port, owner.port))];
    nodes.iter().for_each(|node| is(node, Link::Up));
    let mut page = Pull::of(nodes[1].connect(Connect::default()).unwrap());
    for number in 0..50 {
        nodes[0].broadcast(data(&number.to_string()), None).unwrap();
    }
    assert_eq!(page.data(50), (0..50).map(|number| number.to_string()).collect::<Vec<_>>());
    assert_eq!(owner.says("XLEN {ssekit}:events"), ":50\r\n");
}

/// A certificate authority, and what it signs for 127.0.0.1.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { params, key, certificate }
    }

    /// Certificate and key.
    fn signs(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
    }
}

#[test]
fn over_tls_only_a_trusted_certificate_is_accepted() {
    let authority = Authority::new();
    let (certificate, key) = authority.signs();
    let folder = std::env::temp_dir().join(format!("ssekit-tls-{}-{}", std::process::id(), free_port()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (cert, key) = (file("cert.pem", &certificate), file("key.pem", &key));
    let (ca, port) = (file("ca.pem", &authority.certificate.pem()), free_port().to_string());
    let redis = RedisServer::with(&[
        "--save",
        "",
        "--tls-port",
        &port,
        "--tls-cert-file",
        &cert,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "no",
    ]);
    let at = |authority: &Authority, host: &str| {
        let options = RedisOptions {
            ca: Some(authority.certificate.pem()),
            ..RedisOptions::at(format!("rediss://{host}:{port}"))
        };
        Engine::node(Redis::new(options).unwrap(), node_options())
    };
    let node = at(&authority, "127.0.0.1");
    is(&node, Link::Up);
    let mut page = Pull::of(node.connect(Connect::default()).unwrap());
    node.broadcast(data(&"x".repeat(100_000)), None).unwrap();
    assert_eq!(page.event().data.len(), 100_000);
    // Another authority, and another name.
    for (wrong, why) in [
        (at(&Authority::new(), "127.0.0.1"), "invalid peer certificate"),
        (at(&authority, "localhost"), "not valid for name"),
    ] {
        let _ = wrong.broadcast(data("x"), None);
        is(&wrong, Link::Down);
        let told = wrong.block_on(wrong.flush_shared()).unwrap_err().to_string();
        assert!(told.contains(why), "{told}");
    }
    drop(redis);
    let _ = std::fs::remove_dir_all(&folder);
}
