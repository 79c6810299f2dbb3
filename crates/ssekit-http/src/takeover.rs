//! Moves the socket of an HTTP/1 event stream from hyper to a shard. From then on the shard writes for the client, as it does
//! for sockets that Node has handed off. The head and the opening are written here, before the move.

use std::future::poll_fn;
use std::io;
use std::time::{Duration, SystemTime};

use bytes::{BufMut, Bytes, BytesMut};
use hyper::header::{CONNECTION, DATE, HeaderValue, TRANSFER_ENCODING};
use hyper::{Response, Version};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::admission::Permit;
use crate::connection_io::Socket;
use crate::connection_io::linger;
use crate::response::StreamResponse;
use ssekit_core::delivery::stream::Stream;
use ssekit_core::event::Framing;

/// The maximum number of bytes that one write takes from a stream's rest.
const READ_BYTES: usize = 64 << 10;

/// Writes the beginning of the stream and hands its socket over.
pub(crate) async fn take_over(
    mut socket: Socket,
    opened: StreamResponse,
    version: Version,
    permit: Permit,
    patience: Duration,
) {
    // RFC 9112, section 6.1: an HTTP/1.0 client does not understand chunks.
    let framing = if version >= Version::HTTP_11 { Framing::Chunked } else { Framing::UntilClose };
    let beginning = beginning(opened.head, &opened.opening, framing);
    // Returning here drops the stream and so disconnects its client: the peer does not even accept the head.
    let Ok(Ok(())) = timeout(patience, socket.write_all(&beginning)).await else { return };
    let address = socket.address();
    let Ok(descriptor) = socket.into_fd() else { return };
    let mut stream = opened.stream;
    let Err(descriptor) = stream.hand_off_holding(descriptor, framing, Some(Box::new(permit))) else { return };
    // The client was disconnected at this very moment. The events sent to it before still go out.
    let rest = async {
        let socket = match address {
            Some(address) => Socket::Tcp(TcpStream::from_std(descriptor.into())?, address),
            None => Socket::Unix(UnixStream::from_std(descriptor.into())?),
        };
        finish(socket, stream, framing).await
    };
    let _ = timeout(patience, rest).await;
}

/// The bytes of the head and the opening.
fn beginning(mut head: Response<()>, opening: &Bytes, framing: Framing) -> BytesMut {
    let date = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now()));
    let headers = head.headers_mut();
    if let Ok(date) = date {
        headers.insert(DATE, date);
    }
    match framing {
        Framing::Chunked => headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        Framing::UntilClose => headers.insert(CONNECTION, HeaderValue::from_static("close")),
    };
    let mut bytes = BytesMut::with_capacity(512 + opening.len());
    bytes.put_slice(b"HTTP/1.1 200 OK\r\n");
    for (name, value) in head.headers() {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.put_slice(part);
        }
    }
    bytes.put_slice(b"\r\n");
    frame(&mut bytes, opening, framing);
    bytes
}

fn frame(bytes: &mut BytesMut, body: &[u8], framing: Framing) {
    if framing == Framing::UntilClose {
        return bytes.put_slice(body);
    }
    bytes.put_slice(format!("{:x}\r\n", body.len()).as_bytes());
    bytes.put_slice(body);
    bytes.put_slice(b"\r\n");
}

/// Writes the rest of a stream that has ended, and ends the connection.
async fn finish(mut socket: Socket, mut stream: Stream, framing: Framing) -> io::Result<()> {
    let mut bytes = BytesMut::new();
    while let Some(rest) = poll_fn(|cx| stream.poll_next(cx, READ_BYTES)).await {
        frame(&mut bytes, &rest, framing);
        socket.write_all(&bytes.split()).await?;
    }
    if framing == Framing::Chunked {
        socket.write_all(b"0\r\n\r\n").await?;
    }
    linger(socket).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::stream_head;

    #[test]
    fn response_head_matches_the_http_version() {
        let opening = Bytes::from_static(b"data: x\n\n");
        let text = |framing| String::from_utf8(beginning(stream_head(), &opening, framing).to_vec()).unwrap();
        let chunked = text(Framing::Chunked);
        assert!(chunked.starts_with("HTTP/1.1 200 OK\r\n"));
        assert!(chunked.contains("\r\ncontent-type: text/event-stream; charset=utf-8\r\n"), "{chunked}");
        assert!(chunked.contains("\r\ntransfer-encoding: chunked\r\n"), "{chunked}");
        assert!(chunked.ends_with("\r\n\r\n9\r\ndata: x\n\n\r\n"), "{chunked}");
        let plain = text(Framing::UntilClose);
        assert!(!plain.contains("chunked") && plain.contains("\r\nconnection: close\r\n"), "{plain}");
        assert!(plain.ends_with("\r\n\r\ndata: x\n\n"), "{plain}");
    }
}
