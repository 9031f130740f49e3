//! The result, for people and for programs.

use std::fmt::Write;
use std::time::Duration;

use stratheal_core::installer::{Action, Actions, How, Outcome, Planned};
use stratheal_core::model::quantity::{show_bytes, show_count};

use crate::args::{Common, PlainFormat};

/// What `install` says in the end.
pub(super) fn install(
    planned: &Planned,
    outcome: Option<&Outcome>,
    took: Duration,
    format: PlainFormat,
    common: &Common,
) -> String {
    let actions = outcome.map_or(&planned.actions, |outcome| &outcome.actions);
    if format == PlainFormat::Json {
        return format!("{:#}", planned.document(outcome));
    }
    if common.quiet {
        return String::new();
    }
    let mut text = lines(actions);
    let root = planned.root.display();
    match outcome {
        None if actions.is_empty() && planned.exists => {
            let _ = write!(text, "nothing to do: {root} has everything that is wanted");
        }
        None => {
            let bytes = show_bytes(planned.bytes_to_fetch as f64);
            let files = show_count(planned.to_fetch, "file");
            let _ = write!(text, "{} in {root}, {files} to fetch ({bytes})", count(actions));
            if planned.to_build > 0 {
                let _ = write!(text, ", {} to build", planned.to_build);
            }
            text.push_str("; nothing was changed");
        }
        Some(outcome) => text.push_str(&done(outcome, took)),
    }
    text
}

/// What `uninstall` says in the end.
pub(super) fn uninstall(outcome: &Outcome, took: Duration, format: PlainFormat, common: &Common) -> String {
    if format == PlainFormat::Json {
        return format!("{:#}", outcome.document());
    }
    if common.quiet {
        return String::new();
    }
    lines(&outcome.actions) + &done(outcome, took)
}

fn done(outcome: &Outcome, took: Duration) -> String {
    let root = outcome.root.display();
    let Some(applied) = &outcome.applied else {
        return format!("nothing to do: {root} is as wanted ({:.2} s)", took.as_secs_f64());
    };
    let mut text = String::new();
    for note in &applied.notes {
        let _ = writeln!(text, "note: {note}");
    }
    let made = if applied.how == How::Created { "made with" } else { "changed:" };
    let _ = write!(text, "{root} {made} {} ({:.2} s)", count(&outcome.actions), took.as_secs_f64());
    text
}

fn lines(actions: &Actions) -> String {
    let mut text = String::new();
    for (name, action) in actions {
        let _ = match action {
            Action::Install { version } => writeln!(text, "+ {name} {version}"),
            Action::Replace { old, version } if old == version => writeln!(text, "~ {name} {version}"),
            Action::Replace { old, version } => writeln!(text, "~ {name} {old} -> {version}"),
            Action::Remove { old } => writeln!(text, "- {name} {old}"),
            _ => Ok(()),
        };
    }
    text
}

fn count(actions: &Actions) -> String {
    let of = |test: fn(&Action) -> bool| actions.values().filter(|action| test(action)).count();
    let parts = [
        (of(|action| matches!(action, Action::Install { .. })), "new"),
        (of(|action| matches!(action, Action::Replace { .. })), "replaced"),
        (of(|action| matches!(action, Action::Remove { .. })), "removed"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if parts.is_empty() { "no packages".to_owned() } else { parts.join(", ") }
}
