//! Tells JavaScript about clients that connect and disconnect.

use std::sync::Arc;

use napi::bindgen_prelude::Function;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{Client, ClientInfo, DisconnectReason, Observer};

use crate::hub;

/// Something that has happened.
#[napi(object, object_from_js = false)]
pub struct Notice {
    /// `connect`, `disconnect`, `userOnline`, `userOffline` or `error`.
    #[napi(js_name = "type")]
    pub kind: &'static str,
    pub client_id: Option<String>,
    pub user_id: Option<String>,
    pub reason: Option<&'static str>,
    pub message: Option<String>,
}

/// Weak: it must not keep the process alive.
type Callback = ThreadsafeFunction<Notice, (), Notice, napi::Status, false, true>;

struct NodeObserver(Callback);

impl NodeObserver {
    fn notify(&self, notice: Notice) {
        // An environment that is shutting down takes no calls, and needs none.
        self.0.call(notice, ThreadsafeFunctionCallMode::NonBlocking);
    }
}

impl Notice {
    fn new(kind: &'static str) -> Self {
        Self { kind, client_id: None, user_id: None, reason: None, message: None }
    }

    fn of_client(kind: &'static str, client: &ClientInfo) -> Self {
        let user_id = client.user.as_ref().map(|user| user.to_string());
        Self { client_id: Some(client.id.to_string()), user_id, ..Self::new(kind) }
    }

    fn of_user(kind: &'static str, user_id: &str) -> Self {
        Self { user_id: Some(user_id.to_owned()), ..Self::new(kind) }
    }
}

impl Observer for NodeObserver {
    fn connected(&self, client: &Client) {
        self.notify(Notice::of_client("connect", client.info()));
    }

    fn disconnected(&self, client: &ClientInfo, reason: DisconnectReason) {
        self.notify(Notice { reason: Some(reason.as_str()), ..Notice::of_client("disconnect", client) });
    }

    fn failed(&self, message: &str) {
        self.notify(Notice { message: Some(message.to_owned()), ..Notice::new("error") });
    }

    fn user_online(&self, user_id: &str) {
        self.notify(Notice::of_user("userOnline", user_id));
    }

    fn user_offline(&self, user_id: &str) {
        self.notify(Notice::of_user("userOffline", user_id));
    }
}

/// A subscription lasts until it is ended, becomes garbage, or its environment shuts down.
#[napi]
pub struct Subscription {
    /// None once it is ended: JavaScript may hold on to this for long, and its callback must not last as long.
    observer: Mutex<Option<Arc<dyn Observer>>>,
}

/// Calls `callback` with every notice from now on. This does not start the hub.
#[napi(catch_unwind)]
pub fn subscribe(callback: Function<'_, Notice, ()>) -> napi::Result<Subscription> {
    let builder = callback.build_threadsafe_function::<Notice>();
    let callback = builder.callee_handled::<false>().weak::<true>().build()?;
    let observer: Arc<dyn Observer> = Arc::new(NodeObserver(callback));
    hub::subscribe(Arc::clone(&observer));
    Ok(Subscription { observer: Mutex::new(Some(observer)) })
}

#[napi]
impl Subscription {
    /// Ends it.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        if let Some(observer) = self.observer.lock().take() {
            hub::unsubscribe(&observer);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.end();
    }
}
