//! A single shard, driven one iteration at a time.

use super::*;

#[test]
fn a_slot_is_small() {
    assert!(size_of::<ShardSlot>() <= 128, "{}", size_of::<ShardSlot>());
}

#[cfg(unix)]
mod with_sockets {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use parking_lot::Mutex;

    use super::*;
    use crate::delivery::handoff::Handoff;
    use crate::delivery::heartbeat::Heartbeat;
    use crate::event::{Event, Framing};
    use crate::history::options::HistoryOptions;
    use crate::history::timeline::Place;
    use crate::session::lifecycle::{ClientInfo, Phase};
    use crate::session::observer::Observer;
    use crate::session::reader::Reader;
    use crate::session::subscriptions::Begun;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Observer for Heard {
        fn connected(&self, _client: &Client) {}

        fn disconnected(&self, client: &ClientInfo, reason: DisconnectReason) {
            self.0.lock().push(format!("{} {}", client.id, reason.as_str()));
        }

        fn failed(&self, message: &str) {
            self.0.lock().push(message.to_owned());
        }
    }

    fn shard() -> Shard {
        let shared = Shared {
            inbox: Arc::default(),
            timeline: Arc::new(Timeline::new(HistoryOptions::default())),
            registry: Arc::new(Registry::new(
                &crate::options::Options::default(),
                &crate::backplane::Interest::everything(),
            )),
            deliveries: Arc::default(),
            timeout: Duration::from_secs(30),
            max_lag: MaxLag::default(),
            pace: Pace::new(Duration::from_secs(25), HistoryOptions::default().max_age, Heartbeat::Comment),
        };
        Shard::new(shared).unwrap()
    }

    /// Gives a slot to a client with a socket, and returns the client with the other end of the socket.
    fn slot(shard: &mut Shard, id: &str) -> (Arc<Client>, UnixStream) {
        let (server, peer) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        let info = ClientInfo { id: id.into(), user: None };
        let link = Arc::clone(&shard.shared.inbox) as Arc<dyn crate::session::client::ShardLink>;
        let client = Arc::new(Client::new(info, None, Default::default(), link, crate::session::client::Start::at(0)));
        shard.join(Arc::clone(&client));
        assert!(shard.shared.registry.admit(&client, None, (None, 0), &shard.shared.timeline).unwrap());
        assert!(shard.shared.registry.settle(&client, Phase::Handoff));
        let reader = Reader::new(Arc::clone(&client), 0, None);
        let socket = std::os::fd::OwnedFd::from(server).into();
        shard.adopt(Handoff { reader, socket, framing: Framing::Chunked, first: None, held: None });
        (client, peer)
    }

    fn publish(shard: &Shard) {
        let draft = Event { data: "x", ..Event::default() }.encode(1_024).unwrap();
        let timeline = &shard.shared.timeline;
        assert!(timeline.publish(Place::next(), draft, None, timeline.broadcasts(), |_| true).is_ok());
    }

    #[tokio::test]
    async fn panic_while_writing_ends_only_that_client() {
        let mut shard = shard();
        let heard = Arc::new(Heard::default());
        shard.shared.registry.observe(heard.clone());
        let (bad, mut bads) = slot(&mut shard, "bad");
        let (good, mut goods) = slot(&mut shard, "good");
        let key = shard.key_of(&bad).unwrap();
        shard.work_on(key, |_, _, _, _| std::panic::resume_unwind(Box::new("a fault")));
        assert_eq!((bad.phase(), good.phase()), (Phase::Closed, Phase::Handoff));
        assert_eq!(*heard.0.lock(), ["bad fault", "a panic while writing to a client, which was disconnected"]);

        publish(&shard);
        while shard.iterate() {}
        let mut buffer = [0; 100];
        assert!(goods.read(&mut buffer).unwrap() > 0);
        assert_eq!(bads.read(&mut buffer).unwrap(), 0, "its connection is closed");
        assert_eq!(shard.slots.len(), 1);
    }

