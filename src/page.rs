//! A page changes the channels of its stream, after the application has decided that it may.

use napi::Env;
use napi_derive::napi;
use ssekit_core::event::key::Key;
use ssekit_core::{Change, Page};

use crate::error::throw;
use crate::hub::hub;

/// A page, and the change that it asks for.
#[napi(object, object_to_js = false)]
pub struct PageChange {
    /// The client that the page says it is.
    pub client_id: String,
    /// The page's user. Without one, the page is anonymous.
    pub user_id: Option<String>,
    /// An event id of its stream. The key at its end proves that an anonymous page is its client.
    pub last_event_id: Option<String>,
    /// The channels that it leaves.
    pub unsubscribe: Vec<String>,
    /// The channels that it subscribes to.
    pub subscribe: Vec<ChannelFrom>,
}

/// A channel, and the cursor that the page begins at.
#[napi(object, object_to_js = false)]
pub struct ChannelFrom {
    pub channel: String,
    pub since: Option<String>,
}

/// The part of a change that was carried out.
#[napi(object, object_from_js = false)]
pub struct PageChanged {
    /// The number of channels that the page has left, in the order of the change.
    pub unsubscribed: u32,
    /// The number of channels that it has subscribed to, in the order of the change.
    pub subscribed: u32,
    /// Why the rest was not carried out, for people and as a code.
    pub problem: Option<String>,
    pub code: Option<&'static str>,
}

/// Changes the subscriptions of a page's client. Throws if nothing was changed.
#[napi(catch_unwind)]
pub fn change_page(env: Env, change: PageChange) -> napi::Result<PageChanged> {
    let PageChange { client_id, user_id, last_event_id, unsubscribe, subscribe } = change;
    let key = last_event_id.as_deref().and_then(Key::split).map(|(_, key)| key);
    let page = Page { client: &client_id, user: user_id.as_deref(), key };
    let leaving: Vec<&str> = unsubscribe.iter().map(String::as_str).collect();
    let begun: Vec<_> = subscribe.iter().map(|request| (request.channel.as_str(), request.since.as_deref())).collect();
    let changed = hub(&env)?.change(page, Change { unsubscribe: &leaving, subscribe: &begun });
    let changed = changed.map_err(|error| throw(&env, &error))?;
    Ok(PageChanged {
        unsubscribed: changed.unsubscribed as u32,
        subscribed: changed.subscribed as u32,
        problem: changed.stopped.as_ref().map(ToString::to_string),
        code: changed.stopped.map(|error| error.kind().code()),
    })
}

/// Whether a channel may have this name. JavaScript has checked that UTF-8 can carry it.
#[napi(catch_unwind)]
pub fn is_channel_name(name: String) -> bool {
    ssekit_core::event::check_channel(&name).is_ok()
}

/// The maximum number of channels that a client may have.
#[napi(catch_unwind)]
pub fn channels_per_client(env: Env) -> napi::Result<u32> {
    // At most 10,000, because options are validated.
    Ok(hub(&env)?.options().limits.channels_per_client as u32)
}

/// Reports a problem of the application's own code to the listeners of `error`.
#[napi(catch_unwind)]
pub fn report_problem(env: Env, message: String) -> napi::Result<()> {
    hub(&env)?.report(&message);
    Ok(())
}
