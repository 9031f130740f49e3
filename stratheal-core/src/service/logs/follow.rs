//! A log as it grows.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::line::Line;
use super::place::{MOST_PARTS, older, path_of};
use super::tail::last;
use crate::base::fs::named;
use crate::model::ServiceId;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// The most that is read at once.
const CHUNK: u64 = 256 * 1024;

/// Follows the log of a service, also when it is set aside and begun anew, and before there is one.
///
/// ```no_run
/// # async fn example(folder: &std::path::Path) -> std::io::Result<()> {
/// use stratheal_core::model::ServiceId;
/// use stratheal_core::service::logs::Follow;
/// let (before, mut follow) = Follow::new(folder, &ServiceId::new("api").unwrap(), 10)?;
/// for line in before {
///     println!("{}", line.printable());
/// }
/// loop {
///     for line in follow.next().await? {
///         println!("{}", line.printable());
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Follow {
    path: PathBuf,
    open: Option<(File, u64)>,
    /// The beginning of a line whose end is still to come.
    held: Vec<u8>,
}

impl Follow {
    /// The last `lines` lines, and whatever comes after them.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn new(folder: &Path, service: &ServiceId, lines: usize) -> io::Result<(Vec<Line>, Self)> {
        let path = path_of(folder, service);
        let mut follow = Self { path, open: None, held: Vec::new() };
        let mut end = None;
        if let Some((mut file, inode)) = follow.opened(&follow.path)? {
            end = Some(file.seek(SeekFrom::End(0))?);
            follow.open = Some((file, inode));
        }
        let before = if lines == 0 { Vec::new() } else { last(&follow.path, lines, end)? };
        Ok((before, follow))
    }

    /// The next lines, at least one.
    ///
    /// # Cancellation
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub async fn next(&mut self) -> io::Result<Vec<Line>> {
        loop {
            let lines = self.look()?;
            if !lines.is_empty() {
                return Ok(lines);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// What came since the last look; empty when there is nothing.
    fn look(&mut self) -> io::Result<Vec<Line>> {
        loop {
            if self.open.is_none() {
                // There was no log when this began, so all of it is new.
                self.open = self.after(u64::MAX)?;
            }
            let Some((file, inode)) = &mut self.open else { return Ok(Vec::new()) };
            // Looked up before reading: once it is set aside, nothing is added to it any more.
            let now = fs::metadata(&self.path).map(|found| found.ino()).ok();
            let inode = *inode;
            let count = file.take(CHUNK).read_to_end(&mut self.held).map_err(|error| named(&self.path, &error))?;
            let lines = self.whole_lines();
            if !lines.is_empty() || count as u64 == CHUNK {
                return Ok(lines);
            }
            match now {
                Some(now) if now == inode => return Ok(Vec::new()),
                // Set aside, and the next is not there yet.
                None => return Ok(Vec::new()),
                Some(_) => {
                    self.held.clear();
                    self.open = self.after(inode)?;
                }
            }
        }
    }

    fn whole_lines(&mut self) -> Vec<Line> {
        let Some(end) = self.held.iter().rposition(|byte| *byte == b'\n') else { return Vec::new() };
        let text = String::from_utf8_lossy(&self.held[..=end]).into_owned();
        self.held.drain(..=end);
        text.lines().filter_map(Line::parse).collect()
    }

    /// The part that was begun after the one with this inode; the oldest that is left when that one is gone.
    fn after(&self, inode: u64) -> io::Result<Option<(File, u64)>> {
        let mut younger = self.path.clone();
        for number in 1..=MOST_PARTS {
            let part = older(&self.path, number);
            match fs::metadata(&part) {
                Ok(found) if found.ino() == inode => break,
                Ok(_) => younger = part,
                Err(_) => break,
            }
        }
        self.opened(&younger)
    }

    fn opened(&self, path: &Path) -> io::Result<Option<(File, u64)>> {
        match File::open(path) {
            Ok(file) => {
                let inode = file.metadata().map_err(|error| named(path, &error))?.ino();
                Ok(Some((file, inode)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(named(&self.path, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::LogFile;
    use super::*;

    fn line(number: usize) -> String {
        format!("2026-01-31T12:34:56.789Z out {number}\n")
    }

    #[tokio::test]
    async fn no_line_is_missed_when_the_log_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let service = ServiceId::new("api").unwrap();
        let (before, mut follow) = Follow::new(folder.path(), &service, 3).unwrap();
        assert!(before.is_empty());
        let mut log = LogFile::new(path_of(folder.path(), &service), 100, 6);
        let mut seen = Vec::new();
        for round in 0..20 {
            // Up to three parts between two looks.
            for number in round * 7..round * 7 + 7 {
                assert!(log.append(line(number).as_bytes()).1.is_ok());
            }
            while seen.len() < round * 7 + 7 {
                let lines = tokio::time::timeout(LOOK * 20, follow.next()).await.expect("a line is missed").unwrap();
                seen.extend(lines.into_iter().map(|line| line.text));
            }
        }
        let expected: Vec<String> = (0..140).map(|number| number.to_string()).collect();
        assert_eq!(seen, expected);
        let (before, _) = Follow::new(folder.path(), &service, 3).unwrap();
        assert_eq!(before.into_iter().map(|line| line.text).collect::<Vec<_>>(), ["137", "138", "139"]);
    }
}
