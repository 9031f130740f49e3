//! All runs, and what is done about what happens to them.

use std::collections::{HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::time::Instant;

use super::inside::{Engine, Inside};
use super::launch::Launcher;
use super::look::{self, Found};
use super::notify;
use super::run::{Executor, Run};
use super::strangers;
use crate::base::class::chain;
use crate::base::clock::Clock;
use crate::model::ServiceId;
use crate::service::children::{self, Child};
use crate::service::order::RunOrder;
use crate::service::protocol::{Answer, Asked, Cleared, Event, Request, Said, VERSION};
use crate::service::spec::Whom;
use crate::service::tree::{Census, pid_of, stat};

/// The most runs that have ended and that no engine has taken note of.
const MOST_ENDED: usize = 1024;
/// How many runs that were forgotten are still recognised when they are asked for again.
const MOST_FORGOTTEN: usize = 4096;

/// What the keeper knows.
#[derive(Debug)]
pub(super) struct Table {
    launcher: Launcher,
    clock: Arc<dyn Clock>,
    children: PathBuf,
    boot: String,
    runs: Vec<Run>,
    forgotten: VecDeque<String>,
    /// Services of which an earlier keeper's processes are still being stopped, and what was asked for meanwhile.
    clearing: HashSet<ServiceId>,
    waiting: Vec<(u64, Asked)>,
    cleared: Vec<Cleared>,
    engine: Option<Engine>,
    /// Whether processes could not be looked at the last time.
    blind: bool,
    /// Runs that are to be stopped.
    to_stop: Vec<String>,
    /// Whether everything is being stopped.
    ending: bool,
    /// Whether it may end now.
    ended: bool,
}

impl Table {
    pub(super) fn new(
        launcher: Launcher,
        clock: Arc<dyn Clock>,
        children: PathBuf,
        boot: String,
        clearing: HashSet<ServiceId>,
    ) -> Self {
        Self {
            launcher,
            clock,
            children,
            boot,
            runs: Vec::new(),
            forgotten: VecDeque::new(),
            clearing,
            waiting: Vec::new(),
            cleared: Vec::new(),
            engine: None,
            blind: false,
            to_stop: Vec::new(),
            ending: false,
            ended: false,
        }
    }

    /// Takes one message.
    pub(super) fn take(&mut self, message: Inside) {
        match message {
            Inside::Connected(engine) => {
                // So that it does not come back and replace the new one.
                self.tell(Event::Replaced);
                self.engine = Some(engine);
            }
            Inside::Disconnected(number) => {
                if self.engine.as_ref().is_some_and(|engine| engine.number == number) {
                    self.engine = None;
                }
            }
            Inside::Asked(from, asked) => self.answer(from, *asked),
            Inside::Executor { run, refused } => self.executor_is_done(&run, refused),
            Inside::Notified { run, message } => self.hear(&run, &notify::parse(&message)),
            Inside::Cleared(cleared) => self.take_cleared(cleared),
        }
    }

    /// Children have ended, somebody's.
    pub(super) fn look_at_children(&mut self) {
        for run in &mut self.runs {
            run.look_for_exit();
        }
        strangers::look_after(self.runs.iter_mut());
        self.tell_endings();
    }

    /// Goes on with whatever is being stopped.
    pub(super) fn look_at_stopping(&mut self) {
        let now = Instant::now();
        let mut events = Vec::new();
        let mut due = Vec::new();
        for run in &mut self.runs {
            if run.is_gone() || run.stopping.as_ref().is_none_or(|stopping| stopping.next > now) {
                continue;
            }
            run.look_for_exit();
            // Not before its end was told: the executor's last word may be on its way.
            if run.exit.is_none() || run.ending.is_some() {
                let needs_census = look::needs_census(run, now);
                due.push((run, needs_census));
            }
        }
        let census = if due.iter().any(|(_, needs_census)| *needs_census) { census(&mut self.blind) } else { None };
        for (run, needs_census) in due {
            match look::look(run, census.as_ref().filter(|_| needs_census), now) {
                Found::Alive => {}
                Found::Stuck(pids) => {
                    run.sink.note(&format!("cannot be killed: processes {pids:?}"));
                    events.push(Event::Stuck { run: run.order.run.clone(), pids });
                }
                Found::Gone => {
                    bury(run, &self.children);
                    events.push(Event::Gone { run: run.order.run.clone() });
                }
            }
        }
        for event in events {
            self.tell(event);
        }
        self.tell_endings();
        self.drop_excess();
        self.compact();
        self.bound_own_log();
        self.ended |= self.ending && self.is_empty();
    }

    /// Whether nothing runs, of this keeper or of the one before.
    fn is_empty(&self) -> bool {
        self.clearing.is_empty() && self.runs.iter().all(Run::is_gone)
    }

    /// When something that is being stopped has to be looked at next.
    pub(super) fn next_look(&self) -> Option<Instant> {
        let stopping = self.runs.iter().filter(|run| !run.is_gone()).filter_map(|run| run.stopping.as_ref());
        stopping.map(|stopping| stopping.next).min()
    }

    /// Stops everything, and ends then.
    pub(super) fn end(&mut self) {
        self.ending = true;
        self.to_stop = self.runs.iter().map(|run| run.order.run.clone()).collect();
        self.begin_to_stop();
        self.ended |= self.is_empty();
    }

    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    /// Waits until all logs are written.
    pub(super) async fn settle(&self) {
        for sink in self.launcher.sinks() {
            sink.settle().await;
        }
    }

    fn answer(&mut self, from: u64, asked: Asked) {
        if self.engine.as_ref().is_none_or(|engine| engine.number != from) {
            tracing::info!("an engine that was replaced still asks");
            return;
        }
        if self.has_to_wait(&asked.request) {
            self.waiting.push((from, asked));
            return;
        }
        let Asked { number, request } = asked;
        let answer = match request {
            Request::Hello { version, pid } => hello(version, pid),
            Request::Start { order } => self.start(*order),
            Request::Settle { .. } => Answer::Done,
            Request::Signal { run, signal, whom } => self.signal(&run, signal.get(), whom),
            Request::Stop { run } => self.stop(&run),
            Request::Ready { run } => self.ready(&run),
            Request::List => {
                Answer::Runs { runs: self.runs.iter().map(Run::view).collect(), cleared: self.cleared.clone() }
            }
            Request::Acknowledge { run } => self.acknowledge(&run),
            Request::Unknown => refused("this keeper is older than its engine, and does not know how"),
            Request::End { stop } => {
                if !stop && !self.is_empty() {
                    refused("services are running")
                } else {
                    self.end();
                    Answer::Done
                }
            }
        };
        self.say(Said::Answer { number, answer });
    }

    /// Whether something of an earlier keeper has to be gone first.
    fn has_to_wait(&self, request: &Request) -> bool {
        match request {
            Request::Start { order } => self.clearing.contains(&order.service),
            Request::Settle { service } => self.clearing.contains(service),
            _ => false,
        }
    }

    fn start(&mut self, order: RunOrder) -> Answer {
        if self.ending {
            return refused("the keeper is about to end");
        }
        if let Some(run) = self.runs.iter().find(|run| run.order.run == order.run) {
            return Answer::Started { pid: run.pid(), before: true };
        }
        if self.forgotten.contains(&order.run) {
            return refused("this run was started before, and has ended");
        }
        let running = self.runs.iter().find(|run| run.order.service == order.service && !run.is_gone());
        if let Some(run) = running {
            let (id, pid) = (&order.service, run.pid());
            return refused(format!("the service `{id}` has not ended yet: process {pid}"));
        }
        match self.launcher.launch(order) {
            Ok(run) => {
                let pid = run.pid();
                self.runs.push(run);
                Answer::Started { pid, before: false }
            }
            Err(error) => refused(format!("cannot start a process: {error}")),
        }
    }

    fn signal(&mut self, run: &str, signal: rustix::process::Signal, whom: Whom) -> Answer {
        let Some(run) = self.find(run).filter(|run| !run.is_gone()) else { return refused("there is no such run") };
        match whom {
            Whom::Leader if run.exit.is_some() => return refused("its first process has ended"),
            Whom::Leader => run.tree.signal_leader(signal),
            Whom::Group => run.tree.signal_group(signal),
        }
        Answer::Done
    }

    fn ready(&mut self, run: &str) -> Answer {
        match self.find(run) {
            Some(run) => {
                run.ready = true;
                Answer::Done
            }
            None => refused("there is no such run"),
        }
    }

    fn stop(&mut self, run: &str) -> Answer {
        if self.find(run).is_none() {
            return refused("there is no such run");
        }
        self.to_stop.push(run.to_owned());
        Answer::Done
    }

    /// Begins to stop what was asked for since the last time, with one look at all processes.
    pub(super) fn begin_to_stop(&mut self) {
        let names = std::mem::take(&mut self.to_stop);
        if names.is_empty() {
            return;
        }
        strangers::look_after(self.runs.iter_mut());
        let (census, now) = (census(&mut self.blind), Instant::now());
        for run in self.runs.iter_mut().filter(|run| names.contains(&run.order.run)) {
            look::stop(run, census.as_ref(), now);
        }
    }

    fn acknowledge(&mut self, run: &str) -> Answer {
        let Some(at) = self.runs.iter().position(|known| known.order.run == run) else { return Answer::Done };
        if !self.runs[at].is_gone() {
            return refused("it has not ended");
        }
        self.forget(at);
        Answer::Done
    }

    fn forget(&mut self, at: usize) {
        let run = self.runs.remove(at);
        if self.forgotten.len() >= MOST_FORGOTTEN {
            self.forgotten.pop_front();
        }
        self.forgotten.push_back(run.order.run);
    }

    /// Ends that nobody takes note of do not pile up.
    fn drop_excess(&mut self) {
        while self.runs.iter().filter(|run| run.is_gone()).count() > MOST_ENDED {
            let Some(at) = self.runs.iter().position(Run::is_gone) else { return };
            tracing::warn!(run = self.runs[at].order.run, "no engine took note of an end, and it is forgotten");
            self.forget(at);
        }
    }

    fn executor_is_done(&mut self, name: &str, refused: Option<String>) {
        let Some(run) = self.find(name) else { return };
        let done = refused.is_none();
        run.executor = refused.map_or(Executor::Done, Executor::Refused);
        // An executor that was killed says nothing either.
        run.look_for_exit();
        if done && run.exit.is_none() {
            self.tell(Event::Executed { run: name.to_owned() });
        }
        self.tell_endings();
    }

    fn hear(&mut self, name: &str, message: &notify::Message) {
        let Some(run) = self.find(name) else { return };
        let mut events = Vec::new();
        if message.ready && !run.ready {
            run.ready = true;
            events.push(Event::Ready { run: name.to_owned() });
        }
        if let Some(text) = message.text.as_ref().map(|text| notify::shown(text, &run.redactor))
            && run.text.as_ref() != Some(&text)
        {
            run.text = Some(text.clone());
            events.push(Event::Text { run: name.to_owned(), text });
        }
        if message.stopping {
            events.push(Event::Stopping { run: name.to_owned() });
        }
        for event in events {
            self.tell(event);
        }
    }

    fn take_cleared(&mut self, cleared: Vec<Cleared>) {
        for gone in &cleared {
            self.clearing.remove(&gone.service);
            self.cleared.push(gone.clone());
        }
        self.tell(Event::Cleared { cleared });
        let waiting = std::mem::take(&mut self.waiting);
        for (from, asked) in waiting {
            self.answer(from, asked);
        }
    }

    /// Tells of every end that is new, and begins to clean up behind it.
    fn tell_endings(&mut self) {
        let now = self.clock.now();
        let mut events = Vec::new();
        for run in &mut self.runs {
            let Some(ending) = run.new_ending(now) else { continue };
            run.sink.note(&ending.to_string());
            events.push(Event::Ended { run: run.order.run.clone(), ending });
            look::clean_up(run, Instant::now());
            // One that was being stopped may be gone now.
            if let Some(stopping) = &mut run.stopping {
                stopping.next = Instant::now();
            }
        }
        for event in events {
            self.tell(event);
        }
    }

    /// Writes the children file anew when it has become large. Not while an executor may be about to write into it.
    fn compact(&mut self) {
        let quiet =
            self.clearing.is_empty() && self.runs.iter().all(|run| run.executor != Executor::Working || run.is_gone());
        if !quiet || children::size(&self.children) < children::LARGE {
            return;
        }
        let running = self.runs.iter().filter(|run| !run.is_gone());
        let left = running.map(|run| Child {
            boot: self.boot.clone(),
            service: run.order.service.clone(),
            run: run.order.run.clone(),
            process: run.tree.leader(),
            keeper: stat(std::process::id()).map(|keeper| keeper.id),
            stop_timeout: run.order.stop_timeout,
            group: run.tree.group().cloned(),
        });
        if let Err(error) = children::replace(&self.children, left.collect()) {
            tracing::warn!(%error, "cannot write the children file anew");
        }
    }

    /// What the keeper says about itself is appended, so it can be cut from the beginning while it runs.
    fn bound_own_log(&self) {
        let path = self.children.with_file_name("keeper.log");
        if children::size(&path) > super::program::LARGEST_LOG
            && let Err(error) = std::fs::OpenOptions::new().write(true).truncate(true).open(&path)
        {
            tracing::warn!(%error, "cannot cut keeper.log");
        }
    }

    fn find(&mut self, run: &str) -> Option<&mut Run> {
        self.runs.iter_mut().find(|known| known.order.run == run)
    }

    fn tell(&mut self, event: Event) {
        self.say(Said::Event(event));
    }

    fn say(&mut self, said: Said) {
        if let Some(engine) = &self.engine
            && engine.lines.try_send(said).is_err()
        {
            tracing::warn!("the engine does not read, and is not waited for");
            self.engine = None;
        }
    }
}

fn refused(why: impl Into<String>) -> Answer {
    Answer::Refused { why: why.into() }
}

fn hello(version: u32, pid: u32) -> Answer {
    tracing::info!(pid, "an engine has connected");
    if version != VERSION {
        return refused(format!("this keeper speaks version {VERSION}, and the engine version {version}"));
    }
    Answer::Hello { version: VERSION, pid: std::process::id(), program: env!("CARGO_PKG_VERSION").to_owned() }
}

/// A look at all processes; `None` when that is not possible, which is said once.
fn census(blind: &mut bool) -> Option<Census> {
    let census = Census::take();
    let was_blind = std::mem::replace(blind, census.is_err());
    if let Err(error) = &census
        && !was_blind
    {
        tracing::error!(error = chain(error), "cannot look at processes");
    }
    census.ok()
}

/// Nothing of a run is left: its first process is reaped, and it is noted.
fn bury(run: &Run, children: &std::path::Path) {
    if let Err(error) = rustix::process::waitpid(pid_of(run.pid()), rustix::process::WaitOptions::NOHANG) {
        tracing::debug!(pid = run.pid(), %error, "cannot reap a service");
    }
    if let Err(error) = children::append_gone(children, &run.order.run) {
        tracing::warn!(%error, "cannot note that a process is gone");
    }
    if let Some(group) = run.tree.group() {
        crate::service::cgroup::remove(group);
    }
    run.gone.send_replace(true);
}
