//! Installing and removing: the lock, the change, and nothing left behind.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::change::{Applied, Applying, Change, How, apply};
use super::closure::unmet;
use super::engine::{Installer, Outcome, installed, planned};
use super::environment::Environment;
use super::error::InstallError;
use super::event::InstallEvent;
use super::guarded::told;
use super::installed::{Distribution, Installed, read_record};
use super::origin::Origins;
use super::plan::{Action, Actions, PlanOptions};
use super::prepare::{Prepared, WantedWheel, prepare};
use super::restart;
use super::stage::Addition;
use super::switch::{EnvironmentLock, Journal, Recovered, Register};
use crate::index::ProjectName;

impl Installer {
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
        self.after_restart(environment).await?;
        let mut prepared = self.prepare(environment, &wheels, options).await?;
        let (locked, register) = self.lock(environment.root(), &work).await?;
        let recovered = self.recover(&register, environment.root()).await?;
        // Somebody else may have changed it while it was waited for.
        let environment =
            Environment { exists: environment.exists || environment.root().exists(), ..environment.clone() };
        let there = installed(&environment)?;
        let mut actions = planned(&wheels, &there, options);
        if wanted_by(&actions, &wheels).any(|wheel| !is_among(&prepared, &wheel.name)) {
            prepared = self.prepare(&environment, &wheels, options).await?;
        }
        if !options.reinstall && !options.rebuild {
            let origins = Origins::read(&register);
            let is_there = |one: &Prepared| is_installed(&one.addition, &there, &origins);
            for one in wheels.iter().filter(|wheel| wheel.may_differ) {
                if prepared.iter().find(|prepared| prepared.addition.name == one.name).is_some_and(is_there) {
                    actions.remove(&one.name);
                }
            }
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
        self.after_restart(environment).await?;
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
        let prepared = prepare(&self.builds(environment, &tell), self.unpacker(), wanted).await?;
        if self.ways().strict {
            prepared.iter().try_for_each(as_its_record_says)?;
        }
        Ok(prepared)
    }

    pub(in crate::installer) async fn lock(
        &self,
        root: &Path,
        work: &str,
    ) -> Result<(EnvironmentLock, Register), InstallError> {
        let storage = |source| InstallError::storage("lock the environment", source);
        let register = Register::open(self.state(), root).map_err(storage)?;
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
        let at_work = self.at_work().await;
        let Changing { environment, prepared, removals, register, locked, fresh } = changing;
        let (additions, contents): (Vec<_>, Vec<_>) = prepared
            .into_iter()
            .filter(|one| actions.contains_key(&one.addition.name))
            .map(|one| (one.addition, one.contents))
            .unzip();
        let what = told(actions);
        let applied = tokio::task::spawn_blocking(move || {
            let _held = (locked, at_work);
            let guarded = installer.guarded(environment.root(), what);
            let change = Change { additions, removals };
            let mut applied = apply(&Applying {
                interpreter: &environment.interpreter,
                register: &register,
                change: &change,
                contents: &contents,
                ways: installer.ways(),
                fresh,
                stop: &stop,
                told: &|moment| installer.tell(InstallEvent::Change { moment }),
            })?;
            if fresh || applied.how == How::Created {
                Origins::forget(&register);
            }
            Origins::note(&register, &change, &contents);
            restart::note(&register);
            applied.notes.extend(guarded.changed());
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
pub(crate) struct StopWhenDropped(pub(crate) Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
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

/// Whether a wheel is what its RECORD says.
fn as_its_record_says(one: &Prepared) -> Result<(), InstallError> {
    let Some(problem) = one.contents.problems.first() else { return Ok(()) };
    Err(InstallError::WrongRecord { wheel: one.addition.wheel.name().to_owned(), problem: problem.clone() })
}

/// Whether it was installed from this very wheel.
fn is_installed(addition: &Addition, there: &Installed, origins: &Origins) -> bool {
    let Some(found) = there.distributions.get(&addition.name) else { return false };
    let record = read_record(&found.folder).ok().map(|(_, id)| id);
    let origin = origins.of(&addition.name).filter(|origin| origin.is_of(found.version(), record));
    origin.is_some_and(|origin| origin.wheel == addition.wheel.id()) && found.direct_url() == addition.direct_url
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
