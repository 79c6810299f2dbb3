//! Takes connections, as many and as fast as they are let in.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use crate::admission::{Admitted, Pace, Place, Refusal};
use crate::bind::Bound;
use crate::protocol::serve;
use crate::state::Visitor;
use crate::state::{Shared, Stage};
use crate::wire::Socket;

/// How long it waits when the system has no descriptor left, for somebody to leave.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(50);

/// Accepts connections until the listener closes.
pub(crate) async fn accept(bound: Bound, shared: Arc<Shared>) {
    let mut pace = Pace::of(shared.options.limits.accepts_per_second);
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.until(Stage::Closing) => return,
            accepted = bound.accept() => accepted,
        };
        match accepted {
            Ok(socket) => {
                if let Some(pace) = &mut pace {
                    pace.turn().await;
                }
                admit(socket, &shared);
            }
            // It went again before its turn came.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                shared.journal.write(|| format!("cannot accept connections: {error}"));
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

fn admit(socket: Socket, shared: &Arc<Shared>) {
    let address = socket.address();
    let (refusal, place): (Option<Refusal>, Place) = match shared.admission.admit(address) {
        Admitted::Yes(place) => (None, place),
        Admitted::Refused(refusal, place) => {
            shared.meter.refused_connections.add(1);
            (Some(refusal), place)
        }
        Admitted::No => return shared.meter.refused_connections.add(1),
    };
    tokio::spawn(serve(socket, Visitor { shared: Arc::clone(shared), address, refusal }, place));
}
