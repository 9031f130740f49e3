//! The limits of this process. Source: getrlimit(2).

use std::io;

/// How many files this process may have open: the limit in force, and how far it may raise that itself. `None` means no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFilesLimit {
    /// The limit in force.
    pub soft: Option<u64>,
    /// The most the process may set.
    pub hard: Option<u64>,
}

/// How many files this process may have open.
#[must_use]
pub fn open_files() -> OpenFilesLimit {
    #[cfg(unix)]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        OpenFilesLimit { soft: limit.current, hard: limit.maximum }
    }
    #[cfg(not(unix))]
    OpenFilesLimit { soft: None, hard: None }
}

/// Raises the number of files this process may have open as far as it may, and answers the limit then in force.
///
/// Programs start with 1024 for the sake of old ones that use select(2); tokio does not.
///
/// # Errors
/// What the system says.
pub fn raise_open_files() -> io::Result<OpenFilesLimit> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = open_files();
        if limit.soft != limit.hard {
            setrlimit(Resource::Nofile, Rlimit { current: limit.hard, maximum: limit.hard })?;
        }
    }
    Ok(open_files())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_to_the_hard_one() {
        let raised = raise_open_files().unwrap();
        assert_eq!(raised.soft, raised.hard);
        assert_eq!(open_files(), raised);
    }
}
