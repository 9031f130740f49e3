//! A running monitor finds out which snapshot is good: the one that the environment is as while everything is healthy.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stratheal_core::base::class::chain;
use stratheal_core::config::Config;
use stratheal_core::engine::EngineHandle;
use stratheal_core::model::view::CheckView;
use stratheal_core::snapshot::{Passed, Selector, Snapshot, SnapshotError, Snapshots};

use super::open::Opened;
use crate::args::{Common, Packages};
use crate::printer;

/// How often it is looked, at most and at least.
const OFTEN: Duration = Duration::from_millis(250);
const SELDOM: Duration = Duration::from_secs(30);

/// What has to be found out.
#[derive(Debug)]
pub(crate) struct Proving {
    snapshots: Snapshots,
    root: PathBuf,
    lasting: Duration,
    quiet: bool,
}

impl Proving {
    /// `None` when that is not wanted, or nobody can say which environment is meant.
    pub(crate) fn of(common: &Common, packages: &Packages, config: &Config) -> Option<Self> {
        let lasting = config.snapshots.good_after;
        if lasting.is_zero() {
            return None;
        }
        let opened = Opened::new(common, packages, None);
        let opened =
            opened.inspect_err(|error| tracing::debug!(?error, "no snapshot will be found to be good")).ok()?;
        let Opened { snapshots, root, .. } = opened;
        Some(Self { snapshots, root, lasting, quiet: common.quiet })
    }

    /// Looks until the monitor ends.
    pub(crate) async fn run(self, engine: EngineHandle) {
        let mut looks = tokio::time::interval((self.lasting / 4).clamp(OFTEN, SELDOM));
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The newest snapshot for which it was said already, whatever that was.
        let mut judged = None;
        loop {
            looks.tick().await;
            let Some(newest) = self.newest().await.filter(|newest| judged != Some(newest.number)) else { continue };
            let seen = engine.fresh_snapshot();
            if !seen.is_proven(newest.created, self.lasting) {
                continue;
            }
            let passed =
                |check: &Arc<CheckView>| Passed { id: check.id.to_string(), summary: check.summary().to_owned() };
            let passed = seen.checks.iter().map(passed).collect();
            judged = Some(newest.number);
            match self.snapshots.newest_as_now(&self.root).await {
                Ok(Some(found)) if found.good.is_none() => {
                    let number = Selector::Number(found.number);
                    match self.snapshots.set_good(&number, passed) {
                        Ok(good) => self.tell(&good),
                        Err(error) => complain(&error),
                    }
                }
                Ok(_) => {}
                Err(error) => complain(&error),
            }
        }
    }

    /// The newest snapshot: nobody who keeps snapshots has changed the environment since.
    async fn newest(&self) -> Option<Snapshot> {
        let (snapshots, root) = (self.snapshots.clone(), self.root.clone());
        let found = tokio::task::spawn_blocking(move || snapshots.find(&Selector::Newest, Some(&root))).await;
        match found.ok()? {
            Err(SnapshotError::Unknown { .. }) => None,
            found => found.inspect_err(complain).ok(),
        }
    }

    fn tell(&self, good: &Snapshot) {
        if !self.quiet {
            let checks = good.good.as_ref().map_or(0, |evidence| evidence.checks.len());
            let (number, lasting) = (good.number, self.lasting);
            printer::line(format!("snapshot {number} is good: all {checks} checks have been healthy for {lasting:?}"));
        }
    }
}

fn complain(error: &SnapshotError) {
    tracing::warn!(error = %chain(error), "it is not known whether a snapshot is good");
}
