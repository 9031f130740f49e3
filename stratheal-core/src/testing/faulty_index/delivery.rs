//! Sends an answer as it is meant to be sent.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::answer::{Answer, End, Framing, Start};
use super::server::Shared;
use super::stream::Stream;

/// How much is sent at once.
const PIECE: u64 = 64 * 1024;
/// How often a slow answer sends something.
const TICKS_PER_SECOND: u64 = 20;
/// How long silence lasts at most.
const LONGEST_SILENCE: Duration = Duration::from_mins(10);
/// How long a reset waits, so that what was sent is there before it: a reset drops what is still on its way.
const BEFORE_RESET: Duration = Duration::from_millis(15);

/// What became of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outcome {
    /// Bytes of the body that were sent.
    pub(super) sent: u64,
    /// Whether it broke off.
    pub(super) cut: bool,
    /// Whether the connection can be used again.
    pub(super) usable: bool,
}

/// Sends an answer. An error of the connection is an outcome like any other here.
pub(super) async fn deliver(
    answer: &Answer,
    stream: &mut dyn Stream,
    shared: &Shared,
    entry: Option<usize>,
) -> Outcome {
    let mut outcome = Outcome { sent: 0, cut: true, usable: false };
    // An error means that the other side has gone; whoever reads the log sees it there.
    if send(answer, stream, shared, entry, &mut outcome).await.is_err() {
        outcome.cut = true;
    }
    outcome
}

async fn send(
    answer: &Answer,
    stream: &mut dyn Stream,
    shared: &Shared,
    entry: Option<usize>,
    outcome: &mut Outcome,
) -> io::Result<()> {
    tokio::time::sleep(answer.wait).await;
    match answer.start {
        Start::Answer => {}
        Start::Reset => return stream.reset_at_end(),
        Start::Close => return stream.shutdown().await,
        Start::Silence => return silence(stream).await,
        Start::Garbage => {
            stream.write_all(b"\x16\x03 this is no HTTP\r\n\r\n").await?;
            return stream.shutdown().await;
        }
    }
    stream.write_all(&answer.head()).await?;
    stream.flush().await?;
    let has_end = answer.has_body && answer.end.is_some_and(|(after, _)| after < answer.length);
    let limit = match answer.end {
        Some((after, _)) if has_end => after,
        _ if answer.has_body => answer.length,
        _ => 0,
    };
    let mut pace = Pace::new(answer.pace);
    while outcome.sent < limit {
        let most = pace.piece(outcome.sent).min(limit - outcome.sent).min(shared.left());
        let from = answer.from + outcome.sent;
        let mut piece = answer.body.read(from, most as usize).to_vec();
        for at in answer.flipped.iter().filter_map(|at| at.checked_sub(from)) {
            if let Some(byte) = piece.get_mut(at as usize) {
                *byte ^= 0x20;
            }
        }
        let length = piece.len() as u64;
        if answer.framing == Framing::Chunked {
            piece.splice(0..0, format!("{length:x}\r\n").into_bytes());
            piece.extend(b"\r\n");
        }
        stream.write_all(&piece).await?;
        stream.flush().await?;
        outcome.sent += length;
        shared.sent(entry, length).await;
        pace.wait(outcome.sent).await;
    }
    if has_end {
        return match answer.end {
            Some((_, End::Reset)) => {
                tokio::time::sleep(BEFORE_RESET).await;
                stream.reset_at_end()
            }
            Some((_, End::Silence)) => silence(stream).await,
            _ => stream.shutdown().await,
        };
    }
    if answer.framing == Framing::Chunked && answer.has_body {
        stream.write_all(b"0\r\n\r\n").await?;
        stream.flush().await?;
    }
    outcome.cut = false;
    outcome.usable = answer.keeps_alive && matches!(answer.framing, Framing::Sized(0) | Framing::Chunked);
    Ok(())
}

/// Says nothing until the other side goes away.
async fn silence(stream: &mut dyn Stream) -> io::Result<()> {
    let gone = async {
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await? > 0 {}
        Ok(())
    };
    tokio::time::timeout(LONGEST_SILENCE, gone).await.unwrap_or(Ok(()))
}

/// The speed of one answer.
struct Pace {
    limit: Option<(u64, u64)>,
    since: Option<Instant>,
}

impl Pace {
    fn new(limit: Option<(u64, u64)>) -> Self {
        Self { limit, since: None }
    }

    /// How much comes next, after `sent` bytes.
    fn piece(&self, sent: u64) -> u64 {
        match self.limit {
            Some((after, _)) if sent < after => (after - sent).min(PIECE),
            Some((_, rate)) => (rate / TICKS_PER_SECOND).clamp(1, PIECE),
            None => PIECE,
        }
    }

    /// Waits until as much time passed as `sent` bytes take.
    async fn wait(&mut self, sent: u64) {
        let Some((after, rate)) = self.limit else { return };
        let since = *self.since.get_or_insert_with(Instant::now);
        let due = Duration::from_secs_f64(sent.saturating_sub(after) as f64 / rate as f64);
        tokio::time::sleep_until(since + due).await;
    }
}
