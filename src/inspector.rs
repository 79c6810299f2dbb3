//! The inspector, for the routes that Node serves: see `createInspectorRoute` in `ssekit/next`.

use std::sync::{Arc, LazyLock};

use napi::Env;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::Observer;
use ssekit_inspector::{Acted, Request, Rights, TICK, Watch, Watches, act, page};

use crate::hub::{self, hub, observe, runtime_if_running, unobserve};

/// The open watches of this process.
static WATCHES: LazyLock<Watches> = LazyLock::new(Watches::default);

/// A page's document, and the headers that it needs.
#[napi(object, object_from_js = false)]
pub struct InspectorPage {
    pub body: &'static str,
    pub headers: Vec<Vec<&'static str>>,
    /// Milliseconds between two lines of a watch.
    pub tick_ms: u32,
}

/// The page of the inspector.
#[napi(catch_unwind)]
pub fn inspector_page() -> InspectorPage {
    let headers = page::headers().map(|(name, value)| vec![name, value]).into();
    InspectorPage { body: page::PAGE, headers, tick_ms: TICK.as_millis() as u32 }
}

/// The rights of a page, besides looking.
#[napi(object, object_to_js = false)]
pub struct InspectorRights {
    pub data: bool,
    pub send: bool,
    pub disconnect: bool,
}

impl From<InspectorRights> for Rights {
    fn from(InspectorRights { data, send, disconnect }: InspectorRights) -> Self {
        Self { data, send, disconnect }
    }
}

/// The outcome of a page's request.
#[napi(object, object_from_js = false)]
pub struct Inspected {
    /// The page wants to watch, and looks for this text.
    pub find: Option<String>,
    /// The status code.
    pub status: u32,
    /// JSON.
    pub body: String,
}

impl From<Acted> for Inspected {
    fn from(Acted { status, body }: Acted) -> Self {
        Self { find: None, status: u32::from(status), body }
    }
}

/// Carries out the request of a page: the body of a `POST`.
#[napi(catch_unwind)]
pub fn inspect(env: Env, body: String, rights: InspectorRights) -> napi::Result<Inspected> {
    let request = match Request::parse(body.as_bytes()) {
        Err(sentence) => return Ok(Acted::refused(400, &sentence).into()),
        Ok(Request::Watch(watch)) => {
            return Ok(Inspected { find: Some(watch.find.into_owned()), status: 200, body: String::new() });
        }
        Ok(request) => request,
    };
    let acted = act(&hub(&env)?, &request, rights.into());
    Ok(acted.unwrap_or_else(|| Acted::refused(400, "body: got no request")).into())
}

/// The view of one page.
#[napi]
pub struct NativeWatch {
    /// None once it has ended.
    open: Mutex<Option<(Watch, Arc<dyn Observer>)>>,
}

/// Begins a watch; nothing if too many are open. This does not start the hub.
#[napi(catch_unwind)]
pub fn begin_watch(find: String, rights: InspectorRights) -> Option<NativeWatch> {
    let watch = WATCHES.begin(&find, rights.into())?;
    let observer = watch.observer();
    observe(Arc::clone(&observer));
    Some(NativeWatch { open: Mutex::new(Some((watch, observer))) })
}

#[napi]
impl NativeWatch {
    /// The next line; nothing once the watch has ended, or when the hub is about to end.
    #[napi(catch_unwind)]
    pub fn line(&self) -> Option<String> {
        let running = runtime_if_running().map(|(hub, _)| hub);
        let mut open = self.open.lock();
        let (watch, _) = open.as_mut().filter(|_| !running.as_ref().is_some_and(|hub| hub.is_draining()))?;
        Some(watch.line(running.as_ref(), &hub::stats()))
    }

    /// Ends it.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        if let Some((_, observer)) = self.open.lock().take() {
            unobserve(&observer);
        }
    }
}

impl Drop for NativeWatch {
    fn drop(&mut self) {
        self.end();
    }
}
