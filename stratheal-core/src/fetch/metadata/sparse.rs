//! A file of which only some parts are there, as a reader.
//!
//! Whoever reads what is not there gets an error, and the reader remembers what was missing, so that it can be fetched before the
//! next attempt.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

/// Parts of a file of a known size.
#[derive(Debug, Clone)]
pub(super) struct Sparse {
    size: u64,
    /// Where each part begins.
    parts: Vec<(u64, Bytes)>,
    at: u64,
    missing: Arc<Mutex<Option<u64>>>,
}

impl Sparse {
    /// A file of this size, with its end.
    pub(super) fn new(size: u64, end: Bytes) -> Self {
        let parts = vec![(size.saturating_sub(end.len() as u64), end)];
        Self { size, parts, at: 0, missing: Arc::default() }
    }

    pub(super) fn add(&mut self, begins: u64, part: Bytes) {
        self.parts.push((begins, part));
    }

    /// The position that was read last without being there.
    pub(super) fn missing(&self) -> Option<u64> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Where the first known part behind this position begins, or the end.
    pub(super) fn gap_end(&self, from: u64) -> u64 {
        self.parts.iter().map(|(begins, _)| *begins).filter(|begins| *begins > from).min().unwrap_or(self.size)
    }
}

impl Read for Sparse {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        for (begins, part) in &self.parts {
            let inside = self.at.checked_sub(*begins).and_then(|inside| usize::try_from(inside).ok());
            let Some(rest) = inside.and_then(|inside| part.get(inside..)).filter(|rest| !rest.is_empty()) else {
                continue;
            };
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            self.at += count as u64;
            return Ok(count);
        }
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.at);
        Err(io::Error::other("this part of the file is not here"))
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "before the beginning of the file"))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_never_panics_and_reads_what_is_there(
            content in prop::collection::vec(any::<u8>(), 0..60), end in 0_usize..60, begins in 0_usize..60, from: u64, seek: i64,
        ) {
            let content = Bytes::from(content);
            let size = content.len();
            let mut sparse = Sparse::new(size as u64, content.slice(size.saturating_sub(end)..));
            let begins = begins.min(size);
            sparse.add(begins as u64, content.slice(begins..(begins + 5).min(size)));
            let _ = (sparse.seek(SeekFrom::Current(seek)), sparse.seek(SeekFrom::End(seek)), sparse.seek(SeekFrom::Start(from)));
            let _ = sparse.read(&mut [0; 3]);
            for at in 0..size {
                sparse.seek(SeekFrom::Start(at as u64)).unwrap();
                let mut byte = [0];
                let is_there = at >= size.saturating_sub(end) || (begins..begins + 5).contains(&at);
                match sparse.read(&mut byte) {
                    Ok(1) => prop_assert!(is_there && byte[0] == content[at]),
                    other => prop_assert!(other.is_err() && !is_there && sparse.missing() == Some(at as u64)),
                }
            }
        }
    }
}
