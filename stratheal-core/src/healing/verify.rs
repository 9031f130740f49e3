//! Whether it helped: the failing check is run again and again, and what was healthy before is looked at.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::{Instant, sleep, timeout};

use super::admission::calls_for_help;
use super::policy::Verification;
use crate::engine::EngineHandle;
use crate::engine::self_check::SELF_ID;
use crate::model::view::{CheckView, Outcome, Phase, Snapshot};
use crate::model::{CheckId, Status};

/// So often a check is run to be sure of what it says.
const REFRESHES: usize = 5;

/// What a look at the checks says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// It works.
    Works,
    /// It does not; what the check says.
    Fails(String),
    /// Something else broke.
    Worse {
        /// The other check.
        check: CheckId,
        /// What it says.
        why: String,
    },
}

/// Looks at one check, and at those that must not become worse.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) engine: EngineHandle,
    pub(super) check: CheckId,
    pub(super) rules: Verification,
    /// Checks that are asked, each time.
    pub(super) guards: Vec<CheckId>,
    /// What was confirmed healthy before the first step.
    pub(super) healthy_before: Vec<CheckId>,
}

/// The checks that are confirmed healthy and say something about what is done for this one: not how busy this host or this program is, and
/// not what it depends on.
pub(super) fn healthy(engine: &EngineHandle, check: &CheckId, load: &BTreeSet<CheckId>) -> Vec<CheckId> {
    let snapshot = engine.fresh_snapshot();
    let upstream = upstream(&snapshot, check);
    let says_something = |id: &CheckId| id.as_str() != SELF_ID && !load.contains(id) && !upstream.contains(id);
    let healthy = |view: &&Arc<CheckView>| {
        view.hard == Status::Healthy && view.muted.is_none() && !view.stale && says_something(&view.id)
    };
    snapshot.checks.iter().filter(healthy).map(|view| view.id.clone()).collect()
}

/// What a check, and whatever depends on it, depends on: when that fails meanwhile, it is for reasons of its own.
fn upstream(snapshot: &Snapshot, check: &CheckId) -> BTreeSet<CheckId> {
    let on = |view: &CheckView| view.spec.depends_on.iter().map(|dependency| dependency.on.clone()).collect::<Vec<_>>();
    let mut downstream = BTreeSet::from([check.clone()]);
    loop {
        let more = snapshot.checks.iter().filter(|view| on(view).iter().any(|parent| downstream.contains(parent)));
        let more: Vec<CheckId> = more.map(|view| view.id.clone()).filter(|id| !downstream.contains(id)).collect();
        if more.is_empty() {
            break;
        }
        downstream.extend(more);
    }
    let mut upstream = BTreeSet::new();
    let mut waiting: Vec<CheckId> = downstream.iter().cloned().collect();
    while let Some(id) = waiting.pop() {
        let parents = snapshot.get(id.as_str()).map(|view| on(view)).unwrap_or_default();
        let new = parents.into_iter().filter(|parent| !downstream.contains(parent));
        waiting.extend(new.filter(|parent| upstream.insert(parent.clone())));
    }
    upstream
}

impl Verifier {
    /// Runs the check until it has passed often enough in a row, or the time for that is over.
    pub(super) async fn first(&self) -> Finding {
        let deadline = Instant::now() + self.rules.timeout;
        let mut passes = 0;
        loop {
            let failure = self.failure(deadline).await;
            passes = if failure.is_none() { passes + 1 } else { 0 };
            if passes >= self.rules.passes.max(1) {
                return self.guards().await;
            }
            if let Some(why) = failure
                && Instant::now() >= deadline
            {
                return Finding::Fails(why);
            }
            sleep(self.rules.interval).await;
        }
    }

