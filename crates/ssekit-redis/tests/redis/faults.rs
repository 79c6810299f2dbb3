//! Faults of a Redis: each is reported once and clearly, retried, and over when it is mended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ssekit_core::{Connect, Link, Observer};
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;
use ssekit_testing::gateway::{Gateway, Mode};
use ssekit_testing::node_process::node_options;
use ssekit_testing::pull::Pull;
use ssekit_testing::redis_server::RedisServer;
use ssekit_testing::{Engine, Recorder, Told, data, eventually};

const SECRET: &str = "a-password-that-is-not-told";

/// A node, what it has told the application, and a page of it.
struct Patient {
    node: Engine,
    recorder: Arc<Recorder>,
    sent: usize,
}

impl Patient {
    fn at(url: &str) -> Self {
        let recorder = Arc::<Recorder>::default();
        let redis = Redis::new(RedisOptions::at(url)).unwrap();
        let observers = [Arc::clone(&recorder) as Arc<dyn Observer>];
        let node = Engine::observed_node(redis, node_options(), &observers);
        Self { node, recorder, sent: 0 }
    }

    fn healthy(url: &str) -> Self {
        let mut patient = Self::at(url);
        patient.is(Link::Up);
        patient.works();
        patient
    }

    fn is(&self, link: Link) {
        eventually("the link is as it should be", || self.node.stats().cluster.unwrap().link == link);
    }

    fn told(&self) -> Vec<String> {
        let failure = |told: Told| if let Told::Failed(message) = told { Some(message) } else { None };
        self.recorder.told().into_iter().filter_map(failure).collect()
    }

    /// A call fails, and the reported error says this.
    fn fails_with(&mut self, what: &str) {
        self.sent += 1;
        self.node.broadcast(data(&self.sent.to_string()), None).unwrap();
        let hung = Instant::now() + ssekit_testing::PATIENCE;
        while !self.told().iter().any(|message| message.contains(what)) {
            assert!(Instant::now() < hung, "{what:?} is not told, but {:?}", self.told());
            std::thread::sleep(Duration::from_millis(1));
        }
        self.is(Link::Down);
    }

    /// It tried again, as `attempts` says, and has told this once.
    fn tries_again_and_has_told_once(&self, what: &str, mut attempts: impl FnMut() -> usize) {
        let before = attempts();
        eventually("it has tried again", || attempts() >= before + 3);
        let told = self.told();
        assert_eq!(told.iter().filter(|message| message.contains(what)).count(), 1, "{told:?}");
        assert!(told.iter().all(|message| !message.contains(SECRET)), "{told:?}");
    }

    /// The fault ends. Sent events come back from the history, and an observer learns about it.
    fn recovers(&mut self) {
        self.is(Link::Up);
        eventually("that is told", || self.told().last().is_some_and(|last| last.ends_with("can be used again")));
        self.works();
    }

    fn works(&mut self) {
        self.node.block_on(self.node.flush_shared()).unwrap();
        let mut page = Pull::of(self.node.connect(Connect::default()).unwrap());
        self.node.broadcast(data("works"), None).unwrap();
        let mut event = page.event();
        while event.is_reset() {
            event = page.event();
        }
        assert_eq!(event.data, "works");
        self.node.block_on(self.node.flush_shared()).unwrap();
    }
}

/// The number of errors that a server has answered with. Its release decides which kind an error in a script counts as.
fn errors(redis: &RedisServer, login: &str) -> usize {
    let info = redis.says(&format!("{login}INFO stats"));
    let line = info.lines().find_map(|line| line.strip_prefix("total_error_replies:"));
    line.map_or(0, |number| number.trim().parse().unwrap())
}

fn ok(redis: &RedisServer, line: &str) {
    let answer = redis.says(line);
    assert!(answer.starts_with("+OK") && !answer.contains("\n-"), "{line}: {answer}");
}

