//! The lines of an event's data.

/// The number of lines in `data`: at least one, because an event without data would not be dispatched.
pub(super) fn line_starts(data: &str) -> usize {
    Lines::of(data).count()
}

/// The lines of a text by the event stream's own rule: CR LF, CR and LF each end one. (`str::lines` ignores a lone CR, and
/// the page would then read the rest of that line as a field.)
pub(super) struct Lines<'a> {
    rest: Option<&'a str>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { rest: Some(text) }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let Some(end) = memchr::memchr2(b'\r', b'\n', text.as_bytes()) else {
            self.rest = None;
            return Some(text);
        };
        let ends = text.as_bytes().get(end..).unwrap_or_default();
        self.rest = text.get(end + if matches!(ends, [b'\r', b'\n', ..]) { 2 } else { 1 }..);
        text.get(..end)
    }
}
