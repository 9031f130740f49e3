//! What a running monitor shows: a line for each change, and on a terminal a last line that sums up.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stratheal_core::engine::EngineHandle;
use stratheal_core::format::{Style, transition_line};
use stratheal_core::model::Status;
use stratheal_core::model::event::EventKind;
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
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) => {
                    if let EventKind::Changed(change) = &event.kind {
                        clear();
                        // With standard output gone there is still the log, and checks go on.
                        if output::print(&transition_line(event.at, change, style)).is_err() {
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

fn last_line(engine: &EngineHandle, style: Style) {
    let snapshot = engine.snapshot();
    let count = |status: Status| snapshot.checks.iter().filter(|view| view.status == status).count();
    let counts: Vec<String> = Status::ALL
        .into_iter()
        .filter(|status| count(*status) > 0)
        .map(|status| format!("{} {status}", count(status)))
        .collect();
    let (begin, end) = if style.colour { ("\u{1b}[2m", "\u{1b}[0m") } else { ("", "") };
    let mut out = io::stdout().lock();
    // A terminal that is gone is noticed when a line is printed.
    let _ = write!(out, "{ERASE}{begin}{:.0}  {}{end}", snapshot.at, counts.join(", ")).and_then(|()| out.flush());
    LAST_LINE.store(true, Ordering::Relaxed);
}
