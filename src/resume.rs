//! Early resume: pages that the application has let in get their streams back before the framework sees their requests.

use std::sync::Arc;
use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;
use parking_lot::Mutex;
use ssekit_core::{Connect, Error, Hub, LogOutMark, MOST_LEEWAY, parse_address, since_1970};
use ssekit_http::resume::{Bounds, Keys, NewTicket, Request, Ticket, Version, without_others};

use crate::error::throw;
use crate::hub::{data_dir, hub, hub_with_runtime, is_shared_by_machines};

/// The secrets of this process's tickets. Set once.
static KEYS: Mutex<Option<Arc<Keys>>> = Mutex::new(None);

/// Names the secrets of tickets; the first one seals. Only the first call counts. Without a call, the secret is that of the data
/// folder, or else this process's own.
#[napi(catch_unwind)]
pub fn resume_with(env: Env, secrets: Vec<String>) -> napi::Result<()> {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let keys = Keys::of("SSEKIT_SECRET", &secrets).map_err(|error| throw(&env, &error))?;
    KEYS.lock().get_or_insert_with(|| Arc::new(keys));
    Ok(())
}

fn keys(hub: &Hub) -> Option<Arc<Keys>> {
    let mut known = KEYS.lock();
    if known.is_none() {
        let in_folder =
            data_dir().and_then(|dir| match ssekit_file::make_folder(&dir).and_then(|()| Keys::in_folder(&dir)) {
                Ok(keys) => Some(keys),
                Err(error) => {
                    hub.report(&format!("the secret of resume tickets cannot be kept in {}: {error}", dir.display()));
                    None
                }
            });
        *known = in_folder.or_else(Keys::of_this_process).map(Arc::new);
    }
    known.clone()
}

/// This moment as tickets count it, in microseconds since 1970. Take it before the application is asked.
#[napi(catch_unwind)]
pub fn moment() -> f64 {
    since_1970().as_micros() as f64
}

/// A page that the application has let in.
#[napi(object, object_to_js = false)]
pub struct LetIn {
    /// Path and query of its request.
    pub target: String,
    /// The names and values of its headers, by turns.
    pub request_headers: Vec<String>,
    /// Its user. Without one, the client is anonymous.
    pub user_id: Option<String>,
    /// The channels that it gets.
    pub channels: Option<Vec<String>>,
    /// The application's own data about it, as JSON.
    pub data: Option<String>,
    /// The application's addition to `ssekit:ready`, as JSON.
    pub welcome: Option<String>,
    /// The cursor of its snapshot, if the application named it.
    pub since: Option<String>,
    /// Its address, if the application named it.
    pub address: Option<String>,
    /// The cookies that say who the visitor is; all, if not given.
    pub cookies: Option<Vec<String>>,
    /// Further headers that do.
    pub headers: Vec<String>,
    /// The time that a ticket is good after a connection, in seconds.
    pub ttl: u32,
    /// The time that it is good after the application was asked, in seconds.
    pub max_age: u32,
    /// The moment before the application was asked.
    pub moment: f64,
    /// The names and values of the answer's headers, by turns.
    pub head: Vec<String>,
}

/// The values of `Set-Cookie` that hand out a ticket; none if this answer cannot have one.
#[napi(catch_unwind)]
pub fn resume_cookies(env: Env, page: LetIn) -> napi::Result<Vec<String>> {
    let Some(keys) = keys(&hub(&env)?) else { return Ok(Vec::new()) };
    let headers: Vec<&str> = page.request_headers.iter().map(String::as_str).collect();
    let request = Request { target: &page.target, headers: &headers };
    Ok(cookies(&page, request, &keys).unwrap_or_default())
}

fn cookies(page: &LetIn, request: Request<'_>, keys: &Keys) -> Option<Vec<String>> {
    let new = NewTicket {
        user: page.user_id.as_deref(),
        channels: page.channels.as_deref().unwrap_or_default(),
        data: page.data.as_deref(),
        welcome: page.welcome.as_deref(),
        since: page.since.as_deref(),
        address: page.address.as_deref(),
        cookies: page.cookies.as_deref(),
        headers: &page.headers,
    };
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let bounds = Bounds { ttl: seconds(page.ttl), max_age: seconds(page.max_age) };
    let pairs = page.head.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((name.clone(), value.clone())),
        _ => None,
    });
    let identified = Duration::from_micros(page.moment as u64);
    let mut ticket = Ticket::new(request, new, bounds, identified, &pairs.collect::<Vec<_>>())?;
    let cookie = ticket.cookie(request, keys, since_1970())?;
    Some(without_others(request).into_iter().chain([cookie]).collect())
}

/// A request that may bring a ticket, and the socket that it came from.
#[napi(object, object_to_js = false)]
pub struct Returning {
    /// Path and query.
    pub target: String,
    /// The names and values of its headers, by turns.
    pub headers: Vec<String>,
    /// Whether it speaks HTTP/1.0.
    pub is_old: bool,
    /// The descriptor of its socket.
    pub fd: i32,
    /// The address of the socket's other end.
    pub peer: Option<String>,
    /// Whether Node keeps the response until the stream has ended.
    pub watched: bool,
    /// Whether `catch_up_with` has called back.
    pub has_waited: bool,
}

