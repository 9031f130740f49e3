//! Becomes another program, after setting what must be set in the new process itself: where it may run, how many files it may
//! open, and that it dies with the benchmark.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, Signal, getrlimit, set_parent_process_death_signal, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::failure::Failure;

/// The hidden first argument that leads here. It is followed by a processor's number or `-`, and the command.
pub const ARGUMENT: &str = "__launch";

/// Which processors there are for the targets and for the monitor, or none when there is only one: a monitor that has to share
/// a processor with its own targets measures them, too.
#[must_use]
pub fn processors() -> Option<(usize, usize)> {
    let allowed = sched_getaffinity(None).ok()?;
    let mut numbers = (0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number));
    Some((numbers.next()?, numbers.next()?))
}

/// Becomes the command. Returns only when that failed.
#[must_use]
pub fn launch(arguments: &[String]) -> Failure {
    let [processor, program, rest @ ..] = arguments else {
        return Failure::new("the launcher needs a processor and a program");
    };
    if let Ok(number) = processor.parse() {
        let mut set = CpuSet::new();
        set.set(number);
        if let Err(error) = sched_setaffinity(None, &set) {
            return Failure::io(format!("cannot run on processor {number}"), &error.into());
        }
    }
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return Failure::io("cannot tie a process to this one", &error.into());
    }
    if let Err(error) = raise_file_limit() {
        return Failure::io("cannot raise the limit of open files", &error);
    }
    Failure::io(program, &Command::new(program).args(rest).exec())
}

/// Lets this process open as many files as it may.
fn raise_file_limit() -> std::io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
