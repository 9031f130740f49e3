//! What an engine is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use async_trait::async_trait;

use super::error::{EngineFailure, ResolveError};
use crate::gateway::Environment;
use crate::installer::lock::Lock;

/// What an engine is to resolve. Paths are absolute, and lie in a folder that is deleted afterwards.
#[derive(Debug)]
pub struct ResolveRequest<'a> {
    /// A requirements file without any index option.
    pub requirements: &'a Path,
    /// A constraints file.
    pub constraints: &'a Path,
    /// The interpreter that it is for.
    pub python: &'a Path,
    /// A folder for what the engine writes.
    pub scratch: &'a Path,
    /// Versions that are taken where they will do.
    pub preferred: &'a Lock,
    /// Whether versions before a release may be chosen.
    pub pre: bool,
    /// The environment of this process, before the gateway changes it.
    pub environment: &'a Environment,
    /// The folder that relative paths in the configuration of engines mean.
    pub folder: &'a Path,
}

/// What an engine is to make a wheel of. Paths are absolute.
#[derive(Debug)]
pub struct BuildRequest<'a> {
    /// What the wheel is made of.
    pub from: BuildFrom<'a>,
    /// The interpreter that it is for.
    pub python: &'a Path,
    /// An empty folder for the wheel. An editable goes into the environment of the interpreter instead.
    pub into: &'a Path,
    /// Settings for the build backend: key to one or more values.
    pub settings: &'a BTreeMap<String, Vec<String>>,
}

/// What a wheel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuildFrom<'a> {
    /// A folder with a project, or an archive with nothing but a folder with a project.
    Path(&'a Path),
    /// The same, by a URL with all that pip reads in one: the kind of a repository, a commit, a folder inside of it.
    Url(&'a str),
    /// A folder with a project, whose files stay where they are.
    Editable(&'a Path),
}

/// A program that chooses versions, and makes wheels of what is none.
///
/// Engines decide nothing but versions and files: fetching, verifying and installing is not theirs. They get their packages from the
/// gateway, through the variables that the request's runner sets.
#[async_trait]
pub trait Engine: Send + Sync + fmt::Debug {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Its command line for a request.
    fn command(&self, request: &ResolveRequest<'_>) -> Vec<OsString>;

    /// Whether settings for build backends may stand in a requirements file. They count where something is built in any case.
    fn reads_settings(&self) -> bool;

    /// Its command line for a build, in isolation. `None` when it cannot make a wheel of that.
    fn build(&self, request: &BuildRequest<'_>) -> Option<Vec<OsString>>;

    /// What is to be there before it is run.
    ///
    /// # Errors
    /// What the system says.
    fn prepare(&self, _request: &ResolveRequest<'_>) -> std::io::Result<()> {
        Ok(())
    }

    /// Whether the preferred versions bind it. Without a solution, it is then asked once more without them.
    fn insists(&self) -> bool {
        false
    }

    /// What an exit code and the messages mean when it failed.
    fn failure(&self, code: i32, said: &str) -> ResolveError;

    /// The lock, after it succeeded.
    ///
    /// # Errors
    /// [`ResolveError`] when it cannot be read.
    async fn lock(&self, request: &ResolveRequest<'_>) -> Result<Lock, ResolveError>;
}

/// The end of what a program said, for people.
pub(super) fn said(text: &str) -> String {
    /// More is read by nobody.
    const MOST: usize = 4_000;
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    let text = lines[lines.len().saturating_sub(40)..].join("\n");
    let skip = text.chars().count().saturating_sub(MOST);
    text.chars().skip(skip).collect()
}

/// The environment as the runner of commands wants it.
pub(in crate::installer) fn variables(environment: &Environment) -> BTreeMap<String, OsString> {
    let text =
        |(name, value): (&std::ffi::OsStr, &std::ffi::OsStr)| Some((name.to_str()?.to_owned(), value.to_owned()));
    environment.iter().filter_map(text).collect()
}

/// How an engine that ended without an exit code ended.
pub(super) fn broken(engine: &'static str, how: String, text: &str) -> ResolveError {
    EngineFailure::Broken { engine, how, said: said(text) }.into()
}
