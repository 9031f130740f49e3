//! The engine: from wheels that are wanted to the environment that has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tokio::sync::broadcast;

use super::build::{BuildSettings, Builder};
use super::change::{Applied, Applying, Change, apply};
use super::closure::unmet;
use super::environment::Environment;
use super::error::InstallError;
use super::event::InstallEvent;
use super::installed::{Distribution, Installed};
use super::lock::Lock;
use super::origin::Origins;
use super::plan::{Action, Actions, Locked, PlanOptions, plan};
use super::prepare::{FileSource, Prepared, WantedWheel, WheelSource, prepare};
use super::python::{Compatibility, KnownInterpreters};
use super::requirement::{ExtraName, GroupName, Wanted};
use super::resolve::{Resolution, ResolveError, ResolveOptions, Resolving, resolve};
use super::satisfied::is_satisfied;
use super::switch::{EnvironmentLock, Journal, Recovered, Register};
use super::wheels::{Sorted, Sorting};
use crate::base::clock::{Clock, SystemClock};
use crate::fetch::Fetcher;
use crate::index::ProjectName;
use crate::objects::LinkMode;

/// Events that a slow listener may be behind.
const EVENTS: usize = 1024;

/// Brings environments to what is wanted. Clones share everything.
#[derive(Debug, Clone)]
pub struct Installer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fetcher: Fetcher,
    cache: PathBuf,
    state: PathBuf,
    known: KnownInterpreters,
    link_mode: LinkMode,
    in_place: bool,
    compile: bool,
    events: broadcast::Sender<InstallEvent>,
}

/// What is taken of a lock.
#[derive(Clone, Copy)]
pub struct LockChoice<'a> {
    /// Extras.
    pub extras: &'a [ExtraName],
    /// Dependency groups; `None` for the lock's default groups.
    pub groups: Option<&'a [GroupName]>,
    /// Who was asked for by name, and with which extras.
    pub requested: &'a (dyn Fn(&ProjectName) -> Option<Vec<ExtraName>> + Sync),
    /// How what is no wheel becomes one; without it, a lock with such a thing is refused.
    pub build: Option<&'a Arc<BuildSettings>>,
}

impl std::fmt::Debug for LockChoice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LockChoice").field("extras", &self.extras).field("groups", &self.groups).finish_non_exhaustive()
    }
}

/// Collects what an installer needs.
#[derive(Debug)]
pub struct InstallerBuilder {
    fetcher: Fetcher,
    cache: PathBuf,
    state: PathBuf,
    link_mode: LinkMode,
    in_place: bool,
    compile: bool,
}

/// What was done to an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// The environment.
    pub root: PathBuf,
    /// What was done, by project. Empty when everything was as wanted.
    pub actions: Actions,
    /// How; `None` when nothing was done.
    pub applied: Option<Applied>,
    /// What was found of a change that somebody did not bring to its end.
    pub recovered: Option<Recovered>,
}

impl InstallerBuilder {
    /// How files come out of the store; hard links where possible by default.
    #[must_use]
    pub const fn link_mode(mut self, link_mode: LinkMode) -> Self {
        self.link_mode = link_mode;
        self
    }

    /// Replaces the files of environments one by one although the whole could be, as for a folder that others have mounted. A program
    /// that starts meanwhile may see some of both; a change that is interrupted is taken back all the same.
    #[must_use]
    pub const fn in_place(mut self, in_place: bool) -> Self {
        self.in_place = in_place;
        self
    }

    /// Compiles what is new before it is there, with all processors. Without it, Python does so when something is imported first.
    #[must_use]
    pub const fn compile(mut self, compile: bool) -> Self {
        self.compile = compile;
        self
    }

    /// The installer.
    #[must_use]
    pub fn build(self) -> Installer {
        let known = KnownInterpreters::new(self.cache.join("interpreters"));
        let (events, _) = broadcast::channel(EVENTS);
        let shared = Shared {
            fetcher: self.fetcher,
            cache: self.cache,
            state: self.state,
            known,
            link_mode: self.link_mode,
            in_place: self.in_place,
            compile: self.compile,
            events,
        };
        Installer { shared: Arc::new(shared) }
    }
}

impl Installer {
    /// Begins with a fetcher, the folder of its cache, and a folder for what this user's installers keep about environments: locks
    /// and journals.
    #[must_use]
    pub const fn builder(fetcher: Fetcher, cache: PathBuf, state: PathBuf) -> InstallerBuilder {
        InstallerBuilder { fetcher, cache, state, link_mode: LinkMode::Auto, in_place: false, compile: false }
    }

    /// The fetcher.
    #[must_use]
    pub fn fetcher(&self) -> &Fetcher {
        &self.shared.fetcher
    }

