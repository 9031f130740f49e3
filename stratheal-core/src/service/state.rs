//! What a service can be in, and what follows from what. Nothing here reads a clock, a file or a process.

use serde::{Deserialize, Serialize};

use super::ending::Ending;
use super::supervisor::What;
use crate::model::ServiceId;

/// Who stopped a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoppedBy {
    /// A person. It is remembered, and the service is not started again by itself.
    Person,
    /// The engine, because it stops or the service is not described any more.
    Engine,
}

/// What a service is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum ServiceState {
    /// It does not run, and shall not.
    Stopped {
        /// Who stopped it; nobody when it was never started.
        by: Option<StoppedBy>,
    },
    /// It shall run, but others have to be ready first.
    Waiting {
        /// Those.
        on: Vec<ServiceId>,
    },
    /// It was started and is not ready.
    Starting {
        /// Whether that takes longer than it may.
        timed_out: bool,
    },
    /// It runs.
    Ready,
    /// It is being stopped.
    Stopping,
    /// It ended by itself, though it shall run.
    Ended {
        /// How.
        ending: Ending,
    },
    /// It could not be started.
    Failed {
        /// Why.
        why: String,
    },
}

/// What happens to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// Somebody wants it to run.
    Start,
    /// Somebody wants it to run anew.
    Restart,
    /// Somebody wants it not to run.
    Stop(StoppedBy),
    /// What it depends on may have changed.
    Look,
    /// Its process is there.
    Launched { run: String, pid: Option<u32> },
    /// It could not be started; what to tell about it.
    NotLaunched { run: String, what: What, why: String },
    /// Its program runs.
    Executed { run: String },
    /// It is ready.
    Ready { run: String },
    /// It cannot be told how it is, and why; or it can again.
    Doubt { run: String, why: Option<String> },
    /// It took longer to be ready than it may.
    TimedOut { run: String },
    /// Its first process has ended.
    Ended { run: String, ending: Ending },
    /// Nothing of it is left.
    Gone { run: String },
    /// It could not be stopped.
    NotStopped { run: String, why: String },
    /// Nobody knows of its run any more; how it counts as ended.
    Lost { run: String, ending: Ending },
    /// A run of it was found.
    Found { run: String, pid: Option<u32>, ready: bool, ended: Option<Ending>, stopping: bool },
}

/// What has to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Start this run.
    Launch(String),
    /// Stop this run.
    Stop(String),
    /// Take note that this run is over.
    Acknowledge(String),
    /// Tell everybody.
    Tell(What),
}

/// What comes after it has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Stay(StoppedBy),
    Start,
}

/// The run there is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Current {
    run: String,
    pid: Option<u32>,
    /// Whether it is known to the keeper; before that it cannot be stopped.
    launched: bool,
    ended: bool,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Machine {
    state: ServiceState,
    current: Option<Current>,
    next: Next,
    /// Whether running is enough to be ready.
    ready_at_once: bool,
    /// What the names of its runs begin with, and how many there were.
    prefix: String,
    runs: u64,
}

impl Machine {
    pub(super) fn new(prefix: String, ready_at_once: bool, by: Option<StoppedBy>) -> Self {
        Self { state: ServiceState::Stopped { by }, current: None, next: Next::Start, ready_at_once, prefix, runs: 0 }
    }

    pub(super) const fn state(&self) -> &ServiceState {
        &self.state
    }

    pub(super) fn run(&self) -> Option<&str> {
        self.current.as_ref().map(|current| current.run.as_str())
    }

    /// The first process of the run there is.
    pub(super) fn pid(&self) -> Option<u32> {
        self.current.as_ref().filter(|current| !current.ended).and_then(|current| current.pid)
    }

    /// How often it was started after the first time.
    pub(super) const fn restarts(&self) -> u64 {
        self.runs.saturating_sub(1)
    }

    pub(super) const fn set_ready_at_once(&mut self, ready_at_once: bool) {
        self.ready_at_once = ready_at_once;
    }

