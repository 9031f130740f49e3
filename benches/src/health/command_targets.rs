//! Commands that are seen when they are run, without doing more than they would elsewhere.
//!
//! Every check gets a name of its own (a hard link) for one copy of the command, in a folder that this process watches: the kernel
//! tells when a file is opened to be executed. Source: inotify(7). So the command itself costs every monitor the same, and
//! nothing needs to be believed.

use std::fs;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::arrivals::Arrivals;
use super::scenario::{Scenario, target_of};
use crate::failure::Failure;
use crate::monotonic;

/// The hidden argument of this role. It is followed by the name of the scenario and a folder.
pub const ROLE: &str = "__command-targets";

/// The commands to choose from, the first that is there, with arguments.
const COMMANDS: [(&str, &[&str]); 2] = [("/usr/lib/nagios/plugins/check_dummy", &["0"]), ("/bin/true", &[])];

/// Which command is used here.
#[must_use]
pub fn command() -> Option<(&'static str, &'static [&'static str])> {
    COMMANDS.into_iter().find(|(path, _)| Path::new(path).exists())
}

/// The command of one target, as a program and its arguments.
#[must_use]
pub fn argv(folder: &Path, target: u32) -> Vec<String> {
    let program = folder.join(Scenario::name_of(target)).display().to_string();
    let arguments = command().map_or(&[][..], |(_, arguments)| arguments);
    std::iter::once(program).chain(arguments.iter().map(|argument| (*argument).to_owned())).collect()
}

/// Watches until told to end, then prints when each command was run.
///
/// # Errors
/// When the folder cannot be made or watched.
pub async fn watch(scenario: Scenario, folder: PathBuf) -> Result<(), Failure> {
    let mut end = signal(SignalKind::terminate())?;
    let (program, _) = command().ok_or_else(|| Failure::new("there is no command to run"))?;
    fs::create_dir_all(&folder)?;
    let first = folder.join(Scenario::name_of(0));
    fs::copy(program, &first)?;
    for target in 1..scenario.checks {
        fs::hard_link(&first, folder.join(Scenario::name_of(target)))?;
    }
    let watch = inotify::init(CreateFlags::CLOEXEC).map_err(io::Error::from)?;
    inotify::add_watch(&watch, &folder, WatchFlags::OPEN).map_err(io::Error::from)?;
    let arrivals = Arc::new(Mutex::new(Arrivals::new(scenario.checks)));
    let notes = arrivals.clone();
    // It waits for what happens, so that it needs no other way to end than with the process.
    let (broken, problem) = oneshot::channel();
    std::thread::spawn(move || drop(broken.send(note_all(&watch, &notes))));
    writeln!(io::stdout(), "ready {}", folder.display())?;
    tokio::select! {
        _ = end.recv() => {}
        Ok(problem) = problem => return Err(problem),
    }
    write!(io::stdout(), "{}", arrivals.lock().unwrap_or_else(PoisonError::into_inner))?;
    Ok(())
}

/// Notes everything that happens. Returns only when that is no longer possible.
fn note_all(watch: &OwnedFd, arrivals: &Mutex<Arrivals>) -> Failure {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = inotify::Reader::new(watch, &mut buffer);
    loop {
        match reader.next() {
            Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => {
                return Failure::new("the kernel lost some of the runs");
            }
            Ok(event) => {
                let name = event.file_name().and_then(|name| name.to_str().ok());
                if let Some(target) = name.and_then(target_of) {
                    arrivals.lock().unwrap_or_else(PoisonError::into_inner).note(target, monotonic::now());
                }
            }
            Err(error) => return Failure::io("cannot watch the commands", &error.into()),
        }
    }
}
