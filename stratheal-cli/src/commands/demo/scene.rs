//! The demo while it runs: the project, who looks after it, and what it needs from others.

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use stratheal_core::base::clock::{Clock, SystemClock};
use stratheal_core::model::Status;
use tokio::time::{Instant, sleep};

use super::monitor::{self, Monitor};
use super::outside::Outside;
use super::project::Project;
use super::small_disk::SmallDisk;
use crate::failure::Failure;

/// How long everything may take to be well.
const WELL: Duration = Duration::from_mins(2);
/// The pause between two looks.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Everything that takes part.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) project: Project,
    monitor: Option<Monitor>,
    outside: Option<Outside>,
    disk: Result<SmallDisk, String>,
    is_ended: bool,
}

impl Scene {
    /// Starts everything; [`until_well`](Self::until_well) waits until it has come up.
    pub(super) async fn begin(project: Project) -> Result<Self, Failure> {
        let outside = Outside::open(project.ports.payments).await;
        let outside = outside.map_err(|error| Failure::io("stand in for somebody else's server", error))?;
        let disk = SmallDisk::mount(&project.folder.join("spool"));
        if disk.is_ok() {
            project.watch_small_disk()?;
        }
        let mut scene = Self { project, monitor: None, outside: Some(outside), disk, is_ended: false };
        scene.start_monitor()?;
        Ok(scene)
    }

    /// Starts a monitor, when there is none any more.
    pub(super) fn start_monitor(&mut self) -> Result<(), Failure> {
        let monitor = Monitor::start(&self.project, false).map_err(|error| Failure::io("start the monitor", error))?;
        self.monitor = Some(monitor);
        Ok(())
    }

    /// Kills the monitor, as a lack of memory would.
    pub(super) async fn kill_monitor(&mut self) -> io::Result<()> {
        match self.monitor.take() {
            Some(monitor) => monitor.kill().await,
            None => Ok(()),
        }
    }

    /// The process of the monitor.
    pub(super) fn monitor_pid(&self) -> Option<u32> {
        self.monitor.as_ref().and_then(Monitor::pid)
    }

    /// The process of the web server, if it runs and the monitor knows.
    pub(super) async fn server(&self) -> Option<u32> {
        let view = monitor::web(&self.project).await.ok()?;
        view["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())
    }

    /// The small disk.
    pub(super) fn disk(&self) -> &SmallDisk {
        self.disk.as_ref().expect("invariant: what needs it is left out where there is none")
    }

    /// Why there is no small disk, if there is none.
    pub(super) fn lacks_disk(&self) -> Option<&str> {
        self.disk.as_ref().err().map(String::as_str)
    }

    pub(super) async fn close_outside(&mut self) -> io::Result<()> {
        if let Some(outside) = self.outside.take() {
            outside.close().await;
        }
        Ok(())
    }

    pub(super) async fn open_outside(&mut self) -> io::Result<()> {
        if self.outside.is_none() {
            self.outside = Some(Outside::open(self.project.ports.payments).await?);
        }
        Ok(())
    }

    /// Whether each check of the demo has a result of its own, and none is Critical or Unknown; else what is not well.
    pub(super) async fn unwell(&self) -> Option<String> {
        let snapshot = match monitor::checks(&self.project).await {
            Ok(snapshot) => snapshot,
            Err(failure) => return Some(failure.to_string()),
        };
        let ours = snapshot.checks.iter().filter(|view| is_ours(view.id.as_str()));
        let is_well = |status| matches!(status, Status::Healthy | Status::Warning);
        let unwell = ours.filter(|view| !(is_well(view.status) && is_well(view.hard) && view.last.is_some()));
        let unwell: Vec<String> = unwell.map(|view| format!("{}: {}", view.id, view.summary())).collect();
        (!unwell.is_empty()).then(|| unwell.join("; "))
    }

    /// Waits until all is well.
    pub(super) async fn until_well(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + WELL;
        while let Some(why) = self.unwell().await {
            if let Some(how) = self.monitor.as_mut().and_then(Monitor::has_ended) {
                let log = self.project.folder.join(monitor::LOG);
                return Err(Failure::Usage(format!("the monitor ended with {how}: see {}", log.display())));
            }
            if Instant::now() > deadline {
                return Err(Failure::Usage(format!("the demo is not well after {} s: {why}", WELL.as_secs())));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Ends the monitor with all its services. One that is gone has left them running: another one finds them, and ends them.
    pub(super) async fn end(&mut self) -> Result<(), Failure> {
        if self.is_ended {
            return Ok(());
        }
        self.is_ended = true;
        let has_ended = self.monitor.as_mut().is_none_or(|monitor| monitor.has_ended().is_some());
        if has_ended {
            self.start_monitor()?;
        }
        match self.monitor.take() {
            Some(monitor) => monitor.end().await,
            None => Ok(()),
        }
    }
}

/// Whether a check is about what is broken here. How this host is has nothing to do with it.
pub(super) fn is_ours(check: &str) -> bool {
    ["payments", "service/web", "slow-page", "spool", "web"].contains(&check)
}

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}
