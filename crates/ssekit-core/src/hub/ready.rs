//! `ssekit:ready`, the first event of every stream.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::session::client::Client;

/// The value that a page assumes without another one from the server.
const USUAL_HEARTBEAT: Duration = Duration::from_secs(25);

/// The data of the event: who the client is, whether it resumes, its channels if it has any, how often an idle stream has a
/// heartbeat if that is unusual, and what the application adds.
pub(super) fn data(client: &Client, resumed: bool, heartbeat: Duration, welcome: Option<&str>) -> String {
    let info = client.info();
    let names = client.subscriptions.names();
    let mut fields = Map::new();
    let mut add = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    add("clientId", json!(&*info.id));
    add("userId", json!(info.user.as_deref()));
    add("resumed", json!(resumed));
    if !names.is_empty() {
        add("channels", names.iter().map(|name| &**name).collect());
    }
    if heartbeat != USUAL_HEARTBEAT {
        add("heartbeatMs", json!(heartbeat.as_millis() as u64));
    }
    let mut data = Value::Object(fields).to_string();
    if let Some(welcome) = welcome {
        // Not parsed: JSON from elsewhere may have halves of surrogate pairs, or more digits than a number has here.
        data.truncate(data.len() - 1);
        data.extend([",\"welcome\":", welcome, "}"]);
    }
    data
}
