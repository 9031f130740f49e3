//! Connections: bounded in number, in the size of what a client may send, and in how long it may stand still.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::patience::Patient;
use super::places::{Doubt, Place, Places};
use super::service::Service;

/// How long a connection may take to its first request, with all headers.
const FIRST_HEADERS_WITHIN: Duration = Duration::from_secs(5);
/// How long a client may take to send its headers, also between two requests of one connection.
const HEADERS_WITHIN: Duration = Duration::from_mins(1);
/// How long a TLS handshake may take.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes.
const LARGEST_HEAD: usize = 64 * 1024;
/// The most headers of a request.
const MOST_HEADERS: usize = 100;
/// How long answers that are under way may take at the end.
const GRACE: Duration = Duration::from_secs(2);
/// How long to wait after a failed accept: without file descriptors the next one fails as well.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` completes; then answers what is under way, for two seconds at most.
pub(super) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    tls: Option<TlsAcceptor>,
    stop: impl Future<Output = ()> + Send,
) {
    let places = Places::new();
    let (ending, ended) = watch::channel(());
    tokio::pin!(stop);
    loop {
        let next = async {
            let ticket = places.ticket().await;
            (ticket, listener.accept().await)
        };
        let (ticket, accepted) = tokio::select! {
            () = &mut stop => break,
            next = next => next,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "the gateway cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let (service, tls, ended) = (service.clone(), tls.clone(), ended.clone());
        let (place, doubt) = places.place(ticket);
        tokio::spawn(async move {
            // Clients that hang up, talk nonsense or do not listen are everyday.
            if let Err(error) = connection(stream, service, tls, (place, doubt), ended).await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    drop(ending);
    if tokio::time::timeout(GRACE, places.empty()).await.is_err() {
        tracing::debug!("connections were cut off at the end of the gateway");
    }
}

/// Its sender is dropped when the server ends.
type Ended = watch::Receiver<()>;

async fn connection(
    stream: TcpStream,
    service: Arc<Service>,
    tls: Option<TlsAcceptor>,
    (place, mut doubt): (Place, Doubt),
    ended: Ended,
) -> io::Result<()> {
    // Heads and bodies are written apart, and a delayed one costs 40 ms.
    stream.set_nodelay(true)?;
    let stream = Patient::new(stream);
    match tls {
        None => talk(stream, service, place, doubt, ended).await,
        Some(tls) => {
            let stream = tokio::select! {
                stream = tls.accept(stream) => stream?,
                () = doubt.in_vain(HANDSHAKE_WITHIN) => return Err(io::ErrorKind::TimedOut.into()),
            };
            talk(stream, service, place, doubt, ended).await
        }
    }
}

async fn talk<S>(stream: S, service: Arc<Service>, place: Place, mut doubt: Doubt, mut ended: Ended) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let place = Arc::new(place);
    let answer = service_fn(move |request| {
        let (service, place) = (service.clone(), place.clone());
        async move {
            place.asked().await;
            service.answer(request).await
        }
    });
    let mut connection = pin!(http().serve_connection(TokioIo::new(stream), answer).with_upgrades());
    tokio::select! {
        done = connection.as_mut() => return done.map_err(io::Error::other),
        () = doubt.in_vain(FIRST_HEADERS_WITHIN) => return Err(io::ErrorKind::TimedOut.into()),
        // Nothing is ever sent: it completes when the sender is dropped.
        _ = ended.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.map_err(io::Error::other)
}

/// How HTTP is spoken, here and inside the proxy's tunnels.
pub(super) fn http() -> hyper::server::conn::http1::Builder {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS);
    http
}
