//! Stopping a run for certain.
//!
//! The stop signal goes to the group before anything is reaped. When the time is over, SIGKILL goes to the group and to everything else
//! that belongs to the run. It is gone when the first process has ended, no process that is known is alive, and one more look at all
//! processes finds none that was not known.

use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use super::run::Run;
use crate::service::cgroup;
use crate::service::spec::Whom;
use crate::service::tree::Census;

/// How often it is looked at first, and at last.
const FIRST: Duration = Duration::from_millis(2);
const LAST: Duration = Duration::from_millis(100);
/// How long killed processes may take to be gone before somebody is told.
const PATIENCE: Duration = Duration::from_secs(5);

/// A run that is being stopped, or whose first process ended by itself.
#[expect(clippy::struct_excessive_bools, reason = "each is a step that was taken, and any may have been left out")]
#[derive(Debug)]
pub(super) struct Stopping {
    pub(super) on_request: bool,
    pub(super) killed: bool,
    /// Whether the stop signal was sent.
    asked: bool,
    pub(super) next: Instant,
    kill_at: Instant,
    pause: Duration,
    told: bool,
}

/// What a look found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Something is still alive.
    Alive,
    /// These do not go, though they were killed; said once.
    Stuck(Vec<u32>),
    /// Nothing is left.
    Gone,
}

impl Stopping {
    fn new(on_request: bool, grace: Duration, now: Instant) -> Self {
        Self {
            on_request,
            killed: false,
            asked: true,
            next: now + FIRST,
            kill_at: now + grace,
            pause: FIRST,
            told: false,
        }
    }

    /// When to look again.
    fn rest(&mut self, now: Instant) {
        self.pause = if self.told { Duration::from_secs(1) } else { (self.pause * 2).min(LAST) };
        self.next = now + self.pause;
        if !self.killed {
            self.next = self.next.min(self.kill_at.max(now + FIRST));
        }
    }
}

/// Begins to stop a run because somebody asked.
pub(super) fn stop(run: &mut Run, census: Option<&Census>, now: Instant) {
    if run.is_gone() || run.stopping.as_ref().is_some_and(|stopping| stopping.on_request) {
        return;
    }
    let is_new = run.stopping.is_none();
    match &mut run.stopping {
        // It ended by itself, and what it left has its time already.
        Some(stopping) => stopping.on_request = true,
        None => run.stopping = Some(Stopping::new(true, run.order.stop_timeout, now)),
    }
    // What is missed now is looked for again before anything is taken for gone.
    drop(census.map(|census| run.tree.search(census, true)));
    if is_new {
        ask(run);
    }
}

/// What is left of a run that ended by itself has to go, too. It is looked for a moment later: the news of the end goes out first.
pub(super) fn clean_up(run: &mut Run, now: Instant) {
    if run.stopping.is_none() && !run.is_gone() {
        let stopping = Stopping::new(false, run.grace_of_leftovers(), now);
        run.stopping = Some(Stopping { next: now, asked: false, ..stopping });
    }
}

/// Sends the stop signal.
fn ask(run: &Run) {
    let signal = run.order.stop_signal.get();
    match run.order.stop_whom {
        Whom::Leader if run.exit.is_none() => run.tree.signal_leader(signal),
        Whom::Leader | Whom::Group => {
            run.tree.signal_group(signal);
            run.tree.signal_outsiders(signal);
        }
    }
    // One that is stopped by a signal would not see this one.
    run.tree.signal_group(Signal::CONT);
}

/// Whether a look at all processes is needed to tell how far the stopping of a run has come. It has to be taken after this was asked:
/// somebody may have forked before.
pub(super) fn needs_census(run: &mut Run, now: Instant) -> bool {
    let others = run.tree.others();
    let quiet = run.exit.is_some() && others.is_empty();
    quiet
        || run.stopping.as_ref().is_some_and(|stopping| (now >= stopping.kill_at && !stopping.killed) || stopping.told)
}

/// Looks how far the stopping of a run has come, and goes on with it. Without a census, or one that was not whole, nothing is taken for
/// gone.
pub(super) fn look(run: &mut Run, census: Option<&Census>, now: Instant) -> Found {
    let Some(mut stopping) = run.stopping.take() else { return Found::Alive };
    let mut others = run.tree.others();
    let ended = run.exit.is_some();
    let due = now >= stopping.kill_at;
    let mut whole = false;
    if let Some(census) = census {
        let before = others.len();
        let searched = run.tree.search(census, true);
        if let Err(error) = &searched {
            tracing::debug!(%error, "not all processes can be looked at");
        }
        whole = searched.is_ok();
        others = run.tree.others();
        if !std::mem::replace(&mut stopping.asked, true) {
            if !others.is_empty() {
                ask(run);
            }
        } else if others.len() > before && !due {
            run.tree.signal_outsiders(run.order.stop_signal.get());
        }
    }
    let populated = run.tree.group().and_then(|group| cgroup::is_populated(group)).unwrap_or(false);
    if whole && ended && others.is_empty() && !populated {
        run.stopping = Some(stopping);
        return Found::Gone;
    }
    if due {
        stopping.killed = true;
        kill(run);
    }
    let stuck = due && !stopping.told && now >= stopping.kill_at + PATIENCE;
    stopping.told |= stuck;
    stopping.rest(now);
    run.stopping = Some(stopping);
    if !stuck {
        return Found::Alive;
    }
    let leader = (!ended).then(|| run.pid());
    Found::Stuck(leader.into_iter().chain(others).collect())
}

fn kill(run: &Run) {
    if let Some(group) = run.tree.group()
        && let Err(error) = cgroup::kill(group)
    {
        tracing::debug!(%error, "cannot kill a control group");
    }
    run.tree.signal_group(Signal::KILL);
    run.tree.signal_others(Signal::KILL);
}
