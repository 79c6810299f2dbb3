//! An event read back from the history.

use crate::event::frame::ID_FIELD;
use crate::event::{DATA, EVENT, Frame, RETRY};

/// An event as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its id: the caller's own, or its position.
    pub id: String,
    /// Its name; empty means `message`.
    pub name: String,
    /// Its data.
    pub data: String,
    /// The page's reconnection time in milliseconds.
    pub retry: Option<u64>,
}

impl StoredEvent {
    /// Takes an encoded event apart. `None` if it is not one, which cannot happen.
    pub(crate) fn of(frame: &Frame) -> Option<Self> {
        let body = frame.body();
        let text = std::str::from_utf8(&body).ok()?.strip_suffix("\n\n")?;
        let id_field = std::str::from_utf8(ID_FIELD).ok()?;
        let mut stored = Self { id: String::new(), name: String::new(), data: String::new(), retry: None };
        let mut lines = Vec::new();
        for line in text.split('\n') {
            if let Some(data) = line.strip_prefix(DATA) {
                lines.push(data);
            } else if let Some(name) = line.strip_prefix(EVENT) {
                name.clone_into(&mut stored.name);
            } else if let Some(retry) = line.strip_prefix(RETRY) {
                stored.retry = retry.parse().ok();
            } else if let Some(id) = line.strip_prefix(id_field) {
                id.clone_into(&mut stored.id);
            }
        }
        stored.data = lines.join("\n");
        Some(stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::event::position::Epoch;

    #[test]
    fn stored_event_says_what_was_sent() {
        let epoch = Epoch::random();
        for (name, data, id, retry) in
            [("", "", None, None), ("n", "a\n\nid: b", Some("own"), Some(5)), ("data: ", "event: x\n", None, None)]
        {
            let draft = Event { name, data, id, retry, ..Event::default() }.encode(1 << 20).unwrap();
            let stored = StoredEvent::of(&draft.finish(&epoch, 7)).unwrap();
            let id = id.map_or_else(|| epoch.id(7), str::to_owned);
            assert_eq!(stored, StoredEvent { id, name: name.to_owned(), data: data.to_owned(), retry });
        }
    }
}
