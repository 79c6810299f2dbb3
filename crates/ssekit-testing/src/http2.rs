//! Somebody who speaks HTTP/2 to a listener: with hyper as a well-behaved client, and frame by frame as one that is not.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::PATIENCE;
pub use crate::http_parts::*;
use crate::wire::{Parser, Received};

/// A connection of a well-behaved client.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Ends when the connection does.
    pub driver: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Connection {
    pub async fn to(address: SocketAddr) -> Self {
        Self::over(tokio::net::TcpStream::connect(address).await.unwrap(), None).await
    }

    /// With a flow-control window of this number of bytes for each stream.
    pub async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, window: Option<u32>) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        if let Some(window) = window {
            builder.initial_stream_window_size(window).adaptive_window(false);
        }
        let (sender, connection) = builder.handshake(TokioIo::new(io)).await.unwrap();
        Self { sender, driver: tokio::spawn(connection) }
    }

    pub async fn ask(&mut self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        self.sender.ready().await.unwrap();
        self.sender.send_request(request).await.unwrap()
    }

    pub async fn get(&mut self, target: &str) -> Response<Incoming> {
        self.ask(get(target)).await
    }

    /// Opens a stream; the first event is `ssekit:ready`.
    pub async fn stream(&mut self, target: &str) -> Streaming {
        let response = self.get(target).await;
        assert_eq!(response.status(), 200);
        let mut stream = Streaming { body: response.into_body(), parser: Parser::default() };
        assert_eq!(stream.event().await.unwrap().name, "ssekit:ready");
        stream
    }
}

pub fn get(target: &str) -> Request<Full<Bytes>> {
    Request::get(format!("http://sse.example{target}")).body(Full::default()).unwrap()
}

/// The whole body of an answer.
pub async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An event stream.
#[derive(Debug)]
pub struct Streaming {
    body: Incoming,
    parser: Parser,
}

impl Streaming {
    /// The next event. `None`: the stream has ended as it should.
    pub async fn event(&mut self) -> Option<Received> {
        loop {
            if let Some(event) = self.parser.pop() {
                return Some(event);
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("an event in time")?;
            self.parser.push(frame.unwrap().data_ref().unwrap());
        }
    }

    pub async fn data(&mut self, count: usize) -> Vec<String> {
        let mut data = Vec::new();
        for _ in 0..count {
            data.push(self.event().await.expect("an event before the end of the stream").data);
        }
        data
    }
}

/// A connection of somebody who sends whatever frames he likes.
#[derive(Debug)]
pub struct Rascal(TcpStream);

impl Rascal {
    pub fn to(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut rascal = Self(socket);
        rascal.send(&http2_opening());
        rascal
    }

    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Somebody reads what comes, so that the connection does not stand still; returns the types of the frames at the end.
    pub fn reader(&self) -> std::thread::JoinHandle<Vec<(u8, Vec<u8>)>> {
        let mut socket = self.0.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut frames = Vec::new();
            while let Some(frame) = next_frame(&mut socket) {
                frames.push(frame);
            }
            frames
        })
    }

    /// Waits for a frame of this type. `None`: the connection has ended before it.
    pub fn wait_for(&mut self, kind: u8) -> Option<Vec<u8>> {
        loop {
            let (got, payload) = next_frame(&mut self.0)?;
            if got == kind {
                return Some(payload);
            }
        }
    }

    /// Whether everything so far has been looked at, and the connection is still there.
    pub fn is_answered(&mut self) -> bool {
        self.send(&frame(PING, 0, 0, b"12345678")) && self.wait_for(PING).is_some()
    }
}

fn next_frame(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    read(socket, &mut head)?;
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    read(socket, &mut payload)?;
    Some((head[3], payload))
}

fn read(socket: &mut TcpStream, bytes: &mut [u8]) -> Option<()> {
    match socket.read_exact(bytes) {
        Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => None,
        read => read.ok(),
    }
}

/// The error code of a GOAWAY frame (RFC 9113, section 7).
pub fn code_of(goaway: &[u8]) -> u32 {
    u32::from_be_bytes(goaway[4..8].try_into().unwrap())
}
