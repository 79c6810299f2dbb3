//! `ssekit:ready`, the first event of every stream.

use serde_json::json;

use crate::session::client::Client;

/// The data of the event: who the client is, whether it resumes, its channels if it has any, and what the application adds.
pub(super) fn data(client: &Client, resumed: bool, welcome: Option<&str>) -> String {
    let info = client.info();
    let names = client.subscriptions.names();
    let (id, user) = (&*info.id, info.user.as_deref());
    let data = if names.is_empty() {
        json!({ "clientId": id, "userId": user, "resumed": resumed })
    } else {
        let channels: Vec<&str> = names.iter().map(|name| &**name).collect();
        json!({ "clientId": id, "userId": user, "resumed": resumed, "channels": channels })
    };
    let mut data = data.to_string();
    if let Some(welcome) = welcome {
        // Not parsed: JSON from elsewhere may have halves of surrogate pairs, or more digits than a number has here.
        data.truncate(data.len() - 1);
        data.extend([",\"welcome\":", welcome, "}"]);
    }
    data
}
