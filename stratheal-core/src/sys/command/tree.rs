//! The process tree of a command: finding all of it, and killing it.
//!
//! There are three ways to find a process of the tree, and none alone is enough. By parent: it misses what was orphaned. By
//! process group: it misses what made a group of its own. By the mark in the environment: it misses what threw its environment away.
//! So those below by parent are noted before anything dies, then the group is killed, then whatever carries the mark, until
//! nothing is left. What escapes all three (a daemon that forks twice and empties its environment) is out of reach.

use std::collections::{BTreeSet, HashMap};

use crate::sys::process::ProcessId;

/// The most processes of one tree that are remembered.
const MAX_PROCESSES: usize = 65_536;

/// The processes a command started, as far as they are known.
#[derive(Debug)]
pub(super) struct Tree {
    leader: u32,
    /// When the leader was started; nothing older belongs to the tree.
    started: u64,
    mark: String,
    known: BTreeSet<ProcessId>,
    /// Once the leader is reaped, the number of its group may belong to somebody else.
    group_is_ours: bool,
}

impl Tree {
    pub(super) fn new(leader: u32, mark: String) -> Self {
        let started = platform::start_of(leader).unwrap_or(0);
        Self { leader, started, mark, known: BTreeSet::new(), group_is_ours: true }
    }

    /// Says that the leader has been reaped.
    pub(super) const fn leader_is_gone(&mut self) {
        self.group_is_ours = false;
    }

    /// Asks the whole group to end.
    pub(super) fn terminate(&self) {
        if self.group_is_ours {
            platform::signal_group(self.leader, platform::Signal::Terminate);
        }
    }

    /// Kills what is left of the group.
    pub(super) fn kill_group(&self) {
        if self.group_is_ours {
            platform::signal_group(self.leader, platform::Signal::Kill);
        }
    }

    /// Notes everything below the leader by parent and kills it together with the group. Quick: it reads only the tree.
    pub(super) fn kill_now(&mut self) {
        if self.group_is_ours {
            for process in platform::below(self.leader) {
                self.note(process);
            }
        }
        self.kill_group();
        for process in &self.known {
            platform::kill(*process);
        }
    }

    /// Kills what carries the mark, and answers what of the tree is still alive.
    pub(super) fn sweep(&mut self, census: &Census) -> Vec<u32> {
        for process in census.carrying(&self.mark) {
            if process.pid != self.leader && process.started >= self.started {
                self.note(*process);
            }
        }
        self.kill_now();
        self.known.iter().filter(|process| platform::is_alive(**process)).map(|process| process.pid).collect()
    }

    /// When the leader was started, in ticks since the machine was; nothing older belongs to the tree.
    pub(super) const fn started(&self) -> u64 {
        self.started
    }

    /// How many processes besides the leader were found.
    pub(super) fn size(&self) -> usize {
        self.known.len()
    }

    /// Reaps those of the tree that became children of this process, as orphans do when it is the first of a container.
    pub(super) fn reap_orphans(&self) {
        for process in &self.known {
            platform::reap_orphan(*process);
        }
    }

    fn note(&mut self, process: ProcessId) {
        if self.known.len() < MAX_PROCESSES {
            self.known.insert(process);
        }
    }
}

/// Kills whatever carries a mark, and answers what of it is still alive.
pub(super) fn end_all(census: &Census, mark: &str) -> Vec<u32> {
    let carrying = census.carrying(mark);
    for process in carrying {
        platform::kill(*process);
    }
    carrying.iter().filter(|process| platform::is_alive(**process)).map(|process| process.pid).collect()
}

/// All marked processes at one moment: one look at the machine serves any number of trees.
#[derive(Debug, Default)]
pub(super) struct Census {
    marked: HashMap<Vec<u8>, Vec<ProcessId>>,
}

impl Census {
    /// Looks at every process that was started at `since` or later. Older ones cannot belong to a tree, and reading the environment
    /// of a process that is stuck can get the reader stuck.
    pub(super) fn take(since: u64) -> Self {
        let mut census = Self::default();
        platform::each_mark(since, |process, mark| {
            census.marked.entry(mark.to_owned()).or_default().push(process);
        });
        census
    }

    fn carrying(&self, mark: &str) -> &[ProcessId] {
        self.marked.get(mark.as_bytes()).map_or(&[], Vec::as_slice)
    }
}

#[cfg(unix)]
mod signals {
    use rustix::process::{Pid, kill_process_group};

    #[derive(Clone, Copy)]
    pub(in super::super) enum Signal {
        Terminate,
        Kill,
    }

    pub(in super::super) fn pid_of(pid: u32) -> Option<Pid> {
        i32::try_from(pid).ok().and_then(Pid::from_raw)
    }

    pub(in super::super) fn signal_group(leader: u32, signal: Signal) {
        let signal = match signal {
            Signal::Terminate => rustix::process::Signal::TERM,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        if let Some(pid) = pid_of(leader)
            && let Err(error) = kill_process_group(pid, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(leader, %error, "cannot signal the process group of a command");
        }
    }
}

#[cfg(target_os = "linux")]
mod platform {
    use std::collections::{BTreeSet, HashMap};

    use rustix::process::{PidfdFlags, WaitOptions, pidfd_open, pidfd_send_signal, waitpid};

    pub(super) use super::signals::{Signal, pid_of, signal_group};
    use crate::sys::SysRoot;
    use crate::sys::command::mark::marks;
    use crate::sys::process::{ProcessId, ProcessStat, if_alive, pids, read_stat};

