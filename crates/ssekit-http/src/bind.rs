//! The socket that a listener listens on.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::connection_io::Socket as Accepted;
use crate::options::ListenerOptions;
use ssekit_core::error::{Error, Result};

/// The maximum number of connections that wait in the kernel to be accepted. It is high because in a storm of reconnects all
/// come at once.
const BACKLOG: i32 = 4096;

/// A listening socket.
#[derive(Debug)]
pub(crate) enum Bound {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        listener: UnixListener,
        _file: SocketFile,
    },
}

/// The file of a Unix socket. It is removed together with the socket.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct SocketFile(PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        // If somebody has removed it already, there is nothing to do.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Bound {
    /// Binds and listens. Must be called within the runtime.
    ///
    /// # Errors
    /// The system refuses. The message names the option with the address.
    pub(crate) fn to(options: &ListenerOptions) -> Result<Self> {
        match &options.socket_path {
            None => {
                let addresses = (options.host.as_str(), options.port).to_socket_addrs();
                let addresses = addresses.map_err(|error| without_address(&options.host, &error))?;
                let bound = bind_first(addresses, options.reuse_port)
                    .and_then(|socket| TcpListener::from_std(socket.into()))
                    .map_err(|error| refused(options, &error))?;
                Ok(Self::Tcp(bound))
            }
            Some(path) => Self::to_path(path).map_err(|error| refused_path(path, &error)),
        }
    }

    #[cfg(unix)]
    fn to_path(path: &Path) -> io::Result<Self> {
        remove_orphan(path)?;
        Ok(Self::Unix { listener: UnixListener::bind(path)?, _file: SocketFile(path.to_owned()) })
    }

    #[cfg(not(unix))]
    fn to_path(_: &Path) -> io::Result<Self> {
        Err(ErrorKind::Unsupported.into())
    }

    /// The address that it is bound to.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            #[cfg(unix)]
            Self::Unix { .. } => None,
        }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // Events are small and must not wait for each other. This fails if the peer is gone, but then everything else
                // will, too.
                let _ = stream.set_nodelay(true);
                Ok(Accepted::Tcp(stream, peer.ip().to_canonical()))
            }
            #[cfg(unix)]
            Self::Unix { listener, .. } => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

fn without_address(host: &str, error: &io::Error) -> Error {
    Error::unavailable(format!(
        "options.host: got {host:?}, which has no address ({error}), wants an IP address, or a name that has one"
    ))
}

fn refused(ListenerOptions { host, port, .. }: &ListenerOptions, error: &io::Error) -> Error {
    let at = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Error::unavailable(match error.kind() {
        ErrorKind::AddrInUse => {
            format!("options.port: got {port}, but another socket listens on {at} already, wants a free port")
        }
        ErrorKind::PermissionDenied => {
            format!("options.port: got {port}, but this process may not listen on {at}, wants a port that it may use")
        }
        ErrorKind::AddrNotAvailable => {
            format!("options.host: got {host:?}, which is no address of this machine, wants one of its addresses")
        }
        _ => format!("options.host: got {host:?}, but listening on {at} fails ({error}), wants another address"),
    })
}

fn refused_path(path: &Path, error: &io::Error) -> Error {
    Error::unavailable(match error.kind() {
        ErrorKind::AddrInUse => {
            format!("options.socketPath: got {path:?}, but another socket listens there already, wants another path")
        }
        _ => format!("options.socketPath: got {path:?}, but listening there fails ({error}), wants another path"),
    })
}

/// Binds to the first address of a name that works.
fn bind_first(addresses: impl Iterator<Item = SocketAddr>, reuse_port: bool) -> io::Result<Socket> {
    let mut refused = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match bind(address, reuse_port) {
            Ok(socket) => return Ok(socket),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn bind(address: SocketAddr, reuse_port: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // The unspecified address includes IPv4. Some systems cannot do that; they get IPv6 alone.
        let _ = socket.set_only_v6(false);
    }
    // On systems other than Unix, this would let others take the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if reuse_port {
        #[cfg(unix)]
        socket.set_reuse_port(true)?;
        #[cfg(not(unix))]
        return Err(ErrorKind::Unsupported.into());
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Removes a socket file that a process has left behind. If somebody listens on the file, it stays and binding fails.
#[cfg(unix)]
fn remove_orphan(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    use std::os::unix::net::UnixStream;

    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    if is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
        std::fs::remove_file(path)?;
    }
    Ok(())
}