    /// Interpreters, and what they said about themselves.
    #[must_use]
    pub fn interpreters(&self) -> &KnownInterpreters {
        &self.shared.known
    }

    /// What happens from now on. A listener that is too slow loses the oldest events.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<InstallEvent> {
        self.shared.events.subscribe()
    }

    pub(in crate::installer) fn tell(&self, event: InstallEvent) {
        // Nobody may be listening.
        drop(self.shared.events.send(event));
    }

    /// Finds an environment: see [`Environment::find`].
    ///
    /// # Cancellation
    /// Dropping the future kills an interpreter that is being asked.
    ///
    /// # Errors
    /// [`InstallError`].
    pub async fn environment(&self, path: &Path, base: &Path) -> Result<Environment, InstallError> {
        Environment::find(path, base, &self.shared.known).await
    }

    /// Finds an environment that is to be made anew: see [`Environment::find_to_rebuild`].
    ///
    /// # Cancellation
    /// Dropping the future kills an interpreter that is being asked.
    ///
    /// # Errors
    /// [`InstallError`].
    pub async fn environment_to_rebuild(
        &self,
        path: &Path,
        base: Option<&Path>,
        otherwise: &Path,
    ) -> Result<Environment, InstallError> {
        Environment::find_to_rebuild(path, base, otherwise, &self.shared.known).await
    }

    /// Whether everything that is wanted is installed, with all that it requires in turn.
    ///
    /// # Errors
    /// [`InstallError::Storage`] when the environment cannot be read.
    pub fn is_satisfied(&self, environment: &Environment, wanted: &Wanted) -> Result<bool, InstallError> {
        Ok(satisfies(environment, &installed(environment)?, wanted))
    }

    /// Chooses versions for what is wanted, by an engine behind a gateway of its own. `folder` is where relative paths in the
    /// configuration of engines begin.
    ///
    /// # Cancellation
    /// Dropping the future kills the engine that is at work.
    ///
    /// # Errors
    /// [`ResolveError`].
    pub async fn resolve(
        &self,
        environment: &Environment,
        wanted: &Wanted,
        options: &ResolveOptions,
        folder: &Path,
    ) -> Result<Resolution, ResolveError> {
        resolve(&Resolving {
            wanted,
            environment,
            options,
            fetcher: &self.shared.fetcher,
            cache: &self.shared.cache,
            folder,
            now: SystemClock.now(),
            begins: &|engine| self.tell(InstallEvent::Resolving { engine }),
        })
        .await
    }

    /// The wheels that a lock selects for an environment. `folder` is where the lock's paths begin. What is no wheel is built where
    /// nobody can say its version before; the rest of it when it is installed.
    ///
    /// # Cancellation
    /// Dropping the future kills a build that is at work.
    ///
    /// # Errors
    /// [`InstallError`] when nothing can be selected, or when something cannot be built.
    pub async fn wheels(
        &self,
        environment: &Environment,
        lock: &Lock,
        choice: &LockChoice<'_>,
        folder: &Path,
    ) -> Result<Vec<WantedWheel>, InstallError> {
        let accepts = Compatibility::of(&environment.interpreter);
        let markers = &environment.interpreter.markers;
        let selection = lock.select(markers, choice.extras, choice.groups, &|tags| accepts.rank(tags))?;
        let (requested, fetcher) = (choice.requested, &self.shared.fetcher);
        let sorted = Sorting { requested, folder, fetcher, build: choice.build }.sort(&selection)?;
        drop(selection);
        let tell = |event| self.tell(event);
        let builder = self.builds(environment, &tell);
        let mut wheels = Vec::with_capacity(sorted.len());
        for Sorted { mut wheel, is_unknown } in sorted {
            if let (true, WheelSource::Build(buildable)) = (is_unknown, &wheel.from) {
                let built = builder.build(buildable).await.map_err(InstallError::building(buildable))?;
                (wheel.version, wheel.from) = (built.version, WheelSource::File(FileSource::Store(built.pack)));
            }
            wheels.push(wheel);
        }
        Ok(wheels)
    }

    /// What installing these wheels would do. Looks, and changes nothing.
    ///
    /// # Errors
    /// [`InstallError::Storage`] when the environment cannot be read.
    pub fn plan(
        &self,
        environment: &Environment,
        wheels: &[WantedWheel],
        options: PlanOptions,
    ) -> Result<Actions, InstallError> {
        Ok(planned(wheels, &installed(environment)?, options))
    }

    /// Installs these wheels: all of them, or none.
    ///
    /// # Cancellation
    /// Dropping the future stops the work before the switch, and nothing is changed and nothing left behind then; a switch that has begun is
    /// brought to its end in the background.
    ///
    /// # Errors
    /// [`InstallError`]; the environment is as it was before.
    pub async fn install(
        &self,
        environment: &Environment,
        wheels: Vec<WantedWheel>,
        options: PlanOptions,
    ) -> Result<Outcome, InstallError> {
        let work = format!("install {} projects", wheels.len());
        let mut prepared = self.prepare(environment, &wheels, options).await?;
        let (locked, register) = self.lock(environment.root(), &work).await?;
        let recovered = self.recover(&register, environment.root()).await?;
        // Somebody else may have changed it while it was waited for.
        let environment =
            Environment { exists: environment.exists || environment.root().exists(), ..environment.clone() };
        let there = installed(&environment)?;
        let actions = planned(&wheels, &there, options);
        if wanted_by(&actions, &wheels).any(|wheel| !is_among(&prepared, &wheel.name)) {
            prepared = self.prepare(&environment, &wheels, options).await?;
        }
        if options.closed {
            closed(&prepared, &wheels, &there, &actions, &environment)?;
        }
        let mut outcome = Outcome { root: environment.root().to_owned(), actions, applied: None, recovered };
        if !outcome.actions.is_empty() || !environment.exists || options.rebuild {
            let (removals, fresh) = (removals(&outcome.actions, there), options.rebuild);
            let change = Changing { environment, prepared, removals, register, locked, fresh };
            outcome.applied = Some(self.change(change, &outcome.actions).await?);
        }
        Ok(outcome)
    }

    /// Removes projects. Those that are not there are in the answer's second part.
    ///
    /// # Cancellation
    /// As for [`Installer::install`].
    ///
    /// # Errors
    /// [`InstallError`]; the environment is as it was before.
    pub async fn uninstall(
        &self,
        environment: &Environment,
        names: &[ProjectName],
    ) -> Result<(Outcome, Vec<ProjectName>), InstallError> {
        let work = format!("uninstall {} projects", names.len());
        let (locked, register) = self.lock(environment.root(), &work).await?;
        let recovered = self.recover(&register, environment.root()).await?;
        let there = installed(environment)?;
        let mut actions = Actions::new();
        let mut absent = Vec::new();
        for name in names {
            match there.distributions.get(name) {
                Some(found) => drop(actions.insert(name.clone(), Action::Remove { old: found.version().clone() })),
                None => absent.push(name.clone()),
            }
        }
        let mut outcome = Outcome { root: environment.root().to_owned(), actions, applied: None, recovered };
        if !outcome.actions.is_empty() {
            let removals = removals(&outcome.actions, there);
            let environment = environment.clone();
            let change = Changing { environment, prepared: Vec::new(), removals, register, locked, fresh: false };
            outcome.applied = Some(self.change(change, &outcome.actions).await?);
        }
        Ok((outcome, absent))
    }

    fn builds<'a>(&'a self, environment: &'a Environment, tell: &'a (dyn Fn(InstallEvent) + Sync)) -> Builder<'a> {
        let Shared { fetcher, cache, .. } = &*self.shared;
        Builder { fetcher, cache, interpreter: &environment.interpreter, tell }
    }

    async fn prepare(
        &self,
        environment: &Environment,
        wheels: &[WantedWheel],
        options: PlanOptions,
    ) -> Result<Vec<Prepared>, InstallError> {
        let actions = planned(wheels, &installed(environment)?, options);
        let wanted: Vec<_> = wanted_by(&actions, wheels).cloned().collect();
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.tell(InstallEvent::Preparing { wheels: wanted.len() });
        let tell = |event| self.tell(event);
        prepare(&self.builds(environment, &tell), wanted).await
    }

    /// The folder for what is kept about environments.
    pub(in crate::installer) fn state(&self) -> &Path {
        &self.shared.state
    }

    /// How files come out of the store.
    pub(in crate::installer) fn link_mode(&self) -> LinkMode {
        self.shared.link_mode
    }

    pub(in crate::installer) async fn lock(
        &self,
        root: &Path,
        work: &str,
    ) -> Result<(EnvironmentLock, Register), InstallError> {
        let storage = |source| InstallError::storage("lock the environment", source);
        let register = Register::open(&self.shared.state, root).map_err(storage)?;
        let waits = |holder| self.tell(InstallEvent::Waiting { holder });
        let locked = EnvironmentLock::take(&register, root, work, &waits).await.map_err(storage)?;
        Ok((locked, register))
    }

    pub(in crate::installer) async fn recover(
        &self,
        register: &Register,
        root: &Path,
    ) -> Result<Option<Recovered>, InstallError> {
        let (register, root) = (register.clone(), root.to_owned());
        let recovered = tokio::task::spawn_blocking(move || Journal::recover(&register, &root)).await;
        let recovered = recovered.map_err(|error| InstallError::Panicked(error.to_string()))?;
        let recovered = recovered.map_err(|source| {
            InstallError::storage("bring an interrupted change of the environment to its end", source)
        })?;
        if let Some(how) = recovered {
            self.tell(InstallEvent::Recovered { how });
        }
        Ok(recovered)
    }

    async fn change(&self, changing: Changing, actions: &Actions) -> Result<Applied, InstallError> {
        let stop = Arc::new(AtomicBool::new(false));
        let dropped = StopWhenDropped(Arc::clone(&stop));
        let installer = self.clone();
        let Changing { environment, prepared, removals, register, locked, fresh } = changing;
        let (additions, contents): (Vec<_>, Vec<_>) = prepared
            .into_iter()
            .filter(|one| actions.contains_key(&one.addition.name))
            .map(|one| (one.addition, one.contents))
            .unzip();
        let applied = tokio::task::spawn_blocking(move || {
            let _locked = locked;
            let change = Change { additions, removals };
            let applied = apply(&Applying {
                interpreter: &environment.interpreter,
                register: &register,
                change: &change,
                contents: &contents,
                link_mode: installer.shared.link_mode,
                in_place: installer.shared.in_place,
                compile: installer.shared.compile,
                fresh,
                stop: &stop,
                told: &|moment| installer.tell(InstallEvent::Change { moment }),
            })?;
            Origins::note(&register, &change, &contents);
            Ok(applied)
        });
        let applied = applied.await.map_err(|error| InstallError::Panicked(error.to_string()))?;
        drop(dropped);
        applied
    }
}

