//! Which engines are there.

use std::path::{Path, PathBuf};

use super::{Engine, Pip, Uv};
use crate::gateway::Environment;

/// Which engine is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EngineChoice {
    /// uv where it is, else pip.
    #[default]
    Auto,
    /// uv only.
    Uv,
    /// pip only.
    Pip,
}

/// The engines that are there, in the order in which they are tried. `environment` is the environment that is changed, if it exists, and
/// `interpreters` are those that may have a pip.
pub(in crate::installer) fn engines(
    choice: EngineChoice,
    environment: Option<&Path>,
    interpreters: &[&Path],
    variables: &Environment,
) -> Vec<Box<dyn Engine>> {
    let mut engines: Vec<Box<dyn Engine>> = Vec::new();
    if choice != EngineChoice::Pip
        && let Some(program) = find_uv(environment, variables)
    {
        engines.push(Box::new(Uv { program }));
    }
    if choice != EngineChoice::Uv {
        let with_pip = interpreters.iter().find(|interpreter| has_pip(interpreter));
        engines.extend(with_pip.map(|interpreter| -> Box<dyn Engine> { Box::new(Pip::of((*interpreter).to_owned())) }));
    }
    engines
}

fn find_uv(environment: Option<&Path>, variables: &Environment) -> Option<PathBuf> {
    let (folder, name) = if cfg!(windows) { ("Scripts", "uv.exe") } else { ("bin", "uv") };
    let own = environment.map(|root| root.join(folder));
    let path = variables.value("PATH").unwrap_or_default();
    let mut places = own.into_iter().chain(std::env::split_paths(path));
    places.find_map(|place| Some(place.join(name)).filter(|program| program.is_file()))
}

/// Whether an interpreter has a pip, as far as can be seen without starting it: in the folders beside it.
fn has_pip(interpreter: &Path) -> bool {
    let Some(prefix) = interpreter.parent().and_then(Path::parent) else { return false };
    let library = prefix.join(if cfg!(windows) { "Lib" } else { "lib" });
    let versions = std::fs::read_dir(&library).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut packages = versions.chain([library.clone()]).flat_map(|version| {
        ["site-packages", "dist-packages"].map(|folder| version.join(folder).join("pip/__init__.py"))
    });
    packages.any(|module| module.is_file())
}
