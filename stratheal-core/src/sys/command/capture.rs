//! The beginning of what a command prints; the rest is read and thrown away, so that the command never waits for its reader.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What a command printed: the beginning, and how much there was in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captured {
    head: Vec<u8>,
    /// The last bytes, and up to as many before them.
    tail: Vec<u8>,
    total: u64,
}

/// How much of the end is kept, too: what went wrong usually stands there.
const TAIL: usize = 4096;

impl Captured {
    /// The beginning, byte for byte.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.head
    }

    /// The beginning as text; what is no UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.head).into_owned()
    }

    /// The last bytes, at most four KiB; what is no UTF-8 is replaced. Of short output it is everything.
    #[must_use]
    pub fn end(&self) -> String {
        let begin = self.tail.len().saturating_sub(TAIL);
        String::from_utf8_lossy(&self.tail[begin..]).into_owned()
    }

    fn take(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        self.total += bytes.len() as u64;
        self.tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL)..]);
        if self.tail.len() > 2 * TAIL {
            self.tail.drain(..self.tail.len() - TAIL);
        }
    }

    /// How many bytes were printed in all.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Whether more was printed than kept.
    #[must_use]
    pub const fn is_cut(&self) -> bool {
        self.total > self.head.len() as u64
    }
}

/// Reads a pipe to its end. It keeps what it has when its future is dropped.
#[derive(Debug)]
pub(super) struct Capture<R> {
    pipe: Option<R>,
    kept: Captured,
    limit: usize,
}

/// How much of a flood is thrown away before the reader rests, and for how long: other checks share its thread.
const BURST: usize = 1024 * 1024;
const REST: Duration = Duration::from_millis(5);

impl<R: AsyncRead + Unpin> Capture<R> {
    pub(super) fn new(pipe: Option<R>, limit: usize) -> Self {
        Self { pipe, kept: Captured::default(), limit }
    }

    /// Whether the pipe was read to its end.
    pub(super) const fn is_done(&self) -> bool {
        self.pipe.is_none()
    }

    pub(super) fn into_kept(self) -> Captured {
        self.kept
    }

    /// Reads until the end.
    pub(super) async fn drain(&mut self) {
        let mut buffer = vec![0; 4096];
        let mut burst = 0;
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut buffer).await {
                Ok(0) => self.pipe = None,
                Ok(count) => {
                    self.kept.take(&buffer[..count], self.limit);
                    burst += count;
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot read what a command prints");
                    self.pipe = None;
                }
            }
            if burst > BURST {
                // A pipe holds 64 KiB, so a flood is read with a sixteenth of the calls.
                buffer.resize(64 * 1024, 0);
                burst = 0;
                tokio::time::sleep(REST).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_beginning_is_kept_and_the_rest_counted() {
        let flood = vec![b'y'; 3 * BURST];
        let mut capture = Capture::new(Some(flood.as_slice()), 10);
        capture.drain().await;
        assert!(capture.is_done());
        let kept = capture.into_kept();
        assert_eq!((kept.text().as_str(), kept.total(), kept.is_cut()), ("yyyyyyyyyy", 3 * BURST as u64, true));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_kept_too() {
        let mut flood = vec![b'y'; 100_000];
        flood.extend_from_slice(b"the reason");
        for (printed, length) in [(flood.as_slice(), TAIL), (b"the reason", 10)] {
            let mut capture = Capture::new(Some(printed), 10);
            capture.drain().await;
            let end = capture.into_kept().end();
            assert!(end.ends_with("the reason") && end.len() == length, "{}", end.len());
        }
    }

    #[tokio::test]
    async fn odd_bytes_become_text() {
        let mut capture = Capture::new(Some(b"a\xff".as_slice()), 10);
        capture.drain().await;
        let kept = capture.into_kept();
        assert_eq!((kept.text().as_str(), kept.is_cut(), kept.bytes()), ("a\u{fffd}", false, b"a\xff".as_slice()));
    }
}
