//! A remedy that does what a test tells it to.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use stratheal_core::contract::{Remedy, RemedyContext, RemedyError};
use stratheal_core::model::RemedyId;
use stratheal_core::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};

use crate::playground::remedy;

type Act = Arc<dyn Fn() -> Result<(), &'static str> + Send + Sync>;

/// What a step does.
#[derive(Clone)]
pub(crate) enum Does {
    Act(Act),
    Hang,
    BlockThread(Duration),
    Panic,
}

impl Does {
    pub(crate) fn act(act: impl Fn() + Send + Sync + 'static) -> Self {
        Self::Act(Arc::new(move || {
            act();
            Ok(())
        }))
    }

    pub(crate) fn fail(why: &'static str) -> Self {
        Self::Act(Arc::new(move || Err(why)))
    }

    pub(crate) fn nothing() -> Self {
        Self::act(|| {})
    }
}

/// A remedy made of closures. It keeps a diary of its calls.
pub(crate) struct Scripted {
    id: RemedyId,
    pub(crate) risk: Risk,
    steps: Vec<(Does, Option<Does>)>,
    /// Which steps are done, for the probe; one that lies says what it likes.
    done: Mutex<Vec<bool>>,
    pub(crate) undo_lies: bool,
    pub(crate) probe: Option<StepState>,
    pub(crate) not_applicable: bool,
    pub(crate) no_targets: bool,
    pub(crate) resource: Option<String>,
    /// A part of the plan that a test changes.
    pub(crate) size: Arc<AtomicUsize>,
    pub(crate) diary: Arc<Mutex<Vec<String>>>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Scripted {
    pub(crate) fn new(name: &str, steps: Vec<(Does, Option<Does>)>) -> Self {
        Self {
            id: remedy(name),
            risk: Risk::Disruptive,
            done: Mutex::new(vec![false; steps.len()]),
            steps,
            undo_lies: false,
            probe: None,
            not_applicable: false,
            no_targets: false,
            resource: None,
            size: Arc::default(),
            diary: Arc::default(),
        }
    }

    /// One step that cannot be undone.
    pub(crate) fn one(name: &str, does: Does) -> Self {
        Self::new(name, vec![(does, None)])
    }

    pub(crate) fn diary(&self) -> Arc<Mutex<Vec<String>>> {
        self.diary.clone()
    }

    fn note(&self, what: &str, step: &Step) {
        self.diary.lock().unwrap().push(format!("{what} {}", step.name));
    }

    fn index(step: &Step) -> usize {
        step.name.parse().unwrap()
    }

    async fn carry_out(&self, does: &Does, step: &Step) -> Result<(), RemedyError> {
        match does {
            Does::Act(act) => act().map_err(|why| RemedyError::failed(step, why)),
            Does::Hang => std::future::pending().await,
            Does::BlockThread(time) => {
                std::thread::sleep(*time);
                Ok(())
            }
            Does::Panic => panic!("the remedy is broken"),
        }
    }
}

#[async_trait]
impl Remedy for Scripted {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        self.risk
    }

    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        if self.not_applicable {
            return Err(RemedyError::NotApplicable { why: "there is nothing broken here".into() });
        }
        let size = self.size.load(Ordering::Relaxed) as u64;
        let mut plan = Plan::new(format!("do {}", self.id));
        if !self.no_targets {
            plan = plan.target(Target::new("thing", "it").bytes(size));
        }
        if let Some(resource) = &self.resource {
            plan = plan.resource(resource);
        }
        for (number, (_, undo)) in self.steps.iter().enumerate() {
            let step = Step::new(number.to_string(), "do it");
            plan = plan.step(if undo.is_some() { step.undoable() } else { step });
        }
        Ok(plan)
    }

    async fn step(&self, _cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        self.note("step", step);
        let index = Self::index(step);
        self.carry_out(&self.steps[index].0.clone(), step).await?;
        self.done.lock().unwrap()[index] = true;
        Ok(Receipt::new(format!("did {index}")).data(index))
    }

    async fn probe(&self, _cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        self.note("probe", step);
        let done = self.done.lock().unwrap()[Self::index(step)];
        Ok(self.probe.unwrap_or(if done { StepState::Done } else { StepState::NotDone }))
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        let receipt = cx.receipt(&step.name).and_then(|receipt| receipt.data.clone());
        self.note(&format!("undo with {}", receipt.map_or("nothing".into(), |data| data.to_string())), step);
        let index = Self::index(step);
        let Some(undo) = self.steps[index].1.clone() else {
            return Err(RemedyError::CannotUndo { step: step.name.clone() });
        };
        if !self.undo_lies {
            self.carry_out(&undo, step).await?;
            self.done.lock().unwrap()[index] = false;
        }
        Ok(())
    }
}
