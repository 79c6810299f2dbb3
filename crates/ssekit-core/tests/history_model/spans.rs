//! The channels of a client: from where and up to where it gets their events.

#[derive(Debug, Clone)]
struct Span {
    channel: usize,
    /// The client gets the events after this position,
    since: u64,
    /// and up to this one. `MAX`: the client has not left.
    until: u64,
    /// It began at run time.
    ordered: bool,
}

/// The channels that a client has, or had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spans {
    all: Vec<Span>,
    /// A ticket says which ones it may have.
    by_ticket: bool,
}

/// Those of a client that never had a channel.
pub(crate) static NO_SPANS: Spans = Spans { all: Vec::new(), by_ticket: false };

impl Spans {
    /// The channels of a client that names some when it connects, after one that had these. Those that it names, it has as if
    /// it had always had them.
    pub(crate) fn handed_down(&self, named: &[usize], by_ticket: bool) -> Self {
        let handed_down: &[Span] = if by_ticket || !self.by_ticket { &self.all } else { &[] };
        let kept = handed_down.iter().filter(|span| !named.contains(&span.channel));
        let kept = kept.map(|span| Span { ordered: true, ..span.clone() });
        let named = named.iter().map(|channel| Span { channel: *channel, since: 0, until: u64::MAX, ordered: false });
        Self { all: named.chain(kept).collect(), by_ticket }
    }

    pub(crate) fn begin(&mut self, channel: usize, since: u64) {
        self.all.push(Span { channel, since, until: u64::MAX, ordered: true });
    }

    pub(crate) fn end(&mut self, channel: usize, until: u64) {
        self.end_those(|span| span.channel == channel, until);
    }

    pub(crate) fn end_all(&mut self, until: u64) {
        self.end_those(|_| true, until);
    }

    fn end_those(&mut self, which: impl Fn(&Span) -> bool, until: u64) {
        self.all.iter_mut().filter(|span| which(span)).for_each(|span| span.until = span.until.min(until));
    }

    /// Whether the client gets the channel's event at this position.
    pub(crate) fn cover(&self, channel: usize, position: u64) -> bool {
        self.all.iter().any(|span| span.channel == channel && span.since < position && position <= span.until)
    }

    fn active(&self) -> impl Iterator<Item = &Span> {
        self.all.iter().filter(|span| span.until == u64::MAX)
    }

    /// The number of channels that it has not left.
    pub(crate) fn count(&self) -> usize {
        self.active().count()
    }

    pub(crate) fn has(&self, channel: usize) -> bool {
        self.active().any(|span| span.channel == channel)
    }

    /// Whether it has, or had, this channel.
    pub(crate) fn know(&self, channel: usize) -> bool {
        self.all.iter().any(|span| span.channel == channel)
    }

    /// Whether it has a channel that a client which comes without its id would not have.
    pub(crate) fn have_ordered(&self) -> bool {
        self.active().any(|span| span.ordered)
    }
}
