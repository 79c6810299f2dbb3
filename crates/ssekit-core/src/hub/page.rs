//! A page changes its own subscriptions while its stream is open.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::event::check_channel;
use crate::hub::channels::SubscriptionChange;
use crate::hub::{Hub, Page, Subscriber};

/// The changes that a page wants, after somebody has decided that it may.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    /// The channels that it leaves. This comes first, so that it makes room for others.
    pub unsubscribe: &'a [&'a str],
    /// The channels that it subscribes to, each with the [cursor](Hub::cursor) that it begins at.
    pub subscribe: &'a [(&'a str, Option<&'a str>)],
}

/// The part of a [`Change`] that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The number of channels that the page has left, in the order of the change. It need not have had them.
    pub unsubscribed: usize,
    /// The number of channels that it has subscribed to, in the order of the change. It may have had them before.
    pub subscribed: usize,
    /// Why the rest was not carried out.
    pub stopped: Option<Error>,
}

impl Hub {
    /// Changes the subscriptions of a page's client. The page learns from its stream where each begins and ends.
    ///
    /// # Errors
    /// A name is invalid, the page is not the client that it claims to be, or the hub is being drained. A drained page
    /// will soon be with another process, and can ask that one. After an error, nothing has changed.
    pub fn change(&self, page: Page<'_>, change: Change<'_>) -> Result<Changed> {
        let Change { unsubscribe, subscribe } = change;
        let names = unsubscribe.iter().copied().chain(subscribe.iter().map(|(name, _)| *name));
        names.into_iter().try_for_each(check_channel)?;
        if self.is_draining() {
            return Err(Error::draining());
        }
        let mut changed = Changed { unsubscribed: 0, subscribed: 0, stopped: None };
        let stopped = self.carry_out(page, change, &mut changed).err();
        match stopped {
            Some(error) if changed.unsubscribed + changed.subscribed == 0 && !error.is_channels_full() => Err(error),
            stopped => Ok(Changed { stopped, ..changed }),
        }
    }

    fn carry_out(&self, page: Page<'_>, change: Change<'_>, changed: &mut Changed) -> Result<()> {
        let most = self.inner.options.limits.channels_per_client;
        // In a cluster, what this change has sent is not carried out yet.
        let mut channels = self.channels_of_client(page.client);
        let target = self.targets(Subscriber::Page(page))?;
        for name in change.unsubscribe {
            self.change_all(&target, name, SubscriptionChange::End)?;
            channels.retain(|one| **one != **name);
            changed.unsubscribed += 1;
        }
        for (name, since) in change.subscribe {
            if !channels.iter().any(|one| **one == **name) {
                if channels.len() >= most {
                    return Err(Error::too_many_channels(most));
                }
                channels.push(Arc::from(*name));
            }
            self.change_all(&target, name, SubscriptionChange::Begin(*since))?;
            changed.subscribed += 1;
        }
        Ok(())
    }
}
