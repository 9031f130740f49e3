//! `/proc/<pid>/stat`. Source: `proc_pid_stat(5)`.

use serde::{Deserialize, Serialize};

use crate::sys::{Malformed, SysError, SysRoot, fields};

/// A process that no later one can be mistaken for: numbers are used again, but not with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId {
    /// The number.
    pub pid: u32,
    /// When it was started, in ticks since the machine was.
    pub started: u64,
}

/// What a process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessState {
    /// Runs or could run.
    Running,
    /// Waits, and can be woken by a signal.
    Sleeping,
    /// Waits for a device and cannot even be killed (`D`).
    Uninterruptible,
    /// Has ended, but its parent has not asked how (`Z`).
    Zombie,
    /// Stopped by a signal or a debugger.
    Stopped,
    /// An idle thread of the kernel.
    Idle,
    /// Is going away.
    Dead,
    /// Anything newer.
    Other(char),
}

impl ProcessState {
    fn from_letter(letter: char) -> Self {
        match letter {
            'R' => Self::Running,
            'S' => Self::Sleeping,
            'D' => Self::Uninterruptible,
            'Z' => Self::Zombie,
            'T' | 't' => Self::Stopped,
            'I' => Self::Idle,
            'X' | 'x' => Self::Dead,
            other => Self::Other(other),
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Zombie | Self::Dead)
    }
}

/// The fields of `/proc/<pid>/stat` that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessStat {
    /// Which process.
    pub id: ProcessId,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// What it is doing.
    pub state: ProcessState,
    /// Its parent.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Its session.
    pub session: u32,
    /// Processor time it used, in ticks.
    pub cpu_ticks: u64,
}

/// Reads `/proc/<pid>/stat`.
///
/// The name may hold anything, also `) (`, so it ends at the last closing parenthesis.
///
/// # Errors
/// [`Malformed`] when a field is missing or no number.
pub fn parse(text: &str) -> Result<ProcessStat, Malformed> {
    let (pid, rest) = text.split_once('(').ok_or_else(|| Malformed::new("the name is missing", text))?;
    let (name, rest) = rest.rsplit_once(')').ok_or_else(|| Malformed::new("the name does not end", text))?;
    let columns: Vec<&str> = rest.split_ascii_whitespace().collect();
    // The manual counts from 1, and the state is its field 3.
    let field = |number: usize, what: &str| columns.get(number - 3).copied().ok_or_else(|| Malformed::missing(what));
    let ticks = |number: usize, what: &str| fields::number::<u64>(field(number, what)?, what);
    let state = field(3, "the state")?.chars().next().ok_or_else(|| Malformed::missing("the state"))?;
    let cpu_ticks = ticks(14, "user time")?.saturating_add(ticks(15, "system time")?);
    let id = ProcessId { pid: fields::number(pid, "the process id")?, started: ticks(22, "the start time")? };
    Ok(ProcessStat {
        id,
        name: name.to_owned(),
        state: ProcessState::from_letter(state),
        parent: fields::number(field(4, "the parent")?, "the parent")?,
        group: fields::number(field(5, "the process group")?, "the process group")?,
        session: fields::number(field(6, "the session")?, "the session")?,
        cpu_ticks,
    })
}

/// The state of one process.
///
/// # Errors
/// [`SysError`] when it cannot be read, for example because the process has ended.
pub fn read(root: &SysRoot, pid: u32) -> Result<ProcessStat, SysError> {
    root.parse(format!("proc/{pid}/stat"), parse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REST: &str = "S 1 42 42 0 -1 4194304 2 3 4 5 7 8 9 10 20 0 1 0 12345 1000 50 18446744073709551615";

    #[test]
    fn names_may_look_like_fields() {
        for name in ["bash", "a b", ") (", "x) R 9 (", "", "(((", ")))"] {
            let stat = parse(&format!("99 ({name}) {REST}")).unwrap();
            assert_eq!(stat.name, name);
            assert_eq!(
                (stat.id, stat.parent, stat.group, stat.session),
                (ProcessId { pid: 99, started: 12345 }, 1, 42, 42)
            );
            assert_eq!((stat.state, stat.cpu_ticks), (ProcessState::Sleeping, 15));
        }
        for bad in ["", "99", "99 (x", "x (y) S 1 1", "99 (x)", "99 (x) S 1 2 3"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_process_runs() {
        let stat = read(&SysRoot::default(), std::process::id()).unwrap();
        assert_eq!(stat.id.pid, std::process::id());
        assert!(!stat.state.has_ended());
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9]{0,5} ?\\(.{0,20}\\)?[A-Z0-9 -]{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn any_name_is_read(name in "[^\n]{0,15}") {
            let text = format!("99 ({name}) {REST}");
            prop_assert_eq!(parse(&text).unwrap().name, name);
        }
    }
}
