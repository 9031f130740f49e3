//! Which environment, and the installer for it.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stratheal_core::contract::EnvironmentGuard;
use stratheal_core::installer::Installer;
use stratheal_core::objects::LinkMode;

use crate::args::{InstallOptions, LinkModeName, Packages};
use crate::failure::Failure;
use crate::fetching::Setup;
use crate::python;
use crate::sources::{Named, Sources};

/// What is changed.
#[derive(Debug)]
pub(crate) struct Target {
    /// The folder of an environment, there or not, or its interpreter.
    pub(super) path: PathBuf,
    /// The interpreter that a new one is made from.
    pub(super) base: PathBuf,
}

impl Target {
    /// The one that is named, else that of the project, the active one, or `.venv` here.
    pub(super) fn choose(setup: &Setup, packages: &Packages, base: Option<&Path>) -> Self {
        let in_path = || python::in_path();
        let base = base.map_or_else(in_path, Path::to_owned);
        if let Some(named) = &packages.python {
            return Self { path: named.clone(), base };
        }
        let choice = python::choose(packages, setup.config.as_ref());
        Self { path: choice.environment.unwrap_or_else(|| PathBuf::from(".venv")), base }
    }

    /// One that is there: the one that is named first, else as [`Self::choose`] does it.
    pub(crate) fn existing(setup: &Setup, packages: &Packages, named: Option<&Path>) -> PathBuf {
        named.map_or_else(|| Self::choose(setup, packages, None).path, Path::to_owned)
    }

    /// Whether this environment, a real path, is the one that is changed when none is named.
    pub(super) fn is_default(setup: &Setup, packages: &Packages, root: &Path) -> bool {
        let unnamed = Packages { python: None, ..packages.clone() };
        Self::choose(setup, &unnamed, None).path.canonicalize().is_ok_and(|default| default == root)
    }
}

/// An installer, and what the user should know about where it gets its packages.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) installer: Installer,
    pub(super) notes: Vec<String>,
}

/// How an environment is changed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ways {
    link_mode: LinkModeName,
    in_place: bool,
    compile: bool,
    strict: bool,
}

impl Ways {
    pub(super) const fn of(options: &InstallOptions) -> Self {
        Self {
            link_mode: options.link_mode,
            in_place: options.in_place,
            compile: options.compile,
            strict: options.strict,
        }
    }
}

/// Opens the installer. `files` are requirements files, which may name indexes; `guard` is told of changes.
pub(super) fn open(
    setup: &Setup,
    packages: &Packages,
    files: &[PathBuf],
    ways: Ways,
    guard: Option<Arc<dyn EnvironmentGuard>>,
) -> Result<Opened, Failure> {
    let named = Named { requirements: files.to_vec(), ..Named::default() };
    let sources = Sources::find(setup, packages, named)?;
    let fetcher = setup.fetcher(&sources)?;
    let builder = Installer::builder(fetcher, setup.cache.clone(), state(&setup.cache));
    let builder =
        builder.in_place(ways.in_place).compile(ways.compile).strict(ways.strict).link_mode(match ways.link_mode {
            LinkModeName::Auto => LinkMode::Auto,
            LinkModeName::Copy => LinkMode::Copy,
        });
    let builder = match guard {
        Some(guard) => builder.guard(guard),
        None => builder,
    };
    Ok(Opened { installer: builder.build(), notes: sources.notes })
}

/// Where this user's installers keep what they know about environments.
pub(crate) fn state(cache: &Path) -> PathBuf {
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("XDG_STATE_HOME")
        .map(|path| path.join("stratheal"))
        .or_else(|| folder("HOME").map(|path| path.join(".local/state/stratheal")))
        .unwrap_or_else(|| cache.join("state"))
}