#[test]
fn wrong_password() {
    let redis = RedisServer::with(&["--save", "", "--requirepass", "right"]);
    let mut patient = Patient::at(&format!("redis://:{SECRET}@127.0.0.1:{}", redis.port));
    patient.fails_with("WRONGPASS");
    patient.tries_again_and_has_told_once("WRONGPASS", || errors(&redis, "AUTH right\r\n"));
    ok(&redis, &format!("AUTH right\r\nCONFIG SET requirepass {SECRET}"));
    patient.recovers();
}

#[test]
fn no_password_where_one_is_wanted() {
    let redis = RedisServer::with(&["--save", "", "--requirepass", "right"]);
    let mut patient = Patient::at(&redis.url());
    patient.fails_with("NOAUTH");
    patient.tries_again_and_has_told_once("NOAUTH", || errors(&redis, "AUTH right\r\n"));
    ok(&redis, "AUTH right\r\nCONFIG SET requirepass \"\"");
    patient.recovers();
}

#[test]
fn server_that_became_a_replica() {
    let redis = RedisServer::start();
    let mut patient = Patient::healthy(&redis.url());
    ok(&redis, "REPLICAOF 127.0.0.1 1");
    patient.fails_with("READONLY");
    patient.tries_again_and_has_told_once("READONLY", || errors(&redis, ""));
    ok(&redis, "REPLICAOF NO ONE");
    patient.recovers();
}

#[test]
fn server_without_memory() {
    let redis = RedisServer::start();
    let mut patient = Patient::healthy(&redis.url());
    ok(&redis, "CONFIG SET maxmemory 1");
    patient.fails_with("OOM");
    patient.tries_again_and_has_told_once("OOM", || errors(&redis, ""));
    ok(&redis, "CONFIG SET maxmemory 0");
    patient.recovers();
}

/// A healthy server behind a bad connection: the node reports the fault once, also after further attempts.
fn fails_behind(mode: Mode, what: &str, once: &str) {
    let redis = RedisServer::start();
    let gateway = Gateway::to(redis.port, mode);
    let mut patient = Patient::at(&gateway.url());
    patient.fails_with(what);
    patient.tries_again_and_has_told_once(once, || gateway.accepted());
    gateway.set(Mode::Pass);
    patient.recovers();
}

#[test]
fn server_that_never_answers() {
    fails_behind(Mode::Silent, "does not answer in time", "does not answer in time");
}

#[test]
fn server_that_is_too_old() {
    let info = Mode::Says("$32\r\n# Server\r\nredis_version:5.0.14\r\n\r\n");
    fails_behind(info, "Redis is 5.0.14, wants 6.2 or later", "5.0.14");
}

#[test]
fn something_that_is_no_redis() {
    let http = Mode::Says("HTTP/1.1 400 Bad Request\r\n\r\n");
    fails_behind(http, "the backplane cannot be used", "the backplane cannot be used");
}

#[test]
fn key_that_holds_something_else() {
    let redis = RedisServer::start();
    let mut patient = Patient::healthy(&redis.url());
    for key in ["events", "members"] {
        ok(&redis, &format!("SET {{ssekit}}:{key} other"));
        patient.fails_with("WRONGTYPE");
        patient.tries_again_and_has_told_once("WRONGTYPE", || errors(&redis, ""));
        assert!(redis.says(&format!("DEL {{ssekit}}:{key}")).starts_with(":1"));
        patient.recovers();
        patient.recorder.forget();
    }
}

#[test]
fn connected_but_starved() {
    let redis = RedisServer::start();
    let gateway = Gateway::to(redis.port, Mode::Pass);
    let mut patient = Patient::healthy(&gateway.url());
    let starved = gateway.starve_readers();
    assert!(starved > 0);
    // Appending works, and nothing comes back, until it misses its own heartbeat and joins anew. Had it waited for the end of
    // its reading instead, that would have failed, and been told.
    patient.works();
    assert_eq!(patient.told(), Vec::<String>::new());
}