    /// Watches for as long as the probation lasts.
    pub(super) async fn probation(&self) -> Finding {
        let until = Instant::now() + self.rules.probation;
        loop {
            match self.engine.check(self.check.as_str()) {
                None => return Finding::Fails("the check is not there any more".to_owned()),
                // Muted, it fails because of something else, or somebody is at work: that is no relapse.
                Some(view) if calls_for_help(&view).is_ok() => return Finding::Fails(view.summary().to_owned()),
                Some(_) => {}
            }
            if let worse @ Finding::Worse { .. } = self.others() {
                return worse;
            }
            if Instant::now() >= until {
                return self.still_works().await;
            }
            sleep(self.rules.interval.max(std::time::Duration::from_millis(50))).await;
        }
    }

    /// Runs the check at the end of a probation, which may have been shorter than the time between two of its runs. A failure counts once
    /// it is sure, and its own: not while something that the check depends on fails, or somebody is at work.
    async fn still_works(&self) -> Finding {
        for _ in 0..REFRESHES {
            if self.failure(Instant::now() + self.rules.timeout).await.is_none() {
                break;
            }
            if let Some(view) = self.engine.check(self.check.as_str()).filter(|view| calls_for_help(view).is_ok()) {
                return Finding::Fails(view.summary().to_owned());
            }
            sleep(self.rules.interval).await;
        }
        self.guards().await
    }

    /// Has the check say how things are now, until it is sure: what it said before something was taken back is of no use.
    pub(super) async fn refresh(&self, worse: Option<&CheckId>) {
        for id in std::iter::once(&self.check).chain(worse) {
            for _ in 0..REFRESHES {
                match timeout(self.rules.timeout, self.engine.run_now(id.as_str())).await {
                    Ok(Ok(view)) if view.phase == Phase::Hard => break,
                    Ok(Ok(_)) => sleep(self.rules.interval).await,
                    Ok(Err(_)) | Err(_) => break,
                }
            }
        }
    }

    /// Runs the failing check once; what it says if it does not pass.
    async fn failure(&self, deadline: Instant) -> Option<String> {
        // A check that hangs has a deadline of its own, which may be later.
        let patience = deadline.saturating_duration_since(Instant::now()).max(self.rules.interval);
        match timeout(patience, self.engine.run_now(self.check.as_str())).await {
            Err(_) => Some("the check does not answer".to_owned()),
            Ok(Err(error)) => Some(error.to_string()),
            Ok(Ok(view)) if passes(&view) => None,
            Ok(Ok(view)) => Some(view.summary().to_owned()),
        }
    }

    /// Asks the guards, then looks at everything else.
    async fn guards(&self) -> Finding {
        let deadline = Instant::now() + self.rules.timeout;
        for guard in &self.guards {
            // It has as long as the check itself: what it is about may be just starting.
            loop {
                let why = match self.engine.run_now(guard.as_str()).await {
                    Ok(view) if passes(&view) => break,
                    Ok(view) if calls_for_help(&view).is_ok() => return worse(guard, view.summary()),
                    Ok(view) => view.summary().to_owned(),
                    Err(error) => return worse(guard, &error.to_string()),
                };
                if Instant::now() >= deadline {
                    return worse(guard, &why);
                }
                sleep(self.rules.interval).await;
            }
        }
        self.others()
    }

    /// Looks, without running anything, whether what was healthy before is broken now, by itself.
    fn others(&self) -> Finding {
        let broken = |id: &CheckId| {
            let view = self.engine.check(id.as_str())?;
            calls_for_help(&view).is_ok().then(|| worse(id, view.summary()))
        };
        let mut others = self.healthy_before.iter().filter(|id| **id != self.check);
        others.find_map(broken).unwrap_or(Finding::Works)
    }
}

fn worse(check: &CheckId, why: &str) -> Finding {
    Finding::Worse { check: check.clone(), why: format!("{check}: {why}") }
}

/// Whether a run passed: it measured, and what it found is not Critical. Unknown is not a pass.
fn passes(view: &CheckView) -> bool {
    let Some(last) = &view.last else { return false };
    last.outcome == Outcome::Done && matches!(last.report.status, Status::Healthy | Status::Warning)
}
