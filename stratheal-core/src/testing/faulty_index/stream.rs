//! A connection, encrypted or not, that can be reset.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket below.
    fn socket(&self) -> &TcpStream;

    /// Makes the end of this connection a reset: what was not sent is dropped.
    ///
    /// # Errors
    /// When the socket does not take the option.
    fn reset_at_end(&self) -> io::Result<()> {
        self.socket().set_zero_linger()
    }
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

#[cfg(feature = "gateway")]
impl Stream for tokio_rustls::server::TlsStream<TcpStream> {
    fn socket(&self) -> &TcpStream {
        self.get_ref().0
    }
}
