//! Finds out who has come to a channel and who has gone, and tells the channel's clients on all nodes.

use std::sync::{Arc, Weak};

use crate::cluster::message::Message;
use crate::cluster::node::Cluster;
use crate::engine::Engine;
use crate::history::timeline::Place;
use crate::session::attendance::{Attendee, Check, Checks};
use crate::session::client::Client;

/// Looks at clients when they may have come or gone.
pub(super) async fn keep(checks: Arc<Checks>, engine: Weak<Engine>, cluster: Option<Arc<Cluster>>) {
    loop {
        let check = checks.next().await;
        let Some(engine) = engine.upgrade() else { return };
        look(&check, &engine, cluster.as_deref());
    }
}

fn look(check: &Check, engine: &Engine, cluster: Option<&Cluster>) {
    let Some(channel) = engine.registry.channels.get(&check.channel) else { return };
    let Some(attendance) = &channel.attendance else { return };
    let is_at = |client: &Arc<Client>| client.subscriptions.names().contains(&check.channel);
    let here = engine.registry.client(&check.client).filter(is_at);
    let is_there = || cluster.is_some_and(|cluster| cluster.remote_clients.is_member(&check.client, &check.channel));
    let (channel, client) = (&*check.channel, &*check.client);
    let known = attendance.find(client);
    if let Some(user) = &known {
        // Another user may have the id by now.
        let has_gone = here.as_ref().map_or_else(|| !is_there(), |here| here.info.user != *user);
        if !has_gone {
            return;
        }
        tell(Attendee { channel, client, user: user.as_deref(), data: None }, false, engine, cluster);
    }
    if let Some(here) = here {
        let (user, data) = (here.info.user.as_deref(), here.data.as_deref());
        tell(Attendee { channel, client, user, data }, true, engine, cluster);
    }
}

fn tell(attendee: Attendee<'_>, comes: bool, engine: &Engine, cluster: Option<&Cluster>) {
    match cluster {
        Some(cluster) => cluster.send(Message::Attendance { attendee, comes }.record(), engine),
        None => engine.apply_attendance(Place::next(), attendee, comes),
    }
}
