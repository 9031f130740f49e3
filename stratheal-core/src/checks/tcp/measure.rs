//! A run of a `tcp` check.

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::options::{Expect, Prepared, TcpOptions};
use crate::base::clock::{Clock, SystemClock};
use crate::checks::{InvalidOption, Measure, Measurement, finding};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::Report;
use crate::model::quantity::show_seconds;
use crate::net::{NetError, Phase, Progress, Stream};

/// How much is read while looking for what is expected, in bytes.
const MAX_READ: usize = 64 * 1024;

/// Makes a connection, sends what is to be sent, and reads until what is expected has come.
///
/// Metrics: `latency` (all of it), `dns`, `connect`, `tls`, `first_byte`, and `certificate_days` over TLS. Facts: `received`,
/// as text, and `address`.
#[derive(Debug)]
pub struct TcpMeasure {
    prepared: Prepared,
}

impl TcpMeasure {
    /// Validates the options. Nothing is connected to and no file is read.
    ///
    /// # Errors
    /// [`InvalidOption`], which names the option.
    pub fn new(options: TcpOptions) -> Result<Self, InvalidOption> {
        Ok(Self { prepared: Prepared::new(options)? })
    }

    async fn talk(
        &self,
        cx: &CheckContext,
        progress: &mut Progress,
        received: &mut Vec<u8>,
    ) -> Result<Ending, NetError> {
        let prepared = &self.prepared;
        let stream = Stream::connect(&prepared.target, cx, progress).await?;
        let mut stream = match &prepared.tls {
            Some(tls) => tls.handshake(stream, &prepared.target.host(), true, cx, progress).await?,
            None => Stream::Plain(stream),
        };
        progress.enter(Phase::FirstByte, Instant::now());
        let broken = |source| NetError::of_io(source, |source| NetError::Broken { phase: Phase::FirstByte, source });
        if let Some(bytes) = &prepared.send {
            stream.write_all(bytes.expose()).await.map_err(broken)?;
            stream.flush().await.map_err(broken)?;
        }
        let Some(expect) = &prepared.expect else { return Ok(Ending::Met) };
        let mut buffer = [0; 4096];
        loop {
            let room = buffer.len().min(MAX_READ - received.len());
            if room == 0 {
                return Ok(Ending::Full);
            }
            let count = stream.read(&mut buffer[..room]).await.map_err(|source| {
                let phase = progress.phase().unwrap_or(Phase::Body);
                NetError::of_io(source, |source| NetError::Broken { phase, source })
            })?;
            if count == 0 {
                return Ok(Ending::Closed);
            }
            if received.is_empty() {
                progress.enter(Phase::Body, Instant::now());
            }
            received.extend_from_slice(&buffer[..count]);
            progress.received = received.len() as u64;
            if expect.pattern.is_match(received) {
                return Ok(Ending::Met);
            }
        }
    }
}

/// How a conversation ended.
#[derive(Clone, Copy)]
enum Ending {
    /// All that was wanted has happened.
    Met,
    /// The other side closed the connection.
    Closed,
    /// As much came as is read, without what was expected.
    Full,
}

#[async_trait]
impl Measure for TcpMeasure {
    fn kind(&self) -> CheckKind {
        CheckKind::Network
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        if let Some(tls) = &self.prepared.tls {
            tls.prepare(cx).await?;
        }
        let started = Instant::now();
        let deadline = finding::own_deadline(cx);
        let mut progress = Progress::new(started);
        let mut received = Vec::new();
        let outcome = timeout_at(deadline, self.talk(cx, &mut progress, &mut received)).await;
        let total = started.elapsed();
        let mut whole = None;
        let expect = self.prepared.expect.as_ref();
        let report = match (outcome, expect) {
            (Ok(Ok(Ending::Met)), _) => {
                if expect.is_some() {
                    progress.leave(Instant::now());
                }
                whole = Some(total);
                Report::healthy(format!("{} in {}", self.met(), show_seconds(total.as_secs_f64())))
            }
            (Ok(Ok(ending)), Some(expect)) => unexpected(expect, ending, &received),
            (Ok(Err(error)), _) => finding::failed(error, &progress, cx)?,
            (Err(_), Some(expect)) if !received.is_empty() => late(expect, &received, cx),
            (Ok(Ok(_)) | Err(_), _) => finding::timed_out(&progress, cx),
        };
        let report = finding::with_times(report, &progress, whole, SystemClock.now());
        let received = String::from_utf8_lossy(&received).into_owned();
        Ok(Measurement::new(report).fact("received", received).fact("address", self.prepared.target.to_string()))
    }
}

impl TcpMeasure {
    fn met(&self) -> &'static str {
        match (&self.prepared.expect, &self.prepared.tls) {
            (Some(_), _) => "answered as expected",
            (None, Some(_)) => "connected with TLS",
            (None, None) => "connected",
        }
    }
}

fn unexpected(expect: &Expect, ending: Ending, received: &[u8]) -> Report {
    let how = if matches!(ending, Ending::Full) {
        format!("{MAX_READ} bytes came without {}", expect.shown)
    } else {
        format!("the connection was closed without {}", expect.shown)
    };
    mismatch(format!("{how}, received {}", show(received)))
}

fn late(expect: &Expect, received: &[u8], cx: &CheckContext) -> Report {
    let waited = show_seconds(cx.timeout.as_secs_f64());
    mismatch(format!("{} did not come within {waited}, received {}", expect.shown, show(received)))
}

fn mismatch(summary: String) -> Report {
    Report::critical(summary).code("unexpected-answer").hint("check that the right service listens on this port")
}

/// The beginning of what came, made printable.
fn show(received: &[u8]) -> String {
    match received.len() {
        0 => "nothing".to_owned(),
        1..=64 => format!("\"{}\"", received.escape_ascii()),
        more => format!("\"{}\" and {} more bytes", received[..64].escape_ascii(), more - 64),
    }
}
