//! One run of a service, as the keeper knows it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use tokio::sync::watch;
use tokio::time::Instant;

use super::look::Stopping;
use crate::service::ending::{Ending, How};
use crate::service::logs::{Redactor, Sink};
use crate::service::order::RunOrder;
use crate::service::protocol::RunView;
use crate::service::tree::{Tree, pid_of};

/// How far the executor got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Executor {
    /// It has not said anything.
    Working,
    /// It has become the program.
    Done,
    /// It could not, and this is why.
    Refused(String),
}

/// How the first process ended. It is not reaped before everything is gone: as long as it is there, its number is its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exit {
    pub(super) how: How,
    pub(super) core_dumped: bool,
}

#[derive(Debug)]
pub(super) struct Run {
    pub(super) order: RunOrder,
    pub(super) begun: Instant,
    pub(super) tree: Tree,
    pub(super) sink: Sink,
    pub(super) redactor: Arc<Redactor>,
    pub(super) executor: Executor,
    pub(super) exit: Option<Exit>,
    /// Set when it was told.
    pub(super) ending: Option<Ending>,
    pub(super) ready: bool,
    pub(super) text: Option<String>,
    pub(super) stopping: Option<Stopping>,
    pub(super) gone: watch::Sender<bool>,
    /// How many processes the kernel had killed for lack of memory when it began.
    pub(super) kills_before: Option<u64>,
}

impl Run {
    pub(super) fn pid(&self) -> u32 {
        self.tree.leader().pid
    }

    pub(super) fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// Looks whether the first process has ended, without reaping it.
    pub(super) fn look_for_exit(&mut self) {
        if self.exit.is_some() || self.is_gone() {
            return;
        }
        let Some(pid) = pid_of(self.pid()) else { return };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(pid), options) {
            Ok(None) => {}
            Ok(Some(status)) => {
                let signal = status.terminating_signal().map(How::Signalled);
                let how = signal.or_else(|| status.exit_status().map(How::Exited)).unwrap_or(How::Unseen);
                self.exit = Some(Exit { how, core_dumped: status.dumped() });
            }
            Err(error) => {
                tracing::error!(pid = self.pid(), %error, "cannot wait for a service");
                self.exit = Some(Exit { how: How::Unseen, core_dumped: false });
            }
        }
    }

    /// How it ended, once that can be told: the executor's last word is waited for.
    pub(super) fn new_ending(&mut self, now: Timestamp) -> Option<Ending> {
        let exit = self.exit.filter(|_| self.ending.is_none())?;
        let not_started = match &self.executor {
            Executor::Working => return None,
            Executor::Done => None,
            Executor::Refused(why) => Some(why.clone()),
        };
        let killed = exit.how == How::Signalled(rustix::process::Signal::KILL.as_raw());
        let by_us = self.stopping.as_ref().is_some_and(|stopping| stopping.killed);
        let out_of_memory = killed && !by_us && super::launch::memory_kills() > self.kills_before;
        let ending = Ending { how: exit.how, at: now, core_dumped: exit.core_dumped, out_of_memory, not_started };
        self.ending = Some(ending.clone());
        Some(ending)
    }

    pub(super) fn view(&self) -> RunView {
        let on_request = self.stopping.as_ref().is_some_and(|stopping| stopping.on_request);
        RunView {
            service: self.order.service.clone(),
            run: self.order.run.clone(),
            digest: self.order.digest.clone(),
            pid: self.pid(),
            age: self.begun.elapsed(),
            executed: self.executor == Executor::Done,
            ready: self.ready,
            text: self.text.clone(),
            stopping: on_request,
            ended: self.ending.clone(),
            gone: self.is_gone(),
        }
    }

    /// How long what it left behind may clean up when it ended by itself: nobody asked it to, so nothing waits for long.
    pub(super) fn grace_of_leftovers(&self) -> Duration {
        self.order.stop_timeout.min(Duration::from_secs(2))
    }
}
