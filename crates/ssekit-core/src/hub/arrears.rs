//! Arrears: the events that returning clients missed and that this node's memory does not hold.

use std::sync::Arc;

use crate::event::position::{Epoch, Position};
use crate::history::timeline::Located;
use crate::hub::Hub;
use crate::session::arrears::Arrears;
use crate::session::subscriptions::Subscriptions;

impl Hub {
    /// The arrears of a client that goes on here. `None`: what it has missed is gone, or cannot be recalled. Only this node
    /// knows where its unsequenced events stand, so the backplane cannot serve a client that has received some of them.
    pub(super) fn arrears_after(&self, located: Located) -> Option<Arc<Arrears>> {
        let (Located { cursor, elsewhere, .. }, base) = (located, self.base());
        let is_agreed_upon = || elsewhere == 0 && self.inner.engine.timeline.is_agreed_upon(cursor);
        let is_plain = elsewhere == cursor || cursor == base || is_agreed_upon();
        if is_plain && cursor >= base { self.arrears(cursor, None) } else { None }
    }

    /// The arrears of a client that comes with a caller's own id, which memory does not hold. `missing`: up to there, events of
    /// its own are gone.
    pub(super) fn search(
        &self,
        id: &str,
        subscriptions: &Subscriptions,
        missing: Position,
    ) -> Option<(Located, Arc<Arrears>)> {
        let (base, timeline) = (self.base(), &self.inner.engine.timeline);
        let is_lost = Epoch::has_made(id) || missing > base || subscriptions.has_gap_of_its_own(base);
        if is_lost || timeline.broadcasts().floor() <= base && !subscriptions.has_gap(base) {
            return None;
        }
        // Its id still says where it is.
        let located = Located { cursor: base, elsewhere: 0, keeps_id: true };
        Some((located, self.arrears(base, Some(id.into()))?))
    }

    fn arrears(&self, from: Position, search: Option<Arc<str>>) -> Option<Arc<Arrears>> {
        let desk = self.inner.cluster.as_ref()?.desk.as_ref()?;
        let to = self.inner.engine.timeline.settled();
        (from < to).then(|| Arc::new(Arrears::new(desk.sender(), from, to, search)))
    }

    fn base(&self) -> Position {
        self.inner.engine.timeline.base()
    }
}
