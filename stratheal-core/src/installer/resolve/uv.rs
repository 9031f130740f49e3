//! uv as an engine: `uv pip compile` writes a lock.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;

use super::engine::{BuildFrom, BuildRequest, Engine, ResolveRequest, said};
use super::error::{EngineFailure, ResolveError};
use crate::index::ThisProcess;
use crate::installer::lock::{Lock, LockError};

const NAME: &str = "uv";

/// The file it writes. uv takes the versions in the one that is there already where they will do.
const LOCK: &str = "pylock.toml";

/// uv.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uv {
    /// The program.
    pub program: PathBuf,
}

#[async_trait]
impl Engine for Uv {
    fn name(&self) -> &'static str {
        NAME
    }

    fn command(&self, request: &ResolveRequest<'_>) -> Vec<OsString> {
        let mut argv: Vec<OsString> = vec![self.program.clone().into()];
        argv.extend(["pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-progress"].map(Into::into));
        argv.extend(["--color", "never", "--no-python-downloads", "--format", "pylock.toml"].map(Into::into));
        argv.extend(["--python".into(), request.python.into()]);
        argv.extend(["--output-file".into(), request.scratch.join(LOCK).into()]);
        argv.extend(["--constraints".into(), request.constraints.into()]);
        if request.pre {
            argv.extend(["--prerelease", "allow"].map(Into::into));
        }
        argv.push(request.requirements.into());
        argv
    }

    fn reads_settings(&self) -> bool {
        false
    }

    fn build(&self, request: &BuildRequest<'_>) -> Option<Vec<OsString>> {
        let mut argv: Vec<OsString> = vec![self.program.clone().into()];
        match request.from {
            BuildFrom::Path(path) => {
                argv.extend(["build", "--wheel", "--no-create-gitignore", "--out-dir"].map(Into::into));
                argv.extend([request.into.into(), path.into()]);
            }
            BuildFrom::Editable(path) => {
                argv.extend(["pip", "install", "--no-deps", "--editable"].map(Into::into));
                argv.push(path.into());
            }
            BuildFrom::Url(_) => return None,
        }
        // Not quiet: why a build failed stands among what the backend says.
        argv.extend(["--no-progress", "--color", "never", "--no-python-downloads"].map(Into::into));
        argv.extend(["--python".into(), request.python.into()]);
        argv.extend(settings("--config-setting", request.settings));
        Some(argv)
    }

    fn prepare(&self, request: &ResolveRequest<'_>) -> io::Result<()> {
        if request.preferred.packages.is_empty() {
            return Ok(());
        }
        // Names and versions are all that it takes from there.
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let mut text = String::from("lock-version = \"1.0\"\ncreated-by = \"stratheal\"\n");
        for package in &request.preferred.packages {
            if let Some(version) = &package.version {
                let (name, version) = (quoted(package.name.as_str()), quoted(&version.to_string()));
                let _ = write!(text, "\n[[packages]]\nname = {name}\nversion = {version}\n");
            }
        }
        fs::write(request.scratch.join(LOCK), text)
    }

    fn failure(&self, code: i32, text: &str) -> ResolveError {
        let is_usage = ["unexpected argument", "unrecognized subcommand", "invalid value 'pylock.toml'"];
        if code == 2 && is_usage.iter().any(|words| text.contains(words)) {
            return EngineFailure::TooOld { engine: NAME, said: said(text) }.into();
        }
        if text.contains("No solution found") || text.contains("unsatisfiable") {
            return ResolveError::NoSolution { engine: NAME, explanation: said(text) };
        }
        match code {
            1 | 2 => EngineFailure::Refused { engine: NAME, said: said(text) }.into(),
            code => EngineFailure::Broken { engine: NAME, how: format!("exited with {code}"), said: said(text) }.into(),
        }
    }

    async fn lock(&self, request: &ResolveRequest<'_>) -> Result<Lock, ResolveError> {
        let path = request.scratch.join(LOCK);
        let read = tokio::task::spawn_blocking(move || Lock::read(&path, &ThisProcess)).await;
        let read = read.map_err(|error| EngineFailure::Broken {
            engine: NAME,
            how: "wrote a lock that could not be looked at".to_owned(),
            said: error.to_string(),
        })?;
        read.map(|parsed| parsed.lock.with_paths_from(request.scratch))
            .map_err(|source: LockError| ResolveError::Lock { engine: NAME, source })
    }
}

/// Settings for a build backend, as words of a command line.
pub(super) fn settings(option: &str, settings: &BTreeMap<String, Vec<String>>) -> Vec<OsString> {
    let each = settings.iter().flat_map(|(key, values)| values.iter().map(move |value| (key, value)));
    each.flat_map(|(key, value)| [option.into(), format!("{key}={value}").into()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_failure_means() {
        let uv = Uv { program: "uv".into() };
        let means = |code, text: &str| uv.failure(code, text);
        assert!(matches!(means(1, "error: No solution found when"), ResolveError::NoSolution { .. }));
        assert!(matches!(
            means(2, "error: unexpected argument '--format'"),
            ResolveError::Engine(EngineFailure::TooOld { .. })
        ));
        assert!(matches!(means(2, "error: Failed to fetch"), ResolveError::Engine(EngineFailure::Refused { .. })));
        assert!(matches!(means(101, "panicked at"), ResolveError::Engine(EngineFailure::Broken { .. })));
    }
}
