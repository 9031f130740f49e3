//! Processes that lost their parent and became children of the keeper.

use rustix::process::{WaitOptions, waitpid};

use super::run::Run;
use crate::service::tree::{carries, pid_of, stat};

/// The children of this process. Source: `proc_pid_task_children(5)`; where the kernel keeps no such list, all processes are asked.
#[cfg(target_os = "linux")]
fn children() -> Vec<u32> {
    let own = std::process::id();
    if let Ok(list) = std::fs::read_to_string(format!("/proc/self/task/{own}/children")) {
        return list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect();
    }
    let pids = crate::sys::process::pids(&crate::sys::SysRoot::default()).unwrap_or_else(|error| {
        tracing::error!(%error, "cannot list processes");
        Vec::new()
    });
    pids.into_iter().filter(|pid| stat(*pid).is_some_and(|process| process.parent == own)).collect()
}

#[cfg(not(target_os = "linux"))]
fn children() -> Vec<u32> {
    Vec::new()
}

/// Reaps strangers that have ended, and notes the others with the run they belong to.
pub(super) fn look_after<'a>(runs: impl Iterator<Item = &'a mut Run>) {
    let mut runs: Vec<&mut Run> = runs.filter(|run| !run.is_gone()).collect();
    for pid in children() {
        if runs.iter().any(|run| run.pid() == pid) {
            continue;
        }
        let Some(process) = stat(pid) else { continue };
        if process.state.has_ended() {
            if let Err(error) = waitpid(pid_of(pid), WaitOptions::NOHANG) {
                tracing::debug!(pid, %error, "cannot reap a stranger");
            }
            continue;
        }
        if runs.iter().any(|run| run.tree.knows(process.id)) {
            continue;
        }
        let older = |run: &Run| run.tree.leader().started <= process.id.started;
        let numbers = [process.session, process.group];
        let known = runs
            .iter()
            .position(|run| numbers.contains(&run.pid()))
            .or_else(|| runs.iter().position(|run| carries(pid, &run.order.run)))
            // It threw its environment away and left its session. One whose first process has just ended is the likely parent; and where
            // there is one run only, it is that one.
            .or_else(|| single(runs.iter().map(|run| older(run) && run.exit.is_some())))
            .or_else(|| single(runs.iter().map(|run| older(run))));
        if let Some(run) = known.and_then(|at| runs.get_mut(at)) {
            run.tree.note(process.id);
        } else {
            tracing::warn!(pid, name = process.name, "a process belongs to no service that is known");
        }
    }
}

/// The place of the only `true`.
fn single(mut found: impl Iterator<Item = bool>) -> Option<usize> {
    let first = found.position(|fits| fits)?;
    (!found.any(|fits| fits)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_the_only_one() {
        assert_eq!(single([false, true, false].into_iter()), Some(1));
        assert_eq!(single([true, true].into_iter()), None);
        assert_eq!(single([].into_iter()), None);
    }
}
