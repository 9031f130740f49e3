//! The installers that are there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::Finding;
use crate::model::Status;
use crate::sys::command::{Command, Ending};

/// What is looked for.
const NAMES: [&str; 4] = ["uv", "pip", "pdm", "poetry"];

/// An installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// What it says its version is, or what is wrong with it.
    pub version: Result<String, String>,
}

/// Asks each known installer that is in `path` (the value of `PATH`), or in a folder before that, for its version.
///
/// # Cancellation
/// Dropping the future ends the programs.
pub async fn find_tools(before: Option<&Path>, path: Option<&OsString>, patience: Duration) -> Vec<Tool> {
    let places = before.map(Path::to_owned).into_iter();
    let places: Vec<PathBuf> = places.chain(path.iter().flat_map(std::env::split_paths)).collect();
    let found = NAMES.into_iter().filter_map(|name| {
        let program = places.iter().map(|place| place.join(name)).find(|program| program.is_file())?;
        Some((name, program))
    });
    join_all(found.map(async |(name, program)| Tool { name, version: version(&program, patience).await })).await
}

async fn version(program: &Path, patience: Duration) -> Result<String, String> {
    let command = Command::new(program, ["--version"]);
    let running = command.spawn().map_err(|error| error.to_string())?;
    let finished = running.finish(Instant::now() + patience).await.map_err(|error| error.to_string())?;
    match finished.ending {
        Ending::Exited(0) => parse_version(&finished.stdout.text()).ok_or_else(|| "says no version".to_owned()),
        Ending::Exited(code) => Err(format!("exits with {code}")),
        Ending::Signalled(signal) => Err(format!("is killed by signal {signal}")),
        Ending::TimedOut { .. } => Err(format!("does not answer within {} s", patience.as_secs())),
    }
}

/// The first word that begins with a digit, in whatever else a tool says around it.
fn parse_version(text: &str) -> Option<String> {
    let words = text.lines().next()?.split([' ', '(', ')', ',']);
    let mut versions = words.filter(|word| word.bytes().next().is_some_and(|byte| byte.is_ascii_digit()));
    versions.next().map(|version| version.chars().take(40).collect())
}

/// Says which installers there are.
#[must_use]
pub fn judge_tools(tools: &[Tool]) -> Finding {
    const TOPIC: &str = "tools";
    let shown = |tool: &Tool| match &tool.version {
        Ok(version) => format!("{} {version}", tool.name),
        Err(problem) => format!("{} {problem}", tool.name),
    };
    let list = tools.iter().map(shown).collect::<Vec<_>>().join(", ");
    let broken: Vec<_> = tools.iter().filter(|tool| tool.version.is_err()).map(|tool| tool.name).collect();
    if tools.is_empty() {
        let next = "install one of them; an environment's own pip works as well: `python3 -m pip`";
        return Finding::bad(TOPIC, Status::Warning, format!("none of {} is in PATH", NAMES.join(", ")), next);
    }
    if !broken.is_empty() {
        let next = format!("install {} again", broken.join(", "));
        return Finding::bad(TOPIC, Status::Warning, list, next);
    }
    Finding::healthy(TOPIC, list)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        for (text, version) in [
            ("uv 0.13.9 (abc 2026-11-01)\n", Some("0.13.9")),
            ("pip 26.3 from /usr/lib/python3 (python 3.12)", Some("26.3")),
            ("Poetry (version 2.5.1)", Some("2.5.1")),
            ("PDM, version 2.27.0", Some("2.27.0")),
            ("", None),
        ] {
            assert_eq!(parse_version(text).as_deref(), version, "{text}");
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_broken_tool_is_told_apart_from_a_missing_one() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let patience = Duration::from_secs(20);
        assert_eq!(judge_tools(&find_tools(Some(folder.path()), None, patience).await).status, Status::Warning);
        for (name, text) in [("uv", "#!/bin/sh\necho uv 1.2.3\n"), ("pdm", "#!/bin/sh\nexit 7\n")] {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let finding = judge_tools(&find_tools(Some(folder.path()), None, patience).await);
        assert_eq!(finding.summary, "uv 1.2.3, pdm exits with 7");
        assert!(finding.next.is_some_and(|next| next.contains("pdm")));
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}") {
            let _ = parse_version(&text);
        }
    }
}
