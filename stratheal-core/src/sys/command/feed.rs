//! What a command reads, written while it runs.

use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Writes to a pipe until everything is written or nobody reads it any more. It keeps its place when its future is dropped.
#[derive(Debug)]
pub(super) struct Feed<W> {
    pipe: Option<W>,
    bytes: Vec<u8>,
    written: usize,
}

impl<W: AsyncWrite + Unpin> Feed<W> {
    pub(super) const fn new(pipe: Option<W>, bytes: Vec<u8>) -> Self {
        Self { pipe, bytes, written: 0 }
    }

    /// Whether nothing is left to write.
    pub(super) const fn is_done(&self) -> bool {
        self.pipe.is_none()
    }

    /// Ends the input here.
    pub(super) fn close(&mut self) {
        self.pipe = None;
    }

    /// Writes the rest, and ends the input.
    pub(super) async fn write(&mut self) {
        while let Some(pipe) = self.pipe.as_mut().filter(|_| self.written < self.bytes.len()) {
            match pipe.write(&self.bytes[self.written..]).await {
                Ok(0) => break,
                Ok(count) => self.written += count,
                Err(error) => {
                    // A command need not read what it is given.
                    tracing::debug!(%error, written = self.written, "a command did not read all of its input");
                    break;
                }
            }
        }
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn everything_is_written_and_then_it_ends() {
        let (mut read, write) = tokio::io::duplex(16);
        let mut feed = Feed::new(Some(write), vec![b'x'; 1000]);
        let mut got = Vec::new();
        let ((), count) = tokio::join!(feed.write(), read.read_to_end(&mut got));
        assert_eq!((count.unwrap(), feed.is_done()), (1000, true));
        let (read, write) = tokio::io::duplex(16);
        drop(read);
        let mut feed = Feed::new(Some(write), vec![b'x'; 1000]);
        feed.write().await;
        assert!(feed.is_done());
    }
}
