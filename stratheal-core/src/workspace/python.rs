//! Which Python is meant.

use std::env;
use std::path::{Path, PathBuf};

use crate::config::Config;

/// The folder of an environment in which its programs are.
pub const PROGRAMS: &str = if cfg!(windows) { "Scripts" } else { "bin" };
/// What interpreters are called, the likelier name first.
const NAMES: [&str; 2] = if cfg!(windows) { ["python.exe", "py.exe"] } else { ["python3", "python"] };

/// An interpreter, and the virtual environment it was found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The program.
    pub program: PathBuf,
    /// The environment it belongs to, as far as that is known without asking it.
    pub environment: Option<PathBuf>,
}

/// The one that is named, else that of the project's environment, of the active one, of `.venv` here, else the first in `PATH`.
#[must_use]
pub fn choose(named: Option<&Path>, config: Option<&Config>) -> Choice {
    if let Some(named) = named {
        return of(named);
    }
    let active = || env::var_os("VIRTUAL_ENV").map(PathBuf::from).filter(|folder| !folder.as_os_str().is_empty());
    let here = || Some(PathBuf::from(".venv")).filter(|folder| folder.join("pyvenv.cfg").is_file());
    let environment = config.and_then(|config| config.project.environment.clone()).or_else(active).or_else(here);
    match environment {
        Some(folder) if folder.is_dir() => of(&folder),
        // One that is not there yet is still what the project is about.
        environment => Choice { program: in_path(), environment },
    }
}

fn of(named: &Path) -> Choice {
    if named.is_dir() {
        let program = named.join(PROGRAMS).join(if cfg!(windows) { "python.exe" } else { "python" });
        return Choice { program, environment: Some(named.to_owned()) };
    }
    let environment = named.parent().and_then(Path::parent).filter(|folder| folder.join("pyvenv.cfg").is_file());
    Choice { program: named.to_owned(), environment: environment.map(Path::to_owned) }
}

/// The interpreter in the folder of a program that is named by a path: `.venv/bin/python` for `.venv/bin/pip`.
#[must_use]
pub fn beside(program: &Path) -> Option<PathBuf> {
    let folder = program.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    NAMES.map(|name| folder.join(name)).into_iter().find(|program| program.is_file())
}

/// The first interpreter in `PATH`.
#[must_use]
pub fn in_path() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).flat_map(|place| NAMES.map(|name| place.join(name)));
    found.into_iter().find(|program| program.is_file()).unwrap_or_else(|| PathBuf::from(NAMES[0]))
}