/// The ticket of a page that may have its stream back now, and what its client asks for.
pub(crate) struct Welcome<'a> {
    ticket: Ticket,
    request: Request<'a>,
    keys: Arc<Keys>,
    mark: LogOutMark,
}

/// The way of a returning page.
pub(crate) enum Way<'a> {
    /// The application has to be asked.
    Ask,
    /// First the hub has to catch up with the page, which has this id.
    Wait(Option<String>),
    /// It may come in.
    Enter(Box<Welcome<'a>>),
}

/// Looks at a request. This changes nothing. `has_waited`: the hub has caught up with the page as far as it can.
pub(crate) fn way_of<'a>(hub: &Hub, request: Request<'a>, has_waited: bool) -> Way<'a> {
    // Before the ticket is looked at, so that a user who is logged out from now on stays out.
    let mark = LogOutMark::now();
    let Some(keys) = keys(hub) else { return Way::Ask };
    let Some(ticket) = Ticket::of(request, &keys, since_1970()).filter(|ticket| counts(hub, ticket)) else {
        return Way::Ask;
    };
    let place = request.last_event_id().0.or_else(|| ticket.since.clone()).or_else(|| request.parameter("since"));
    if !has_waited && !hub.is_caught_up(place.as_deref()) {
        return Way::Wait(place);
    }
    Way::Enter(Box::new(Welcome { ticket, request, keys, mark }))
}

/// Calls back when the hub has caught up with the page that has sent this request, or after some seconds.
#[napi(catch_unwind)]
pub fn catch_up_with(env: Env, target: String, headers: Vec<String>, done: Function<'_, (), ()>) -> napi::Result<()> {
    let done = done.build_threadsafe_function::<()>().callee_handled::<false>().build()?;
    let (hub, runtime) = hub_with_runtime(&env)?;
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let place = match way_of(&hub, Request { target: &target, headers: &headers }, false) {
        Way::Wait(place) => place,
        Way::Ask | Way::Enter(_) => None,
    };
    runtime.spawn(async move {
        hub.caught_up(place.as_deref()).await;
        done.call((), ThreadsafeFunctionCallMode::NonBlocking);
    });
    Ok(())
}

/// Whether the user was not logged out since, and the hub would know. Clocks differ: whoever was let in shortly after a log-out may have been
/// let in before it.
fn counts(hub: &Hub, ticket: &Ticket) -> bool {
    let Some(user) = &ticket.user else { return true };
    let margin = if is_shared_by_machines() { MOST_LEEWAY } else { Duration::ZERO };
    let known = hub.remembers_log_outs_since().saturating_add(margin) <= ticket.identified();
    known && !hub.is_logged_out(user, earliest(ticket))
}

/// The application was asked after this moment, whoever's clock it was.
fn earliest(ticket: &Ticket) -> Duration {
    ticket.identified().saturating_sub(MOST_LEEWAY)
}

impl Welcome<'_> {
    /// Connects the client, and gives the engine its socket. `Err(None)`: the application has to be asked.
    #[cfg(unix)]
    pub(crate) fn enter(
        self,
        hub: &Hub,
        from: &Returning,
        socket: std::os::fd::OwnedFd,
        held: Option<ssekit_core::Held>,
    ) -> Result<Option<std::sync::Weak<ssekit_core::Client>>, Option<Error>> {
        use ssekit_core::Framing;

        let Self { mut ticket, request, keys, mark } = self;
        let (last_event_id, by_url) = request.last_event_id();
        let client = request.parameter("clientId");
        let since = ticket.since.clone().or_else(|| request.parameter("since"));
        let channels: Vec<&str> = ticket.channels.iter().map(String::as_str).collect();
        let addresses = [&ticket.address, &from.peer];
        let who = Connect {
            user: ticket.user.as_deref(),
            client: client.as_deref(),
            last_event_id: last_event_id.as_deref(),
            by_url,
            since: since.as_deref(),
            channels: &channels,
            data: ticket.data.as_deref(),
            welcome: ticket.welcome.as_deref(),
            identified_at: ticket.user.as_ref().map(|_| earliest(&ticket)),
            address: addresses.into_iter().flatten().find_map(|text| parse_address(text)),
            ..Connect::default()
        };
        let connected = hub.connect_since(mark, who);
        let mut connected = connected.map_err(|error| Some(error).filter(|error| !error.is_logged_out()))?;
        let cookie = ticket.cookie(request, &keys, since_1970());
        let (version, framing) =
            if from.is_old { (Version::Http10, Framing::UntilClose) } else { (Version::Http11, Framing::Chunked) };
        let first = ticket.first_bytes(request, version, cookie.as_deref(), &connected.opening);
        let client = connected.stream.client().map(Arc::downgrade);
        connected.stream.resume_on(socket, framing, first.into(), held).map_err(Some)?;
        Ok(client)
    }
}
