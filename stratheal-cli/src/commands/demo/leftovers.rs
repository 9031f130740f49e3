//! What processes hold, and which are there that should not be.

use std::path::Path;

use stratheal_core::sys::SysRoot;
use stratheal_core::sys::process;

/// What one process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holding {
    /// Open descriptors.
    pub(super) descriptors: u64,
    /// Memory, in KiB.
    pub(super) resident: u64,
}

impl Holding {
    pub(super) fn of(pid: u32) -> Option<Self> {
        let root = SysRoot::default();
        let descriptors = process::descriptors(&root, pid).ok()??.used;
        let resident = process::read(&root, pid).ok()??.resident? / 1024;
        Some(Self { descriptors, resident })
    }

    /// What this has more than it had before, if that is more than comes and goes.
    pub(super) fn grown_since(self, before: Self) -> Option<String> {
        let descriptors = self.descriptors.saturating_sub(before.descriptors);
        let resident = self.resident.saturating_sub(before.resident);
        let leaks = descriptors > 20 || resident > before.resident / 2 + 32 * 1024;
        leaks.then(|| format!("{descriptors} descriptors and {resident} KiB more than at the beginning"))
    }
}

/// Processes that belong to a demo: they work in its folder, or have it in their command line. Not this one.
pub(super) fn processes_of(folder: &Path) -> Vec<process::Process> {
    let text = folder.to_string_lossy().into_owned();
    let own = std::process::id();
    let works_there = |pid: u32| {
        let place = std::fs::read_link(format!("/proc/{pid}/cwd"));
        place.is_ok_and(|place| place.starts_with(folder))
    };
    let program = std::env::current_exe().unwrap_or_default();
    let is_ours = |process: &process::Process| {
        let runs = std::fs::read_link(format!("/proc/{}/exe", process.id.pid));
        let names = process.command.iter().any(|word| word.contains(&text));
        runs.is_ok_and(|runs| runs == program) && names || works_there(process.id.pid)
    };
    let all = process::list(&SysRoot::default()).unwrap_or_default();
    all.into_iter().filter(|process| process.id.pid != own && !process.state.has_ended() && is_ours(process)).collect()
}
