//! The text that a page looks for.

use std::sync::Arc;

use ssekit_core::{Audience, ClientInfo};

/// The text that a page looks for in ids, channels and names of events. Case does not matter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Find(String);

impl Find {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }

    /// Whether the text is in one of these.
    pub(crate) fn is_in<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        self.0.is_empty() || texts.into_iter().any(|text| text.to_lowercase().contains(&self.0))
    }

    pub(crate) fn is_in_client(&self, client: &ClientInfo, channels: &[Arc<str>]) -> bool {
        let ids = [Some(&*client.id), client.user.as_deref()];
        self.is_in(ids.into_iter().flatten().chain(channels.iter().map(|name| &**name)))
    }

    pub(crate) fn is_in_event(&self, to: Audience<'_>, name: &str) -> bool {
        let to = match to {
            Audience::User(id) | Audience::Client(id) | Audience::Channel(id) => Some(id),
            Audience::All { exclude } => exclude,
        };
        self.is_in(to.into_iter().chain([if name.is_empty() { "message" } else { name }]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_found_wherever_it_may_be() {
        let find = Find::new("ÄDA");
        let info = |id: &str, user: Option<&str>| ClientInfo { id: id.into(), user: user.map(Into::into) };
        assert!(find.is_in_client(&info("tab", Some("x-äda-1")), &[]));
        assert!(find.is_in_client(&info("äda", None), &[]));
        assert!(find.is_in_client(&info("tab", None), &["news".into(), "of:Äda".into()]));
        assert!(!find.is_in_client(&info("tab", Some("ada")), &["news".into()]));
        for to in [Audience::User("äda"), Audience::Client("äda"), Audience::Channel("äda")] {
            assert!(find.is_in_event(to, "order"));
        }
        assert!(find.is_in_event(Audience::All { exclude: Some("äda") }, ""));
        assert!(!find.is_in_event(Audience::All { exclude: None }, "order"));
        assert!(Find::new("MESS").is_in_event(Audience::User("ada"), ""));
        assert!(Find::default().is_in_event(Audience::User("ada"), "") && Find::default().is_in([]));
    }
}
