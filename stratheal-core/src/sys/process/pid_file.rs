//! Files in which a program leaves its process id.

use std::io;
use std::path::Path;

use crate::base::fs::read_text;

/// A file holds no process id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no process id in it: `{0}`")]
pub struct InvalidPidFile(String);

/// Reads the process id from the first line of a file's text.
///
/// # Errors
/// [`InvalidPidFile`] when it is no positive number.
pub fn parse(text: &str) -> Result<u32, InvalidPidFile> {
    let line = text.lines().next().unwrap_or_default().trim();
    let pid = line.parse().ok().filter(|pid| (1..=i32::MAX.unsigned_abs()).contains(pid));
    pid.ok_or_else(|| InvalidPidFile(line.chars().take(32).collect()))
}

/// Reads a process id from a file.
///
/// # Errors
/// What the system says with the path in front, or `InvalidData` when there is no process id in it.
pub fn read(path: &Path) -> io::Result<u32> {
    let text = read_text(path, 4096)?;
    parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_pid_files() {
        assert_eq!(parse("123\n"), Ok(123));
        assert_eq!(parse("  7  \n/var/lib/postgresql\n"), Ok(7));
        for bad in ["", "0", "-1", "x", "99999999999", "4294967295"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
