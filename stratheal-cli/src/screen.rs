//! What a running monitor shows: a line for each change, and on a terminal a last line that sums up.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stratheal_core::engine::EngineHandle;
use stratheal_core::format::{Style, transition_line};
use stratheal_core::model::event::{EventKind, Transition};
use stratheal_core::model::{CheckId, Status};
use tokio::sync::broadcast::error::RecvError;

use crate::args::Common;
use crate::output;

/// Whether the cursor stands behind the last line, which has to go before anything else is printed.
static LAST_LINE: AtomicBool = AtomicBool::new(false);

const ERASE: &str = "\r\u{1b}[2K";

/// Takes the last line away, if it is there.
pub(crate) fn clear() {
    if LAST_LINE.swap(false, Ordering::Relaxed) {
        // A terminal that is gone needs no clearing.
        let _ = write!(io::stdout().lock(), "{ERASE}").and_then(|()| io::stdout().flush());
    }
}

/// Shows what happens until the engine stops.
pub(crate) async fn run(common: Common, engine: EngineHandle) {
    let style = output::style(&common);
    let terminal = io::stdout().is_terminal() && !common.quiet;
    let mut events = engine.subscribe();
    let mut first = FirstResults::so_far(&engine);
    let second = Duration::from_secs(1);
    let mut second = tokio::time::interval_at(tokio::time::Instant::now() + second, second);
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    if let EventKind::Changed(change) = &event.kind
                        && !first.is_good_news(change)
                    {
                        clear();
                        // With standard output gone there is still the log, and checks go on.
                        if output::print(&transition_line(event.at, change, style)).is_err() {
                            return;
                        }
                    }
                    if let EventKind::Ran { id, .. } = &event.kind
                        && first.are_complete_with(id, &engine)
                        && !common.quiet
                    {
                        clear();
                        if output::print(&format!("all checks ran once: {}", counts(&engine))).is_err() {
                            return;
                        }
                    }
                }
                Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "events were not shown"),
                Err(RecvError::Closed) => return,
            },
            _ = second.tick(), if terminal => last_line(&engine, style),
        }
    }
}

/// Beginnings: a thousand checks that turn out healthy are one line, not a thousand.
struct FirstResults {
    known: HashSet<CheckId>,
    ran: HashSet<CheckId>,
    told: bool,
}

impl FirstResults {
    /// Some checks may have run before anybody listened.
    fn so_far(engine: &EngineHandle) -> Self {
        let snapshot = engine.fresh_snapshot();
        let ran: HashSet<CheckId> = snapshot.checks.iter().filter(|v| v.runs > 0).map(|v| v.id.clone()).collect();
        Self { known: HashSet::new(), ran, told: false }
    }

    /// Whether a change is only a check that turns out healthy for the first time.
    fn is_good_news(&mut self, change: &Transition) -> bool {
        let first = self.known.insert(change.id.clone());
        first && (change.from, change.to) == (Status::Unknown, Status::Healthy)
    }

    /// Whether every check has run by now that this one has; true once.
    fn are_complete_with(&mut self, id: &CheckId, engine: &EngineHandle) -> bool {
        let complete = !self.told && {
            self.ran.insert(id.clone());
            self.ran.len() >= engine.snapshot().checks.len()
        };
        self.told |= complete;
        complete
    }
}

fn counts(engine: &EngineHandle) -> String {
    let snapshot = engine.snapshot();
    let count = |status: Status| snapshot.checks.iter().filter(|view| view.status == status).count();
    let some = Status::ALL.into_iter().filter(|status| count(*status) > 0);
    some.map(|status| format!("{} {status}", count(status))).collect::<Vec<_>>().join(", ")
}

fn last_line(engine: &EngineHandle, style: Style) {
    let (begin, end) = if style.colour { ("\u{1b}[2m", "\u{1b}[0m") } else { ("", "") };
    let mut out = io::stdout().lock();
    // A terminal that is gone is noticed when a line is printed.
    let _ =
        write!(out, "{ERASE}{begin}{:.0}  {}{end}", engine.snapshot().at, counts(engine)).and_then(|()| out.flush());
    LAST_LINE.store(true, Ordering::Relaxed);
}
