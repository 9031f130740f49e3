//! The answering side.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::protocol::{MAX_REQUEST, Request, Response};
use crate::base::class::chain;
use crate::base::fs::named;
use crate::base::socket;
use crate::contract::{History, HistoryError};
use crate::engine::{EngineError, EngineHandle};
use crate::healing::HealerHandle;
use crate::service::ServicesHandle;

/// Callers served at the same time.
const CALLERS: usize = 32;
/// How long a caller may be silent.
const SILENCE: Duration = Duration::from_mins(1);

/// Reads the configuration again; the answer is a sentence about what changed, or why nothing did.
pub type Reload = Arc<dyn Fn() -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// What is behind the socket.
#[derive(Clone)]
pub struct Control {
    /// The engine.
    pub engine: EngineHandle,
    /// Where results are recorded, if anywhere.
    pub history: Option<Arc<dyn History>>,
    /// How the configuration is read again.
    pub reload: Reload,
    /// Who heals, if anybody does.
    pub healer: Option<HealerHandle>,
    /// Who looks after services, if there are any.
    pub services: Option<ServicesHandle>,
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").finish_non_exhaustive()
    }
}

/// Answers on the socket for ever. The state folder must be locked by the caller: a socket file that is already there is taken for
/// the remains of a program that crashed.
///
/// # Cancellation
/// Dropping the future closes the socket; the file is removed.
///
/// # Errors
/// When the socket cannot be made: what the system says, with the path.
pub async fn serve(path: &Path, control: Control) -> io::Result<()> {
    let listener = bind(path)?;
    let _remove = RemoveOnDrop(path);
    let callers = Arc::new(Semaphore::new(CALLERS));
    loop {
        let permit = callers.clone().acquire_owned().await;
        let stream = socket::accept(&listener).await;
        let control = control.clone();
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(error) = converse(stream, &control).await {
                tracing::debug!(%error, "a caller hung up");
            }
        });
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(named(folder, &error)),
        _ => {}
    }
    socket::is_private(folder)?;
    socket::listen(path)
}

struct RemoveOnDrop<'a>(&'a Path);

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(self.0) {
            tracing::debug!(%error, "cannot remove the control socket");
        }
    }
}

async fn converse(stream: UnixStream, control: &Control) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(MAX_REQUEST as u64);
        let read = tokio::time::timeout(SILENCE, bounded.read_until(b'\n', &mut line));
        if read.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?? == 0 {
            return Ok(());
        }
        let response = match serde_json::from_slice(&line) {
            Ok(request) => answer(request, control).await,
            Err(error) => Response::Refused(format!("cannot understand the question: {error}")),
        };
        let mut text = serde_json::to_vec(&response)?;
        text.push(b'\n');
        let written = tokio::time::timeout(SILENCE, writer.write_all(&text));
        written.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if line.len() == MAX_REQUEST {
            return Ok(());
        }
    }
}

/// Answers one question: what is said on the socket, for whoever is in the same process.
///
/// # Cancellation
/// What was asked for goes on.
pub async fn answer(request: Request, control: &Control) -> Response {
    let engine = &control.engine;
    let refused = |error: EngineError| Response::Refused(chain(&error));
    match request {
        Request::Ping => Response::Pong { version: env!("CARGO_PKG_VERSION").to_owned(), pid: std::process::id() },
        Request::Snapshot => Response::Snapshot(engine.snapshot()),
        Request::Vitals => Response::Vitals(engine.vitals()),
        Request::Explain { id } => {
            engine.explain(&id).await.map_or_else(refused, |found| Response::Explanation(Box::new(found)))
        }
        Request::Run { id } => engine.run_now(&id).await.map_or_else(refused, Response::Check),
        Request::Pause { id, reason } => {
            engine.pause(&id, &reason).await.map_or_else(refused, |()| Response::Done(format!("{id} is paused")))
        }
        Request::Resume { id } => {
            engine.resume(&id).await.map_or_else(refused, |()| Response::Done(format!("{id} runs again")))
        }
        Request::Reload => (control.reload)().await.map_or_else(Response::Refused, Response::Done),
        Request::Runs { query } => match &control.history {
            Some(history) => recorded(history.runs(&query).await, Response::Runs),
            None => nothing_recorded(),
        },
        Request::Transitions { query } => match &control.history {
            Some(history) => recorded(history.transitions(&query).await, Response::Transitions),
            None => nothing_recorded(),
        },
        Request::Rollups { query } => match &control.history {
            Some(history) => recorded(history.rollups(&query).await, Response::Rollups),
            None => nothing_recorded(),
        },
        Request::Services | Request::Service { .. } => match &control.services {
            Some(services) => super::services::answer(request, services).await,
            None => Response::Refused("no services are configured".to_owned()),
        },
        _ => match &control.healer {
            Some(healer) => super::healing::answer(request, healer).await,
            None => Response::Refused("this monitor does not heal".to_owned()),
        },
    }
}

fn recorded<T>(rows: Result<T, HistoryError>, answer: impl FnOnce(T) -> Response) -> Response {
    rows.map_or_else(|error| Response::Refused(chain(&error)), answer)
}

fn nothing_recorded() -> Response {
    Response::Refused("no history is recorded".to_owned())
}
