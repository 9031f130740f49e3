//! Which folders no rule may name.
//!
//! A mistake in a configuration must not cost a machine. Refused are: what is not absolute or has `..`; the root and whatever lies
//! directly in it, such as `/srv` or `/tmp`; everything in system folders such as `/etc` and `/usr`, but not what is in `/usr/local`,
//! one level further down; folders that systems and packages share, such as `/var/lib` itself; homes, and what is above one; and mount
//! points, so that what should be on a disk that is not mounted is never looked for below it.

use std::path::{Component, Path, PathBuf};

/// Nothing in them may be named, nor they themselves.
const SYSTEM: &[&str] = &[
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/sbin", "/sys", "/usr", "/System",
];
/// They themselves may not be named; what is in them may.
const SHARED: &[&str] = &[
    "/usr/local/bin",
    "/usr/local/etc",
    "/usr/local/lib",
    "/usr/local/sbin",
    "/usr/local/share",
    "/var/cache",
    "/var/lib",
    "/var/lock",
    "/var/log",
    "/var/mail",
    "/var/run",
    "/var/spool",
    "/var/tmp",
    "/run/lock",
    "/run/user",
];

/// Why a rule may not name this folder, as far as its name tells.
pub(super) fn refusal(root: &Path) -> Option<&'static str> {
    let is_plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    if !root.is_absolute() || !root.components().all(is_plain) {
        return Some("it must be an absolute path without `..`");
    }
    let depth = root.components().count() - 1;
    if depth < 2 {
        return Some("it is the root of everything, or lies directly in it");
    }
    let is_local = root.starts_with("/usr/local") && depth > 2;
    if SYSTEM.iter().any(|system| root.starts_with(system)) && !is_local {
        return Some("it is part of the system");
    }
    if SHARED.iter().any(|shared| root == Path::new(shared)) {
        return Some("the system and its packages share it; name a folder in it");
    }
    if root.starts_with("/home") && depth == 2 {
        return Some("it is a home");
    }
    None
}

/// Whether a folder is one of these homes, or above one. Accounts of the system have homes such as `/`, which count for nothing.
pub(super) fn holds_a_home(root: &Path, homes: &[PathBuf]) -> bool {
    homes.iter().any(|home| home.starts_with(root))
}

/// The homes that an account file names (`passwd(5)`).
pub(super) fn parse_homes(text: &str) -> Vec<PathBuf> {
    let homes = text.lines().filter_map(|line| line.split(':').nth(5));
    homes.filter(|home| home.starts_with('/')).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_cost_a_machine_is_refused() {
        for (root, is_refused) in [
            ("/", true),
            ("//", true),
            ("", true),
            ("relative/folder", true),
            ("/srv", true),
            ("/tmp", true),
            ("/srv/app/../..", true),
            ("/etc/app", true),
            ("/usr/share/doc", true),
            ("/usr/local", true),
            ("/usr/local/lib", true),
            ("/usr/local/app", false),
            ("/var/log", true),
            ("/var/log/app", false),
            ("/var/lib/", true),
            ("/home/ada", true),
            ("/home/ada/", true),
            ("/home/ada/app/logs", false),
            ("/srv/app", false),
            ("/tmp/app", false),
            ("/proc/1/root", true),
            ("/etcetera/app", false),
        ] {
            assert_eq!(refusal(Path::new(root)).is_some(), is_refused, "{root}");
        }
    }

    #[test]
    fn homes_are_refused_wherever_they_are() {
        let homes =
            parse_homes("root:x:0:0:root:/root:/bin/sh\nweb:x:1:1::/srv/web/home:/bin/sh\nodd\nx:::::relative:");
        assert_eq!(homes, [Path::new("/root"), Path::new("/srv/web/home")]);
        for (root, holds) in
            [("/srv/web", true), ("/srv/web/home", true), ("/srv/web/home/logs", false), ("/srv/w", false)]
        {
            assert_eq!(holds_a_home(Path::new(root), &homes), holds, "{root}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(path in "(/|\\.\\.|\\PC){0,20}", accounts in "(\\PC|:|\n){0,60}") {
            let homes = parse_homes(&accounts);
            let _ = (refusal(Path::new(&path)), holds_a_home(Path::new(&path), &homes));
        }
    }
}
