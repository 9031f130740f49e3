//! A check that is written in Python.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use stratheal_core::checks::{Measure, Measurement};
use stratheal_core::contract::{CheckContext, CheckError, CheckKind};

use crate::dispatch::{Dispatcher, Place};
use crate::run::RunState;

/// A function of Python that measures something.
#[derive(Debug)]
pub(crate) struct PythonCheck {
    pub(crate) name: Arc<str>,
    pub(crate) key: u64,
    pub(crate) place: Place,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) last: Mutex<Option<Arc<RunState>>>,
}

#[async_trait]
impl Measure for PythonCheck {
    fn kind(&self) -> CheckKind {
        CheckKind::Custom
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        let found = self.dispatcher.call(self.place, &self.name, self.key, &self.last, cx).await?;
        Ok(Measurement::new(found))
    }
}
