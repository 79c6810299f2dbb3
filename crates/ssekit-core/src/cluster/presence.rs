//! Applies what other nodes say about their clients, and reconciles it with this node's own.

use std::sync::Arc;

use tokio::time::Instant;

use crate::backplane::{Number, Record};
use crate::cluster::claims::{Reported, Verdict};
use crate::cluster::message::{AnnouncedClient, Message};
use crate::cluster::node::Cluster;
use crate::cluster::remote_clients::Described;
use crate::engine::Engine;
use crate::session::client::Client;
use crate::session::lifecycle::DisconnectReason;

/// Handles a node's message about its clients.
pub(super) fn hear(cluster: &Cluster, engine: &Engine, record: &Record, message: &Message<'_>) {
    let (node, number, remote) = (record.origin.node, record.number, &cluster.remote_clients);
    if node == cluster.node {
        return hear_echo(cluster, engine, number, message);
    }
    match message {
        Message::Joined(joined) => {
            let is_theirs = |announced: &&AnnouncedClient<'_>| {
                is_theirs(cluster, engine, (announced.client, announced.user), Reported::by(number))
            };
            remote.joined(node, number, &joined.iter().filter(is_theirs).cloned().collect::<Vec<_>>());
        }
        Message::Changed(announced) => remote.changed(node, announced),
        Message::Left(clients) => remote.left(node, clients),
        Message::PresenceSnapshot { first, read, clients } => remote.snapshot(node, (number, *read), *first, clients),
        Message::Alive(_) => {
            // Judged only now: a client may have come here between the pieces.
            if let Some(mut listed) = remote.alive(node) {
                listed.retain(|Described { id, user, reported, .. }| {
                    reported.is_none_or(|reported| is_theirs(cluster, engine, (id, user.as_deref()), reported))
                });
                remote.replace(node, listed);
            }
        }
        Message::SnapshotRequest => *cluster.snapshot_due.lock() = true,
        Message::NodeLeft => remote.node_left(node),
        _ => {}
    }
}

fn hear_echo(cluster: &Cluster, engine: &Engine, number: Number, message: &Message<'_>) {
    *cluster.echo.lock() = Instant::now();
    match message {
        Message::Joined(joined) => {
            joined.iter().for_each(|announced| assert(cluster, engine, announced, Reported::by(number)));
        }
        Message::Left(clients) => clients.iter().for_each(|client| cluster.claims.drop(client)),
        Message::PresenceSnapshot { first, read, clients } => {
            if *first {
                cluster.claims.begin_snapshot();
            }
            for announced in clients {
                let before = cluster.claims.before_snapshot(announced);
                let reported = before.unwrap_or_else(|| Reported::in_snapshot(number, *read, announced));
                assert(cluster, engine, announced, reported);
            }
        }
        Message::Alive(_) => cluster.claims.end_snapshot(),
        Message::SnapshotRequest => *cluster.greeted.lock() = Some(Instant::now()),
        // Too many records were waiting, so the other nodes' view is out of date.
        Message::Lost(_) => *cluster.snapshot_due.lock() = true,
        _ => {}
    }
}

/// Whether another node's client owns its id. If so, what this node has with that id ends.
fn is_theirs(cluster: &Cluster, engine: &Engine, (client, user): (&str, Option<&str>), reported: Reported) -> bool {
    let verdict = cluster.claims.judge(client, user, reported);
    match verdict {
        Verdict::Moved { connected_at } => end_replaced(engine, client, connected_at),
        Verdict::Theirs => give_away(cluster, engine, client, user),
        Verdict::Ours => {}
    }
    verdict != Verdict::Ours
}

/// Enters this node's own client, which all nodes know from the record that reported it. Gives it away if its id belongs to
/// another user.
fn assert(cluster: &Cluster, engine: &Engine, announced: &AnnouncedClient<'_>, reported: Reported) {
    let AnnouncedClient { client, user, connected_at, .. } = *announced;
    let remote = &cluster.remote_clients;
    match remote.find(client) {
        Some(there) if remote.is_claimed(client, user, reported) => {
            give_away(cluster, engine, client, there.user.as_deref());
        }
        Some(_) if remote.has_moved(client, user, reported) => end_replaced(engine, client, connected_at),
        _ => {
            remote.moved_here(client);
            cluster.claims.assert(announced, reported);
        }
    }
}

/// A client with this id has come to another node after it came here. A later connection here stays.
fn end_replaced(engine: &Engine, client: &str, connected_at: u64) {
    let is_it = |here: &Arc<Client>| here.connected_at.as_millis() == u128::from(connected_at);
    if let Some(client) = engine.registry.client(client).filter(is_it) {
        engine.end(&client, DisconnectReason::Replaced);
    }
}

/// The id belongs to another user. A client that has it here loses it and gets nothing more, and what was said about it,
/// or is about to be, is taken back.
fn give_away(cluster: &Cluster, engine: &Engine, client: &str, owner: Option<&str>) {
    let here = engine.registry.client(client).filter(|client| client.info.user.as_deref() != owner);
    let Some(here) = here else { return };
    here.release_if(true);
    if engine.end(&here, DisconnectReason::Replaced) {
        cluster.announcer.left(client);
    }
}
