//! Snapshots that are made by themselves, before and after each change of an environment.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;

use super::{CreateOptions, Reason, Retention, Snapshot, Snapshots};
use crate::contract::{EnvironmentChange, EnvironmentGuard, GuardError};
use crate::installer::switch::Register;

/// So many snapshots that need not stay are left until they are deleted together.
const MOST_GATHERED: usize = 5;

/// How snapshots are made by themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Automatic {
    /// Which of them stay. Those that somebody asked for, named or pinned are not counted, and stay.
    pub retention: Retention,
    /// The most bytes that all snapshots may take, without wheels that the download cache has as well, before the oldest of these go.
    pub budget: u64,
    /// The folder of the project whose few files are kept as well; by default the one that the environment lies in.
    pub project: Option<PathBuf>,
}

impl Default for Automatic {
    fn default() -> Self {
        Self { retention: Retention { last: 10, hourly: 0, daily: 7, weekly: 4 }, budget: 2 << 30, project: None }
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
        let pending = self.prepare(&change.root, &register, &options, &AtomicBool::new(false));
        let made = pending.and_then(|mut pending| self.commit(&mut pending));
        Ok(made.map_err(failed)?.snapshot.number)
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
    pub(super) fn prune(&self) -> Result<(), super::SnapshotError> {
        let Automatic { retention, budget, .. } = self.automatic();
        let (all, _) = self.list()?;
        let judged = retention.judge(&all, &TimeZone::system());
        let goes = |one: &&Snapshot| judged.get(&one.number).is_some_and(BTreeSet::is_empty);
        let going: Vec<u64> =
            all.iter().filter(|one| one.reason.is_automatic()).filter(goes).map(|one| one.number).collect();
        // Some may gather, so that not every change has to tidy up.
        if going.len() >= MOST_GATHERED {
            self.collect_these(&going)?;
        }
        if self.own_bytes()? <= budget {
            return Ok(());
        }
        // The oldest, one after the other, until there is room again. What somebody relies on stays.
        let (all, _) = self.list()?;
        let least = Retention { last: 2, hourly: 0, daily: 0, weekly: 0 }.judge(&all, &TimeZone::system());
        let goes = |one: &&Snapshot| least.get(&one.number).is_some_and(BTreeSet::is_empty);
        for one in all.iter().filter(|one| one.reason.is_automatic()).filter(goes) {
            self.collect_these(&[one.number])?;
            if self.own_bytes()? <= budget {
                break;
            }
        }
        Ok(())
    }

    /// The bytes that snapshots take and nobody else does.
    fn own_bytes(&self) -> Result<u64, super::SnapshotError> {
        let vault = self.vault()?;
        Ok(vault.segments()?.bytes() + vault.unshared_bytes()?)
    }
}
