//! The loop: what happened comes in, what has to be done follows from what is known. It decides again from the whole each time, so
//! that a happening that was missed changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::builder::{Acts, HealerBuilder, Setup, Tell};
use super::handle::{Command, Prospect};
use super::store::SharedStore;
use super::work::{Ending, Progress};
use crate::audit::AuditLog;
use crate::base::clock::Clock;
use crate::contract::evidence::Found;
use crate::contract::{EvidenceSource, Remedy, RemedyError};
use crate::engine::EngineHandle;
use crate::model::attempt::Actor;
use crate::model::event::{Event, EventKind};
use crate::model::plan::Plan;
use crate::model::{CheckId, Status};

/// The longest time without a look at everything.
const LOOK: Duration = Duration::from_secs(1);
/// Messages of attempts that may wait.
const PROGRESS: usize = 256;

/// A plan that was asked for.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) purpose: Purpose,
    pub(super) check: CheckId,
    /// Kept with it, because the configuration may have none of that name any more when the plan is there.
    pub(super) remedy: Arc<dyn Remedy>,
    pub(super) plan: Result<Plan, PlanTrouble>,
}

/// What a plan is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A rung of an incident's ladder.
    Rung { incident: u64, rung: usize },
    /// A person wants it.
    Person { by: Actor, reply: tokio::sync::oneshot::Sender<Result<u64, super::handle::HealError>> },
}

/// Why there is no plan.
#[derive(Debug)]
pub(super) enum PlanTrouble {
    /// The remedy says so.
    Remedy(RemedyError),
    /// It panicked, hung, or planned something that makes no sense.
    Broken(String),
}

/// What a task that belongs to the healer has to say at its end.
pub(super) enum Done {
    Planned(Box<Planned>),
    Ended(Box<Ending>),
    Evidence(u64, Found),
    Prospect(Box<Prospect>, tokio::sync::oneshot::Sender<Result<Prospect, super::handle::HealError>>),
}

/// An attempt under way.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) resources: Vec<String>,
    /// On probation it holds nobody up but those who want the same.
    pub(super) on_probation: bool,
    /// When its steps began, for those who want to know how long it took.
    pub(super) began: Instant,
    /// How long it took until the check passed.
    pub(super) healed_after: Option<Duration>,
}

/// What people have been told about healing itself, so that it is said once.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// That nothing can be written down.
    pub(super) trouble: bool,
    /// That there were too many attempts.
    pub(super) exhaustion: bool,
}

/// The healer.
pub(super) struct Healer {
    pub(super) engine: EngineHandle,
    pub(super) setup: Setup,
    pub(super) store: SharedStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) evidence: Vec<Arc<dyn EvidenceSource>>,
    pub(super) tell: Tell,
    pub(super) audit: Option<Arc<AuditLog>>,
    pub(super) acts: Acts,
    /// Nothing is begun yet.
    pub(super) waits: bool,
    pub(super) started: Instant,
    pub(super) under_way: BTreeMap<u64, UnderWay>,
    /// What could not be stopped, and the names of what it works on.
    pub(super) stuck: Vec<(JoinHandle<()>, Vec<String>)>,
    /// Incidents for which something is being planned.
    pub(super) planning: BTreeMap<u64, usize>,
    /// Incidents that are not looked at before a moment.
    pub(super) waiting: BTreeMap<u64, Instant>,
    pub(super) tasks: JoinSet<Done>,
    pub(super) progress: mpsc::Sender<Progress>,
    progress_in: Option<mpsc::Receiver<Progress>>,
    /// Whether something changed while everything was looked at, so that it has to be looked at again.
    pub(super) look_again: bool,
    /// What has been said about healing itself.
    pub(super) told: Told,
}

impl Healer {
    pub(super) fn new(builder: HealerBuilder) -> Self {
        let HealerBuilder { engine, setup, store, clock, evidence, tell, audit, acts, waits } = builder;
        let (progress, progress_in) = mpsc::channel(PROGRESS);
        Self {
            engine,
            setup,
            store,
            clock,
            evidence,
            tell,
            audit,
            acts,
            waits,
            started: Instant::now(),
            under_way: BTreeMap::new(),
            stuck: Vec::new(),
            planning: BTreeMap::new(),
            waiting: BTreeMap::new(),
            tasks: JoinSet::new(),
            progress,
            progress_in: Some(progress_in),
            look_again: false,
            told: Told::default(),
        }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut events = self.engine.subscribe();
        let Some(mut progress) = self.progress_in.take() else { return };
        if !self.waits {
            self.recover().await;
        }
        let mut wake = Instant::now();
        let mut is_news = true;
        loop {
            if is_news {
                let look = self.reconcile().await;
                wake = Instant::now() + look.min(LOOK);
            }
            is_news = true;
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => {
                        is_news = self.concerns(&event).await;
                        // A thousand checks may change at once, and are looked at once.
                        while let Ok(more) = events.try_recv() {
                            is_news |= self.concerns(&more).await;
                        }
                    }
                    // What was missed is seen by looking at everything.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                Some(step) = progress.recv() => self.follow(step).await,
                Some(done) = self.tasks.join_next() => match done {
                    Ok(done) => self.done(done).await,
                    Err(error) => tracing::error!(%error, "a task of the healer ended badly"),
                },
                command = commands.recv() => match command {
                    None => return,
                    Some(Command::Stop(reply)) => {
                        // What is under way is in the journal.
                        self.tasks.abort_all();
                        // Whoever asked may have gone.
                        drop(reply.send(Ok(())));
                        return;
                    }
                    Some(command) => self.command(command).await,
                },
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Whether an event may change what has to be done. Most are runs that found what was found before.
    async fn concerns(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::Ran { .. } => false,
            EventKind::Changed(change) => {
                if change.to == Status::Healthy {
                    self.parent_recovered(&change.id).await;
                }
                true
            }
            _ => true,
        }
    }

    async fn done(&mut self, done: Done) {
        match done {
            Done::Planned(planned) => self.planned(*planned).await,
            Done::Ended(ending) => self.ended(*ending).await,
            Done::Evidence(incident, found) => self.found(incident, found).await,
            Done::Prospect(mut prospect, reply) => {
                self.ask_with_plans(&mut prospect);
                drop(reply.send(Ok(*prospect)));
            }
        }
    }
}
