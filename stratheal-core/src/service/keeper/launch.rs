//! Starting a run: pipes, notification socket, control group, executor.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::inside::Inside;
use super::notify::Ear;
use super::place::KeeperPlace;
use super::program::KeeperProgram;
use super::run::{Executor, Run};
use crate::base::clock::Clock;
use crate::model::ServiceId;
use crate::service::cgroup;
use crate::service::logs::{Origin, Redactor, Sink, Source, path_of, pump};
use crate::service::order::{ExecutorOrder, NotStarted, RunOrder};
use crate::service::tree::{Tree, stat};
use crate::sys::command::MARK_VARIABLE;
use crate::sys::process::ProcessId;
use crate::sys::{SysRoot, oom};

/// The longest answer of an executor that is read.
const LONGEST_ANSWER: u64 = 64 << 10;

/// Starts runs.
#[derive(Debug)]
pub(super) struct Launcher {
    place: KeeperPlace,
    arguments: Vec<OsString>,
    boot: String,
    /// The control group below which services get their own.
    delegated: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    inside: mpsc::Sender<Inside>,
    /// One writer for each log, however often its service is started.
    sinks: HashMap<ServiceId, (Sink, u64, u32)>,
    ears: u64,
}

/// How many processes the kernel has killed for lack of memory.
pub(super) fn memory_kills() -> Option<u64> {
    oom::read(&SysRoot::default()).ok().map(|kills| kills.count)
}

impl Launcher {
    pub(super) fn new(
        place: KeeperPlace,
        arguments: Vec<OsString>,
        boot: String,
        clock: Arc<dyn Clock>,
        inside: mpsc::Sender<Inside>,
    ) -> Self {
        let delegated = cgroup::delegated(&SysRoot::default());
        Self { place, arguments, boot, delegated, clock, inside, sinks: HashMap::new(), ears: 0 }
    }

    /// Starts an executor for an order; it says by itself how that went.
    pub(super) fn launch(&mut self, order: RunOrder) -> io::Result<Run> {
        let redactor = Redactor::new(&order.log.secrets, &order.log.patterns)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let redactor = Arc::new(redactor);
        let sink = self.sink(&order);
        let (gone, watched) = watch::channel(false);
        let ear = order.notify.then(|| self.ear(&order)).transpose()?;
        let group = self.delegated.as_ref().and_then(|parent| {
            let made = cgroup::make(parent, &format!("stratheal-{}", order.run.replace('/', "~")));
            made.inspect_err(|error| tracing::debug!(%error, "a service has no control group")).ok()
        });
        let executor_order = ExecutorOrder {
            version: ExecutorOrder::VERSION,
            children: self.place.children(),
            boot: self.boot.clone(),
            keeper: std::process::id(),
            notify_socket: ear.as_ref().map(|ear| ear.name.clone()),
            group: group.clone(),
            order: order.clone(),
        };
        let kills_before = memory_kills();
        let (ours, theirs) = UnixStream::pair()?;
        let mut child = KeeperProgram::executor(&self.arguments)?
            .env_clear()
            .env(MARK_VARIABLE, &order.run)
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // Everything below is about a process that runs: none of it may keep the run from being known.
        let pid = child.id();
        let started = stat(pid).map_or(0, |stat| stat.id.started);
        let tree = Tree::new(ProcessId { pid, started }, order.run.clone(), group);
        sink.note(&format!("started as process {pid}"));
        self.listen(&mut child, &sink, &redactor, &watched);
        tokio::spawn(instruct(ours, executor_order, self.inside.clone()));
        if let Some(ear) = ear {
            tokio::spawn(ear.listen(order.run.clone(), self.inside.clone(), watched));
        }
        Ok(Run {
            order,
            begun: Instant::now(),
            tree,
            sink,
            redactor,
            executor: Executor::Working,
            exit: None,
            ending: None,
            ready: false,
            text: None,
            stopping: None,
            gone,
            kills_before,
        })
    }

    /// The logs that are written to.
    pub(super) fn sinks(&self) -> impl Iterator<Item = &Sink> {
        self.sinks.values().map(|(sink, ..)| sink)
    }

    fn sink(&mut self, order: &RunOrder) -> Sink {
        let (max_size, keep) = (order.log.max_size, order.log.keep);
        if let Some((sink, size, number)) = self.sinks.get(&order.service) {
            if (*size, *number) == (max_size, keep) {
                return sink.clone();
            }
            sink.close();
        }
        let path = path_of(self.place.folder(), &order.service);
        let sink = Sink::open(path, max_size, keep, self.clock.clone());
        self.sinks.insert(order.service.clone(), (sink.clone(), max_size, keep));
        sink
    }

    fn ear(&mut self, order: &RunOrder) -> io::Result<Ear> {
        self.ears += 1;
        Ear::open(&self.place.notify(self.ears), order.user.is_some(), &order.run)
    }

    /// Reads both outputs.
    fn listen(&self, child: &mut Child, sink: &Sink, redactor: &Arc<Redactor>, gone: &watch::Receiver<bool>) {
        let out = child.stdout.take().map(|pipe| (OwnedFd::from(pipe), Origin::Out));
        let err = child.stderr.take().map(|pipe| (OwnedFd::from(pipe), Origin::Err));
        for (pipe, origin) in [out, err].into_iter().flatten() {
            match Receiver::from_owned_fd(pipe) {
                Ok(pipe) => {
                    let source = Source { pipe, origin, redactor: redactor.clone(), clock: self.clock.clone() };
                    tokio::spawn(pump(source, sink.clone(), gone.clone()));
                }
                Err(error) => tracing::error!(%error, "cannot read what a service prints"),
            }
        }
    }
}

/// Hands the executor its order, and hears whether it became the program.
async fn instruct(socket: UnixStream, order: ExecutorOrder, inside: mpsc::Sender<Inside>) {
    let run = order.order.run.clone();
    let refused = match converse(socket, &order).await {
        Ok(answer) if answer.is_empty() => None,
        Ok(answer) => Some(serde_json::from_slice::<NotStarted>(&answer).map_or_else(
            |error| format!("its executor said something that makes no sense: {error}"),
            |answer| answer.why,
        )),
        Err(error) => Some(format!("its executor cannot be told what to run: {error}")),
    };
    // The keeper ends only when no run is left.
    drop(inside.send(Inside::Executor { run, refused }).await);
}

async fn converse(socket: UnixStream, order: &ExecutorOrder) -> io::Result<Vec<u8>> {
    socket.set_nonblocking(true)?;
    let mut socket = tokio::net::UnixStream::from_std(socket)?;

    socket.write_all(&serde_json::to_vec(order)?).await?;
    socket.shutdown().await?;
    let mut answer = Vec::new();
    socket.take(LONGEST_ANSWER).read_to_end(&mut answer).await?;
    Ok(answer)
}
