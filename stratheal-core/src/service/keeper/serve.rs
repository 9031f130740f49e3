//! The keeper's life: one thread, one loop.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::launch::Launcher;
use super::place::KeeperPlace;
use super::table::Table;
use super::{leftovers, socket};
use crate::base::class::{self, ErrorClass};
use crate::base::clock::SystemClock;
use crate::base::fs::FileLock;
use crate::service::children::Child;
use crate::sys::{SysError, SysRoot, uptime};

/// Messages that may wait for the loop; whoever sends more waits.
const WAITING: usize = 256;
/// Threads that write logs. A disk that hangs keeps them busy, and nothing else.
const WRITERS: usize = 4;
/// How long the last lines and answers may take when it ends.
const LAST: Duration = Duration::from_secs(2);

/// Why a keeper cannot be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeeperError {
    /// There is one already.
    #[error("another keeper holds {0}")]
    Another(String),
    /// Something it needs cannot be had.
    #[error("cannot {what}")]
    Setup {
        /// What it wanted to do.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It cannot tell one start of the machine from another.
    #[error("the start of this machine cannot be told")]
    Boot(#[from] SysError),
}

impl KeeperError {
    /// What kind of trouble it is.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Another(_) => ErrorClass::Usage,
            Self::Setup { source, .. } => class::of_io(source),
            Self::Boot(error) => error.class(),
        }
    }
}

fn setup(what: &'static str) -> impl FnOnce(io::Error) -> KeeperError {
    move |source| KeeperError::Setup { what, source }
}

/// Keeps children until it is told to end. `arguments` are what the executor gets before its word.
///
/// It makes this process the leader of a session and the sub-reaper of whatever is started, so it is for a process that does nothing
/// else.
///
/// # Errors
/// [`KeeperError`] when there is another one for this folder, or when it cannot be set up.
pub fn run(place: &KeeperPlace, arguments: Vec<OsString>) -> Result<(), KeeperError> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let built = builder.enable_all().max_blocking_threads(WRITERS).thread_name("stratheal-logs").build();
    let runtime = built.map_err(setup("start a runtime"))?;
    let ended = runtime.block_on(keep(place, arguments));
    // A disk that hangs must not keep it from ending.
    runtime.shutdown_timeout(LAST);
    ended
}

async fn keep(place: &KeeperPlace, arguments: Vec<OsString>) -> Result<(), KeeperError> {
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "it leads a session already");
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    place.prepare().map_err(setup("make its folders"))?;
    let locked = FileLock::try_acquire(&place.lock()).map_err(setup("lock its folder"))?;
    let _lock = locked.ok_or_else(|| KeeperError::Another(place.lock().display().to_string()))?;
    #[cfg(target_os = "linux")]
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(|error| KeeperError::Setup { what: "become a sub-reaper", source: error.into() })?;
    let boot = uptime::boot_id(&SysRoot::default())?;
    let mut signals = Signals::new().map_err(setup("listen to signals"))?;
    let left = leftovers::find(place, &boot).map_err(setup("read the children file"))?;
    let listener = crate::base::socket::listen(place.socket()).map_err(setup("make its socket"))?;

    let (sender, mut inside) = mpsc::channel(WAITING);
    let clearing: HashSet<_> = left.iter().map(|child| child.service.clone()).collect();
    let mut by_service: BTreeMap<_, Vec<Child>> = BTreeMap::new();
    for child in left {
        by_service.entry(child.service.clone()).or_default().push(child);
    }
    for left in by_service.into_values() {
        tokio::spawn(leftovers::clear(left, place.clone(), sender.clone()));
    }
    tokio::spawn(socket::accept(listener, sender.clone()));
    let clock = Arc::new(SystemClock);
    let launcher = Launcher::new(place.clone(), arguments, boot.clone(), clock.clone(), sender);
    let mut table = Table::new(launcher, clock, place.children(), boot, clearing);

    while !table.has_ended() {
        let next = table.next_look();
        let look = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = signals.child.recv() => table.look_at_children(),
            _ = signals.terminate.recv() => table.end(),
            message = inside.recv() => match message {
                Some(message) => table.take(message),
                None => break,
            },
            () = look => {}
        }
        // Whatever else has come: many services are stopped with one look at all processes.
        for _ in 0..WAITING {
            match inside.try_recv() {
                Ok(message) => table.take(message),
                Err(_) => break,
            }
        }
        table.begin_to_stop();
        // What was told goes out before anything that takes time.
        tokio::task::yield_now().await;
        table.look_at_stopping();
    }
    // What children printed last is in the pipes, and the answer to whoever asked is on its way.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(tokio::time::timeout(LAST, table.settle()).await);
    if let Err(error) = std::fs::remove_file(place.socket()) {
        tracing::debug!(%error, "cannot remove the socket");
    }
    Ok(())
}

/// The signals that are heard. Those that are heard are not ignored in what is started, whatever was inherited.
struct Signals {
    child: Signal,
    terminate: Signal,
    _others: Vec<Signal>,
}

impl Signals {
    fn new() -> io::Result<Self> {
        let others = [
            SignalKind::hangup(),
            SignalKind::interrupt(),
            SignalKind::quit(),
            SignalKind::user_defined1(),
            SignalKind::user_defined2(),
            SignalKind::alarm(),
            SignalKind::window_change(),
            SignalKind::pipe(),
            // Interpreters of Python ignore it, and hand that on.
            SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()),
        ];
        Ok(Self {
            child: signal(SignalKind::child())?,
            terminate: signal(SignalKind::terminate())?,
            _others: others.into_iter().map(signal).collect::<io::Result<_>>()?,
        })
    }
}
