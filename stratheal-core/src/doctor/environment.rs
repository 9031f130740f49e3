//! A virtual environment: is it there, is what it was made from still there, can it be changed.
//!
//! Source: PEP 405 for `pyvenv.cfg`.

use std::io;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::base::fs::read_text;
use crate::model::Status;

/// The largest `pyvenv.cfg`; usual ones have 200 bytes.
const MAX_FILE: u64 = 64 * 1024;

/// What a virtual environment is like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnvironmentFacts {
    /// Its folder.
    pub folder: PathBuf,
    /// Whether the folder is there.
    pub exists: bool,
    /// Where the interpreter is it was made from; `None` without a `pyvenv.cfg` that says so.
    pub home: Option<PathBuf>,
    /// Whether that is still there.
    pub home_exists: bool,
    /// The Python version it was made for, as it is written.
    pub version: Option<String>,
    /// The Python versions it has folders for, such as `3.12`.
    pub series: Vec<String>,
    /// Whether packages can be put into it.
    pub writable: bool,
}

/// Looks at a virtual environment. May block while its disk does not answer.
#[must_use]
pub fn examine_environment(folder: &Path) -> EnvironmentFacts {
    let mut facts = EnvironmentFacts { folder: folder.to_owned(), exists: folder.is_dir(), ..Default::default() };
    if let Ok(text) = read_text(&folder.join("pyvenv.cfg"), MAX_FILE) {
        let (home, version) = parse_settings(&text);
        facts.home_exists = home.as_ref().is_some_and(|home| home.is_dir());
        facts.home = home;
        facts.version = version;
    }
    facts.series = series(folder).unwrap_or_default();
    facts.writable = is_writable(folder);
    facts
}

fn series(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder.join("lib"))?.take(64) {
        let name = entry?.file_name();
        found.extend(name.to_str().and_then(|name| name.strip_prefix("python")).map(str::to_owned));
    }
    Ok(found)
}

#[cfg(unix)]
fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(folder: &Path) -> bool {
    std::fs::metadata(folder).is_ok_and(|found| !found.permissions().readonly())
}

/// `home` and the version of a `pyvenv.cfg`.
fn parse_settings(text: &str) -> (Option<PathBuf>, Option<String>) {
    let value = |wanted: &str| {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == wanted)?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    // uv and virtualenv write `version_info`.
    (value("home").map(PathBuf::from), value("version").or_else(|| value("version_info")))
}

/// Says how an environment is.
#[must_use]
pub fn judge_environment(facts: &EnvironmentFacts) -> Finding {
    const TOPIC: &str = "environment";
    let folder = facts.folder.display();
    let anew = || format!("make it anew: `python3 -m venv --clear {folder}`, then install again");
    let bad = |status, summary: String, next: String| Finding::bad(TOPIC, status, summary, next);
    if !facts.exists {
        return bad(
            Status::Warning,
            format!("{folder} does not exist"),
            format!("make it: `python3 -m venv {folder}`"),
        );
    }
    let Some(home) = &facts.home else {
        return bad(Status::Critical, format!("{folder} is no virtual environment: it has no pyvenv.cfg"), anew());
    };
    if !facts.home_exists {
        let what = format!("{folder} was made from the Python in {}, which is gone", home.display());
        return bad(Status::Critical, what, anew());
    }
    let written = facts.version.as_deref().unwrap_or_default();
    let is_same = |series: &String| written.strip_prefix(series.as_str()).is_some_and(|rest| !begins_with_digit(rest));
    if !written.is_empty() && !facts.series.is_empty() && !facts.series.iter().any(is_same) {
        let what = format!("{folder} says it is for Python {written}, but holds {}", facts.series.join(", "));
        return bad(Status::Critical, what, anew());
    }
    if !facts.writable {
        let next = "install as the user it belongs to, or make one of your own".to_owned();
        return bad(Status::Warning, format!("{folder} cannot be changed by this user"), next);
    }
    let version = facts.version.as_ref().map_or(String::new(), |version| format!(", Python {version}"));
    Finding::healthy(TOPIC, format!("{folder}{version}, made from {}", home.display()))
}

fn begins_with_digit(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_wrong_is_found() {
        let sound = EnvironmentFacts {
            folder: ".venv".into(),
            exists: true,
            home: Some("/usr/bin".into()),
            home_exists: true,
            version: Some("3.12.4".to_owned()),
            series: vec!["3.12".to_owned()],
            writable: true,
        };
        let judge = |change: fn(&mut EnvironmentFacts)| {
            let mut facts = sound.clone();
            change(&mut facts);
            judge_environment(&facts)
        };
        assert_eq!(judge(|_| ()).status, Status::Healthy);
        for (finding, status, words) in [
            (judge(|facts| facts.exists = false), Status::Warning, "does not exist"),
            (judge(|facts| facts.home = None), Status::Critical, "no pyvenv.cfg"),
            (judge(|facts| facts.home_exists = false), Status::Critical, "which is gone"),
            (judge(|facts| facts.series = vec!["3.1".to_owned()]), Status::Critical, "holds 3.1"),
            (judge(|facts| facts.writable = false), Status::Warning, "cannot be changed"),
        ] {
            assert_eq!(finding.status, status, "{finding:?}");
            assert!(finding.summary.contains(words) && finding.next.is_some(), "{finding:?}");
        }
    }

    #[test]
    fn a_real_folder_is_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(judge_environment(&examine_environment(folder.path())).status, Status::Critical);
        std::fs::create_dir_all(folder.path().join("lib/python3.12")).unwrap();
        let text = format!("home = {}\nversion_info = 3.12.0.final.0\n", folder.path().display());
        std::fs::write(folder.path().join("pyvenv.cfg"), text).unwrap();
        let finding = judge_environment(&examine_environment(folder.path()));
        assert_eq!(finding.status, Status::Healthy, "{finding:?}");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "(home|version)? ?=? ?[a-z./\n=]{0,20}") {
            let _ = (parse_settings(&text), parse_settings(&near));
        }
    }
}