    #[tokio::test]
    async fn departure_during_a_pass_affects_nobody_else() {
        let mut shard = shard();
        // More than one iteration serves.
        let mut clients: Vec<_> = (0..200).map(|number| slot(&mut shard, &number.to_string())).collect();
        publish(&shard);
        assert!(shard.iterate());
        assert!(shard.pass.is_some());
        // Some clients that have been served go, and some that have not; new clients take both kinds of slots.
        for index in [150, 10] {
            let (client, _) = clients.swap_remove(index);
            assert!(shard.shared.registry.remove(&client, DisconnectReason::Peer, &shard.shared.timeline));
        }
        shard.iterate();
        clients.extend(["new 1", "new 2"].map(|id| slot(&mut shard, id)));
        while shard.iterate() {}
        assert_eq!(shard.slots.len(), 200);
        for (client, peer) in &mut clients {
            let mut buffer = [0; 100];
            let read = peer.read(&mut buffer).unwrap();
            let times = String::from_utf8_lossy(&buffer[..read]).matches("data: x").count();
            assert_eq!(times, 1, "{}", client.info.id);
        }
    }

    /// Subscribes a client to a channel from now on.
    fn subscribe(shard: &Shard, client: &Arc<Client>, channel: &str) {
        let Shared { registry, timeline, .. } = &shard.shared;
        let begun = client.subscriptions.begin(&registry.channel_log(channel), timeline.head(), 128);
        assert_eq!(begun, Begun::Added);
        registry.join_channels(client);
    }

    fn publish_to_channel(shard: &Shard, name: &str) {
        let draft = Event { data: name, ..Event::default() }.encode(1_024).unwrap();
        let channel = shard.shared.registry.channel(name);
        assert!(shard.shared.timeline.publish(Place::next(), draft, None, &channel.events.log, |_| true).is_ok());
        channel.mark(|_| shard.shared.inbox.push(Command::Channel(Arc::clone(&channel))));
    }

    fn publish_to(shard: &Shard, client: &Arc<Client>) {
        let draft = Event { data: "own", ..Event::default() }.encode(1_024).unwrap();
        let own = client.subscriptions.own();
        assert!(shard.shared.timeline.publish(Place::next(), draft, None, own, |_| true).is_ok());
        client.mark();
    }

