//! A remedy that is written in Python.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use stratheal_core::contract::{Remedy, RemedyContext, RemedyError};
use stratheal_core::model::RemedyId;
use stratheal_core::model::plan::{Plan, Receipt, Risk, Step, StepState};

use crate::dispatch::Dispatcher;
use crate::run::Question;

/// An object of Python that heals something.
#[derive(Debug)]
pub(crate) struct PythonRemedy {
    pub(crate) id: RemedyId,
    pub(crate) name: Arc<str>,
    pub(crate) risk: Risk,
    pub(crate) key: u64,
    pub(crate) dispatcher: Arc<Dispatcher>,
}

impl PythonRemedy {
    async fn ask(&self, method: &'static str, cx: &RemedyContext, step: Option<&Step>) -> Result<Value, String> {
        let receipts: serde_json::Map<String, Value> = cx
            .receipts
            .iter()
            .map(|(step, receipt)| (step.clone(), json!({ "summary": receipt.summary, "data": receipt.data })))
            .collect();
        let arguments = json!({
            "check": cx.check,
            "summary": cx.state.summary(),
            "step": step.map(|step| step.name.as_str()),
            "receipts": receipts,
        });
        self.dispatcher.ask(&self.name, self.key, Question { method, arguments }, cx.deadline).await
    }
}

#[async_trait]
impl Remedy for PythonRemedy {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        self.risk
    }

    async fn plan(&self, cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let not_applicable = |why: String| RemedyError::NotApplicable { why };
        let plan = self.ask("plan", cx, None).await.map_err(not_applicable)?;
        if plan.is_null() {
            return Err(not_applicable("it has no plan for this".to_owned()));
        }
        serde_json::from_value(plan).map_err(|error| not_applicable(format!("its plan makes no sense: {error}")))
    }

    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let told = self.ask("step", cx, Some(step)).await.map_err(|why| RemedyError::failed(step, why))?;
        Ok(match told {
            Value::String(text) => Receipt::new(text),
            Value::Null => Receipt::new(format!("{}: done", step.summary)),
            data => Receipt::new(format!("{}: done", step.summary)).data(data),
        })
    }

    async fn probe(&self, cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        let told = self.ask("probe", cx, Some(step)).await.map_err(|why| RemedyError::failed(step, why))?;
        Ok(match told {
            Value::Bool(true) => StepState::Done,
            Value::Bool(false) => StepState::NotDone,
            _ => StepState::Unknown,
        })
    }

    async fn undo(&self, cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        self.ask("undo", cx, Some(step)).await.map(drop).map_err(|why| RemedyError::failed(step, why))
    }
}
