//! Finding processes by what they are called.

use std::path::{Path, PathBuf};

use regex::Regex;

use super::info::{self, Process};
use crate::sys::{SysError, SysRoot};

/// The length at which the kernel cuts a name.
const NAME_LENGTH: usize = 15;

/// Which processes are meant: those that fit everything that is set.
#[derive(Debug, Clone, Default)]
pub struct ProcessSelector {
    /// The name of the process, or the file name of what it runs.
    pub name: Option<String>,
    /// The path of the program file it runs.
    pub executable: Option<PathBuf>,
    /// Found somewhere in the command line, whose parts are joined by blanks.
    pub pattern: Option<Regex>,
}

impl ProcessSelector {
    /// Whether nothing is set, so that every process would fit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.executable.is_none() && self.pattern.is_none()
    }

    /// Whether a process fits. `executable` is asked only when it matters.
    fn fits(&self, process: &Process, executable: impl FnOnce() -> Option<PathBuf>) -> bool {
        self.name.as_deref().is_none_or(|name| is_called(process, name))
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&process.command.join(" ")))
            && self.executable.as_deref().is_none_or(|wanted| runs(process, executable(), wanted))
    }
}

fn is_called(process: &Process, name: &str) -> bool {
    let cut = &name.as_bytes()[..name.len().min(NAME_LENGTH)];
    let program = process.command.first().map(Path::new);
    let full = program.and_then(Path::file_name).is_some_and(|file| file.to_string_lossy() == name);
    // A long name is cut by the kernel, so for it the command line has to agree as well where there is one.
    let short = process.name.as_bytes() == cut && (name.len() <= NAME_LENGTH || full || process.command.is_empty());
    short || full
}

fn runs(process: &Process, executable: Option<PathBuf>, wanted: &Path) -> bool {
    match executable {
        // A program that was replaced while it runs, as an update does, is marked so by the kernel.
        Some(path) => {
            path == wanted || path.to_string_lossy().strip_suffix(" (deleted)").map(Path::new) == Some(wanted)
        }
        None => process.command.first().map(Path::new) == Some(wanted),
    }
}

/// Whether a process fits.
#[must_use]
pub fn fits(root: &SysRoot, selector: &ProcessSelector, process: &Process) -> bool {
    selector.fits(process, || info::executable(root, process.id.pid))
}

/// The processes that fit, with the memory they hold, without this process itself.
///
/// # Errors
/// [`SysError`] when processes cannot be listed.
pub fn find(root: &SysRoot, selector: &ProcessSelector) -> Result<Vec<Process>, SysError> {
    let own = std::process::id();
    let mut found = Vec::new();
    for process in info::list(root)? {
        let pid = process.id.pid;
        if (root.is_host() && pid == own) || !selector.fits(&process, || info::executable(root, pid)) {
            continue;
        }
        match process.resident {
            Some(_) => found.push(process),
            None => found.extend(info::read(root, pid)?.filter(|again| again.id == process.id)),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::stat::{ProcessId, ProcessState};
    use super::*;

    fn process(name: &str, command: &[&str]) -> Process {
        Process {
            id: ProcessId { pid: 1, started: 1 },
            parent: 0,
            name: name.to_owned(),
            command: command.iter().map(|part| (*part).to_owned()).collect(),
            state: ProcessState::Sleeping,
            cpu: Duration::ZERO,
            age: None,
            resident: None,
        }
    }

    #[test]
    fn names_are_cut_by_the_kernel() {
        let long = process("a-very-long-nam", &["/usr/bin/a-very-long-name", "-x"]);
        assert!(is_called(&long, "a-very-long-name"));
        assert!(!is_called(&long, "a-very-long-names"));
        assert!(is_called(&process("a-very-long-nam", &[]), "a-very-long-name"));
        assert!(is_called(&process("python3", &["/opt/run-api"]), "run-api"));
        assert!(is_called(&process("nginx", &["nginx: master process"]), "nginx"));
        assert!(!is_called(&process("nginx2", &[]), "nginx"));
    }

    #[test]
    fn everything_set_has_to_fit() {
        let one = process("python3", &["python3", "-m", "app"]);
        let pattern = Some(Regex::new(r"-m app\b").unwrap());
        let selector = ProcessSelector { name: Some("python3".into()), pattern, executable: None };
        assert!(selector.fits(&one, || None));
        let other = ProcessSelector { name: Some("ruby".into()), ..selector.clone() };
        assert!(!other.fits(&one, || None) && !other.is_empty() && ProcessSelector::default().is_empty());
        let program = ProcessSelector { executable: Some("/usr/bin/python3".into()), ..selector };
        assert!(program.fits(&one, || Some("/usr/bin/python3 (deleted)".into())));
        assert!(!program.fits(&one, || Some("/usr/bin/python4".into())));
    }
}