/// A change that is about to be made, with the right to make it.
struct Changing {
    environment: Environment,
    prepared: Vec<Prepared>,
    removals: Vec<Distribution>,
    register: Register,
    locked: EnvironmentLock,
    fresh: bool,
}

/// Whoever does not wait any more wants it to stop.
pub(super) struct StopWhenDropped(pub(super) Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn installed(environment: &Environment) -> Result<Installed, InstallError> {
    environment.installed().map_err(|source| InstallError::storage("read what is installed", source))
}

/// Whether what is there is all that is wanted.
pub(super) fn satisfies(environment: &Environment, there: &Installed, wanted: &Wanted) -> bool {
    environment.exists && is_satisfied(wanted, there, &environment.interpreter.markers)
}

fn planned(wheels: &[WantedWheel], installed: &Installed, options: PlanOptions) -> Actions {
    let wanted: Vec<_> = wheels
        .iter()
        .map(|wheel| Locked {
            name: &wheel.name,
            version: &wheel.version,
            direct_url: wheel.direct_url.as_ref(),
            may_differ: wheel.may_differ,
        })
        .collect();
    plan(&wanted, installed, options)
}

/// The wheels that these actions put there.
fn wanted_by<'a>(actions: &'a Actions, wheels: &'a [WantedWheel]) -> impl Iterator<Item = &'a WantedWheel> {
    wheels
        .iter()
        .filter(|wheel| matches!(actions.get(&wheel.name), Some(Action::Install { .. } | Action::Replace { .. })))
}

/// Whether everything that what is installed requires is there afterwards.
fn closed(
    prepared: &[Prepared],
    wheels: &[WantedWheel],
    there: &Installed,
    actions: &Actions,
    environment: &Environment,
) -> Result<(), InstallError> {
    let stays = there.distributions.values().filter(|one| !actions.contains_key(one.name()));
    let new = prepared.iter().filter(|one| actions.contains_key(&one.addition.name));
    let new: Vec<_> = new.map(|one| &one.contents.fields).collect();
    let after = stays.map(|one| &one.fields).chain(new.iter().copied());
    let asked = wheels.iter().map(|wheel| (&wheel.name, wheel.extras.as_slice())).collect();
    let missing = unmet(after, &asked, &environment.interpreter.markers);
    // What was there before and lacks something is not for this change to judge.
    match missing.into_iter().find(|one| new.iter().any(|fields| fields.name == one.by)) {
        Some(one) => Err(InstallError::Open { by: one.by, requirement: one.requirement.to_string() }),
        None => Ok(()),
    }
}

fn is_among(prepared: &[Prepared], name: &ProjectName) -> bool {
    prepared.iter().any(|one| one.addition.name == *name)
}

/// What is installed of the projects that are replaced or removed, as often as it is there.
fn removals(actions: &Actions, installed: Installed) -> Vec<Distribution> {
    let goes =
        |one: &Distribution| matches!(actions.get(one.name()), Some(Action::Replace { .. } | Action::Remove { .. }));
    installed.distributions.into_values().chain(installed.duplicates).filter(goes).collect()
}
