//! Accepts connections, as many and as fast as the limits permit.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use crate::admission::{Admitted, Overload, Pace, Permit};
use crate::bind::Bound;
use crate::connection_io::Socket;
use crate::protocol::serve;
use crate::state::ConnectionContext;
use crate::state::{Shared, Stage};

/// The pause before the next attempt when the system has no descriptors left. A connection may close in the meantime.
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
                    pace.wait().await;
                }
                admit(socket, &shared);
            }
            // The peer left before it was accepted.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset) => {}
            Err(error) => {
                shared.operator_log.write(|| format!("cannot accept connections: {error}"));
                tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
            }
        }
    }
}

fn admit(socket: Socket, shared: &Arc<Shared>) {
    let address = socket.address();
    let (refusal, permit): (Option<Overload>, Permit) = match shared.admission.admit(address) {
        Admitted::Yes(permit) => (None, permit),
        Admitted::Refused(refusal, permit) => {
            shared.meter.refused_connections.add(1);
            (Some(refusal), permit)
        }
        Admitted::Rejection => return shared.meter.refused_connections.add(1),
    };
    tokio::spawn(serve(socket, ConnectionContext { shared: Arc::clone(shared), address, refusal }, permit));
}
