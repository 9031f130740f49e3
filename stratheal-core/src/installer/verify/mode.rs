//! Files that have the right content, and cannot be used all the same: modes that were taken from them.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde::Serialize;

use super::Problem;
use super::sight::Seen;

/// Where programs are, relative to the root.
const PROGRAMS: &str = "bin/";

/// What a mode has to allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Right {
    /// To read the file.
    Read,
    /// To run the program.
    Execute,
}

/// Whether a file is a program that lost its right to be one. Programs that a wheel brings and launchers of entry points can be executed; what
/// else lies beside them does not begin like one. Only what has lost it is read.
pub(super) fn has_lost_it(root: &Path, path: &str, seen: &Seen) -> bool {
    let Seen::File(stat) = seen else { return false };
    let is_beside_programs = path.strip_prefix(PROGRAMS).is_some_and(|name| !name.contains('/'));
    !cfg!(windows) && stat.mode & 0o100 == 0 && is_beside_programs && begins_like_one(&root.join(path))
}

fn begins_like_one(file: &Path) -> bool {
    let mut head = Vec::new();
    let read = fs::File::open(file).and_then(|file| file.take(4).read_to_end(&mut head));
    read.is_ok() && (head.starts_with(b"#!") || head == b"\x7fELF")
}

/// What is wrong with a file that cannot be read: of this user's own files, that nobody may.
pub(super) fn explained(file: &Path, problem: Problem) -> Problem {
    let is_shut = || fs::symlink_metadata(file).is_ok_and(|found| found.is_file() && !may_read(&found));
    match problem {
        Problem::Unreadable { .. } if is_own(file) && is_shut() => Problem::Mode { lacks: Right::Read },
        problem => problem,
    }
}

/// Whether this user may set the mode of a file, or put another one in its place.
#[cfg(unix)]
pub(super) fn is_own(file: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid();
    fs::symlink_metadata(file).is_ok_and(|found| user.is_root() || found.uid() == user.as_raw())
}

#[cfg(not(unix))]
pub(super) fn is_own(file: &Path) -> bool {
    file.exists()
}

#[cfg(unix)]
fn may_read(found: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(found) & 0o400 != 0
}

#[cfg(not(unix))]
fn may_read(_found: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::stat::Stat;
    use super::*;

    #[test]
    fn programs_that_lost_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("bin/sub")).unwrap();
        for (path, text, mode, expected) in [
            ("bin/run", "#!/bin/sh\n", 0o755, false),
            ("bin/run", "#!/bin/sh\n", 0o644, true),
            ("bin/native", "\x7fELF\x02", 0o600, true),
            ("bin/data.txt", "data", 0o644, false),
            ("bin/sub/run", "#!/bin/sh\n", 0o644, false),
            ("module.py", "#!/usr/bin/python\n", 0o644, false),
        ] {
            let file = folder.path().join(path);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let seen = Seen::File(Stat::of(&fs::metadata(&file).unwrap()));
            assert_eq!(has_lost_it(folder.path(), path, &seen), expected, "{path} {mode:o}");
        }
        assert!(!has_lost_it(folder.path(), "bin/run", &Seen::Missing));
    }

    #[test]
    fn only_what_nobody_may_read_is_shut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.py");
        fs::write(&file, "").unwrap();
        let unreadable = || Problem::Unreadable { reason: "x".to_owned() };
        for (mode, expected) in [(0o644, unreadable()), (0o044, Problem::Mode { lacks: Right::Read })] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(explained(&file, unreadable()), expected, "{mode:o}");
        }
        assert_eq!(explained(&folder.path().join("absent"), unreadable()), unreadable());
        assert_eq!(explained(&file, Problem::Changed), Problem::Changed);
    }
}
