//! The inspector: a page that shows who is connected and what was sent, while it happens.
//!
//! * [`page`]: the page itself, one HTML document, and the headers that it needs.
//! * [`request`]: the requests of the page. It may watch, send a test event, and disconnect.
//! * [`act`](mod@act): carries such a request out.
//! * [`watch`]: the lines that a watching page gets. `feed` collects what happens, `clients` follows who is connected.
//!
//! The server of the page decides who may see it. The page's requests are the same everywhere: see [`request`].
//!
//! An inspector must not slow the hub down. Without a watch it costs one load per event. A watch shows a limited number of events in
//! each line and only counts the others. It looks at the clients the less often the longer that takes.

pub mod act;
mod clients;
mod feed;
mod find;
pub mod page;
pub mod request;
mod stats;
pub mod watch;

pub use act::{Acted, act};
pub use request::{Request, Rights};
pub use watch::{TICK, Watch, Watches};