    pub(super) const fn is_ready_at_once(&self) -> bool {
        self.ready_at_once
    }

    /// Whether the keeper has to know it, because its start is under way.
    pub(super) fn is_launching(&self) -> bool {
        self.current.as_ref().is_some_and(|current| !current.launched)
    }

    /// Whether nothing of it runs and nothing is about to.
    pub(super) const fn is_quiet(&self) -> bool {
        self.current.is_none() && !matches!(self.state, ServiceState::Waiting { .. } | ServiceState::Stopping)
    }

    /// Takes what happens, and answers what has to be done. `missing` are the services that it has to wait for.
    pub(super) fn step(&mut self, input: Input, missing: &[ServiceId]) -> Vec<Act> {
        let mut acts = Vec::new();
        match input {
            Input::Start => self.start(missing, &mut acts),
            Input::Restart => self.restart(missing, &mut acts),
            Input::Stop(by) => self.stop(by, &mut acts),
            Input::Look => {
                if matches!(self.state, ServiceState::Waiting { .. }) {
                    self.begin(missing, &mut acts);
                }
            }
            Input::Found { run, pid, ready, ended, stopping } => self.find(run, pid, ready, ended, stopping, &mut acts),
            Input::Launched { run, .. }
            | Input::NotLaunched { run, .. }
            | Input::Executed { run }
            | Input::Ready { run }
            | Input::Doubt { run, .. }
            | Input::TimedOut { run }
            | Input::Ended { run, .. }
            | Input::Gone { run }
            | Input::NotStopped { run, .. }
            | Input::Lost { run, .. }
                if self.run() != Some(&*run) => {}
            Input::Launched { pid, .. } => self.launched(pid, &mut acts),
            Input::NotLaunched { what, why, .. } => {
                self.current = None;
                if self.state == ServiceState::Stopping {
                    self.finish(missing, &mut acts);
                } else {
                    self.state = ServiceState::Failed { why };
                    acts.push(Act::Tell(what));
                }
            }
            Input::Executed { .. } if self.ready_at_once => self.ready(&mut acts),
            Input::Executed { .. } | Input::Doubt { .. } => {}
            Input::Ready { .. } => self.ready(&mut acts),
            Input::TimedOut { .. } => {
                if let ServiceState::Starting { timed_out: timed_out @ false } = &mut self.state {
                    *timed_out = true;
                    acts.push(Act::Tell(What::StartTimedOut));
                }
            }
            Input::Ended { ending, .. } => self.ended(ending, &mut acts),
            Input::Gone { run } => {
                self.current = None;
                acts.push(Act::Acknowledge(run));
                if self.state == ServiceState::Stopping {
                    self.finish(missing, &mut acts);
                }
            }
            Input::NotStopped { why, .. } => {
                if self.state == ServiceState::Stopping {
                    self.state = ServiceState::Ready;
                    acts.push(Act::Tell(What::NotStopped { why }));
                }
            }
            Input::Lost { ending, .. } => {
                let should_run = matches!(self.state, ServiceState::Starting { .. } | ServiceState::Ready);
                self.ended(ending, &mut acts);
                self.current = None;
                if self.state == ServiceState::Stopping {
                    self.finish(missing, &mut acts);
                } else if should_run {
                    self.begin(missing, &mut acts);
                }
            }
        }
        acts
    }

    fn start(&mut self, missing: &[ServiceId], acts: &mut Vec<Act>) {
        match self.state {
            ServiceState::Starting { .. } | ServiceState::Ready => {}
            ServiceState::Stopping => self.next = Next::Start,
            _ => self.begin(missing, acts),
        }
    }

    fn restart(&mut self, missing: &[ServiceId], acts: &mut Vec<Act>) {
        match self.state {
            ServiceState::Starting { .. } | ServiceState::Ready => self.end(Next::Start, acts),
            _ => self.start(missing, acts),
        }
    }

