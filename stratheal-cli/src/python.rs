//! Which Python a command is about.

use std::env;
use std::path::{Path, PathBuf};

use stratheal_core::config::Config;

use crate::args::Packages;

/// An interpreter, and the virtual environment it was found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The program.
    pub(crate) program: PathBuf,
    /// The environment it belongs to, as far as that is known without asking it.
    pub(crate) environment: Option<PathBuf>,
}

/// The one that is named, else that of the project's environment, of the active one, of `.venv` here, else the first in PATH.
pub(crate) fn choose(packages: &Packages, config: Option<&Config>) -> Choice {
    if let Some(named) = &packages.python {
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
        let program = if cfg!(windows) { named.join("Scripts/python.exe") } else { named.join("bin/python") };
        return Choice { program, environment: Some(named.to_owned()) };
    }
    let environment = named.parent().and_then(Path::parent).filter(|folder| folder.join("pyvenv.cfg").is_file());
    Choice { program: named.to_owned(), environment: environment.map(Path::to_owned) }
}

/// The interpreter in the folder of a program that is named by a path: `.venv/bin/python` for `.venv/bin/pip`.
pub(crate) fn beside(program: &Path) -> Option<PathBuf> {
    let folder = program.parent().filter(|folder| !folder.as_os_str().is_empty())?;
    let names = if cfg!(windows) { ["python.exe", "py.exe"] } else { ["python3", "python"] };
    names.map(|name| folder.join(name)).into_iter().find(|program| program.is_file())
}

/// The first interpreter in `PATH`.
pub(crate) fn in_path() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let names = if cfg!(windows) { ["python.exe", "py.exe"] } else { ["python3", "python"] };
    let found = env::split_paths(&path).flat_map(|place| names.map(|name| place.join(name)));
    found.into_iter().find(|program| program.is_file()).unwrap_or_else(|| PathBuf::from(names[0]))
}
