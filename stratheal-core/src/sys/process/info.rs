//! What is known of a process. Sources: `proc_pid_cmdline(5)`, `proc_pid_status(5)`, `proc_pid_fd(5)`, `proc_pid_limits(5)`.

use std::io;
use std::time::Duration;

use super::stat::{self, ProcessId, ProcessState};
use crate::sys::error::if_there;
use crate::sys::{Malformed, SysError, SysRoot, fields, uptime};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Which one.
    pub id: ProcessId,
    /// The one that started it.
    pub parent: u32,
    /// Its short name.
    pub name: String,
    /// Its command line; empty for threads of the kernel.
    pub command: Vec<String>,
    /// What it is doing.
    pub state: ProcessState,
    /// Processor time it used.
    pub cpu: Duration,
    /// For how long it has been running.
    pub age: Option<Duration>,
    /// Memory it holds, in bytes; `None` for threads of the kernel and where it was not asked for.
    pub resident: Option<u64>,
}

/// How many files a process has open, and how many it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptorUse {
    /// Open now.
    pub used: u64,
    /// The limit in force; `None` when there is none.
    pub limit: Option<u64>,
}

/// The most file descriptors that are counted.
const MAX_DESCRIPTORS: usize = 1 << 20;

/// Turns "it has ended meanwhile" into `None`.
pub(crate) fn if_alive<T>(answer: Result<T, SysError>) -> Result<Option<T>, SysError> {
    match answer {
        // A process that ends while its file is open makes reading fail so.
        #[cfg(unix)]
        Err(SysError::Read { source, .. }) if source.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Ok(None)
        }
        other => if_there(other),
    }
}

/// The numbers of all processes.
pub(crate) fn pids(root: &SysRoot) -> Result<Vec<u32>, SysError> {
    let folder = root.path("proc");
    let entries = std::fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = entries.map_err(|source| SysError::Read { path: folder, source })?;
    Ok(entries.iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// All processes. Reading the command line of a process can block while that process is stuck, so this belongs on a thread that can be
/// given up.
///
/// # Errors
/// [`SysError`] when they cannot be read; processes that end meanwhile are left out.
pub fn list(root: &SysRoot) -> Result<Vec<Process>, SysError> {
    if root.lacks_proc() {
        return crate::sys::elsewhere::processes();
    }
    let now = uptime::since_boot(root)?;
    let read = |pid| if_alive(read_at(root, pid, now)).transpose();
    pids(root)?.into_iter().filter_map(read).collect()
}

/// One process, with the memory it holds; `None` when there is none with this number.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn read(root: &SysRoot, pid: u32) -> Result<Option<Process>, SysError> {
    if root.lacks_proc() {
        return Ok(crate::sys::elsewhere::processes()?.into_iter().find(|process| process.id.pid == pid));
    }
    let Some(mut process) = if_alive(read_at(root, pid, uptime::since_boot(root)?))? else { return Ok(None) };
    process.resident = if_alive(root.parse(format!("proc/{pid}/status"), parse_resident))?.flatten();
    Ok(Some(process))
}

fn read_at(root: &SysRoot, pid: u32, now: Duration) -> Result<Process, SysError> {
    let stat = stat::read(root, pid)?;
    let command =
        if stat.state.has_ended() { Vec::new() } else { parse_command(&root.read(format!("proc/{pid}/cmdline"))?) };
    Ok(Process {
        id: stat.id,
        parent: stat.parent,
        name: stat.name,
        command,
        state: stat.state,
        cpu: ticks(root, stat.cpu_ticks),
        age: Some(now.saturating_sub(ticks(root, stat.id.started))),
        resident: None,
    })
}

/// The time that so many ticks take.
fn ticks(root: &SysRoot, count: u64) -> Duration {
    // Recorded files come from machines with the usual hundred a second.
    #[cfg(unix)]
    let per_second = if root.is_host() { rustix::param::clock_ticks_per_second().max(1) } else { 100 };
    #[cfg(not(unix))]
    let per_second = 100;
    Duration::from_secs_f64(count as f64 / per_second as f64)
}

/// Splits a command line at its zero bytes. Programs that write a title there leave blanks and zeros behind.
fn parse_command(text: &str) -> Vec<String> {
    text.trim_end_matches('\0').split('\0').filter(|_| !text.is_empty()).map(str::to_owned).collect()
}

fn parse_resident(status: &str) -> Result<Option<u64>, Malformed> {
    Ok(fields::value::<u64>(status, "VmRSS")?.map(|kibibytes| kibibytes.saturating_mul(1024)))
}

/// How many files a process has open; `None` when there is no such process.
///
/// # Errors
/// [`SysError::Read`] when it belongs to somebody else.
pub fn descriptors(root: &SysRoot, pid: u32) -> Result<Option<DescriptorUse>, SysError> {
    if root.lacks_proc() {
        return Err(SysError::Unsupported { what: "the number of open files", why: "this system has no /proc" });
    }
    let folder = root.path(format!("proc/{pid}/fd"));
    let counted =
        std::fs::read_dir(&folder).map(|entries| entries.take(MAX_DESCRIPTORS).filter_map(Result::ok).count());
    let Some(used) = if_alive(counted.map_err(|source| SysError::Read { path: folder, source }))? else {
        return Ok(None);
    };
    let Some(limit) = if_alive(root.parse(format!("proc/{pid}/limits"), parse_limit))? else { return Ok(None) };
    Ok(Some(DescriptorUse { used: used as u64, limit }))
}

/// Reads the soft limit of open files from `/proc/<pid>/limits`.
fn parse_limit(text: &str) -> Result<Option<u64>, Malformed> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_ascii_whitespace().next());
    match soft.ok_or_else(|| Malformed::missing("the line `Max open files`"))? {
        "unlimited" => Ok(None),
        number => fields::number(number, "the limit of open files").map(Some),
    }
}

