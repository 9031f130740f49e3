//! All processes of one run: finding them, signalling them, and telling when none is left.
//!
//! There are five ways to find a process of a run, and none alone is enough: by parent, by process group, by session, by the mark in
//! its environment, and by control group where one was delegated. What leaves all of them behind becomes a child of the keeper, which
//! notes it here as well. A number is never trusted alone: every process is known with the time of its start.
//!
//! What cannot be looked at is not known, and not known is not gone.
//!
//! Elsewhere than on Linux only the process group is known.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::sys::SysError;
use crate::sys::process::ProcessId;
#[cfg(target_os = "linux")]
use crate::sys::{SysRoot, process::ProcessStat};

/// The most processes of one run that are remembered.
const MOST: usize = 65_536;

/// The processes of one run, as far as they are known.
#[derive(Debug)]
pub(super) struct Tree {
    leader: ProcessId,
    mark: String,
    /// The control group of the run.
    group: Option<PathBuf>,
    /// All but the leader.
    known: BTreeSet<ProcessId>,
}

pub(super) fn pid_of(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

impl Tree {
    pub(super) const fn new(leader: ProcessId, mark: String, group: Option<PathBuf>) -> Self {
        Self { leader, mark, group, known: BTreeSet::new() }
    }

    pub(super) const fn leader(&self) -> ProcessId {
        self.leader
    }

    pub(super) fn group(&self) -> Option<&PathBuf> {
        self.group.as_ref()
    }

    /// Notes a process that is known to belong here.
    pub(super) fn note(&mut self, process: ProcessId) {
        if self.known.len() < MOST && process != self.leader {
            self.known.insert(process);
        }
    }

    pub(super) fn knows(&self, process: ProcessId) -> bool {
        process == self.leader || self.known.contains(&process)
    }

    /// Those besides the leader that are alive, of all that are known.
    pub(super) fn others(&mut self) -> Vec<u32> {
        self.known.retain(|process| platform::is_alive(*process));
        self.known.iter().map(|process| process.pid).collect()
    }

    /// Sends a signal to the whole group. The leader must not have been reaped: only so long the number is its own.
    pub(super) fn signal_group(&self, signal: Signal) {
        let Some(pid) = pid_of(self.leader.pid) else { return };
        match kill_process_group(pid, signal) {
            Ok(()) => {}
            // It has not made its group yet.
            Err(rustix::io::Errno::SRCH) => self.signal_leader(signal),
            Err(error) => tracing::warn!(leader = self.leader.pid, %error, "cannot signal a process group"),
        }
    }

    /// Sends a signal to the leader, if it is still the same process.
    pub(super) fn signal_leader(&self, signal: Signal) {
        platform::signal(self.leader, signal);
    }

    /// Sends a signal to those that are known and not in the group, which get it with the group.
    pub(super) fn signal_outsiders(&self, signal: Signal) {
        for process in &self.known {
            if stat(process.pid).is_some_and(|now| now.group != self.leader.pid) {
                platform::signal(*process, signal);
            }
        }
    }

    /// Sends a signal to every other process that is known.
    pub(super) fn signal_others(&self, signal: Signal) {
        for process in &self.known {
            platform::signal(*process, signal);
        }
    }
}

#[cfg(target_os = "linux")]
impl Tree {
    /// Notes everything that belongs here. `reserved` says that the leader has not been reaped, so that its number is its own.
    ///
    /// With an error, what was found is noted, and there may be more.
    pub(super) fn search(&mut self, census: &Census, reserved: bool) -> Result<(), SysError> {
        let mut whole = Ok(());
        let own = std::process::id();
        let group_is_ours =
            reserved || census.all.iter().all(|process| process.id.pid != self.leader.pid || process.id == self.leader);
        let members = self.group.as_ref().map_or(Ok(Vec::new()), |group| super::cgroup::members(group));
        let members = members.unwrap_or_else(|error| {
            whole = Err(error);
            Vec::new()
        });
        for process in &census.all {
            let young = process.id.started >= self.leader.started;
            if process.id.pid == own || !young || process.state.has_ended() || self.knows(process.id) {
                continue;
            }
            let number = self.leader.pid;
            let by_number = group_is_ours && (process.group == number || process.session == number);
            let belongs = by_number || members.contains(&process.id.pid);
            let is_marked = || census.is_marked(process, &self.mark);
            match if belongs { Ok(true) } else { is_marked() } {
                Ok(true) => self.note(process.id),
                Ok(false) => {}
                Err(error) => whole = Err(error),
            }
        }
        // Last: what was found in another way has children, too.
        loop {
            let before = self.known.len();
            for process in &census.all {
                let below =
                    census.by_pid(process.parent).is_some_and(|parent| self.knows(parent.id) && parent.id.pid != own);
                if below && !process.state.has_ended() && process.id.started >= self.leader.started {
                    self.note(process.id);
                }
            }
            if self.known.len() == before {
                return whole;
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Tree {
    pub(super) fn search(&mut self, _census: &Census, _reserved: bool) -> Result<(), SysError> {
        Ok(())
    }
}

/// All processes at one moment. One look at the machine serves any number of trees.
#[derive(Debug, Default)]
pub(super) struct Census {
    #[cfg(target_os = "linux")]
    all: Vec<ProcessStat>,
    /// The marks of those that were asked for theirs.
    #[cfg(target_os = "linux")]
    marks: std::cell::RefCell<std::collections::HashMap<u32, Vec<String>>>,
}

#[cfg(target_os = "linux")]
impl Census {
    /// Looks at all processes: at every one of them, or it is none.
    pub(super) fn take() -> Result<Self, SysError> {
        Self::of(&SysRoot::default())
    }

    fn of(root: &SysRoot) -> Result<Self, SysError> {
        use crate::sys::process::{if_alive, pids, read_stat};
        let read = |pid| if_alive(read_stat(root, pid)).transpose();
        let mut all: Vec<ProcessStat> = pids(root)?.into_iter().filter_map(read).collect::<Result<_, _>>()?;
        all.sort_unstable_by_key(|process| process.id.pid);
        Ok(Self { all, marks: std::cell::RefCell::default() })
    }

    /// Whether a process carries a mark.
    fn is_marked(&self, process: &ProcessStat, mark: &str) -> Result<bool, SysError> {
        let has = |marks: &[String]| marks.iter().any(|found| found == mark);
        if let Some(known) = self.marks.borrow().get(&process.id.pid) {
            return Ok(has(known));
        }
        // Threads of the kernel have no environment.
        let read = if process.parent == 2 { Vec::new() } else { platform::marks_of(process.id.pid)? };
        let found = has(&read);
        self.marks.borrow_mut().insert(process.id.pid, read);
        Ok(found)
    }

    fn by_pid(&self, pid: u32) -> Option<&ProcessStat> {
        self.all.binary_search_by_key(&pid, |process| process.id.pid).ok().and_then(|at| self.all.get(at))
    }
}

#[cfg(not(target_os = "linux"))]
impl Census {
    pub(super) fn take() -> Result<Self, SysError> {
        Ok(Self::default())
    }
}

pub(super) use platform::{carries, is_alive, stat};

#[cfg(target_os = "linux")]
mod platform {
    use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    use super::pid_of;
    use crate::sys::command::marks;
    use crate::sys::process::{ProcessId, ProcessStat, if_alive, read_stat};
    use crate::sys::{SysError, SysRoot};

    /// A process as it is now; `None` when it is gone, or cannot be looked at.
    pub(in crate::service) fn stat(pid: u32) -> Option<ProcessStat> {
        if_alive(read_stat(&SysRoot::default(), pid)).unwrap_or_else(|error| {
            tracing::debug!(pid, %error, "cannot look at a process");
            None
        })
    }

    /// Whether this very process is there and has not ended, as far as that can be told.
    fn lives(process: ProcessId) -> Result<bool, SysError> {
        let now = if_alive(read_stat(&SysRoot::default(), process.pid))?;
        Ok(now.is_some_and(|now| now.id == process && !now.state.has_ended()))
    }

    /// Whether this very process may be there: not unless it is known to be gone or to have ended.
    pub(in crate::service) fn is_alive(process: ProcessId) -> bool {
        lives(process).unwrap_or(true)
    }

    /// Whether a process was started with this mark in its environment, as far as that may be read.
    pub(in crate::service) fn carries(pid: u32, mark: &str) -> bool {
        marks_of(pid).is_ok_and(|marks| marks.iter().any(|found| found == mark))
    }

    /// The marks a process was started with.
    pub(super) fn marks_of(pid: u32) -> Result<Vec<String>, SysError> {
        match SysRoot::default().read_bytes(format!("proc/{pid}/environ")) {
            Ok(environment) => Ok(marks(&environment).map(|mark| String::from_utf8_lossy(mark).into_owned()).collect()),
            Err(error) if is_for_want(&error) => Err(error),
            // It is gone, or somebody else's.
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Whether it is this process that cannot read anything: it has too many files open, or there is no memory.
    fn is_for_want(error: &SysError) -> bool {
        use rustix::io::Errno;
        let SysError::Read { source, .. } = error else { return false };
        [Errno::MFILE, Errno::NFILE, Errno::NOMEM]
            .iter()
            .any(|errno| source.raw_os_error() == Some(errno.raw_os_error()))
    }

    /// Signals exactly this process: the handle is taken first, then it is made sure that the number was not used again.
    pub(super) fn signal(process: ProcessId, signal: Signal) {
        let Some(pid) = pid_of(process.pid) else { return };
        let certain = || lives(process).unwrap_or(false);
        let sent = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) if certain() => pidfd_send_signal(handle, signal),
            Err(rustix::io::Errno::NOSYS) if certain() => rustix::process::kill_process(pid, signal),
            Ok(_) | Err(rustix::io::Errno::NOSYS) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = sent
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = process.pid, %error, "cannot signal a process");
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use rustix::process::Signal;

    use super::pid_of;
    use crate::sys::process::{ProcessId, ProcessStat};

    pub(in crate::service) fn stat(_pid: u32) -> Option<ProcessStat> {
        None
    }

    pub(in crate::service) fn is_alive(_process: ProcessId) -> bool {
        false
    }

    pub(in crate::service) fn carries(_pid: u32, _mark: &str) -> bool {
        false
    }

    pub(super) fn signal(process: ProcessId, signal: Signal) {
        let sent = pid_of(process.pid).map(|pid| rustix::process::kill_process(pid, signal));
        if let Some(Err(error)) = sent
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = process.pid, %error, "cannot signal a process");
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_misses_some_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Census::of(&SysRoot::new(folder.path())).is_err(), "no processes can be listed");
        let own = std::process::id();
        assert!(Census::of(&SysRoot::default()).unwrap().by_pid(own).is_some());
        let process = folder.path().join(format!("proc/{own}"));
        std::fs::create_dir_all(&process).unwrap();
        assert!(Census::of(&SysRoot::new(folder.path())).unwrap().all.is_empty(), "one that ended is left out");
        std::fs::create_dir(process.join("stat")).unwrap();
        assert!(Census::of(&SysRoot::new(folder.path())).is_err(), "one cannot be looked at");
    }
}
