//! Recalls what clients have missed and this node does not hold: see [`Arrears`](crate::session::arrears::Arrears). A few workers
//! serve all clients, one piece at a time, so that one client with much to recall does not keep the others waiting.

use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::backplane::{Backplane, Failure, Number, Recall, Recalled};
use crate::cluster::recall::{Wanted, own_of};
use crate::engine::Engine;
use crate::event::position::{Epoch, agreed, number_of};
use crate::session::arrears::{Arrears, Piece, Waiting};
use crate::session::client::Client;
use crate::session::reset::ResetReason;

/// Workers, each with its own access to the backplane.
const WORKERS: usize = 2;

/// The longest time that one call may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time for which calls may fail before clients learn about a gap instead of waiting.
const PATIENCE_IN_OUTAGE: Duration = Duration::from_secs(2);

/// The maximum number of records among which a caller's own id is looked for.
const MOST_SEARCHED: usize = 64 * 1_024;

/// The pause after a failed call.
const PAUSE: Duration = Duration::from_millis(50);

/// A call for somebody who waits for its answer.
#[derive(Debug)]
struct Call {
    epoch: Epoch,
    what: Recall,
    answer: oneshot::Sender<Result<Recalled, Failure>>,
}

/// Where clients wait for their next piece, and others for an answer.
#[derive(Debug)]
pub(crate) struct Desk {
    clients: UnboundedSender<Waiting>,
    calls: UnboundedSender<Call>,
    waiting: Mutex<Option<Queues>>,
}

type Queues = (UnboundedReceiver<Waiting>, UnboundedReceiver<Call>);

impl Desk {
    pub(crate) fn new() -> Self {
        let (clients, waiting_clients) = mpsc::unbounded_channel();
        let (calls, waiting_calls) = mpsc::unbounded_channel();
        Self { clients, calls, waiting: Mutex::new(Some((waiting_clients, waiting_calls))) }
    }

    /// Recalls records for a caller.
    ///
    /// # Errors
    /// The backplane fails, or the node ends.
    pub(crate) async fn recall(&self, epoch: Epoch, what: Recall) -> Result<Recalled, Failure> {
        let (answer, answered) = oneshot::channel();
        let _ = self.calls.send(Call { epoch, what, answer });
        answered.await.unwrap_or_else(|_| Err(Failure::new("the node ends")))
    }

    /// For the arrears of a client.
    pub(crate) fn sender(&self) -> UnboundedSender<Waiting> {
        self.clients.clone()
    }

    /// The tasks that serve the clients.
    pub(super) fn workers<B: Backplane>(&self, backplane: &B, engine: &Weak<Engine>) -> Vec<Work> {
        let Some((clients, calls)) = self.waiting.lock().take() else { return Vec::new() };
        let waiting = Arc::new(AsyncMutex::new(clients));
        let worker = || Worker { backplane: backplane.clone(), waiting: Arc::clone(&waiting), failing: None };
        let work = |_| Box::pin(worker().run(self.sender(), Weak::clone(engine))) as Work;
        (0..WORKERS).map(work).chain([Box::pin(answer(calls, backplane.clone())) as Work]).collect()
    }
}

/// A task.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn answer(mut calls: UnboundedReceiver<Call>, mut backplane: impl Backplane) {
    while let Some(Call { epoch, what, answer }) = calls.recv().await {
        let _ = answer.send(recall(&mut backplane, epoch, &what).await);
    }
}

/// Recalls records, unless that takes too long.
pub(super) async fn recall(backplane: &mut impl Backplane, epoch: Epoch, what: &Recall) -> Result<Recalled, Failure> {
    let recalled = timeout(PATIENCE, backplane.recall(epoch, what)).await;
    recalled.unwrap_or_else(|_| Err(Failure::new("it does not answer")))
}

struct Worker<B> {
    backplane: B,
    waiting: Arc<AsyncMutex<UnboundedReceiver<Waiting>>>,
    /// Since when calls have been failing.
    failing: Option<Instant>,
}

impl<B: Backplane> Worker<B> {
    async fn run(mut self, again: UnboundedSender<Waiting>, engine: Weak<Engine>) {
        loop {
            let next = self.waiting.lock().await.recv().await;
            let (Some((client, arrears)), Some(engine)) = (next, engine.upgrade()) else { return };
            if arrears.are_over() || client.end() == 0 {
                continue;
            }
            match self.serve(&arrears, &client, &engine).await {
                Ok(()) => self.failing = None,
                Err(_) if self.failing.get_or_insert_with(Instant::now).elapsed() < PATIENCE_IN_OUTAGE => {
                    sleep(PAUSE).await;
                    let _ = again.send((client, arrears));
                    continue;
                }
                // As it is when this node does not know the history.
                Err(_) => arrears.fail(ResetReason::Unknown),
            }
            client.mark();
        }
    }

    /// Adds the next piece to the arrears, or says why there is none.
    async fn serve(&mut self, arrears: &Arrears, client: &Client, engine: &Engine) -> Result<(), Failure> {
        let epoch = engine.timeline.epoch();
        let Piece { after, upto, search } = arrears.piece();
        let (mut wanted, mut from, end) = (Wanted::by(client, engine), number_of(after), number_of(upto));
        if let Some(id) = search {
            match self.find(&id, Wanted::by(client, engine), (from, end), epoch).await? {
                Some(number) => from = number,
                None => {
                    arrears.fail(ResetReason::Unknown);
                    return Ok(());
                }
            }
        }
        let Recalled { records, reached, floor } = self.recall(epoch, &wanted.oldest(from, end)).await?;
        let own = own_of(client, agreed(from).max(after), agreed(reached));
        let Some(entries) = wanted.choose(&records, own, epoch).filter(|_| floor <= from) else {
            arrears.fail(ResetReason::Evicted);
            return Ok(());
        };
        if reached >= end {
            self.extend(arrears, client, engine, agreed(reached));
        }
        arrears.add(entries, agreed(reached));
        Ok(())
    }

    /// The number of the newest event with this caller's own id that the client gets, if it is not too far back.
    async fn find(
        &mut self,
        id: &str,
        mut wanted: Wanted,
        (from, mut upto): (Number, Number),
        epoch: Epoch,
    ) -> Result<Option<Number>, Failure> {
        let mut searched = 0;
        while upto > from && searched < MOST_SEARCHED {
            let Recalled { records, reached, floor } = self.recall(epoch, &wanted.newest(from, upto)).await?;
            let number =
                records.iter().rev().find(|record| wanted.is_event(record, id, epoch)).map(|found| found.number);
            if number.is_some() || floor >= reached {
                return Ok(number);
            }
            searched += records.len();
            upto = reached;
        }
        Ok(None)
    }

    async fn recall(&mut self, epoch: Epoch, what: &Recall) -> Result<Recalled, Failure> {
        recall(&mut self.backplane, epoch, what).await
    }

    /// The logs may have dropped what comes after the end while the client was reading its arrears.
    fn extend(&self, arrears: &Arrears, client: &Client, engine: &Engine, end: u64) {
        let timeline = &engine.timeline;
        let has_gap = timeline.broadcasts().floor() > end || client.subscriptions.has_gap(end);
        let to = timeline.settled();
        if has_gap && to > end && !client.subscriptions.has_gap_of_its_own(end) {
            arrears.extend(to);
        }
    }
}
