//! Snapshots that are made by themselves, before and after each change of an environment.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;

use super::{CreateOptions, Reason, Retention, Snapshots};
use crate::contract::{EnvironmentChange, EnvironmentGuard, GuardError};
use crate::installer::switch::Register;

/// How snapshots are made by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automatic {
    /// Which of them stay. Those that somebody asked for, named or pinned are not counted, and stay.
    pub retention: Retention,
    /// The folder of the project whose few files are kept as well; by default the one that the environment lies in.
    pub project: Option<PathBuf>,
}

impl Default for Automatic {
    fn default() -> Self {
        Self { retention: Retention { last: 10, hourly: 0, daily: 7, weekly: 4 }, project: None }
    }
}

impl Snapshots {
    fn automatic(&self) -> Automatic {
        self.shared.automatic.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a snapshot of an environment whose lock somebody else holds.
    fn around(&self, change: &EnvironmentChange, reason: Reason) -> Result<u64, GuardError> {
        let failed = |error: super::SnapshotError| GuardError::new(error);
        let register = Register::open(&self.shared.user_state, &change.root)
            .map_err(|error| failed(super::SnapshotError::storage("find the environment", error)))?;
        let options = CreateOptions {
            reason,
            project: self.automatic().project,
            // The change itself does not wait for the disk either.
            durable: false,
            ..CreateOptions::default()
        };
        let taken = self.take(&change.root, &register, &options, &AtomicBool::new(false)).map_err(failed)?;
        Ok(taken.created.snapshot.number)
    }
}

impl EnvironmentGuard for Snapshots {
    fn before(&self, change: &EnvironmentChange) -> Result<Option<u64>, GuardError> {
        let reason = Reason::Before { change: change.what.clone() };
        self.around(change, reason).map(Some)
    }

    fn after(&self, change: &EnvironmentChange, before: Option<u64>) -> Result<Option<u64>, GuardError> {
        let number = self.around(change, Reason::After { change: change.what.clone(), before })?;
        self.prune().map_err(GuardError::new)?;
        Ok(Some(number))
    }
}

impl Snapshots {
    /// Lets go of snapshots that were made by themselves and need not stay.
    fn prune(&self) -> Result<(), super::SnapshotError> {
        let retention = self.automatic().retention;
        let (all, _) = self.list()?;
        let automatic: Vec<_> = all.iter().filter(|one| one.reason.is_automatic()).cloned().collect();
        // Half as many again may gather, so that not every change has to tidy up.
        if automatic.len() * 2 <= (retention.last + retention.hourly + retention.daily + retention.weekly) * 3 {
            return Ok(());
        }
        let judged = retention.judge(&all, &jiff::tz::TimeZone::system());
        let goes = |one: &&super::Snapshot| judged.get(&one.number).is_some_and(std::collections::BTreeSet::is_empty);
        let going: Vec<u64> = automatic.iter().filter(goes).map(|one| one.number).collect();
        if going.is_empty() { Ok(()) } else { self.collect_these(&going) }
    }
}
