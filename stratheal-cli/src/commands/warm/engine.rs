//! The installers that find out what is needed, as child processes behind the gateway.
//!
//! pip only resolves (`--dry-run --report`), and the files it names are fetched side by side. uv has no such report, so it installs into a
//! folder that is thrown away; what it fetches is by construction what it fetches the next time.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use stratheal_core::base::fs::read_text;
use stratheal_core::sys::command::{Command, Ending};
use tokio::time::Instant;

use super::target::{Target, uv_platform};
use crate::child::Variables;
use crate::failure::Failure;

/// Building the largest packages from source takes hours; more is a hang.
const LONGEST: Duration = Duration::from_hours(12);
/// The largest report of pip that is read: a thousand packages have about 10 MB.
const MAX_REPORT: u64 = 256 << 20;

/// An installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Engine {
    /// The interpreter's pip.
    Pip {
        /// The interpreter.
        python: PathBuf,
    },
    /// uv, for this interpreter.
    Uv {
        /// The program.
        program: PathBuf,
        /// The interpreter.
        python: PathBuf,
    },
}

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Requirements files.
    pub(super) files: Vec<PathBuf>,
    /// Requirements.
    pub(super) requirements: Vec<String>,
}

/// A file that is needed: its project and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needed {
    pub(super) project: String,
    pub(super) file_name: String,
}

/// How an engine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It found a solution; these files have still to be fetched.
    Solved(Vec<Needed>),
    /// It did not: the end of what it said.
    Failed(String),
}

impl Engine {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Pip { .. } => "pip",
            Self::Uv { .. } => "uv",
        }
    }

    /// The command line. `scratch` is a folder that is thrown away.
    pub(super) fn command(
        &self,
        wanted: &Wanted,
        target: &Target,
        foreign: bool,
        scratch: &Path,
    ) -> Result<Vec<OsString>, Failure> {
        let mut argv: Vec<OsString> = Vec::new();
        match self {
            Self::Pip { python } => {
                argv.extend([python.into(), "-m".into(), "pip".into(), "install".into()]);
                argv.extend(["--dry-run", "--ignore-installed", "--no-input", "--quiet", "--report"].map(Into::into));
                argv.push(report(scratch).into());
                if foreign {
                    argv.extend(["--only-binary=:all:".into(), "--target".into(), scratch.join("target").into()]);
                }
            }
            Self::Uv { program, python } => {
                argv.extend([program.into(), "pip".into(), "install".into(), "--no-cache".into(), "--quiet".into()]);
                argv.extend(["--python".into(), python.into(), "--target".into(), scratch.join("target").into()]);
                if foreign {
                    argv.push("--only-binary=:all:".into());
                }
            }
        }
        if let Some(version) = &target.python
            && foreign
        {
            argv.extend(["--python-version".into(), version.into()]);
        }
        if let Some(platform) = &target.platform {
            match self {
                Self::Pip { .. } => argv.extend(["--platform".into(), platform.into()]),
                Self::Uv { .. } => {
                    let word = uv_platform(platform).map_err(Failure::Usage)?;
                    argv.extend(["--python-platform".into(), word.into()]);
                }
            }
        }
        for file in &wanted.files {
            argv.extend(["-r".into(), file.into()]);
        }
        // What begins with a hyphen would be an option.
        argv.push("--".into());
        argv.extend(wanted.requirements.iter().map(Into::into));
        Ok(argv)
    }

    /// Runs a command line of [`Engine::command`].
    pub(super) async fn run(
        &self,
        argv: &[OsString],
        variables: &Variables,
        scratch: &Path,
    ) -> Result<Answer, Failure> {
        let finished = execute(argv, variables).await?;
        let said = |how: String| {
            let (out, complaints) = (finished.stdout.text(), finished.stderr.text());
            let text = if complaints.trim().is_empty() { out } else { complaints };
            Answer::Failed(format!("{} {how}: {}", self.name(), last_lines(&text)))
        };
        match finished.ending {
            Ending::Exited(0) => {}
            Ending::Exited(code) => return Ok(said(format!("exited with {code}"))),
            Ending::Signalled(signal) => return Ok(said(format!("was killed by signal {signal}"))),
            Ending::TimedOut { .. } => return Ok(said(format!("did not end within {} h", LONGEST.as_secs() / 3600))),
        }
        if matches!(self, Self::Uv { .. }) {
            return Ok(Answer::Solved(Vec::new()));
        }
        let text = read_text(&report(scratch), MAX_REPORT).map_err(|error| Failure::io("read pip's report", error))?;
        parse_report(&text).map(Answer::Solved).map_err(|error| Failure::io("read pip's report", error.into()))
    }
}

