//! The whole way: from what somebody asks for to the environment that has it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;

use super::ahead::Ahead;
use super::build::BuildSettings;
use super::engine::{Installer, LockChoice, Outcome, satisfies};
use super::environment::Environment;
use super::error::InstallError;
use super::installed::Installed;
use super::lock::{Lock, LockedPackage, LockedSource};
use super::origin::Origins;
use super::plan::{Actions, PlanOptions};
use super::prepare::{FileSource, WantedWheel, WheelSource};
use super::requirement::{ExtraName, GroupName, Wanted};
use super::resolve::{EngineChoice, ResolveOptions, pinned};
use super::switch::Register;
use super::verify::complaints;
use crate::gateway::Environment as Variables;
use crate::index::ProjectName;

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct InstallRequest {
    /// What is wanted.
    pub input: Input,
    /// How it meets what is there.
    pub options: PlanOptions,
    /// Whether newer versions are looked for where those that are installed would do.
    pub upgrade: bool,
    /// Whether versions before a release may be chosen.
    pub pre: bool,
    /// Whether what was resolved before does not count.
    pub refresh: bool,
    /// Who chooses versions.
    pub engine: EngineChoice,
    /// The folder of the project: relative paths begin there.
    pub folder: PathBuf,
    /// The environment of this process: engines get it, changed where the gateway needs it.
    pub variables: Variables,
}

/// Where it is written what is wanted.
#[derive(Debug, Clone)]
pub enum Input {
    /// Requirements, which have to be resolved.
    Wanted(Box<Wanted>),
    /// What is installed, in the same versions: for an environment that is made anew.
    Installed,
    /// A lock.
    Lock {
        /// The lock.
        lock: Box<Lock>,
        /// Extras that are taken of it.
        extras: Vec<ExtraName>,
        /// Dependency groups that are taken of it; `None` for its default groups.
        groups: Option<Vec<GroupName>>,
        /// The folder where its paths begin.
        folder: PathBuf,
    },
}

/// What a request comes to, before anything is changed.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Planned {
    /// The environment.
    pub root: PathBuf,
    /// Whether it is there.
    pub exists: bool,
    /// What would be done, by project. Empty when everything is as wanted.
    pub actions: Actions,
    /// Who chose the versions: `uv`, `pip`, `kept`, `lock`, `installed`, `hashes` and `pins` where there was nothing to choose, or `nobody` when
    /// everything was there.
    pub resolved_by: &'static str,
    /// Wheels that are not in the cache.
    pub to_fetch: usize,
    /// Wheels that are built, unless the same was built before.
    pub to_build: usize,
    /// Bytes to fetch, as far as the index says them.
    pub bytes_to_fetch: u64,
    /// What the user should know.
    pub notes: Vec<String>,
    /// Whether everything that is required has to be among it.
    #[serde(skip)]
    pub(in crate::installer) closed: bool,
    #[serde(skip)]
    pub(in crate::installer) wheels: Vec<WantedWheel>,
    /// What is on its way already.
    #[serde(skip)]
    ahead: Option<Arc<Ahead>>,
}

impl InstallRequest {
    /// A request with the usual settings.
    #[must_use]
    pub fn new(input: Input, folder: PathBuf, variables: Variables) -> Self {
        Self {
            input,
            options: PlanOptions::default(),
            upgrade: false,
            pre: false,
            refresh: false,
            engine: EngineChoice::Auto,
            folder,
            variables,
        }
    }
}

impl InstallRequest {
    fn build_settings(&self) -> BuildSettings {
        let mut config_settings = BTreeMap::new();
        if let Input::Wanted(wanted) = &self.input {
            for one in wanted.requirements.iter().filter(|one| !one.config_settings.is_empty()) {
                let name = one.what.name().map_or_else(|| one.what.shown(), ToString::to_string);
                config_settings.insert(name, one.config_settings.clone());
            }
        }
        let (engine, variables, folder) = (self.engine, self.variables.clone(), self.folder.clone());
        BuildSettings { engine, variables, folder, config_settings }
    }
}

