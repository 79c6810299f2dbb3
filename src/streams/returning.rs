//! The streams of pages that come back with a ticket.

use std::sync::Weak;

use napi::Env;
use napi::bindgen_prelude::Function;
use napi_derive::napi;
use ssekit_core::DisconnectReason;
use ssekit_http::resume::Request;

use super::Streams;
use crate::error::throw;
use crate::hub::hub;
use crate::resume::{Returning, Way, way_of};

/// Results of `resume` that are no token.
const ASK: i32 = -1;
#[cfg(unix)]
const WAIT: i32 = -2;
#[cfg(unix)]
const NOTHING: i32 = -3;

#[napi]
impl Streams {
    /// Whether a request brings a ticket by which it would get its stream back.
    #[napi(catch_unwind)]
    pub fn knows(&self, env: Env, target: String, headers: Vec<String>) -> napi::Result<bool> {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        Ok(!matches!(way_of(&hub(&env)?, Request { target: &target, headers: &headers }, true), Way::Ask))
    }

    /// Gives a page its stream back, if its request brings a ticket, and duplicates its socket. Nothing of the answer may have
    /// been written, and nothing of the request may be unread. Returns a token, -1 if the application has to be asked, or -2 if
    /// `catch_up_with` comes first. Throws if the client is refused.
    #[napi(catch_unwind)]
    pub fn resume(&mut self, env: Env, from: Returning) -> napi::Result<i32> {
        #[cfg(unix)]
        return self.enter(env, &from, || super::duplicate(from.fd));
        #[cfg(not(unix))]
        return Ok(ASK);
    }

    /// The same for a connection of which Node has read nothing: native code reads the request. `has_tickets` says whether tickets
    /// count for a path. If the result is -1 or -2, or this throws, the request is still there for Node. If it is -3, nothing has come.
    #[napi(catch_unwind)]
    pub fn resume_unread(&mut self, env: Env, fd: i32, has_tickets: Function<'_, String, bool>) -> napi::Result<i32> {
        #[cfg(unix)]
        return self.enter_unread(env, fd, &has_tickets);
        #[cfg(not(unix))]
        return Ok(ASK);
    }

    /// Disconnects the client of a watched stream that was resumed, because Node has closed the connection.
    #[napi(catch_unwind)]
    pub fn close_resumed(&mut self, env: Env, token: u32) -> napi::Result<()> {
        if let Some(client) = self.resumed.remove(&token).as_ref().and_then(Weak::upgrade) {
            hub(&env)?.end(&client, DisconnectReason::Peer);
        }
        Ok(())
    }
}

#[cfg(unix)]
impl Streams {
    fn enter(
        &mut self,
        env: Env,
        from: &Returning,
        socket: impl FnOnce() -> std::io::Result<std::os::fd::OwnedFd>,
    ) -> napi::Result<i32> {
        let hub = hub(&env)?;
        let headers: Vec<&str> = from.headers.iter().map(String::as_str).collect();
        let request = Request { target: &from.target, headers: &headers };
        let welcome = match way_of(&hub, request, from.has_waited) {
            Way::Ask => return Ok(ASK),
            Way::Wait(_) => return Ok(WAIT),
            Way::Enter(welcome) => welcome,
        };
        // Without a descriptor, the application can still answer.
        let Ok(socket) = socket() else { return Ok(ASK) };
        let token = self.next_token();
        let held = from.watched.then(|| self.queue.watch(token));
        match welcome.enter(&hub, from, socket, held) {
            Ok(client) => {
                if let Some(client) = client.filter(|_| from.watched) {
                    self.resumed.insert(token, client);
                }
                Ok(token as i32)
            }
            Err(None) => Ok(ASK),
            Err(Some(error)) => Err(throw(&env, &error)),
        }
    }

    fn enter_unread(&mut self, env: Env, fd: i32, has_tickets: &Function<'_, String, bool>) -> napi::Result<i32> {
        let (socket, head) = match unread(fd) {
            Ok(Some(request)) => request,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(NOTHING),
            Ok(None) | Err(_) => return Ok(ASK),
        };
        let path = Request { target: &head.target, headers: &[] }.path();
        if !has_tickets.call(path.to_owned())? {
            return Ok(ASK);
        }
        let peer = socket.peer_addr().ok().map(|address| address.ip().to_string());
        let (watched, has_waited, is_old) = (false, false, false);
        let from = Returning { target: head.target, headers: head.headers, is_old, fd, peer, watched, has_waited };
        self.enter(env, &from, || Ok(socket.into()))
    }
}

/// A socket, and the head of the request that is all that has come there. The shard that gets the socket discards the request,
/// as it does with all that a client sends.
#[cfg(unix)]
fn unread(fd: i32) -> std::io::Result<Option<(std::net::TcpStream, ssekit_http::resume::Head)>> {
    use ssekit_http::resume::{Head, MOST_HEAD_BYTES};

    let socket = std::net::TcpStream::from(super::duplicate(fd)?);
    let mut bytes = [0; MOST_HEAD_BYTES];
    let length = socket.peek(&mut bytes)?;
    Ok(bytes.get(..length).and_then(Head::of).map(|head| (socket, head)))
}
