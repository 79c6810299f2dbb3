//! `ssekit:ready`, the first event of every stream.

use serde_json::json;

use crate::session::client::Client;

/// What the event says: who the client is, whether it resumes, its channels if it has any, and what the application adds.
pub(super) fn data(client: &Client, resumed: bool, welcome: Option<&str>) -> String {
    let info = client.info();
    let mut data = json!({ "clientId": &*info.id, "userId": info.user.as_deref(), "resumed": resumed });
    let channels = client.subscriptions.names();
    if !channels.is_empty() {
        data["channels"] = channels.iter().map(|name| &**name).collect();
    }
    let mut data = data.to_string();
    if let Some(welcome) = welcome {
        // Not parsed: JSON from elsewhere may have halves of surrogate pairs, or more digits than a number has here.
        data.truncate(data.len() - 1);
        data.extend([",\"welcome\":", welcome, "}"]);
    }
    data
}