impl Installer {
    /// Says what a request comes to. Versions are chosen; nothing else is done.
    ///
    /// # Cancellation
    /// Dropping the future kills an engine that is at work.
    ///
    /// # Errors
    /// [`InstallError`].
    pub async fn planned(&self, environment: &Environment, request: &InstallRequest) -> Result<Planned, InstallError> {
        self.told(environment, request, false).await
    }

    /// As [`Installer::planned`], for whoever means to do it: wheels that will probably be needed are fetched while versions are
    /// still being chosen, unless the fetcher is offline; and where the machine was restarted since the environment was changed, what
    /// a power loss may have damaged is put back first.
    ///
    /// # Cancellation
    /// As for [`Installer::planned`]. What arrived stays in the cache.
    ///
    /// # Errors
    /// [`InstallError`].
    pub async fn planned_ahead(
        &self,
        environment: &Environment,
        request: &InstallRequest,
    ) -> Result<Planned, InstallError> {
        self.after_restart(environment).await?;
        self.told(environment, request, !self.fetcher().is_offline()).await
    }

    /// As [`Self::look`], with what is wrong with the environment that this does not put right.
    async fn told(
        &self,
        environment: &Environment,
        request: &InstallRequest,
        ahead: bool,
    ) -> Result<Planned, InstallError> {
        let mut planned = self.look(environment, request, ahead).await?;
        if environment.exists && !request.options.rebuild {
            planned.notes.extend(complaints(environment));
        }
        Ok(planned)
    }

    async fn look(
        &self,
        environment: &Environment,
        request: &InstallRequest,
        ahead: bool,
    ) -> Result<Planned, InstallError> {
        let storage = |source| InstallError::storage("read what is installed", source);
        let mut there = environment.installed().map_err(storage)?;
        if !there.duplicates.is_empty() {
            Origins::read(&Register::open(self.state(), environment.root()).map_err(storage)?).prefer(&mut there);
        }
        let mut planned = Planned {
            root: environment.root().to_owned(),
            exists: environment.exists,
            actions: Actions::new(),
            resolved_by: "nobody",
            to_fetch: 0,
            to_build: 0,
            bytes_to_fetch: 0,
            notes: Vec::new(),
            closed: false,
            wheels: Vec::new(),
            ahead: None,
        };
        let build = Arc::new(request.build_settings());
        let choice = |requested| LockChoice { extras: &[], groups: None, requested, build: Some(&build) };
        match &request.input {
            Input::Wanted(wanted) => {
                let PlanOptions { exact, reinstall, rebuild, .. } = request.options;
                let is_free = !request.upgrade && !exact && !reinstall && !rebuild;
                if is_free && satisfies(environment, &there, wanted) {
                    return Ok(planned);
                }
                if wanted.hash_mode()? && wanted.options.is_by_index() {
                    let pins = wanted.pins(&environment.interpreter.markers)?;
                    if let Some(pins) = pins {
                        let asked: BTreeMap<_, _> =
                            pins.iter().map(|pin| (pin.name.clone(), pin.extras.clone())).collect();
                        let lock = pinned(pins, self.fetcher()).await?;
                        let is_requested = |name: &ProjectName| asked.get(name).cloned();
                        let choice = choice(&is_requested);
                        planned.wheels = self.wheels(environment, &lock, &choice, &request.folder).await?;
                        (planned.resolved_by, planned.closed) = ("hashes", true);
                        return self.counted(environment, planned, request.options);
                    }
                }
                let options = ResolveOptions {
                    engine: request.engine,
                    pre: request.pre,
                    refresh: request.refresh,
                    fitting_only: true,
                    preferred: if request.upgrade { Lock::new(Vec::new()) } else { preferred(&there) },
                    variables: request.variables.clone(),
                };
                if ahead {
                    let settled = there.distributions.keys().filter(|_| !request.upgrade).cloned().collect();
                    planned.ahead = Some(Arc::new(Ahead::begin(self.fetcher(), self.unpacker(), settled)));
                }
                let resolution = self.resolve(environment, wanted, &options, &request.folder).await?;
                let mut asked: BTreeMap<&ProjectName, Vec<ExtraName>> = BTreeMap::new();
                for what in wanted.requirements.iter().map(|one| &one.what) {
                    if let Some(name) = what.name() {
                        asked.entry(name).or_default().extend(what.extras().iter().cloned());
                    }
                }
                if wanted.requirements.iter().any(|one| one.what.name().is_none()) {
                    // Nobody said the name of what lies there, but somebody asked for it.
                    let direct = |one: &&LockedPackage| !matches!(one.source, LockedSource::Files { .. });
                    for package in resolution.lock.packages.iter().filter(direct) {
                        asked.entry(&package.name).or_default();
                    }
                }
                let requested = |name: &ProjectName| asked.get(name).cloned();
                let choice = choice(&requested);
                planned.wheels = self.wheels(environment, &resolution.lock, &choice, &request.folder).await?;
                (planned.resolved_by, planned.notes) = (resolution.by, resolution.notes);
                if let Some(ahead) = &planned.ahead {
                    ahead.keep(&planned.wheels);
                }
            }
            Input::Installed => {
                (planned.wheels, planned.notes) = self.wheels_of_installed(environment, &build).await?;
                planned.resolved_by = "installed";
            }
            Input::Lock { lock, extras, groups, folder } => {
                let choice = LockChoice { extras, groups: groups.as_deref(), ..choice(&|_| Some(Vec::new())) };
                planned.wheels = self.wheels(environment, lock, &choice, folder).await?;
                planned.resolved_by = "lock";
            }
        }
        self.counted(environment, planned, request.options)
    }

