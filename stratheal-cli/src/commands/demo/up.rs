//! Nothing is broken: the demo runs until it is told to end, for people to look at it and to break it themselves.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::monitor::Monitor;
use super::outside::Outside;
use super::project::Project;
use crate::args::Common;
use crate::failure::Failure;
use crate::output;

pub(super) async fn run(project: Project, common: &Common) -> Result<(), Failure> {
    let mut ending = Ending::listen()?;
    let outside = Outside::open(project.ports.payments).await;
    let _outside = outside.map_err(|error| Failure::io("stand in for somebody else's server", error))?;
    if !common.quiet {
        output::print(&advice(&project))?;
    }
    let mut monitor = Monitor::start(&project, true).map_err(|error| Failure::io("start the monitor", error))?;
    tokio::select! {
        ended = monitor.wait() => {
            let how = ended.map_or_else(|error| error.to_string(), |status| status.to_string());
            return Err(Failure::Usage(format!("the monitor of the demo ended by itself: {how}")));
        }
        () = ending.wanted() => {}
    }
    monitor.end().await
}

/// What tells the demo to end: Ctrl-C, SIGTERM, and a terminal that is closed.
#[derive(Debug)]
pub(super) struct Ending {
    signals: [Signal; 3],
}

impl Ending {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::io("listen for signals", error));
        let [interrupt, terminate, hang_up] = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Self { signals: [listen(interrupt)?, listen(terminate)?, listen(hang_up)?] })
    }

    /// Waits until somebody wants that.
    pub(super) async fn wanted(&mut self) {
        let [interrupt, terminate, hang_up] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}

/// What one may look at, and what one may break.
fn advice(project: &Project) -> String {
    let (folder, ports) = (project.folder.display(), project.ports);
    format!(
        "
  all checks   http://127.0.0.1:{}/health  (and /metrics)
  the server   http://127.0.0.1:{}/healthz
  in the folder {folder}:
    stratheal status; stratheal explain slow-page; stratheal service status; stratheal logs web -f
    kill -9 the server's process, or: rm -r .venv/lib/python*/site-packages/waitress and kill it then
    stratheal incidents show; stratheal audit show
",
        ports.endpoints, ports.web
    )
}
