//! The channels that a ticket lets its page read: exact names, and patterns that end with `*`.

use ssekit_core::error::{Error, Result};
use ssekit_core::event::check_channel_at;

/// The end of a pattern. No name in a ticket contains it, so a name is never taken for a pattern.
const ANY: char = '*';

/// The channels of a ticket (`ch`). Without any, its page may subscribe to none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(Vec<String>);

impl Grants {
    /// Each is a channel's name, or a pattern: the beginning of names and a `*`. A lone `*` is every channel.
    ///
    /// # Errors
    /// One is neither.
    pub fn new(channels: Vec<String>) -> Result<Self> {
        Self::in_argument("channels", channels)
    }

    /// The same, with the argument's name for an error.
    pub(super) fn in_argument(argument: &str, channels: Vec<String>) -> Result<Self> {
        channels.iter().try_for_each(|channel| check(argument, channel))?;
        Ok(Self(channels))
    }

    /// The channels that the page gets without asking.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(|grant| beginning(grant).is_none())
    }

    /// Whether the page may subscribe to a channel.
    pub fn allow(&self, channel: &str) -> bool {
        self.0.iter().any(|grant| beginning(grant).map_or(*grant == channel, |start| channel.starts_with(start)))
    }
}

/// The beginning of the names that a pattern allows; `None` for an exact name.
fn beginning(grant: &str) -> Option<&str> {
    grant.strip_suffix(ANY)
}

fn check(argument: &str, grant: &str) -> Result<()> {
    let start = beginning(grant).unwrap_or(grant);
    if start.contains(ANY) {
        return Err(Error::argument(format!(
            "{argument}: got {grant:?}, wants a name without `{ANY}`, or a beginning of names with one `{ANY}` at its end"
        )));
    }
    if grant == "*" { Ok(()) } else { check_channel_at(argument, start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(channels: &[&str]) -> Result<Grants> {
        Grants::new(channels.iter().map(|channel| (*channel).to_owned()).collect())
    }

    #[test]
    fn pattern_allows_every_name_that_begins_like_it() {
        let grants = grants(&["news", "order:*"]).unwrap();
        for (channel, is_allowed) in [
            ("news", true),
            ("news2", false),
            ("new", false),
            ("order:", true),
            ("order:42", true),
            ("order:*", true),
            ("order", false),
            ("my-order:42", false),
            ("Order:42", false),
            ("", false),
        ] {
            assert_eq!(grants.allow(channel), is_allowed, "{channel:?}");
        }
        assert_eq!(grants.names().collect::<Vec<_>>(), ["news"]);
    }

    #[test]
    fn lone_star_allows_everything_and_names_nothing() {
        let all = grants(&["*"]).unwrap();
        assert!(all.allow("anything") && all.allow("a*b"));
        assert_eq!(all.names().count(), 0);
        assert!(!Grants::default().allow("anything"));
    }

    #[test]
    fn other_patterns_are_refused() {
        let long = "x".repeat(257);
        for wrong in ["", "**", "order**", "order*:", "*order", "*order*", "a\nb", "a\n*", "\u{7f}*", &long] {
            assert!(grants(&["news", wrong]).unwrap_err().is_argument(), "{wrong:?}");
        }
        assert!(grants(&[&long[1..], &format!("{}*", &long[1..]), "__proto__"]).is_ok());
    }
}
