//! Applies what other nodes say about their clients, and reconciles it with this node's own.

use tokio::time::Instant;

use crate::backplane::{Number, Record};
use crate::cluster::claims::Verdict;
use crate::cluster::message::{AnnouncedClient, Message};
use crate::cluster::node::Cluster;
use crate::engine::Engine;
use crate::session::lifecycle::DisconnectReason;

/// Handles a node's message about its clients.
pub(super) fn hear(cluster: &Cluster, engine: &Engine, record: &Record, message: &Message<'_>) {
    let (node, remote) = (record.origin.node, &cluster.remote_clients);
    if node == cluster.node {
        return hear_echo(cluster, engine, record.number, message);
    }
    match message {
        Message::Joined(joined) => {
            let theirs = hear_of(cluster, engine, record.number, joined, true);
            remote.joined(node, record.number, &theirs);
        }
        Message::Changed(announced) => remote.changed(node, announced),
        Message::Left(clients) => remote.left(node, clients),
        Message::PresenceSnapshot { first, clients: snapshot } => {
            let theirs = hear_of(cluster, engine, record.number, snapshot, false);
            remote.snapshot(node, record.number, *first, &theirs);
        }
        Message::Alive(_) => remote.alive(node),
        Message::SnapshotRequest => *cluster.snapshot_due.lock() = true,
        Message::NodeLeft => remote.node_left(node),
        _ => {}
    }
}

fn hear_echo(cluster: &Cluster, engine: &Engine, number: Number, message: &Message<'_>) {
    *cluster.echo.lock() = Instant::now();
    match message {
        Message::Joined(joined) => assert_all(cluster, engine, number, joined),
        Message::Left(clients) => clients.iter().for_each(|client| cluster.claims.drop(client)),
        Message::PresenceSnapshot { first, clients } => {
            if *first {
                cluster.claims.clear();
            }
            assert_all(cluster, engine, number, clients);
        }
        Message::SnapshotRequest => *cluster.greeted.lock() = Some(Instant::now()),
        // Too many records were waiting, so the other nodes' view is out of date.
        Message::Lost(_) => *cluster.snapshot_due.lock() = true,
        _ => {}
    }
}

/// Handles clients that have come to another node, by the record with this number. Returns those that own their ids.
fn hear_of<'a>(
    cluster: &Cluster,
    engine: &Engine,
    number: Number,
    clients: &[AnnouncedClient<'a>],
    anew: bool,
) -> Vec<AnnouncedClient<'a>> {
    let is_theirs = |announced: &&AnnouncedClient<'a>| {
        let AnnouncedClient { client, user, since, .. } = **announced;
        let verdict = cluster.claims.judge(client, user, if since == 0 { number } else { since }, anew);
        match verdict {
            Verdict::Moved => end_replaced(engine, client),
            Verdict::Theirs => give_away(cluster, engine, client, user),
            Verdict::Ours => {}
        }
        verdict != Verdict::Ours
    };
    clients.iter().filter(is_theirs).cloned().collect()
}

/// Enters this node's own clients, which all nodes know from the record with this number on. Gives away those whose ids
/// belong to another user.
fn assert_all(cluster: &Cluster, engine: &Engine, number: Number, clients: &[AnnouncedClient<'_>]) {
    for announced in clients {
        let AnnouncedClient { client, user, since, .. } = *announced;
        let since = if since == 0 { number } else { since };
        match cluster.remote_clients.find(client) {
            Some(there) if cluster.remote_clients.is_claimed(client, user, since) => {
                give_away(cluster, engine, client, there.user.as_deref());
            }
            _ => {
                cluster.remote_clients.moved_here(std::slice::from_ref(announced));
                cluster.claims.assert(client, user, since);
            }
        }
    }
}

/// A client with this id has come to another node after it came here.
fn end_replaced(engine: &Engine, client: &str) {
    if let Some(client) = engine.registry.client(client) {
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
