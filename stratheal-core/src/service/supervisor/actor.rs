//! The supervisor's task.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;

use super::entry::{Entry, Task};
use super::event::{ServiceEvent, What};
use super::handle::{Services, Shutdown};
use super::inside::{Inside, Order};
use super::launching;
use super::leaving::{self, Leaving};
use super::news;
use super::remembered::Remembered;
use super::view::ServiceView;
use super::watching;
use crate::model::ServiceId;
use crate::service::connection::{Link, News};
use crate::service::digest::digest;
use crate::service::protocol::{Request, RunView};
use crate::service::spec::{How, Ready};
use crate::service::state::{Act, Input, ServiceState, StoppedBy};

/// What readers look at.
pub(super) type Board = ArcSwap<BTreeMap<ServiceId, Arc<ServiceView>>>;

pub(super) struct Actor {
    pub(super) options: Services,
    pub(super) sender: mpsc::Sender<Inside>,
    pub(super) entries: BTreeMap<ServiceId, Entry>,
    pub(super) remembered: Remembered,
    pub(super) link: Option<Link>,
    /// Runs that no service has claimed.
    pub(super) found: Vec<RunView>,
    /// Runs whose clearing was told.
    pub(super) told: HashSet<String>,
    /// Whether it is known what shall run.
    pub(super) applied: bool,
    pub(super) news: Option<mpsc::Receiver<News>>,
    board: Arc<Board>,
    events: broadcast::Sender<ServiceEvent>,
    queue: VecDeque<(ServiceId, Input)>,
    /// Set while everything is being stopped.
    pub(super) leaving: Option<Leaving>,
    /// What the names of this engine's runs have in common, and how many services it has had.
    pub(super) prefix: String,
    pub(super) services: u64,
}

