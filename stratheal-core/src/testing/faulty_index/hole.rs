//! Addresses at which nobody answers.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How long a connection to an address with a free place takes at most.
const AT_ONCE: Duration = Duration::from_millis(200);

/// An address whose connections are never made, as behind a firewall that drops everything: the queue of a listener that takes none is
/// kept full.
#[derive(Debug)]
pub struct BlackHole {
    listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl BlackHole {
    /// Makes one.
    ///
    /// # Errors
    /// When it cannot listen, or its queue does not fill up.
    pub async fn start() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(1)?;
        let address = listener.local_addr()?;
        let mut queued = Vec::new();
        for _ in 0..64 {
            match tokio::time::timeout(AT_ONCE, TcpStream::connect(address)).await {
                Ok(connection) => queued.push(connection?),
                Err(_) => return Ok(Self { listener, _queued: queued }),
            }
        }
        Err(io::Error::other("the queue of the listener does not fill up"))
    }

    /// Where nobody answers.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The base URL of a Simple API there.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn url(&self) -> io::Result<String> {
        Ok(format!("http://{}/simple/", self.address()?))
    }
}

/// A port that refuses connections, and that nobody else gets meanwhile: it is bound, but nothing listens.
#[derive(Debug)]
pub struct ClosedPort(TcpSocket);

impl ClosedPort {
    /// Takes one.
    ///
    /// # Errors
    /// When there is none.
    pub fn new() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Self(socket))
    }

    /// Where connections are refused.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// The base URL of a Simple API there.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn url(&self) -> io::Result<String> {
        Ok(format!("http://{}/simple/", self.address()?))
    }
}