#[test]
fn slow_connection() {
    let redis = RedisServer::start();
    let gateway = Gateway::to(redis.port, Mode::Late(Duration::from_millis(30)));
    let (slow, fast) = (Patient::healthy(&gateway.url()), Patient::healthy(&redis.url()));
    let mut page = Pull::of(slow.node.connect(Connect::default()).unwrap());
    for number in 0..300 {
        for (name, patient) in [("slow", &slow), ("fast", &fast)] {
            patient.node.broadcast(data(&format!("{name} {number}")), None).unwrap();
        }
    }
    let got = page.data(600);
    for name in ["slow", "fast"] {
        let of_node: Vec<&String> = got.iter().filter(|data| data.starts_with(name)).collect();
        assert!(of_node.iter().enumerate().all(|(number, data)| **data == format!("{name} {number}")));
    }
    assert_eq!(slow.told(), Vec::<String>::new(), "slow is not broken");
}

#[test]
fn deeply_nested_answer() {
    let nested = Mode::Says("*1\r\n".repeat(10_000).leak());
    fails_behind(nested, "not the protocol of Redis", "not the protocol of Redis");
}

#[test]
fn answer_that_claims_to_be_endless() {
    for (length, told) in [
        ("9223372036854775807", "does not answer in time"),
        ("9223372036854775808", "not the protocol of Redis"),
        ("18446744073709551617", "not the protocol of Redis"),
    ] {
        let endless = Mode::Says(format!("${length}\r\n{}", "x".repeat(10_000)).leak());
        fails_behind(endless, told, told);
    }
}

#[test]
fn answer_of_another_type() {
    for other in
        ["+OK", ":1", "$2\r\nOK", "*1\r\n+OK", "*1\r\n-ERR no", "_", "#t", ",1.5", "%1\r\n:1\r\n:2", "~1\r\n:1"]
    {
        // The release, the history that is joined, and whatever follows.
        let answers = ["+OK\r\n", format!("{other}\r\n").leak()];
        let what = "holds data that is not ssekit's";
        fails_behind(Mode::SaysInTurn(answers.to_vec().leak()), what, what);
    }
    // It joins, and then the answers to appending, to reading, or to the question for log-outs are of another type.
    let joined = format!("*5\r\n$10\r\n{}\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "e".repeat(10));
    let since = "*2\r\n$0\r\n\r\n$2\r\n-1\r\n";
    for (key, log_outs) in [("history", ["*0\r\n", since]), ("events", ["*0\r\n", since]), ("log-outs", ["+OK\r\n"; 2])]
    {
        let answers = ["+OK\r\n", &*joined.clone().leak(), log_outs[0], log_outs[1], "+OK\r\n"];
        let what = format!("{{ssekit}}:{key} holds data that is not ssekit's");
        fails_behind(Mode::SaysInTurn(answers.to_vec().leak()), &what, &what);
    }
}

#[test]
fn server_that_redirects_again_and_again() {
    let redis = RedisServer::start();
    for kind in ["MOVED", "ASK"] {
        let other = Gateway::to(redis.port, Mode::Silent);
        let told = format!("-{kind} 1 {}\r\n", other.address);
        let answers = ["+OK\r\n", told.leak()];
        other.set(Mode::SaysInTurn(answers.to_vec().leak()));
        let mut patient = Patient::at(&other.url());
        patient.fails_with(&format!("{kind} 1 {}", other.address));
        patient.tries_again_and_has_told_once(kind, || other.accepted());
        other.set(Mode::Pass);
        patient.recovers();
    }
}

#[test]
fn server_that_repeats_the_password() {
    let redis = RedisServer::start();
    let later = |answer: String| vec!["+OK\r\n".to_owned(), answer];
    for (answers, told) in [
        (vec![format!("-WRONGPASS {SECRET} is wrong\r\n")], "WRONGPASS the login is refused"),
        (
            vec![format!("-ERR unknown command 'AUTH', with args beginning with: '{SECRET}'\r\n")],
            "ERR the login is refused",
        ),
        (vec![format!("-{SECRET}\r\n")], "the login is refused"),
        (later(format!("-ERR \u{1b}[2J{SECRET}\r\n")), "\u{fffd}[2J***"),
        (later(format!("{SECRET}\r\n")), "not the protocol of Redis"),
        (later(format!(":{SECRET}\r\n")), "not the protocol of Redis"),
        (later(format!("${}\r\nredis_version:1.{SECRET}\r\n", 16 + SECRET.len())), "Redis is 1.***"),
        (later(format!("-MOVED 1 {SECRET}:1\r\n")), "Redis: MOVED 1 ***:1"),
    ] {
        let answers = answers.into_iter().map(|answer| &*answer.leak()).collect::<Vec<&str>>();
        let gateway = Gateway::to(redis.port, Mode::SaysInTurn(answers.leak()));
        let mut patient = Patient::at(&format!("redis://:{SECRET}@{}", gateway.address));
        patient.fails_with(told);
        patient.tries_again_and_has_told_once(told, || gateway.accepted());
    }
}

#[test]
fn foreign_entry_is_skipped_and_reported_once() {
    for channel in ["events", "members"] {
        let redis = RedisServer::start();
        let mut patient = Patient::healthy(&redis.url());
        let other = Patient::healthy(&redis.url());
        let number = || {
            let answer = redis.says(&format!("HGET {{ssekit}}:history {channel}"));
            answer.lines().nth(1).unwrap().parse::<u64>().unwrap()
        };
        for id in ["5", "0", "*", "18446744073709551614-0", "18446744073709551615-18446744073709551615"] {
            // Behind the last record, in the place of the next, and where there will never be one.
            let id = match id {
                "5" => format!("{}-5", number()),
                "0" => format!("{}-0", number() + 1),
                id => id.to_owned(),
            };
            // Members go on all the time, so it may be late.
            let answer = redis.says(&format!("XADD {{ssekit}}:{channel} {id} a b"));
            assert!(answer.starts_with('$') || channel == "members", "{id}: {answer}");
            patient.works();
            assert_eq!(patient.node.stats().cluster.unwrap().link, Link::Up);
        }
        eventually("both have read everything", || other.node.stats().position == patient.node.stats().position);
        let late = Patient::healthy(&redis.url());
        assert_eq!(late.told(), Vec::<String>::new(), "nothing of it is left");
        let told = patient.told();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("not ssekit's"), "{told:?}");
    }
}

