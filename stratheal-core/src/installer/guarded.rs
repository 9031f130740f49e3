//! Changes that somebody is told of, before and after: snapshots are made that way.

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

/// What a change does, in a few words: `install flask 3.1.3, six 1.17.0; idna 2.0 -> 3.1`.
pub(in crate::installer) fn told(actions: &Actions) -> String {
    let (mut new, mut other, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (name, action) in actions.iter().take(MOST_NAMED) {
        match action {
            Action::Install { version } => new.push(format!("{name} {version}")),
            Action::Replace { old, version } if old == version => other.push(format!("{name} {version} again")),
            Action::Replace { old, version } => other.push(format!("{name} {old} -> {version}")),
            Action::Remove { old } => gone.push(format!("{name} {old}")),
        }
    }
    let mut parts = Vec::new();
    for (verb, projects) in [("install ", new), ("", other), ("remove ", gone)] {
        if !projects.is_empty() {
            parts.push(format!("{verb}{}", projects.join(", ")));
        }
    }
    match actions.len() {
        0 => "rebuild".to_owned(),
        count if count > MOST_NAMED => format!("{} and {} more", parts.join("; "), count - MOST_NAMED),
        _ => parts.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_in_a_few_words() {
        let version = |text: &str| text.parse().unwrap();
        let all = [
            ("a", Action::Install { version: version("1") }),
            ("b", Action::Install { version: version("2") }),
            ("c", Action::Replace { old: version("1"), version: version("2") }),
            ("d", Action::Remove { old: version("1") }),
        ];
        let actions = |from: usize, to: usize| {
            all[from..to].iter().map(|(name, action)| (name.parse().unwrap(), action.clone())).collect::<Actions>()
        };
        assert_eq!(told(&actions(0, 4)), "install a 1, b 2; c 1 -> 2 and 1 more");
        assert_eq!(told(&actions(3, 4)), "remove d 1");
        assert_eq!(told(&actions(0, 0)), "rebuild");
    }
}
