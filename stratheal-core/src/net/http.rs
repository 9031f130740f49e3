//! One HTTP/1.1 request and its answer over an open connection.

use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::Poll;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::{NetError, Phase, Progress, Stream};

/// The largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most header lines of an answer.
const MAX_HEADERS: usize = 128;

/// An answer, read to its end or to the limit.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as far as it was kept.
    pub body: Vec<u8>,
    /// Whether the body is longer than what was read.
    pub truncated: bool,
}

/// Sends a request and reads the answer: at most `max_body` bytes of its body, which are counted and kept if `keep` says so.
///
/// # Cancellation
/// Dropping the future closes the connection.
///
/// # Errors
/// [`NetError`] when the connection breaks, ends before the answer is whole, or carries something else than HTTP/1.1.
pub async fn exchange(
    stream: Stream,
    request: Request<Full<Bytes>>,
    max_body: usize,
    keep: bool,
    progress: &mut Progress,
) -> Result<Answer, NetError> {
    progress.enter(Phase::FirstByte, Instant::now());
    let says_goodbye = matches!(stream, Stream::Tls(_));
    let mut builder = http1::Builder::new();
    builder.max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.map_err(|error| sort(&error, Phase::FirstByte))?;
    let mut driver = Driver { connection: Some(connection), error: None };

    let response = driver.alongside(sender.send_request(request)).await;
    let response = response.map_err(|error| driver.cause(&error, Phase::FirstByte))?;
    progress.enter(Phase::Body, Instant::now());

    let (head, mut incoming) = response.into_parts();
    let mut answer = Answer { status: head.status, headers: head.headers, body: Vec::new(), truncated: false };
    let mut room = max_body;
    while let Some(frame) = driver.alongside(incoming.frame()).await {
        let frame = frame.map_err(|error| driver.cause(&error, Phase::Body))?;
        let Ok(data) = frame.into_data() else { continue };
        let taken = data.len().min(room);
        room -= taken;
        progress.received += taken as u64;
        if keep {
            answer.body.extend_from_slice(&data[..taken]);
        }
        if taken < data.len() {
            answer.truncated = true;
            break;
        }
    }
    progress.leave(Instant::now());
    if says_goodbye {
        // Without waiting for it: a server logs a TLS connection that just ends as an error.
        drop((sender, incoming));
        driver.alongside(std::future::ready(())).await;
    }
    Ok(answer)
}

/// The connection, which is polled together with whatever waits for it, so that no task of its own is needed.
struct Driver<C> {
    connection: Option<C>,
    error: Option<hyper::Error>,
}

impl<C: Future<Output = hyper::Result<()>> + Unpin> Driver<C> {
    async fn alongside<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                // The end of the exchange may be what the connection still has to hear of.
                self.poll(cx);
                return Poll::Ready(output);
            }
            self.poll(cx);
            future.as_mut().poll(cx)
        })
        .await
    }

    fn poll(&mut self, cx: &mut std::task::Context<'_>) {
        let Some(connection) = &mut self.connection else { return };
        if let Poll::Ready(ended) = Pin::new(connection).poll(cx) {
            self.connection = None;
            self.error = ended.err();
        }
    }

    /// The reason of a failure; a cancelled request only says that the connection ended, not why.
    fn cause(&self, error: &hyper::Error, phase: Phase) -> NetError {
        match &self.error {
            Some(reason) if error.is_canceled() || error.is_closed() => sort(reason, phase),
            _ => sort(error, phase),
        }
    }
}

fn sort(error: &hyper::Error, phase: Phase) -> NetError {
    if error.is_parse_too_large() {
        return NetError::HeadTooLarge { limit: MAX_HEAD, headers: MAX_HEADERS };
    }
    if error.is_parse() {
        return NetError::Malformed { problem: crate::base::class::chain(error) };
    }
    if error.is_incomplete_message() {
        return NetError::Incomplete { phase };
    }
    match io_cause(error) {
        Some(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => NetError::Incomplete { phase },
        Some(cause) => {
            let copy = cause
                .raw_os_error()
                .map_or_else(|| io::Error::new(cause.kind(), cause.to_string()), io::Error::from_raw_os_error);
            NetError::of_io(copy, |source| NetError::Broken { phase, source })
        }
        None => NetError::Malformed { problem: crate::base::class::chain(error) },
    }
}

fn io_cause(error: &hyper::Error) -> Option<&io::Error> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return Some(cause);
        }
        source = cause.source();
    }
    None
}