/// The commands that the documentation of `ssekit-redis` lists, and no others.
#[test]
fn documented_rights_are_enough() {
    let redis = RedisServer::start();
    let documented = include_str!("../../src/lib.rs");
    let (_, list) = documented.split_once("Commands in use: ").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let commands: Vec<String> =
        list.split('`').skip(1).step_by(2).map(|name| format!("+{}", name.to_lowercase())).collect();
    assert!(commands.len() > 10, "{commands:?}");
    let user = format!("ACL SETUSER worker on >{SECRET} resetkeys ~{{ssekit}}:* -@all {}", commands.join(" "));
    ok(&redis, &user);
    let patient = Patient::healthy(&format!("redis://worker:{SECRET}@127.0.0.1:{}/0", redis.port));
    assert_eq!(patient.told(), Vec::<String>::new());
    // Without the right to ask for the release, a node goes on without it.
    ok(&redis, "ACL SETUSER worker -info");
    Patient::healthy(&format!("redis://worker:{SECRET}@127.0.0.1:{}", redis.port));
    // Without the right to append, a node reports that.
    ok(&redis, "ACL SETUSER worker -xadd");
    let mut patient = Patient::at(&format!("redis://worker:{SECRET}@127.0.0.1:{}", redis.port));
    let is_valkey = redis.says("INFO server").contains("valkey_version:");
    let why = if is_valkey { "no permissions to run the 'xadd' command" } else { "can't run this command" };
    patient.fails_with(why);
    patient.tries_again_and_has_told_once(why, || errors(&redis, ""));
    ok(&redis, "ACL SETUSER worker +xadd");
    patient.recovers();
}
