//! One type for the three kinds of connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::connect::connect;
use super::{NetError, Phase, Progress, Target};
use crate::contract::CheckContext;

/// A connection. Dropping it closes it.
#[derive(Debug)]
pub enum Stream {
    /// TCP.
    Plain(TcpStream),
    /// TLS over TCP; boxed, because it is large.
    Tls(Box<TlsStream<TcpStream>>),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
}

impl Stream {
    /// Connects over TCP.
    ///
    /// # Cancellation
    /// Dropping the future gives all attempts up.
    ///
    /// # Errors
    /// [`NetError`] of the lookup and of the connection.
    pub async fn connect(target: &Target, cx: &CheckContext, progress: &mut Progress) -> Result<TcpStream, NetError> {
        let addresses = target.addresses(cx, progress).await?;
        progress.enter(Phase::Connect, tokio::time::Instant::now());
        connect(&addresses).await.map_err(|(address, source)| {
            let name = target.to_string();
            let address = address.to_string();
            let to = if name == address { name } else { format!("{name} ({address})") };
            NetError::of_io(source, |source| NetError::Connect { to, source })
        })
    }

    /// Connects to a Unix socket.
    ///
    /// # Errors
    /// [`NetError`] of the connection.
    #[cfg(unix)]
    pub async fn connect_unix(path: &std::path::Path, progress: &mut Progress) -> Result<Self, NetError> {
        progress.enter(Phase::Connect, tokio::time::Instant::now());
        tokio::net::UnixStream::connect(path).await.map(Self::Unix).map_err(|source| {
            NetError::of_io(source, |source| NetError::Connect { to: path.display().to_string(), source })
        })
    }
}

/// Calls the same method of whichever stream it is.
macro_rules! forward {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain($inner) => $call,
            Stream::Tls($inner) => $call,
            #[cfg(unix)]
            Stream::Unix($inner) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => Pin::new(stream).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, stream => Pin::new(stream).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        forward!(self, stream => Pin::new(stream).poll_write_vectored(cx, parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
