//! A look at an event, for people.

use std::sync::Arc;

use crate::event::draft::Draft;
use crate::event::frame::CHUNK_HEAD;
use crate::event::{DATA, EVENT};

/// The maximum number of bytes of an event's data that are shown.
const MOST_DATA: usize = 2_048;

/// The contents of an event, as far as people look at them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glimpse {
    /// Its name; empty means `message`.
    pub name: String,
    /// Its data, or the beginning of it.
    pub data: String,
    /// Whether there is more data.
    pub is_cut: bool,
    /// Its bytes on the wire, but for its id.
    pub bytes: usize,
    /// The key by which it supersedes an earlier event.
    pub coalesce_key: Option<Arc<str>>,
}

impl Draft {
    /// The event's name; empty means `message`.
    pub(crate) fn name(&self) -> &str {
        let before_data = self.lines().take_while(|line| !line.starts_with(DATA.as_bytes()));
        let name = before_data.filter_map(|line| line.strip_prefix(EVENT.as_bytes())).next();
        name.and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// A look at the event. It takes no more time for much data than for little.
    pub(crate) fn glimpse(&self) -> Glimpse {
        let (mut data, mut is_cut, mut is_first) = (String::new(), false, true);
        for line in self.lines().filter_map(|line| line.strip_prefix(DATA.as_bytes())) {
            if !std::mem::take(&mut is_first) {
                data.push('\n');
            }
            let beginning = beginning_of(line, MOST_DATA.saturating_sub(data.len()));
            data.push_str(beginning);
            if beginning.len() < line.len() {
                is_cut = true;
                break;
            }
        }
        let bytes = self.buf.len() - CHUNK_HEAD + "\n\n".len();
        Glimpse { name: self.name().to_owned(), data, is_cut, bytes, coalesce_key: self.coalesce_key.clone() }
    }

    /// Its lines. The last one, with the id, is not complete yet.
    fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.buf.get(CHUNK_HEAD..).unwrap_or_default().split(|byte| *byte == b'\n')
    }
}

/// The whole characters in the first bytes of a text.
fn beginning_of(text: &[u8], bytes: usize) -> &str {
    let beginning = text.get(..bytes).unwrap_or(text);
    let valid = std::str::from_utf8(beginning).map_or_else(|error| error.valid_up_to(), str::len);
    std::str::from_utf8(beginning.get(..valid).unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::event::position::Epoch;

    fn glimpse_of(event: Event<'_>) -> Glimpse {
        event.encode(1 << 20).unwrap().glimpse()
    }

    #[test]
    fn glimpse_shows_name_and_data() {
        for (name, data) in [("", ""), ("order", "{}"), ("event: x", "data: y\n\nid: z"), ("é", "ü\n")] {
            let draft = Event { name, data, retry: Some(5), ..Event::default() }.encode(1 << 20).unwrap();
            assert_eq!(draft.name(), name);
            let glimpse = draft.glimpse();
            assert_eq!((glimpse.name.as_str(), glimpse.data.as_str(), glimpse.is_cut), (name, data, false));
            let (epoch, position) = (Epoch::random(), 17);
            let id = epoch.id(position);
            assert_eq!(glimpse.bytes + id.len(), draft.finish(&epoch, position).body_len());
        }
    }

    #[test]
    fn long_data_is_cut_between_characters() {
        let glimpse = glimpse_of(Event { data: &"€".repeat(1_000), ..Event::default() });
        assert_eq!((glimpse.data, glimpse.is_cut), ("€".repeat(682), true));
        let lines = "x\n".repeat(2_000);
        let glimpse = glimpse_of(Event { data: &lines, ..Event::default() });
        assert!(glimpse.is_cut && lines.starts_with(&glimpse.data) && glimpse.data.len() <= MOST_DATA + 1);
        let whole = "y".repeat(MOST_DATA);
        let glimpse = glimpse_of(Event { data: &whole, coalesce_key: Some("k"), ..Event::default() });
        assert_eq!((glimpse.data, glimpse.is_cut, glimpse.coalesce_key.as_deref()), (whole, false, Some("k")));
    }
}
