//! Nothing outlives the benchmark: what was started in sessions of its own cannot be ended with a group of processes.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use crate::proc;

/// Kills every process that names a path in this folder when it is dropped.
#[derive(Debug)]
pub(super) struct Leftovers(pub(super) PathBuf);

impl Drop for Leftovers {
    fn drop(&mut self) {
        for process in proc::naming(&self.0).into_iter().filter_map(|process| Pid::from_raw(process.cast_signed())) {
            // It may have ended in this very moment.
            let _ = kill_process(process, Signal::KILL);
        }
    }
}
