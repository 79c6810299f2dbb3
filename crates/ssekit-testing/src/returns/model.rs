//! Pages, senders and a node that is started anew at random, beside a model of who gets what.

use std::collections::{BTreeMap, BTreeSet};

use ssekit_core::{Connect, Event, Subscriber};

use super::{open, restart, start};
use crate::chance::{self, Chance};
use crate::contract::World;
use crate::data;
use crate::pull::Pull;

const PAGES: usize = 6;
const STEPS: usize = 400;
const CHANNELS: [&str; 3] = ["news", "room", "order"];

/// A page, and what it must get.
struct Page {
    client: String,
    user: Option<&'static str>,
    last: Option<String>,
    stream: Option<Pull>,
    /// As the model says.
    channels: BTreeSet<&'static str>,
    expected: Vec<String>,
    got: Vec<String>,
}

impl Page {
    fn numbered(number: usize) -> Self {
        let user = [Some("ada"), Some("bob")][number % 2];
        let (channels, expected, got) = Default::default();
        Self { client: format!("page-{number}"), user, last: None, stream: None, channels, expected, got }
    }

    fn come(&mut self, node: &crate::Engine) {
        if self.stream.is_none() {
            let who = Connect {
                user: self.user,
                client: Some(&self.client),
                last_event_id: self.last.as_deref(),
                ..Connect::default()
            };
            let page = open(node, who);
            self.last = Some(page.ready.id.clone());
            self.stream = Some(page);
        }
    }

    /// Takes at most `most` events.
    fn take(&mut self, most: usize) {
        let Some(stream) = &mut self.stream else { return };
        let events = stream.all();
        let is_cut = events.len() > most;
        for event in events.into_iter().take(most) {
            self.last = Some(event.id);
            match event.name.as_str() {
                "" => self.got.push(event.data),
                "ssekit:subscribed" | "ssekit:unsubscribed" => {}
                other => panic!("{}: {other} {}", self.client, event.data),
            }
        }
        if is_cut {
            self.stream = None;
        }
    }
}

/// Sends one event, and tells the model.
fn send(node: &crate::Engine, chance: &mut Chance, pages: &mut [Page], text: &str) {
    let own = format!("own-{text}");
    let id = chance.one_in(5).then_some(&*own);
    let event = Event { id, ..data(text) };
    let is_for: Box<dyn Fn(&Page) -> bool> = match chance.below(8) {
        0 | 1 => {
            node.broadcast(event, None).unwrap();
            Box::new(|_| true)
        }
        2 => {
            let but = format!("page-{}", chance.below(PAGES));
            node.broadcast(event, Some(&but)).unwrap();
            Box::new(move |page| page.client != but)
        }
        3 | 4 => {
            let user = *chance.pick(&["ada", "bob"]);
            node.send_to_user(user, event).unwrap();
            Box::new(move |page| page.user == Some(user))
        }
        5 => {
            let connected: Vec<String> =
                pages.iter().filter(|page| page.stream.is_some()).map(|page| page.client.clone()).collect();
            let Some(client) = (!connected.is_empty()).then(|| chance.pick(&connected).clone()) else { return };
            node.send_to_client(&client, event).unwrap();
            Box::new(move |page| page.client == client)
        }
        _ => {
            let channel = *chance.pick(&CHANNELS);
            node.send_to_channel(channel, event).unwrap();
            Box::new(move |page| page.channels.contains(channel))
        }
    };
    pages.iter_mut().filter(|page| is_for(page)).for_each(|page| page.expected.push(text.to_owned()));
}

/// Subscribes a connected page to a channel, or ends that.
fn change(node: &crate::Engine, chance: &mut Chance, page: &mut Page) {
    let channel = *chance.pick(&CHANNELS);
    if page.stream.is_none() {
        return;
    }
    if page.channels.remove(channel) {
        node.unsubscribe(Subscriber::Client(&page.client), channel).unwrap();
    } else {
        node.subscribe(Subscriber::Client(&page.client), channel, None).unwrap();
        page.channels.insert(channel);
    }
}

pub fn restarts_at_random_lose_nothing<W: World>() {
    let seed = chance::seed();
    println!("to repeat its choices: SSEKIT_SEED={seed}");
    let (world, mut chance) = (W::keeping(100_000), Chance::of(seed));
    let (mut node, mut watch) = start(&world);
    let mut pages: Vec<Page> = (0..PAGES).map(Page::numbered).collect();
    pages.iter_mut().for_each(|page| page.come(&node));
    let mut restarts = BTreeMap::new();
    for step in 0..STEPS {
        let number = chance.below(PAGES);
        match chance.below(30) {
            0 => {
                pages.iter_mut().for_each(|page| page.stream = None);
                watch.hold_news(false);
                (node, watch) = restart(&world, node);
                restarts.insert(step, ());
            }
            1..4 => pages[number].come(&node),
            4..6 => pages[number].stream = None,
            6..9 => change(&node, &mut chance, &mut pages[number]),
            9..13 => pages[number].take(chance.below(20)),
            // Pages that come meanwhile read what was passed over.
            13 => watch.hold_news(chance.one_in(2)),
            _ => send(&node, &mut chance, &mut pages, &step.to_string()),
        }
        if step % 40 == 0 {
            watch.hold_news(false);
            node.block_on(node.flush_shared()).unwrap();
        }
    }
    watch.hold_news(false);
    node = restart(&world, node).0;
    node.broadcast(data("end"), None).unwrap();
    for page in &mut pages {
        page.stream = None;
        page.come(&node);
        while page.got.last().is_none_or(|last| last != "end") {
            let event = page.stream.as_mut().unwrap().event();
            assert!(!event.is_reset(), "{}", page.client);
            if event.name.is_empty() {
                page.got.push(event.data);
            }
        }
        page.got.pop();
        assert_eq!(page.got, page.expected, "{} after restarts at {:?}", page.client, restarts.keys());
    }
}
