//! What is looked at: an environment, also one whose interpreter cannot be asked.

use std::fs;
use std::path::{Path, PathBuf};

use super::configuration::{FILE, wrong};
use super::shared::packages_of;
use super::{Finding, Problem};
use crate::base::class::chain;
use crate::installer::Installer;
use crate::installer::environment::Environment;
use crate::installer::error::InstallError;
use crate::installer::former::{folder_of, was_environment};
use crate::installer::python::{Interpreter, PyvenvCfg};
use crate::installer::switch::Register;

/// An environment that is verified or repaired. It may be damaged in ways that keep it from being changed as a whole: then its layout says
/// where its packages are.
#[derive(Debug, Clone)]
pub struct Subject {
    root: PathBuf,
    /// Folders of packages, relative to the root.
    packages: Vec<PathBuf>,
    interpreter: Option<Interpreter>,
    /// What is wrong with its interpreter.
    findings: Vec<Finding>,
}

impl Subject {
    /// Its folder, without links in the path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its interpreter, if that could be asked and is the one that the packages were installed for.
    #[must_use]
    pub const fn interpreter(&self) -> Option<&Interpreter> {
        self.interpreter.as_ref()
    }

    /// The folders that hold packages, relative to the root.
    pub(in crate::installer) fn packages(&self) -> &[PathBuf] {
        &self.packages
    }

    /// What is wrong with its interpreter.
    pub(super) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    fn of(root: PathBuf, interpreter: &Interpreter) -> Self {
        let scheme = &interpreter.scheme;
        let mut packages: Vec<PathBuf> = Vec::new();
        for folder in [&scheme.purelib, &scheme.platlib] {
            let inside = folder.strip_prefix(&root).map(|inside| inside.components().collect::<PathBuf>());
            packages.extend(inside.ok().filter(|inside| !packages.contains(inside)));
        }
        Self { root, packages, interpreter: Some(interpreter.clone()), findings: Vec::new() }
    }

    /// What the folders say, where the interpreter says nothing.
    fn laid_out(root: PathBuf, findings: Vec<Finding>) -> Self {
        let found = packages_of(&root);
        let packages = found.iter().filter_map(|folder| folder.strip_prefix(&root).ok().map(Path::to_owned)).collect();
        Self { root, packages, interpreter: None, findings }
    }
}

impl From<&Environment> for Subject {
    fn from(environment: &Environment) -> Self {
        Self::of(environment.root().to_owned(), &environment.interpreter)
    }
}

impl Installer {
    /// Finds an environment to look at: its folder, or its interpreter. Other than with [`Installer::environment`], its interpreter need
    /// not work, and what is wrong with it is among the findings later; and it may be one that is not exchanged, like those of conda, or
    /// an installation of Python, named by its interpreter.
    ///
    /// # Cancellation
    /// Dropping the future kills an interpreter that is being asked.
    ///
    /// # Errors
    /// [`InstallError`]: there is no environment, or it is one that cannot be looked at.
    pub async fn subject(&self, path: &Path) -> Result<Subject, InstallError> {
        let Some((root, cfg)) = root_of(path) else {
            let former = folder_of(path).filter(|root| was_environment(root, Register::is_noted(self.state(), root)));
            let Some(root) = former else { return self.installation(path).await };
            let gone = Finding::about(None, Some(FILE.into()), Problem::ConfigurationGone);
            return Ok(Subject::laid_out(root, vec![gone]));
        };
        let of_program = |problem| vec![Finding::about(None, Some(program()), problem)];
        if fs::metadata(root.join(program())).is_err() {
            let target = fs::read_link(root.join(program())).ok();
            let home = cfg.home().map(Path::to_owned);
            let gone = Problem::InterpreterGone { target: target.or(home) };
            return Ok(Subject::laid_out(root, of_program(gone)));
        }
        let damaged = wrong(&cfg, None, Path::is_dir);
        if cfg.home().is_none() {
            // Its interpreter would speak of the installation.
            return Ok(Subject::laid_out(root, damaged));
        }
        let environment = match Environment::find(&root, Path::new(""), self.interpreters()).await {
            Ok(environment) => environment,
            Err(InstallError::Interpreter(_)) if !damaged.is_empty() => return Ok(Subject::laid_out(root, damaged)),
            Err(InstallError::Interpreter(error)) => {
                let reason = chain(&error);
                return Ok(Subject::laid_out(root, of_program(Problem::InterpreterFails { reason })));
            }
            Err(error) => return Err(error),
        };
        let (major, minor, _) = environment.interpreter.version;
        let made_for = cfg.series().filter(|series| *series != (major, minor));
        match made_for {
            Some((was_major, was_minor)) if !environment.interpreter.scheme.purelib.is_dir() => {
                let python = format!("{major}.{minor}");
                let problem = Problem::InterpreterChanged { made_for: format!("{was_major}.{was_minor}"), python };
                Ok(Subject::laid_out(root, of_program(problem)))
            }
            _ => {
                let findings = wrong(&cfg, Some((major, minor)), Path::is_dir);
                Ok(Subject { findings, ..Subject::from(&environment) })
            }
        }
    }

    /// Something else with packages: what conda made, an installation of Python by its interpreter. Nothing is exchanged there, but its
    /// files can be looked at and put back.
    async fn installation(&self, path: &Path) -> Result<Subject, InstallError> {
        let root = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let program = if root.join("conda-meta").is_dir() { root.join(program()) } else { root.clone() };
        if !program.is_file() {
            let reason = "there is none: it has no pyvenv.cfg".to_owned();
            return Err(InstallError::Environment { root, reason });
        }
        let interpreter = self.interpreters().ask(&program).await?;
        interpreter.refuse_managed(&program)?;
        let root = interpreter.prefix.canonicalize();
        let root = root.map_err(|source| InstallError::storage("find the environment", source))?;
        Ok(Subject::of(root, &interpreter))
    }
}

/// The program of an environment's interpreter, relative to its root.
fn program() -> PathBuf {
    PathBuf::from(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// The real folder of the environment that a path means, and its `pyvenv.cfg`. A program of it may be a link to nowhere.
fn root_of(path: &Path) -> Option<(PathBuf, PyvenvCfg)> {
    let path = std::path::absolute(path).ok()?;
    let above = path.parent().and_then(Path::parent);
    let candidates = [Some(path.as_path()).filter(|path| path.is_dir()), above.filter(|_| !path.is_dir())];
    candidates.into_iter().flatten().find_map(|root| Some((root.canonicalize().ok()?, PyvenvCfg::read(root).ok()?)))
}