    /// The data of all events that have come.
    fn received(peer: &mut UnixStream) -> Vec<String> {
        peer.set_nonblocking(true).unwrap();
        let mut bytes = Vec::new();
        let _would_block = peer.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn event_for_one_user_does_not_wait_for_a_channel() {
        let mut shard = shard();
        let mut members: Vec<_> = (0..200).map(|number| slot(&mut shard, &number.to_string())).collect();
        members.iter().for_each(|(client, _)| subscribe(&shard, client, "crowded"));
        let (single, mut of_single) = slot(&mut shard, "single");
        publish_to_channel(&shard, "crowded");
        assert!(shard.iterate());
        let served = |members: &mut [(Arc<Client>, UnixStream)]| {
            members.iter_mut().map(|(_, peer)| received(peer).len()).sum::<usize>()
        };
        assert_eq!(served(&mut members), SENDS_PER_ITERATION);
        publish_to(&shard, &single);
        assert!(shard.iterate());
        assert_eq!(received(&mut of_single), ["own"]);
        assert_eq!(served(&mut members), SENDS_PER_ITERATION);
        while shard.iterate() {}
        assert_eq!(served(&mut members), 200 - 2 * SENDS_PER_ITERATION);
    }

    #[tokio::test]
    async fn small_channels_share_an_iteration() {
        let mut shard = shard();
        let mut clients: Vec<_> =
            (0..SENDS_PER_ITERATION).map(|number| slot(&mut shard, &number.to_string())).collect();
        let name = |client: &Client| format!("only of {}", client.info.id);
        clients.iter().for_each(|(client, _)| subscribe(&shard, client, &name(client)));
        clients.iter().for_each(|(client, _)| publish_to_channel(&shard, &name(client)));
        shard.iterate();
        for (client, peer) in &mut clients {
            assert_eq!(received(peer), [name(client)]);
        }
    }

    #[tokio::test]
    async fn changes_of_members_during_a_pass_affect_nobody_else() {
        let mut shard = shard();
        let mut members: Vec<_> = (0..100).map(|number| slot(&mut shard, &number.to_string())).collect();
        members.iter().for_each(|(client, _)| subscribe(&shard, client, "news"));
        publish_to_channel(&shard, "news");
        assert!(shard.iterate());
        // One that was served leaves, and one that was not: it still has to get what was sent before.
        for number in [10, 90] {
            let client = &members[number].0;
            let head = shard.shared.timeline.head();
            let (channel, key) = client.subscriptions.end("news", head).flatten().unwrap();
            shard.shared.registry.leave_channel(client, &channel, key, Duration::ZERO);
            client.mark();
        }
        // New members take both places. They get nothing that was sent before.
        let mut late: Vec<_> = ["late 1", "late 2"].map(|id| slot(&mut shard, id)).into();
        late.iter().for_each(|(client, _)| subscribe(&shard, client, "news"));
        publish_to_channel(&shard, "news");
        while shard.iterate() {}
        for (number, (_, peer)) in members.iter_mut().enumerate() {
            let expected = if [10, 90].contains(&number) { 1 } else { 2 };
            assert_eq!(received(peer), vec!["news"; expected], "{number}");
        }
        for (_, peer) in &mut late {
            assert_eq!(received(peer), ["news"]);
        }
    }

    #[tokio::test]
    async fn channels_and_broadcasts_keep_their_order() {
        let mut shard = shard();
        let mut clients: Vec<_> = (0..60).map(|number| slot(&mut shard, &number.to_string())).collect();
        for (number, (client, _)) in clients.iter().enumerate() {
            for (channel, every) in [("a", 1), ("b", 2), ("c", 3)] {
                if number % every == 0 {
                    subscribe(&shard, client, channel);
                }
            }
        }
        let sent = ["a", "b", "a", "x", "c", "x", "b", "c", "a", "a", "b", "own", "a", "x", "a", "c"];
        // With more and more done between two events.
        for iterations in 0..5 {
            for name in sent {
                match name {
                    "x" => publish(&shard),
                    "own" => publish_to(&shard, &clients[0].0),
                    name => publish_to_channel(&shard, name),
                }
                (0..iterations).for_each(|_| _ = shard.iterate());
            }
            while shard.iterate() {}
            for (number, (_, peer)) in clients.iter_mut().enumerate() {
                let gets = |name: &&str| match *name {
                    "b" => number % 2 == 0,
                    "c" => number % 3 == 0,
                    "own" => number == 0,
                    _ => true,
                };
                let expected: Vec<&str> = sent.iter().copied().filter(gets).collect();
                assert_eq!(received(peer), expected, "client {number}, {iterations} iterations");
            }
        }
    }

    #[tokio::test]
    async fn ended_client_keeps_its_slot_for_one_heartbeat() {
        let mut shard = shard();
        let (client, mut peer) = slot(&mut shard, "slow");
        // More than the socket takes.
        let large = "x".repeat(1 << 20);
        let draft = Event { data: &large, ..Event::default() }.encode(2 << 20).unwrap();
        let timeline = Arc::clone(&shard.shared.timeline);
        assert!(timeline.publish(Place::next(), draft, None, timeline.broadcasts(), |_| true).is_ok());
        while shard.iterate() {}
        assert!(shard.shared.registry.remove(&client, DisconnectReason::Server, &timeline));
        for _ in 0..shard.shared.pace.heartbeat {
            while shard.iterate() {}
            assert_eq!(shard.slots.len(), 1, "at tick {}", shard.tick);
            shard.tick += 1;
            shard.sweep = Some(0);
        }
        while shard.iterate() {}
        assert_eq!(shard.slots.len(), 0);
        // The connection was cut within the event.
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert!(received.len() < large.len());
    }

    #[tokio::test]
    async fn closed_client_gets_no_later_broadcast() {
        let mut shard = shard();
        let (closed, mut of_closed) = slot(&mut shard, "closed");
        let (_stays, mut of_stays) = slot(&mut shard, "stays");
        while shard.iterate() {}
        publish(&shard);
        assert!(shard.shared.registry.remove(&closed, DisconnectReason::Server, &shard.shared.timeline));
        publish(&shard);
        // The pass with both events comes before the shard reads that the client is closed.
        shard.start_pass();
        shard.continue_pass();
        assert!(shard.shared.inbox.has_closing());
        while shard.iterate() {}
        assert!(!shard.shared.inbox.has_closing(), "from here on nobody has to be looked at for this");
        let events = |peer: &mut UnixStream| {
            let mut buffer = [0; 200];
            let read = peer.read(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..read]).matches("data: x").count()
        };
        assert_eq!((events(&mut of_closed), events(&mut of_stays)), (1, 2));
    }

    #[tokio::test]
    async fn trailing_free_slots_are_released() {
        let mut shard = shard();
        let clients: Vec<_> = (0..1_000).map(|number| slot(&mut shard, &number.to_string())).collect();
        let full = shard.slots.capacity();
        for (client, _) in &clients {
            assert!(shard.shared.registry.remove(client, DisconnectReason::Server, &shard.shared.timeline));
        }
        while shard.iterate() {}
        assert_eq!(shard.slots.len(), 0);
        assert!(shard.slots.capacity() < full / 4, "{}", shard.slots.capacity());
    }
}
