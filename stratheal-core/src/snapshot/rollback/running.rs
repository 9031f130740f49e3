//! Who runs from an environment.

use std::path::Path;

use crate::sys::SysRoot;
use crate::sys::process::{Process, list};

/// The most processes that are named.
const MOST_NAMED: usize = 5;

/// What to tell about processes that run from an environment that has just been switched: they may import from both.
pub(in crate::snapshot) fn running_notes(root: &Path) -> Vec<String> {
    let all = list(&SysRoot::default()).inspect_err(|error| tracing::debug!(%error, "processes cannot be listed"));
    notes(&all.unwrap_or_default(), root, std::process::id())
}

fn notes(all: &[Process], root: &Path, own: u32) -> Vec<String> {
    let runs = |process: &&Process| {
        // The program, or what an interpreter was told to run.
        process.id.pid != own && process.command.iter().take(2).any(|word| Path::new(word).starts_with(root))
    };
    let found: Vec<_> = all.iter().filter(runs).collect();
    // Not its other words: they may be secret.
    let named = found.iter().take(MOST_NAMED).map(|process| {
        let (pid, name) = (process.id.pid, &process.name);
        format!("process {pid} ({name}) runs from it, and may import from both: restart it")
    });
    let more = found.len().saturating_sub(MOST_NAMED);
    named.chain((more > 0).then(|| format!("and {more} more processes"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::process::{ProcessId, ProcessState};

    #[test]
    fn those_that_run_from_it_are_named_without_their_secrets() {
        let process = |pid, words: &[&str]| Process {
            id: ProcessId { pid, started: 0 },
            parent: 1,
            name: "python".to_owned(),
            command: words.iter().map(|&word| word.to_owned()).collect(),
            state: ProcessState::Sleeping,
            cpu: std::time::Duration::ZERO,
            age: None,
            resident: None,
        };
        let all = [
            process(1, &["/srv/env/bin/python", "-m", "app", "--token=secret"]),
            process(2, &["/usr/bin/python3", "/srv/env/bin/uvicorn"]),
            process(3, &["/srv/env2/bin/python"]),
            process(4, &["/usr/bin/grep", "-r", "/srv/env/bin"]),
            process(5, &["/srv/env/bin/stratheal"]),
        ];
        let notes = notes(&all, Path::new("/srv/env"), 5);
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with("process 1 (python)") && !notes[0].contains("secret"));
    }
}
