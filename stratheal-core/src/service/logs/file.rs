//! A log file that is set aside when it has its size.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::place::older;
use crate::base::fs::named;

/// A log that is written to. It blocks, so it is used on a thread of its own.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    max_size: u64,
    keep: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// What identifies the file, so that one that was moved or deleted is noticed.
    inode: u64,
    size: u64,
}

impl LogFile {
    pub(super) const fn new(path: PathBuf, max_size: u64, keep: u32) -> Self {
        Self { path, max_size, keep, open: None }
    }

    /// Appends whole lines. Answers how many bytes were written; that is less than all only with an error. No line is written in part.
    pub(super) fn append(&mut self, lines: &[u8]) -> (usize, io::Result<()>) {
        let mut written = 0;
        while written < lines.len() {
            match self.append_some(&lines[written..]) {
                Ok(count) => written += count,
                Err(error) => return (written, Err(named(&self.path, &error))),
            }
        }
        (written, Ok(()))
    }

    /// Appends as many lines as the file has room for.
    fn append_some(&mut self, lines: &[u8]) -> io::Result<usize> {
        let size = self.opened()?.size;
        let room = usize::try_from(self.max_size.saturating_sub(size)).unwrap_or(usize::MAX);
        let fits = if lines.len() <= room {
            lines.len()
        } else {
            lines[..room].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
        };
        let count = match fits {
            0 if size > 0 => {
                self.set_aside()?;
                return Ok(0);
            }
            // A line larger than a file gets a file of its own.
            0 => lines.iter().position(|byte| *byte == b'\n').map_or(lines.len(), |end| end + 1),
            fits => fits,
        };
        let open = self.opened()?;
        if let Err(error) = open.file.write_all(&lines[..count]) {
            // Half a line at the end would be read as one.
            open.file.set_len(open.size)?;
            return Err(error);
        }
        open.size += count as u64;
        Ok(count)
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        let still =
            self.open.take().filter(|open| fs::metadata(&self.path).is_ok_and(|found| found.ino() == open.inode));
        let open = match still {
            Some(open) => open,
            None => open(&self.path)?,
        };
        Ok(self.open.insert(open))
    }

    fn set_aside(&mut self) -> io::Result<()> {
        self.open = None;
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(older(&self.path, number), older(&self.path, number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, older(&self.path, 1))
    }
}

fn open(path: &Path) -> io::Result<Open> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let found = file.metadata()?;
    Ok(Open { inode: found.ino(), size: found.len(), file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_gets_no_more_than_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/a.log");
        let mut log = LogFile::new(path.clone(), 100, 2);
        for number in 0..100 {
            let line = format!("line {number:04}\n");
            assert_eq!(log.append(line.as_bytes()).0, line.len());
        }
        let names: Vec<_> = [path.clone(), older(&path, 1), older(&path, 2)].into();
        for name in &names {
            assert!(fs::metadata(name).unwrap().len() <= 100);
        }
        assert!(!older(&path, 3).exists());
        let newest = fs::read_to_string(&path).unwrap();
        assert!(newest.ends_with("line 0099\n"), "{newest}");
        let before = fs::read_to_string(older(&path, 1)).unwrap();
        assert!(before.starts_with("line 0080\n") || before.starts_with("line 0090\n"), "{before}");
    }

    #[test]
    fn a_batch_is_spread_and_a_giant_gets_its_own_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = LogFile::new(path.clone(), 10, 3);
        let lines = b"one\ntwo\nthree\n0123456789012345\nfour\n";
        assert!(log.append(lines).1.is_ok());
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "four\n");
        assert_eq!(read(&older(&path, 1)), "0123456789012345\n");
        assert_eq!((read(&older(&path, 2)).as_str(), read(&older(&path, 3)).as_str()), ("three\n", "one\ntwo\n"));
    }

    #[test]
    fn a_file_that_was_taken_away_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = LogFile::new(path.clone(), 1000, 0);
        assert!(log.append(b"one\n").1.is_ok());
        fs::remove_file(&path).unwrap();
        assert!(log.append(b"two\n").1.is_ok());
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    }
}