/// The program file a process runs, where this process may know it.
pub(super) fn executable(root: &SysRoot, pid: u32) -> Option<std::path::PathBuf> {
    if root.lacks_proc() {
        return crate::sys::elsewhere::executable(pid);
    }
    std::fs::read_link(root.path(format!("proc/{pid}/exe"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_small_files() {
        assert_eq!(parse_command("python\0-m\0app\0"), ["python", "-m", "app"]);
        assert_eq!(parse_command("a\0\0b\0\0\0"), ["a", "", "b"]);
        assert!(parse_command("").is_empty());
        assert_eq!(parse_resident("Name:\tx\nVmRSS:\t     12 kB\n"), Ok(Some(12 * 1024)));
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 20000                files\n";
        assert_eq!(parse_limit(limits), Ok(Some(1024)));
        assert_eq!(parse_limit("Max open files unlimited unlimited files"), Ok(None));
        assert!(parse_limit("Max open files").is_err() && parse_limit("Max open files x").is_err());
    }

    #[test]
    fn this_process_is_known() {
        let root = SysRoot::default();
        let own = read(&root, std::process::id()).unwrap().unwrap();
        assert!(own.resident.unwrap() > 0 && !own.command.is_empty());
        assert!(own.age.unwrap() < Duration::from_hours(1));
        let listed = list(&root).unwrap();
        assert!(listed.iter().any(|process| process.id == own.id));
        let files = descriptors(&root, std::process::id()).unwrap().unwrap();
        assert!(files.used >= 3 && files.limit.is_none_or(|limit| limit >= files.used));
        assert_eq!(read(&root, u32::MAX).unwrap(), None);
        assert_eq!(descriptors(&root, u32::MAX).unwrap(), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(Max open files |VmRSS:|[0-9a-z\\x00 \n]){0,20}") {
            let _ = (parse_command(&text), parse_resident(&text), parse_limit(&text));
        }
    }
}
