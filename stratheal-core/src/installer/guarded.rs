//! Changes that somebody is told of, before and after: snapshots are made that way.

use std::fmt::Write;
use std::path::Path;

use super::engine::Installer;
use super::plan::{Action, Actions};
use crate::base::class::chain;
use crate::contract::EnvironmentChange;

/// The most projects that a change names.
const MOST_NAMED: usize = 3;

/// A change that is about to be made.
pub(in crate::installer) struct Guarded {
    installer: Installer,
    change: EnvironmentChange,
    before: Option<u64>,
    notes: Vec<String>,
}

impl Installer {
    /// Tells that something is about to change. Blocks; the lock of the environment is held.
    pub(in crate::installer) fn guarded(&self, root: &Path, what: String) -> Guarded {
        let mut guarded = Guarded {
            installer: self.clone(),
            change: EnvironmentChange::new(root.to_owned(), what),
            before: None,
            notes: Vec::new(),
        };
        if let Some(guard) = self.guard().filter(|_| root.join("pyvenv.cfg").exists()) {
            match guard.before(&guarded.change) {
                Ok(before) => guarded.before = before,
                Err(error) => guarded.notes.push(chain(&error)),
            }
        }
        guarded
    }
}

impl Guarded {
    /// Tells that it has changed. Answers what went wrong with telling.
    pub(in crate::installer) fn changed(mut self) -> Vec<String> {
        if let Some(guard) = self.installer.guard()
            && let Err(error) = guard.after(&self.change, self.before)
        {
            self.notes.push(chain(&error));
        }
        self.notes
    }
}

/// What a change does, in a few words.
pub(in crate::installer) fn told(actions: &Actions) -> String {
    let mut text = String::new();
    for (name, action) in actions.iter().take(MOST_NAMED) {
        let separator = if text.is_empty() { "" } else { ", " };
        // Writing into a string does not fail.
        let _ = match action {
            Action::Install { version } => write!(text, "{separator}install {name} {version}"),
            Action::Replace { old, version } if old == version => write!(text, "{separator}reinstall {name} {version}"),
            Action::Replace { old, version } => write!(text, "{separator}{name} {old} -> {version}"),
            Action::Remove { old } => write!(text, "{separator}remove {name} {old}"),
        };
    }
    match actions.len() {
        0 => "rebuild".to_owned(),
        count if count > MOST_NAMED => format!("{text} and {} more", count - MOST_NAMED),
        _ => text,
    }
}
