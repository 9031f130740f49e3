//! A file with holes: where a whole block is zeros nothing is written, so that it takes no room.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// The block of nearly all file systems, in bytes.
const BLOCK: usize = 4 << 10;

/// Writes into an empty file, and leaves holes. [`Holes::finish`] has to be called in the end.
pub(super) struct Holes {
    file: File,
    block: Vec<u8>,
    /// Whether a hole is open at the end of what was written.
    is_open: bool,
}

impl Holes {
    pub(super) fn new(file: File) -> Self {
        Self { file, block: Vec::with_capacity(BLOCK), is_open: false }
    }

    fn put_block(&mut self) -> io::Result<()> {
        self.is_open = self.block.iter().all(|byte| *byte == 0);
        if self.is_open {
            self.file.seek(SeekFrom::Current(i64::try_from(self.block.len()).unwrap_or(i64::MAX)))?;
        } else {
            self.file.write_all(&self.block)?;
        }
        self.block.clear();
        Ok(())
    }

    /// Writes what is left, and makes the file as long as it has to be.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.block.is_empty() {
            self.put_block()?;
        }
        if self.is_open {
            let end = self.file.stream_position()?;
            self.file.set_len(end)?;
        }
        Ok(())
    }
}

impl Write for Holes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..count]);
        if self.block.len() == BLOCK {
            self.put_block()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_content_is_the_same(runs in proptest::collection::vec((0..3u8, 1..12_000usize), 0..6)) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            let mut holes = Holes::new(File::create_new(&path).unwrap());
            let mut expected = Vec::new();
            for (byte, length) in runs {
                let piece = vec![byte; length];
                holes.write_all(&piece).unwrap();
                expected.extend(piece);
            }
            holes.finish().unwrap();
            prop_assert!(std::fs::read(&path).unwrap() == expected);
        }
    }
}