    /// Says what has to be done and fetched.
    fn counted(
        &self,
        environment: &Environment,
        mut planned: Planned,
        options: PlanOptions,
    ) -> Result<Planned, InstallError> {
        planned.actions = self.plan(environment, &planned.wheels, options)?;
        let absent = planned.wheels.iter().filter(|wheel| planned.actions.contains_key(&wheel.name));
        for wheel in absent {
            match &wheel.from {
                WheelSource::Build(_) => planned.to_build += 1,
                WheelSource::File(file) if !self.has(file) => {
                    planned.to_fetch += 1;
                    planned.bytes_to_fetch += wheel.size();
                }
                WheelSource::File(_) => {}
            }
        }
        Ok(planned)
    }

    /// Does what was planned: all of it, or nothing.
    ///
    /// # Cancellation
    /// As for [`Installer::install`].
    ///
    /// # Errors
    /// [`InstallError`]; the environment is as it was before.
    pub async fn carry_out(
        &self,
        environment: &Environment,
        planned: Planned,
        options: PlanOptions,
    ) -> Result<Outcome, InstallError> {
        if planned.resolved_by == "nobody" {
            let root = environment.root().to_owned();
            return Ok(Outcome { root, actions: Actions::new(), applied: None, recovered: None });
        }
        let options = PlanOptions { closed: options.closed || planned.closed, ..options };
        let outcome = self.install(environment, planned.wheels, options).await;
        drop(planned.ahead);
        outcome
    }

    fn has(&self, file: &FileSource) -> bool {
        match file {
            FileSource::Store(_) => true,
            FileSource::Index(request) => {
                let id = request.file.hashes.sha256;
                id.is_some_and(|id| self.fetcher().store().pack(&id).is_ok_and(|found| found.is_some()))
            }
        }
    }
}

/// The versions that are installed, as a lock that an engine can prefer.
fn preferred(installed: &Installed) -> Lock {
    let packages = installed.distributions.values().map(|one| LockedPackage {
        name: one.name().clone(),
        version: Some(one.version().clone()),
        marker: None,
        requires_python: None,
        dependencies: Vec::new(),
        index: None,
        source: LockedSource::Files { sdist: None, wheels: Vec::new() },
        attestation_identities: Vec::new(),
        tool: toml::Table::new(),
    });
    Lock::new(packages.collect())
}