    /// The state of a process; `None` when it is gone or cannot be looked at.
    fn stat(pid: u32) -> Option<ProcessStat> {
        if_alive(read_stat(&SysRoot::default(), pid)).unwrap_or_else(|error| {
            tracing::debug!(pid, %error, "cannot look at a process");
            None
        })
    }

    pub(super) fn start_of(pid: u32) -> Option<u64> {
        stat(pid).map(|stat| stat.id.started)
    }

    pub(super) fn is_alive(process: ProcessId) -> bool {
        stat(process.pid).is_some_and(|now| now.id == process && !now.state.has_ended())
    }

    /// Everything below a process, by parent.
    pub(super) fn below(leader: u32) -> BTreeSet<ProcessId> {
        let mut parents: Option<HashMap<u32, Vec<u32>>> = None;
        let mut found = BTreeSet::new();
        let mut waiting = vec![leader];
        while let Some(parent) = waiting.pop() {
            let children = match &parents {
                Some(parents) => parents.get(&parent).cloned().unwrap_or_default(),
                None => match listed_children(parent) {
                    Some(children) => children,
                    // This kernel keeps no lists of children, so everybody is asked for a parent.
                    None => parents.insert(all_children()).get(&parent).cloned().unwrap_or_default(),
                },
            };
            for child in children.into_iter().filter_map(stat) {
                if found.len() < super::MAX_PROCESSES && found.insert(child.id) {
                    waiting.push(child.id.pid);
                }
            }
        }
        found
    }

    /// The children the kernel lists for the threads of a process; `None` when it lists none at all (`CONFIG_PROC_CHILDREN`).
    fn listed_children(parent: u32) -> Option<Vec<u32>> {
        let root = SysRoot::default();
        let Ok(threads) = std::fs::read_dir(root.path(format!("proc/{parent}/task"))) else { return Some(Vec::new()) };
        let mut children = Vec::new();
        for thread in threads.filter_map(Result::ok) {
            match std::fs::read_to_string(thread.path().join("children")) {
                Ok(list) => children.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<u32>().ok())),
                Err(_) if thread.path().join("stat").exists() => return None,
                Err(_) => {}
            }
        }
        Some(children)
    }

    fn all_children() -> HashMap<u32, Vec<u32>> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for child in all() {
            children.entry(child.parent).or_default().push(child.id.pid);
        }
        children
    }

    fn all() -> impl Iterator<Item = ProcessStat> {
        let pids = pids(&SysRoot::default()).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot list processes");
            Vec::new()
        });
        pids.into_iter().filter_map(stat)
    }

    /// Calls `note` with each mark of each living process that was started at `since` or later.
    pub(super) fn each_mark(since: u64, mut note: impl FnMut(ProcessId, &[u8])) {
        let own = std::process::id();
        let young = all().filter(|process| process.id.started >= since && process.id.pid != own);
        for process in young.filter(|process| !process.state.has_ended()) {
            // What may not be read belongs to somebody else, and could not be killed either.
            let Ok(environment) = SysRoot::default().read_bytes(format!("proc/{}/environ", process.id.pid)) else {
                continue;
            };
            for mark in marks(&environment) {
                note(process.id, mark);
            }
        }
    }

    /// Kills exactly this process: the handle is taken first, then it is made sure that the number was not used again.
    pub(super) fn kill(process: ProcessId) {
        let Some(pid) = pid_of(process.pid) else { return };
        let killed = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(handle) if is_alive(process) => pidfd_send_signal(handle, rustix::process::Signal::KILL),
            Err(rustix::io::Errno::NOSYS) if is_alive(process) => {
                rustix::process::kill_process(pid, rustix::process::Signal::KILL)
            }
            _ => Ok(()),
        };
        if let Err(error) = killed
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(pid = process.pid, %error, "cannot kill a process of a command");
        }
    }

    pub(super) fn reap_orphan(process: ProcessId) {
        let ours = |now: &ProcessStat| now.id == process && now.state.has_ended() && now.parent == std::process::id();
        if stat(process.pid).as_ref().is_some_and(ours)
            && let Err(error) = waitpid(pid_of(process.pid), WaitOptions::NOHANG)
        {
            tracing::debug!(pid = process.pid, %error, "cannot reap an orphan of a command");
        }
    }
}

/// Elsewhere only the process group is known.
#[cfg(not(target_os = "linux"))]
mod platform {
    #[cfg(unix)]
    pub(super) use super::signals::{Signal, signal_group};
    use std::collections::BTreeSet;

    use crate::sys::process::ProcessId;

    #[cfg(not(unix))]
    pub(super) enum Signal {
        Terminate,
        Kill,
    }

    #[cfg(not(unix))]
    pub(super) fn signal_group(_leader: u32, _signal: Signal) {}

    pub(super) fn start_of(_pid: u32) -> Option<u64> {
        None
    }

    pub(super) fn is_alive(_process: ProcessId) -> bool {
        false
    }

    pub(super) fn below(_leader: u32) -> BTreeSet<ProcessId> {
        BTreeSet::new()
    }

    pub(super) fn each_mark(_since: u64, _note: impl FnMut(ProcessId, &[u8])) {}

    pub(super) fn kill(_process: ProcessId) {}

    pub(super) fn reap_orphan(_process: ProcessId) {}
}