async fn execute(argv: &[OsString], variables: &Variables) -> Result<stratheal_core::sys::command::Finished, Failure> {
    let program = argv.first().cloned().unwrap_or_default();
    let failed = |error: stratheal_core::sys::command::CommandError| Failure::Command {
        program: program.to_string_lossy().into_owned(),
        source: std::io::Error::other(error),
    };
    let mut command = Command::new(program.clone(), argv.iter().skip(1).cloned());
    command.environment = environment(variables);
    command.output_limit = 64 << 10;
    command.spawn().map_err(failed)?.finish(Instant::now() + LONGEST).await.map_err(failed)
}

/// This process's environment with the changes, as installers need all of it: certificates, proxies, compilers.
fn environment(variables: &Variables) -> BTreeMap<String, OsString> {
    let own = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let mut all: BTreeMap<String, OsString> = own.collect();
    for (name, value) in variables {
        match value {
            Some(value) => all.insert(name.clone(), value.clone()),
            None => all.remove(name),
        };
    }
    all
}

fn report(scratch: &Path) -> PathBuf {
    scratch.join("report.json")
}

fn last_lines(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(6)..].join("; ").chars().take(1000).collect()
}

/// The files of an installation report. Source: pip's documentation of the format, version 1.
fn parse_report(text: &str) -> Result<Vec<Needed>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Report {
        install: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        metadata: Metadata,
        download_info: Download,
        #[serde(default)]
        is_direct: bool,
    }
    #[derive(Deserialize)]
    struct Metadata {
        name: String,
    }
    #[derive(Deserialize)]
    struct Download {
        url: String,
    }
    let report: Report = serde_json::from_str(text)?;
    let from_index = report.install.into_iter().filter(|item| !item.is_direct);
    let needed = from_index.filter_map(|item| {
        let path = item.download_info.url.split(['?', '#']).next()?.to_owned();
        let file_name = path.rsplit('/').next().filter(|name| !name.is_empty())?;
        Some(Needed { project: item.metadata.name, file_name: decoded(file_name) })
    });
    Ok(needed.collect())
}

/// File names have no characters that are escaped but `+` and `!` of versions, which some indexes escape.
fn decoded(name: &str) -> String {
    name.replace("%2B", "+").replace("%2b", "+").replace("%21", "!")
}

/// Whether an engine says that what was asked for does not exist, rather than that something is broken.
pub(super) fn is_unsolvable(said: &str) -> bool {
    const WORDS: [&str; 5] = [
        "No matching distribution found",
        "ResolutionImpossible",
        "No solution found",
        "was not found in the package registry",
        "unsatisfiable",
    ];
    WORDS.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn command_lines() {
        let wanted = Wanted { files: vec!["r.txt".into()], requirements: vec!["--evil".to_owned(), "six".to_owned()] };
        let target = Target { python: Some("3.11".to_owned()), platform: Some("manylinux_2_28_x86_64".to_owned()) };
        let text = |engine: Engine, target: &Target, foreign| {
            let argv = engine.command(&wanted, target, foreign, Path::new("s")).unwrap();
            argv.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        let pip = || Engine::Pip { python: "python3".into() };
        let uv = || Engine::Uv { program: "uv".into(), python: "python3".into() };
        let own = Target::default();
        assert_eq!(
            text(pip(), &own, false),
            "python3 -m pip install --dry-run --ignore-installed --no-input --quiet --report s/report.json -r r.txt -- --evil six"
        );
        assert!(
            text(pip(), &target, true)
                .contains("--target s/target --python-version 3.11 --platform manylinux_2_28_x86_64")
        );
        assert!(text(uv(), &target, true).contains("--python-version 3.11 --python-platform x86_64-manylinux_2_28"));
        assert!(!text(uv(), &own, false).contains("only-binary"));
    }

    #[test]
    fn a_report_names_files() {
        let text = r#"{"version": "1", "install": [
            {"metadata": {"name": "Six"}, "is_direct": false, "download_info": {"url": "http://h/files/six-1%2B0.whl?x#sha256=1"}},
            {"metadata": {"name": "own"}, "is_direct": true, "download_info": {"url": "file:///own"}}
        ]}"#;
        let six = Needed { project: "Six".to_owned(), file_name: "six-1+0.whl".to_owned() };
        assert_eq!(parse_report(text).unwrap(), [six]);
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "[{}\\[\\]\":,a-z]{0,40}") {
            let _ = (parse_report(&text), parse_report(&near), last_lines(&text));
        }
    }
}
