//! One of several nodes that share a history: the records that it appends and reads, and the clients that it knows on
//! the other nodes.
//!
//! * [`message`]: the messages between nodes.
//! * [`outbox`]: records that wait to be appended; [`outage`]: how they reach this node's clients during an outage.
//! * [`claims`]: who owns the ids of this node's clients.
//! * [`remote_clients`]: who is connected to the other nodes; [`newcomers`]: clients that come from a node that is ahead of
//!   this one.
//! * `log_outs`: log-outs that outlive the history.
//! * `librarian`: recalls what returning clients have missed; `recall`: what they get of it;
//!   `standing`: what a node has to know of a history that it does not read.
//! * `reader`: joins the history and applies its records; `intake`: what one read has returned; `writer`: appends waiting
//!   records; `lease`: renews this node's lease and watches those of others.
//!
//! Everything that is sent goes into the shared history first. This node's own clients get it when it comes back. So
//! all nodes deliver the same order, and an id means the same on each of them.

mod announcer;
mod apply;
mod claims;
mod health;
mod intake;
mod lease;
pub(crate) mod librarian;
mod log_outs;
pub(crate) mod message;
pub(crate) mod newcomers;
pub(crate) mod node;
mod outage;
mod outbox;
mod presence;
mod reader;
pub(crate) mod recall;
pub(crate) mod remote_clients;
mod standing;
pub(crate) mod stats;
mod writer;

use std::sync::{Arc, Weak};

use crate::backplane::Backplane;
use crate::cluster::node::Cluster;
use crate::engine::Engine;

pub use outbox::Buffered;
pub use stats::{ClusterStats, Link};

/// Starts a node's tasks, which end with its engine.
pub(crate) fn start<B: Backplane>(cluster: &Arc<Cluster>, backplane: B, engine: Weak<Engine>) {
    let mut stopped = cluster.stopped.subscribe();
    let workers = cluster.desk.as_ref().map_or_else(Vec::new, |desk| desk.workers(&backplane, &engine));
    let reading = reader::run(Arc::clone(cluster), backplane.clone(), Weak::clone(&engine));
    let writing = writer::run(Arc::clone(cluster), backplane, Weak::clone(&engine));
    let leasing = lease::run(Arc::clone(cluster), engine);
    tokio::spawn(async move {
        let mut tasks = vec![tokio::spawn(reading), tokio::spawn(writing), tokio::spawn(leasing)];
        tasks.extend(workers.into_iter().map(tokio::spawn));
        let _ = stopped.wait_for(|stopped| *stopped).await;
        tasks.iter().for_each(|task| task.abort());
    });
}
