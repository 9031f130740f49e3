//! Open files of the whole host. Source: `proc_sys_fs(5)`, `file-nr`.

use super::{Malformed, SysError, SysRoot, fields};

/// Open files of the whole host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// In use.
    pub used: u64,
    /// The most there can be.
    pub limit: u64,
}

/// Reads `/proc/sys/fs/file-nr`: allocated, allocated but free, limit.
///
/// # Errors
/// [`Malformed`] when one of the three numbers is missing or none.
pub fn parse(text: &str) -> Result<OpenFiles, Malformed> {
    let mut numbers = text.split_ascii_whitespace();
    let allocated: u64 = fields::next(&mut numbers, "the number of open files")?;
    let free: u64 = fields::next(&mut numbers, "the number of free file handles")?;
    let limit = fields::next(&mut numbers, "the limit of open files")?;
    Ok(OpenFiles { used: allocated.saturating_sub(free), limit })
}

/// The open files of this host.
///
/// # Errors
/// [`SysError`] when they cannot be read.
pub fn read(root: &SysRoot) -> Result<OpenFiles, SysError> {
    if root.lacks_proc() {
        return Err(SysError::Unsupported { what: "the host's number of open files", why: "only Linux counts them" });
    }
    root.parse("proc/sys/fs/file-nr", parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_file_nr() {
        assert_eq!(parse("521\t1\t2466186\n"), Ok(OpenFiles { used: 520, limit: 2_466_186 }));
        assert_eq!(parse("1 0 9223372036854775807\n").unwrap().limit, i64::MAX as u64);
        for bad in ["", "1", "1 2", "1 2 x"] {
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
