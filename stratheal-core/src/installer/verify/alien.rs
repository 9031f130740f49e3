//! Files that nobody records. Pure.

use std::path::PathBuf;

use super::sight::Aliens;
use super::{Finding, Problem};

/// The most that are told.
const MOST: usize = 100;

/// What tools put beside packages.
const KNOWN: &[&str] = &[
    "_virtualenv.py",
    "_virtualenv.pth",
    "distutils-precedence.pth",
    "easy-install.pth",
    "README.txt",
    ".lock",
    ".gitignore",
    "CACHEDIR.TAG",
];

/// What tools put into a `.dist-info`, listed or not.
const NOTES: &[&str] = &["INSTALLER", "REQUESTED", "RECORD", "direct_url.json", "uv_cache.json", "uv_build.json"];

/// Tells about them, by the first name below the folder of packages. Those of formats that have no list are not meant.
pub(super) fn aliens(found: &Aliens) -> Vec<Finding> {
    let meant = found.iter().filter(|(top, (count, example))| {
        let name = top.rsplit('/').next().unwrap_or(top);
        let is_note = name.ends_with(".dist-info")
            && *count <= NOTES.len()
            && NOTES.contains(&example.rsplit('/').next().unwrap_or_default());
        let is_listless = [".egg-info", ".egg-link", ".egg"].iter().any(|ending| name.ends_with(ending));
        // What `virtualenv` leaves of a wheel that it took apart.
        let is_mark = name.ends_with(".virtualenv");
        !KNOWN.contains(&name) && !name.starts_with('~') && !is_listless && !is_note && !is_mark
    });
    let told = meant.take(MOST).map(|(top, (files, example))| {
        let problem = Problem::Alien { files: *files, example: example.into() };
        Finding::about(None, Some(PathBuf::from(top)), problem)
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scares_nobody_is_left_out() {
        let one = |top: &str, example: &str| (format!("lib/p/{top}"), (1, format!("lib/p/{example}")));
        let found: Aliens = [
            one("_virtualenv.py", "_virtualenv.py"),
            one("a-1.dist-info", "a-1.dist-info/REQUESTED"),
            one("b-1.dist-info", "b-1.dist-info/planted"),
            one("~ip", "~ip/x"),
            one("pip-26.3.virtualenv", "pip-26.3.virtualenv"),
            one("old.egg-info", "old.egg-info/x"),
            one("mine.py", "mine.py"),
        ]
        .into();
        let told: Vec<_> = aliens(&found).into_iter().map(|finding| finding.path.unwrap()).collect();
        assert_eq!(told, [PathBuf::from("lib/p/b-1.dist-info"), PathBuf::from("lib/p/mine.py")]);
    }
}