impl Actor {
    pub(super) fn new(
        options: Services,
        remembered: Remembered,
        board: Arc<Board>,
        events: broadcast::Sender<ServiceEvent>,
        sender: mpsc::Sender<Inside>,
    ) -> Self {
        use crate::sys::{SysRoot, uptime};
        let now = uptime::since_boot(&SysRoot::default()).unwrap_or_default();
        let prefix = format!("{}-{:x}", std::process::id(), now.as_nanos());
        Self {
            options,
            sender,
            entries: BTreeMap::new(),
            remembered,
            link: None,
            found: Vec::new(),
            told: HashSet::new(),
            applied: false,
            news: None,
            board,
            events,
            queue: VecDeque::new(),
            leaving: None,
            prefix,
            services: 0,
        }
    }

    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>, mut inside: mpsc::Receiver<Inside>) {
        loop {
            tokio::select! {
                order = orders.recv() => match order {
                    Some(Order::Apply(specs, reply)) => drop(reply.send(self.apply(specs).await)),
                    Some(Order::Start(id, reply)) => self.start(&id, reply, Input::Start).await,
                    Some(Order::Restart(id, reply)) => self.start(&id, reply, Input::Restart).await,
                    Some(Order::RestartUnlessStopped(id, reply)) => self.restart_unless_stopped(&id, reply),
                    Some(Order::Stop(id, by, reply)) => self.stop(id, by, reply).await,
                    Some(Order::MarkReady(id, reply)) => drop(reply.send(self.mark_ready(&id))),
                    Some(Order::Shutdown(Shutdown::StopServices, reply)) => self.begin_to_leave(reply),
                    Some(Order::Shutdown(Shutdown::LeaveRunning, reply)) => {
                        drop(self);
                        leaving::done(reply, Vec::new());
                        return;
                    }
                    None => return,
                },
                Some(Inside { id, input }) = inside.recv() => self.find_out(id, input),
                news = news::next(&mut self.news) => self.hear(news),
                () = leaving::time_is_over(self.leaving.as_ref()) => self.give_up(),
            }
            if self.leaving.is_some() && self.stop_next() {
                return self.leave().await;
            }
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }

    /// Gives a service an input, and everything that follows from it.
    pub(super) fn drive(&mut self, id: ServiceId, input: Input) {
        self.queue.push_back((id, input));
        while let Some((id, input)) = self.queue.pop_front() {
            self.step(&id, input);
        }
    }

    fn step(&mut self, id: &ServiceId, input: Input) {
        let missing = self.missing(id);
        let now = self.now();
        let Some(entry) = self.entries.get_mut(id) else { return };
        let before = entry.machine.state().clone();
        let executed = matches!(&input, Input::Executed { run } if entry.machine.run() == Some(run));
        entry.executed |= executed;
        match &input {
            Input::Doubt { run, why } if entry.machine.run() == Some(run) => entry.doubt.clone_from(why),
            _ => {}
        }
        let acts = entry.machine.step(input, &missing);
        let changed = *entry.machine.state() != before;
        if std::mem::discriminant(entry.machine.state()) != std::mem::discriminant(&before) {
            entry.doubt = None;
            entry.since = now;
            entry.entered = Instant::now();
        }
        let is_over = matches!(entry.machine.state(), ServiceState::Ended { .. } | ServiceState::Failed { .. });
        for act in acts {
            self.act(id, act);
        }
        self.look_after(id, executed);
        if is_over && self.remembered.contains(id) {
            // A person had stopped it, in vain so far: nobody shall take it for one that is to be healed.
            self.queue.push_back((id.clone(), Input::Stop(StoppedBy::Person)));
        }
        if changed {
            // Others may have waited for it.
            let waiting = self.entries.iter().filter(|(_, other)| other.spec.depends_on.contains(id));
            let inputs = waiting.map(|(other, _)| (other.clone(), Input::Look));
            self.queue.extend(inputs);
        }
        self.publish(id);
    }

    fn act(&mut self, id: &ServiceId, act: Act) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        match act {
            Act::Launch(run) => {
                entry.running = entry.spec.clone();
                entry.digest = digest(&entry.spec);
                entry.executed = false;
                entry.outdated = false;
                entry.text = None;
                let spec = entry.spec.clone();
                self.limit_start(id, spec.start_timeout);
                match (&spec.how, self.link.clone()) {
                    (How::Child, Some(link)) => {
                        self.later(id, async move { vec![launching::child(spec, run, link).await] });
                    }
                    (How::Child, None) => {
                        let why = "there is no keeper".to_owned();
                        let what = What::NotStarted { why: why.clone() };
                        self.queue.push_back((id.clone(), Input::NotLaunched { run, what, why }));
                    }
                    _ => self.later(id, launching::outside(spec, run)),
                }
            }
            Act::Stop(run) => {
                entry.not_stopped = None;
                let spec = entry.running.clone();
                match (&spec.how, self.link.clone()) {
                    (How::Child, Some(link)) => {
                        self.later(id, async move { launching::stop_child(run, link).await.into_iter().collect() });
                    }
                    (How::Child, None) => self.queue.push_back((id.clone(), Input::Gone { run })),
                    _ => self.later(id, async move { vec![launching::stop_outside(spec, run).await] }),
                }
            }
            Act::Acknowledge(run) => {
                if entry.is_child() {
                    self.acknowledge(run);
                }
            }
            Act::Tell(what) => {
                match &what {
                    What::Ended { ending, .. } => entry.last_ending = Some(ending.clone()),
                    What::NotStopped { why } => entry.not_stopped = Some(why.clone()),
                    What::Ready if entry.is_child() => {
                        let run = entry.machine.run().map(str::to_owned);
                        if let (Some(run), Some(link)) = (run, self.link.clone()) {
                            tokio::spawn(async move { link.ask(Request::Ready { run }).await });
                        }
                    }
                    _ => {}
                }
                self.tell(id, what);
            }
        }
    }

    /// Says after a while that the start of the run there is takes too long, unless it is over by then.
    pub(super) fn limit_start(&mut self, id: &ServiceId, wait: Duration) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let (ServiceState::Starting { .. }, Some(run)) = (entry.machine.state(), entry.machine.run()) else { return };
        let late = Inside { id: id.clone(), input: Input::TimedOut { run: run.to_owned() } };
        let sender = self.sender.clone();
        entry.timer = Some(Task::spawn(async move {
            tokio::time::sleep(wait).await;
            // Nobody is left to tell when the supervisor has stopped.
            drop(sender.send(late).await);
        }));
    }

    /// Takes what was found out beside. A person may have stopped a service while it was asked whether it runs already.
    fn find_out(&mut self, id: ServiceId, input: Input) {
        let is_stopped = self.remembered.contains(&id);
        match input {
            Input::Start if is_stopped => {}
            Input::Found { .. } if is_stopped => {
                self.drive(id.clone(), input);
                self.drive(id, Input::Stop(StoppedBy::Person));
            }
            other => self.drive(id, other),
        }
    }

    /// Starts and ends the tasks that belong to a state.
    fn look_after(&mut self, id: &ServiceId, executed: bool) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        let starting = matches!(entry.machine.state(), ServiceState::Starting { .. });
        if !starting {
            entry.timer = None;
            entry.probe = None;
        }
        let run = entry.machine.run().map(str::to_owned);
        if let (true, true, Ready::Check(check), Some(run)) = (starting, executed, &entry.spec.ready, &run)
            && let Some(probe) = self.options.probe.clone()
        {
            let (check, id, sender, run) = (check.clone(), id.clone(), self.sender.clone(), run.clone());
            entry.probe = Some(Task::spawn(async move {
                launching::probe(probe, check).await;
                drop(sender.send(Inside { id, input: Input::Ready { run } }).await);
            }));
        }
        let runs = matches!(entry.machine.state(), ServiceState::Starting { .. } | ServiceState::Ready);
        match run.filter(|_| runs && !entry.is_child()) {
            Some(run) if entry.watcher.is_none() && !entry.machine.is_launching() => {
                let (spec, id, sender) = (entry.running.clone(), id.clone(), self.sender.clone());
                let clock = self.options.clock.clone();
                entry.watcher = Some(Task::spawn(watching::watch(spec, id, run, sender, clock)));
            }
            // Not before its last word was taken: the watcher sends the two inputs that end it.
            None if entry.machine.run().is_none() || *entry.machine.state() == ServiceState::Stopping => {
                entry.watcher = None;
            }
            _ => {}
        }
    }

    /// Runs something beside the supervisor, and takes what it finds out.
    fn later(&self, id: &ServiceId, work: impl Future<Output = Vec<Input>> + Send + 'static) {
        let (id, sender) = (id.clone(), self.sender.clone());
        tokio::spawn(async move {
            for input in work.await {
                // Nobody is left to tell when the supervisor has stopped.
                drop(sender.send(Inside { id: id.clone(), input }).await);
            }
        });
    }

    /// Has the keeper forget a run that has ended. Who only passes by leaves that to the next monitor, which has to know of it.
    pub(super) fn acknowledge(&self, run: String) {
        if let Some(link) = self.link.clone().filter(|_| !self.options.only_what_runs) {
            tokio::spawn(async move { link.ask(Request::Acknowledge { run }).await });
        }
    }

    pub(super) fn tell(&self, id: &ServiceId, what: What) {
        tracing::debug!(service = %id, ?what, "service");
        // Nobody listens, which is all right.
        drop(self.events.send(ServiceEvent { at: self.now(), service: id.clone(), what }));
    }

    /// What a service depends on and is not ready.
    fn missing(&self, id: &ServiceId) -> Vec<ServiceId> {
        let Some(entry) = self.entries.get(id) else { return Vec::new() };
        let ready =
            |on: &&ServiceId| self.entries.get(*on).is_some_and(|entry| *entry.machine.state() == ServiceState::Ready);
        entry.spec.depends_on.iter().filter(|on| !ready(on)).cloned().collect()
    }

    /// Shows readers how a service is, and answers those who wait for it. A removed one goes when it has stopped.
    pub(super) fn publish(&mut self, id: &ServiceId) {
        let mut views = BTreeMap::clone(&self.board.load());
        match self.entries.get_mut(id) {
            Some(entry) => {
                entry.answer();
                if entry.removed && entry.machine.is_quiet() {
                    self.entries.remove(id);
                    views.remove(id);
                } else {
                    views.insert(id.clone(), Arc::new(entry.view()));
                }
            }
            None => drop(views.remove(id)),
        }
        self.board.store(Arc::new(views));
    }
}
