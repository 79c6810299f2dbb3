//! Periodic tasks, which run as long as the hub exists.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::history::timeline::Timeline;
use crate::session::registry::Registry;

/// On a backplane that recalls, memory holds the events of a user or a channel for at least this long after the last client
/// has gone. So a page that reconnects is served from memory.
const UNREAD: Duration = Duration::from_secs(30);

/// The same time with this heartbeat. A client that was let go may read on for as long as a heartbeat.
pub(crate) fn unread_for(heartbeat: Duration) -> Duration {
    UNREAD.max(2 * heartbeat)
}

/// Drops events that are older than `max_age`, and clients, users and channels that have nothing left. `unread`: what nobody here has
/// read for so long can be recalled.
pub(crate) async fn drop_old(
    timeline: Weak<Timeline>,
    registry: Weak<Registry>,
    max_age: Duration,
    unread: Option<Duration>,
) {
    let mut ticks = interval((max_age / 8).clamp(Duration::from_millis(20), Duration::from_secs(5)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let crowds = registry.upgrade().map(|registry| (registry.users.crowd(), registry.channels.crowd()));
    let Some((users, channels)) = crowds else { return };
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = users.grown() => {}
            () = channels.grown() => {}
        }
        let (Some(timeline), Some(registry)) = (timeline.upgrade(), registry.upgrade()) else { return };
        timeline.expire();
        let now = Instant::now();
        let too_old = now.checked_sub(max_age);
        let unread = unread.filter(|_| timeline.is_all_elsewhere(too_old));
        registry.sweep(too_old, unread.and_then(|unread| now.checked_sub(unread)), &timeline);
    }
}

/// Reports users as offline when their time is over.
pub(crate) async fn tell_offline(registry: Weak<Registry>) {
    let Some(presence) = registry.upgrade().map(|registry| Arc::clone(&registry.presence)) else { return };
    loop {
        let user = presence.next().await;
        let Some(registry) = registry.upgrade() else { return };
        registry.tell_offline(&user);
    }
}
