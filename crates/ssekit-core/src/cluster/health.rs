//! Whether a node can use the backplane, and what observers hear about it.

/// The current failures and their causes.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) reading: Option<String>,
    pub(super) writing: Option<String>,
    /// Failures that the application has heard about since the backplane last worked.
    pub(super) told: Vec<String>,
}

/// The maximum number of failures of one outage that are remembered, so that they are not reported again.
const MOST_TOLD: usize = 16;

impl Default for Health {
    fn default() -> Self {
        Self { reading: Some("it has not been joined yet".into()), writing: None, told: Vec::new() }
    }
}

impl Health {
    pub(super) fn side(&mut self, side: Side) -> &mut Option<String> {
        match side {
            Side::Reading => &mut self.reading,
            Side::Writing => &mut self.writing,
        }
    }

    /// Each failure is reported once, no matter how often it occurs and what else occurs in between: the two sides may
    /// alternate.
    pub(super) fn is_new(&mut self, failure: String) -> bool {
        let is_new = !self.told.contains(&failure);
        if is_new {
            self.told.truncate(MOST_TOLD - 1);
            self.told.push(failure);
        }
        is_new
    }
}

/// One of the two ways that a node uses the backplane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Reading,
    Writing,
}
