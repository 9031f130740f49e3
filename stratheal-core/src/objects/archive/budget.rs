//! A reader that ends with an error once too much was read.
//!
//! The directory of an archive is kept in memory; its size stands in the archive, and an archive may say anything.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TOO_LARGE: &str = "its directory is larger than any real one";

#[derive(Debug)]
pub(super) struct Budget<R> {
    inner: R,
    left: Arc<AtomicU64>,
}

impl<R> Budget<R> {
    /// The reader, and what is left of its budget, which can be raised while somebody else has the reader.
    pub(super) fn new(inner: R, bytes: u64) -> (Self, Arc<AtomicU64>) {
        let left = Arc::new(AtomicU64::new(bytes));
        (Self { inner, left: left.clone() }, left)
    }
}

impl<R: Read> Read for Budget<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let left = self.left.load(Ordering::Relaxed).checked_sub(count as u64);
        let left = left.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, TOO_LARGE))?;
        self.left.store(left, Ordering::Relaxed);
        Ok(count)
    }
}

impl<R: Seek> Seek for Budget<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }

    // The inner reader may have a buffer, which it drops when it is moved by `seek`.
    fn stream_position(&mut self) -> io::Result<u64> {
        self.inner.stream_position()
    }

    fn seek_relative(&mut self, by: i64) -> io::Result<()> {
        self.inner.seek_relative(by)
    }
}