    fn stop(&mut self, by: StoppedBy, acts: &mut Vec<Act>) {
        match self.state {
            ServiceState::Stopping => self.next = Next::Stay(by),
            _ if self.current.is_some() => self.end(Next::Stay(by), acts),
            ServiceState::Stopped { by: Some(before) } if before == by => {}
            _ => {
                self.state = ServiceState::Stopped { by: Some(by) };
                acts.push(Act::Tell(What::Stopped { by }));
            }
        }
    }

    /// Starts it if nothing is in the way.
    fn begin(&mut self, missing: &[ServiceId], acts: &mut Vec<Act>) {
        if self.current.is_some() {
            // Its last run ended, but something of it is left.
            self.end(Next::Start, acts);
        } else if missing.is_empty() {
            self.runs += 1;
            let run = format!("{}-{}", self.prefix, self.runs);
            self.current = Some(Current { run: run.clone(), pid: None, launched: false, ended: false });
            self.state = ServiceState::Starting { timed_out: false };
            acts.push(Act::Launch(run));
        } else {
            let on = missing.to_vec();
            if self.state != (ServiceState::Waiting { on: on.clone() }) {
                self.state = ServiceState::Waiting { on: on.clone() };
                acts.push(Act::Tell(What::Waiting { on }));
            }
        }
    }

    /// Stops the run there is.
    fn end(&mut self, next: Next, acts: &mut Vec<Act>) {
        self.next = next;
        self.state = ServiceState::Stopping;
        if let Some(current) = self.current.as_ref().filter(|current| current.launched) {
            acts.push(Act::Stop(current.run.clone()));
        }
    }

    /// It has stopped.
    fn finish(&mut self, missing: &[ServiceId], acts: &mut Vec<Act>) {
        match self.next {
            Next::Stay(by) => {
                self.state = ServiceState::Stopped { by: Some(by) };
                acts.push(Act::Tell(What::Stopped { by }));
            }
            Next::Start => self.begin(missing, acts),
        }
    }

    fn launched(&mut self, pid: Option<u32>, acts: &mut Vec<Act>) {
        let Some(current) = &mut self.current else { return };
        current.launched = true;
        current.pid = pid;
        if self.state == ServiceState::Stopping {
            acts.push(Act::Stop(current.run.clone()));
        } else {
            acts.push(Act::Tell(What::Started { pid }));
        }
    }

    fn ready(&mut self, acts: &mut Vec<Act>) {
        if matches!(self.state, ServiceState::Starting { .. }) {
            self.state = ServiceState::Ready;
            acts.push(Act::Tell(What::Ready));
        }
    }

    fn ended(&mut self, ending: Ending, acts: &mut Vec<Act>) {
        let Some(current) = self.current.as_mut().filter(|current| !current.ended) else { return };
        current.ended = true;
        // News may overtake the answer to the start.
        current.launched = true;
        let expected = self.state == ServiceState::Stopping;
        if matches!(self.state, ServiceState::Starting { .. } | ServiceState::Ready) {
            self.state = match &ending.not_started {
                Some(why) => ServiceState::Failed { why: why.clone() },
                None => ServiceState::Ended { ending: ending.clone() },
            };
        }
        acts.push(Act::Tell(What::Ended { ending, expected }));
    }

    fn find(
        &mut self,
        run: String,
        pid: Option<u32>,
        ready: bool,
        ended: Option<Ending>,
        stopping: bool,
        acts: &mut Vec<Act>,
    ) {
        if self.current.is_some() {
            return;
        }
        self.runs += 1;
        self.current = Some(Current { run, pid, launched: true, ended: false });
        self.state = ServiceState::Starting { timed_out: false };
        match ended {
            // It was asked to, by an engine that did not live to see it.
            Some(_) | None if stopping => {
                self.state = ServiceState::Stopping;
                self.next = Next::Start;
                if let (Some(_), Some(current)) = (ended, &mut self.current) {
                    current.ended = true;
                }
            }
            Some(ending) => self.ended(ending, acts),
            None => {
                acts.push(Act::Tell(What::Found { pid }));
                if ready {
                    self.ready(acts);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
