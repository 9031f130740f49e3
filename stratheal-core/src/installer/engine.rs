//! The engine: from wheels that are wanted to the environment that has them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{OwnedRwLockReadGuard, RwLock, broadcast};

use super::build::{BuildSettings, Builder};
use super::change::{Applied, Ways};
use super::environment::Environment;
use super::error::InstallError;
use super::event::InstallEvent;
use super::installed::Installed;
use super::lock::Lock;
use super::plan::{Actions, Locked, PlanOptions, plan};
use super::prepare::{FileSource, WantedWheel, WheelSource};
use super::python::{Compatibility, KnownInterpreters};
use super::requirement::{ExtraName, GroupName, Wanted};
use super::resolve::{Resolution, ResolveError, ResolveOptions, Resolving, resolve};
use super::satisfied::is_satisfied;
use super::switch::Recovered;
use super::unpack::Unpacker;
use super::wheels::{Sorted, Sorting};
use crate::base::clock::{Clock, SystemClock};
use crate::contract::EnvironmentGuard;
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
    unpacker: Arc<Unpacker>,
    ways: Ways,
    guard: Option<Arc<dyn EnvironmentGuard>>,
    events: broadcast::Sender<InstallEvent>,
    /// Held by each change that is at work, also when nobody waits for it any more.
    at_work: Arc<RwLock<()>>,
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
    ways: Ways,
    guard: Option<Arc<dyn EnvironmentGuard>>,
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
        self.ways.link_mode = link_mode;
        self
    }

    /// Replaces the files of environments one by one although the whole could be, as for a folder that others have mounted. A program
    /// that starts meanwhile may see some of both; a change that is interrupted is taken back all the same.
    #[must_use]
    pub const fn in_place(mut self, in_place: bool) -> Self {
        self.ways.in_place = in_place;
        self
    }

    /// Compiles what is new before it is there, with all processors. Without it, Python does so when something is imported first.
    #[must_use]
    pub const fn compile(mut self, compile: bool) -> Self {
        self.ways.compile = compile;
        self
    }

    /// Refuses wheels whose RECORD is wrong. Without it, that is told, and the installed RECORD is right: what arrived is what the hash of
    /// the wheel stands for in any case.
    #[must_use]
    pub const fn strict(mut self, strict: bool) -> Self {
        self.ways.strict = strict;
        self
    }

    /// Who is told before and after each change of an environment.
    #[must_use]
    pub fn guard(mut self, guard: Arc<dyn EnvironmentGuard>) -> Self {
        self.guard = Some(guard);
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
            unpacker: Arc::new(Unpacker::new()),
            at_work: Arc::default(),
            ways: self.ways,
            guard: self.guard,
            events,
        };
        Installer { shared: Arc::new(shared) }
    }
}

impl Installer {
    /// Begins with a fetcher, the folder of its cache, and a folder for what this user's installers keep about environments: locks
    /// and journals.
    #[must_use]
    pub fn builder(fetcher: Fetcher, cache: PathBuf, state: PathBuf) -> InstallerBuilder {
        InstallerBuilder { fetcher, cache, state, ways: Ways::default(), guard: None }
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

    /// Waits until changes that were dropped have come to their end: each is either made, or taken back.
    ///
    /// # Cancellation
    /// Dropping the future only stops waiting.
    pub async fn settled(&self) {
        drop(self.shared.at_work.write().await);
    }

    /// That a change is at work, as long as this is held.
    pub(in crate::installer) async fn at_work(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.shared.at_work).read_owned().await
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
        let Shared { state, known, .. } = &*self.shared;
        Environment::find_to_rebuild(path, base, otherwise, known, state).await
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
        let sorted = Sorting { requested, folder, fetcher, accepts: &accepts, build: choice.build }.sort(&selection)?;
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

    pub(in crate::installer) fn builds<'a>(
        &'a self,
        environment: &'a Environment,
        tell: &'a (dyn Fn(InstallEvent) + Sync),
    ) -> Builder<'a> {
        let Shared { fetcher, cache, .. } = &*self.shared;
        Builder { fetcher, cache, interpreter: &environment.interpreter, tell }
    }

    /// The folder for what is kept about environments.
    pub(in crate::installer) fn state(&self) -> &Path {
        &self.shared.state
    }

    /// Who unpacks wheels.
    pub(in crate::installer) fn unpacker(&self) -> &Arc<Unpacker> {
        &self.shared.unpacker
    }

    /// Who is told of changes.
    pub(in crate::installer) fn guard(&self) -> Option<&dyn EnvironmentGuard> {
        self.shared.guard.as_deref()
    }

    pub(in crate::installer) fn ways(&self) -> Ways {
        self.shared.ways
    }
}

pub(super) fn installed(environment: &Environment) -> Result<Installed, InstallError> {
    environment.installed().map_err(|source| InstallError::storage("read what is installed", source))
}

/// Whether what is there is all that is wanted.
pub(super) fn satisfies(environment: &Environment, there: &Installed, wanted: &Wanted) -> bool {
    environment.exists && is_satisfied(wanted, there, &environment.interpreter.markers)
}

/// What has to be done so that these wheels are installed.
pub(super) fn planned(wheels: &[WantedWheel], installed: &Installed, options: PlanOptions) -> Actions {
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
