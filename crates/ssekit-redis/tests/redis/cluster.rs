//! Redis is killed in mid-stream and comes back, with its data and without: what nodes' clients have got before, during and after.

use ssekit_core::{ClusterOptions, Connect, Link, Options};
use ssekit_redis::Redis;
use ssekit_redis::RedisOptions;
use ssekit_testing::node_process::node_options;
use ssekit_testing::pull::Pull;
use ssekit_testing::redis_server::RedisServer;
use ssekit_testing::{Engine, data, eventually};

const BEFORE: usize = 500;
const DURING: usize = 300;
const AFTER: usize = 200;

fn node(redis: &RedisServer, deliver_when_down: bool) -> Engine {
    let cluster = ClusterOptions { deliver_when_down, ..node_options().cluster };
    let node = Engine::node(Redis::new(RedisOptions::at(redis.url())).unwrap(), Options { cluster, ..node_options() });
    is(&node, Link::Up);
    node
}

fn is(node: &Engine, link: Link) {
    eventually("the link is as it should be", || node.stats().cluster.unwrap().link == link);
}

/// Two nodes, each with a page, and what has been sent.
struct World {
    redis: RedisServer,
    nodes: [Engine; 2],
    pages: [Page; 2],
    sent: usize,
}

struct Page {
    pull: Pull,
    /// The numbers that came since the last gap, by node.
    got: [Vec<usize>; 2],
    resets: usize,
}

impl Page {
    fn read(&mut self) {
        for event in self.pull.all() {
            if event.is_reset() {
                self.got = Default::default();
                self.resets += 1;
            } else {
                let (node, number) = event.data.split_once(' ').unwrap();
                self.got[node.parse::<usize>().unwrap()].push(number.parse().unwrap());
            }
        }
    }

    fn counts(&self) -> [usize; 2] {
        self.got.each_ref().map(Vec::len)
    }
}

impl World {
    fn new(redis: RedisServer, deliver_when_down: bool) -> Self {
        let nodes = [(); 2].map(|()| node(&redis, deliver_when_down));
        let pages = nodes.each_ref().map(|node| {
            let pull = Pull::of(node.connect(Connect { user: Some("ada"), ..Connect::default() }).unwrap());
            Page { pull, got: Default::default(), resets: 0 }
        });
        Self { redis, nodes, pages, sent: 0 }
    }

    /// Each node sends `count` events.
    fn send(&mut self, count: usize) {
        for number in self.sent + 1..=self.sent + count {
            for (node, engine) in self.nodes.iter().enumerate() {
                let text = format!("{node} {number}");
                if number % 2 == 0 {
                    engine.send_to_user("ada", data(&text)).unwrap();
                } else {
                    engine.broadcast(data(&text), None).unwrap();
                }
            }
        }
        self.sent += count;
    }

    /// Waits until every page has read the last events of both nodes.
    fn read_to_the_last(&mut self) {
        let last = self.sent;
        for page in &mut self.pages {
            eventually("the last events have come", || {
                page.read();
                page.got.iter().all(|of_node| of_node.last() == Some(&last))
            });
        }
    }

    fn resets(&self) -> [usize; 2] {
        self.pages.each_ref().map(|page| page.resets)
    }

    /// Kills Redis in the middle of what is being sent, and waits until everybody knows.
    fn kill_in_mid_stream(&mut self) {
        self.send(BEFORE / 2);
        self.read_to_the_last();
        self.send(BEFORE / 2);
        self.redis.kill();
        self.nodes.iter().for_each(|node| is(node, Link::Down));
        self.send(DURING);
    }

    /// The events that must have come by now, and those that must not, while there is no Redis.
    fn look_during(&mut self, deliver_when_down: bool) {
        for (home, page) in self.pages.iter_mut().enumerate() {
            if deliver_when_down {
                eventually("a page has all that its own node has sent", || {
                    page.read();
                    page.counts()[home] == BEFORE + DURING
                });
            } else {
                page.read();
            }
            let counts = page.counts();
            assert!(counts[1 - home] <= BEFORE, "{counts:?}");
            assert!(deliver_when_down || counts[home] <= BEFORE, "{counts:?}");
            assert!(counts.iter().all(|count| *count >= BEFORE / 2));
            assert_eq!(page.resets, 0);
        }
    }

    fn come_back(&mut self) {
        self.redis.restart();
        self.nodes.iter().for_each(|node| is(node, Link::Up));
        // A node that has seen more than the first returning node makes that node find a gap. The node reports the gap a little
        // later, for all events up to then. Another event shows that all is well behind it.
        self.send(1);
        let mut resets = self.resets();
        eventually("all are on one history", || {
            self.pages.iter_mut().for_each(Page::read);
            if self.resets() != resets {
                resets = self.resets();
                self.send(1);
            }
            self.pages.iter().all(|page| page.got.iter().all(|of_node| of_node.last() == Some(&self.sent)))
        });
        let resets = self.resets();
        self.send(AFTER);
        self.read_to_the_last();
        assert_eq!(self.resets(), resets, "from then on all is well");
    }
}

fn with_its_data(deliver_when_down: bool) {
    let mut world = World::new(RedisServer::durable(), deliver_when_down);
    world.kill_in_mid_stream();
    world.look_during(deliver_when_down);
    let epoch = world.nodes[0].stats().epoch;
    world.come_back();
    let all: Vec<usize> = (1..=world.sent).collect();
    for page in &world.pages {
        assert_eq!((&page.got, page.resets), (&[all.clone(), all.clone()], 0), "all, once, and in each node's order");
    }
    for node in &world.nodes {
        let stats = node.stats();
        let cluster = stats.cluster.unwrap();
        assert_eq!((&stats.epoch, cluster.buffered.dropped, cluster.unreadable), (&epoch, 0, 0));
    }
}

fn without_its_data(deliver_when_down: bool) {
    let mut world = World::new(RedisServer::start(), deliver_when_down);
    world.kill_in_mid_stream();
    world.look_during(deliver_when_down);
    let epoch = world.nodes[0].stats().epoch;
    world.come_back();
    for page in &world.pages {
        assert!(page.resets >= 1, "whoever may have missed something is told");
        for of_node in &page.got {
            // From wherever it was counted anew: without a hole, once, in order, to the last.
            let first = of_node[0];
            let holes: Vec<_> = of_node.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
            assert!(holes.is_empty(), "from {first} to {}: {holes:?}", world.sent);
        }
    }
    let epochs = world.nodes.each_ref().map(|node| node.stats().epoch);
    assert!(epochs[0] != epoch && epochs[0] == epochs[1]);
    assert_eq!(world.nodes.each_ref().map(|node| node.stats().cluster.unwrap().buffered.dropped), [0, 0]);
}

#[test]
fn restart_with_data_delays_no_own_events() {
    with_its_data(true);
}

#[test]
fn restart_with_data_costs_only_time_in_one_order() {
    with_its_data(false);
}

#[test]
fn restart_without_data_resets_every_client() {
    without_its_data(true);
}

#[test]
fn restart_without_data_resets_clients_in_one_order() {
    without_its_data(false);
}
