//! Connections that must move: who does not read what it asked for loses its place.
//!
//! A limit on the life of a connection would cut large downloads on slow links. So the limit is on standing still: in any minute in
//! which an answer waited to be sent, the client must take a few kilobytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Over how much waiting the client is judged.
const WINDOW: Duration = Duration::from_mins(1);
/// What it has to take in that time, in bytes. A 56k modem takes fifteen times as much.
const LEAST: u64 = 16 * 1024;

/// A stream with a limit on standing still while something is to be written.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    /// Since when the last write waits.
    waits_since: Option<Instant>,
    /// How long writes waited in this window.
    waited: Duration,
    /// What was written in this window.
    written: u64,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Patient<S> {
    /// Wraps a stream.
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            waits_since: None,
            waited: Duration::ZERO,
            written: 0,
            alarm: Box::pin(tokio::time::sleep(WINDOW)),
        }
    }

    fn judge(&mut self, outcome: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(result) => {
                if let Some(since) = self.waits_since.take() {
                    self.waited += since.elapsed();
                }
                self.written += *result.as_ref().unwrap_or(&0) as u64;
                if self.waited >= WINDOW && self.written >= LEAST {
                    (self.waited, self.written) = (Duration::ZERO, 0);
                }
                Poll::Ready(result)
            }
            Poll::Pending => {
                let now = Instant::now();
                if self.waits_since.is_none() {
                    self.waits_since = Some(now);
                    let left = WINDOW.saturating_sub(self.waited);
                    self.alarm.as_mut().reset(now + left);
                }
                if self.alarm.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                if self.written < LEAST {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                (self.waited, self.written) = (Duration::ZERO, 0);
                self.waits_since = Some(now);
                self.alarm.as_mut().reset(now + WINDOW);
                // Asked once more, so that somebody wakes this task.
                self.alarm.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.judge(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_loses_its_place() {
        let (ours, theirs) = tokio::io::duplex(1024);
        let mut ours = Patient::new(ours);
        let started = Instant::now();
        let error = ours.write_all(&vec![0; 100_000]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(started.elapsed().as_secs(), 60);
        drop(theirs);
    }

    #[tokio::test(start_paused = true)]
    async fn who_trickles_loses_it_too_and_who_is_slow_does_not() {
        for (pause, survives) in [(Duration::from_secs(3), true), (Duration::from_secs(10), false)] {
            let (ours, mut theirs) = tokio::io::duplex(1024);
            let mut ours = Patient::new(ours);
            tokio::spawn(async move {
                let mut piece = [0; 1024];
                while theirs.read_exact(&mut piece).await.is_ok() {
                    tokio::time::sleep(pause).await;
                }
            });
            assert_eq!(ours.write_all(&vec![0; 100 * 1024]).await.is_ok(), survives, "{pause:?}");
        }
    }
}
