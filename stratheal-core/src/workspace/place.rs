//! Where things of this user are. What is here reads the environment of this process.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Config;
use crate::state::{Hints, locate};

/// How long a page or a file may take without progress where a person waits.
const PATIENCE: Duration = Duration::from_mins(2);
/// And on a build server: nobody waits, and starting again costs more.
const PATIENCE_OF_BUILD: Duration = Duration::from_mins(10);

/// A folder that a variable names. Relative ones do not count, as the XDG base directory specification says.
pub fn folder_in(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The user's folder for things that can be made again.
#[must_use]
pub fn cache() -> Option<PathBuf> {
    folder_in("CACHE_DIRECTORY")
        .or_else(|| folder_in("XDG_CACHE_HOME").map(|path| path.join("stratheal")))
        .or_else(|| folder_in("HOME").map(|path| path.join(".cache/stratheal")))
}

/// Where this user's installers keep what they know about environments; in the cache where there is no better place.
#[must_use]
pub fn user_state(cache: &Path) -> PathBuf {
    folder_in("XDG_STATE_HOME")
        .map(|path| path.join("stratheal"))
        .or_else(|| folder_in("HOME").map(|path| path.join(".local/state/stratheal")))
        .unwrap_or_else(|| cache.join("state"))
}

/// The state folder of a project: the one that is named, else by the service manager, by the configuration, or `.stratheal` in it.
#[must_use]
pub fn state(named: Option<&Path>, configured: Option<&Path>, project: &Path) -> PathBuf {
    let state_directory = env::var_os("STATE_DIRECTORY");
    locate(&Hints { option: named, state_directory: state_directory.as_deref(), configured, project })
}

/// The state folder for snapshots of an environment: that of the project, or one beside the environment.
#[must_use]
pub fn snapshots(named: Option<&Path>, config: Option<&Config>, root: &Path) -> PathBuf {
    match config {
        Some(config) => state(named, config.project.state.as_deref(), config.folder()),
        None => state(named, None, root.parent().unwrap_or(Path::new("/"))),
    }
}

/// Whether this is a build server, by the variables that those set. `variable` looks one up.
pub fn is_build_server(variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
    ["CI", "GITHUB_ACTIONS", "BUILD_BUILDID", "BUILD_ID", "TEAMCITY_VERSION"].into_iter().any(is_set)
}

/// How long a page or a file may take without progress, where nobody says it.
pub(super) fn deadline() -> Duration {
    if is_build_server(|name| env::var(name).ok()) { PATIENCE_OF_BUILD } else { PATIENCE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_servers_are_known_by_their_variables() {
        let detect = |name: &str, value: &str| is_build_server(|asked| (asked == name).then(|| value.to_owned()));
        assert!(detect("CI", "true") && detect("GITHUB_ACTIONS", "true") && detect("TEAMCITY_VERSION", "1"));
        assert!(!detect("CI", "false") && !detect("CI", "") && !detect("HOME", "true"));
    }
}
