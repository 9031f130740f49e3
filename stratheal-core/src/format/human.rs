//! For people, on a terminal or not.

use std::fmt::Write;

use jiff::Timestamp;

use crate::model::Status;
use crate::model::event::Transition;
use crate::model::quantity::show_seconds;
use crate::model::report::printable;
use crate::model::view::{CheckView, Muted, Phase, Snapshot};

/// How text for people looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Whether to use the colours of a terminal.
    pub colour: bool,
    /// Whether to show metrics, and hints also where nothing is wrong.
    pub verbose: bool,
}

impl Style {
    /// A text in the colour of a status.
    #[must_use]
    pub fn paint(self, status: Status, text: &str) -> String {
        let code = match status {
            Status::Healthy => "32",
            Status::Warning => "33",
            Status::Critical => "31",
            Status::Unknown => "35",
        };
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A text that stands back.
    #[must_use]
    pub fn faint(self, text: &str) -> String {
        if self.colour { format!("\u{1b}[2m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// All checks, the worst first, and a line that sums up.
#[must_use]
pub fn human(snapshot: &Snapshot, style: Style) -> String {
    let width = snapshot.checks.iter().map(|view| view.id.as_str().len()).max().unwrap_or(0).min(40);
    let mut text = String::new();
    for status in [Status::Critical, Status::Warning, Status::Unknown, Status::Healthy] {
        for view in snapshot.checks.iter().filter(|view| view.status == status) {
            text.push_str(&line(view, width, style));
            text.push('\n');
            details(&mut text, view, style);
        }
    }
    let count = |status: Status| snapshot.checks.iter().filter(|view| view.status == status).count();
    let counts: Vec<String> = [Status::Healthy, Status::Warning, Status::Critical, Status::Unknown]
        .into_iter()
        .filter(|status| count(*status) > 0)
        .map(|status| style.paint(status, &format!("{} {status}", count(status))))
        .collect();
    let total = snapshot.checks.len();
    let word = style.paint(snapshot.status, snapshot.status.as_str());
    // Writing into a String cannot fail, here and below.
    let _ = match total {
        0 => writeln!(text, "{word}: no checks"),
        _ => writeln!(text, "{word}: {total} check{}, {}", if total == 1 { "" } else { "s" }, counts.join(", ")),
    };
    text
}

/// One check in one line, its id padded to `width`.
#[must_use]
pub fn line(view: &CheckView, width: usize, style: Style) -> String {
    let status = style.paint(view.status, &format!("{:<8}", view.status.as_str()));
    let mut text = format!("{status}  {:<width$}  {}", view.id, printable(view.summary()));
    let note = match (&view.muted, view.phase) {
        (Some(Muted::Cause { root }), _) => format!("because of {root}"),
        (Some(Muted::Maintenance), _) => "in maintenance".to_owned(),
        (Some(Muted::Paused { reason }), _) => format!("paused: {}", printable(reason)),
        (None, Phase::Soft { toward, seen, needed }) => format!("{seen} of {needed} toward {toward}"),
        (None, _) if view.flapping => "flapping".to_owned(),
        (None, _) if view.stale => "the last result is too old".to_owned(),
        (None, _) => String::new(),
    };
    if !note.is_empty() {
        let _ = write!(text, " {}", style.faint(&format!("({note})")));
    }
    text
}

/// One change of state in one line.
#[must_use]
pub fn transition_line(at: Timestamp, change: &Transition, style: Style) -> String {
    let status = style.paint(change.to, &format!("{:<8}", change.to.as_str()));
    let note = match &change.muted {
        Some(Muted::Cause { root }) => format!("because of {root}"),
        Some(Muted::Maintenance) => "in maintenance".to_owned(),
        Some(Muted::Paused { .. }) => "paused".to_owned(),
        None => format!("was {}", change.from),
    };
    let (at, summary) = (style.faint(&format!("{at:.0}")), printable(&change.summary));
    format!("{at}  {status}  {}  {summary} {}", change.id, style.faint(&format!("({note})")))
}

fn details(text: &mut String, view: &CheckView, style: Style) {
    let Some(last) = &view.last else { return };
    if let Some(hint) = &last.report.hint
        && (view.status != Status::Healthy || style.verbose)
    {
        let _ = writeln!(text, "          {}", style.faint(&format!("-> {}", printable(&hint.text))));
    }
    if style.verbose {
        let took = show_seconds(last.duration.as_secs_f64());
        let metrics: Vec<String> = last.report.metrics.iter().map(|metric| printable(&metric.to_string())).collect();
        let _ = writeln!(text, "          {}", style.faint(&format!("took {took}  {}", metrics.join("  "))));
    }
}
