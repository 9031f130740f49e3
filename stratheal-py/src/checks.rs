//! What is to be checked.

use std::sync::{Arc, Mutex};

use stratheal_core::checks::{Conditions, Judged};
use stratheal_core::engine::Registration;
use stratheal_core::model::{CheckId, CheckSpec};
use stratheal_core::published::Published;

use crate::dispatch::{Dispatcher, Place};
use crate::loop_lag;
use crate::python_check::PythonCheck;

/// A check of Python before it belongs to an engine: pipes and threads are of one process, and this may be forked before.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) id: CheckId,
    pub(crate) spec: Arc<CheckSpec>,
    pub(crate) conditions: Conditions,
    pub(crate) key: u64,
    pub(crate) place: Place,
    pub(crate) scope: Scope,
}

/// Whether each process of an application runs a check, or one for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Process,
    Host,
}

impl Scope {
    pub(crate) const fn of(of_host: bool) -> Self {
        if of_host { Self::Host } else { Self::Process }
    }
}

/// A check that needs no Python.
#[derive(Debug, Clone)]
pub(crate) struct Native {
    pub(crate) registration: Registration,
    pub(crate) scope: Scope,
}

impl Written {
    pub(crate) fn registration(&self, dispatcher: &Arc<Dispatcher>) -> Registration {
        let name = Arc::from(self.id.as_str());
        let (key, place, dispatcher) = (self.key, self.place, dispatcher.clone());
        let check = PythonCheck { name, key, place, dispatcher, last: Mutex::default() };
        let judged = Judged::new(self.id.clone(), check, self.conditions.clone());
        // All that it does here is to wait for Python.
        Registration::new(judged, self.spec.clone()).revision(self.key + 1).on_scheduler()
    }
}

/// What is to be checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checks {
    pub(crate) native: Vec<Native>,
    pub(crate) written: Vec<Written>,
}

impl Checks {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.native.iter().any(|known| known.registration.check.id().as_str() == name)
            || self.written.iter().any(|known| known.id.as_str() == name)
    }

    /// Whether a check is about this process alone: that of its loop, and those that say so.
    pub(crate) fn is_of_process(&self, name: &str) -> bool {
        let native = self.native.iter().map(|known| (known.registration.check.id(), known.scope));
        let mut known = native.chain(self.written.iter().map(|known| (&known.id, known.scope)));
        name == loop_lag::NAME || known.any(|(id, scope)| id.as_str() == name && scope == Scope::Process)
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.native.retain(|known| known.registration.check.id().as_str() != name);
        self.written.retain(|known| known.id.as_str() != name);
        self
    }

    /// For an engine. Where another process runs what is about the host, that is repeated.
    pub(crate) fn registrations(
        &self,
        dispatcher: &Arc<Dispatcher>,
        watched: bool,
        elsewhere: Option<&Published>,
    ) -> Vec<Registration> {
        let seen = |registration: Registration, scope| match elsewhere.filter(|_| scope == Scope::Host) {
            Some(published) => published.mirrored(registration.check.id().clone(), &registration.spec),
            None => registration,
        };
        let native = self.native.iter().map(|native| seen(native.registration.clone(), native.scope));
        let written = self.written.iter().map(|written| seen(written.registration(dispatcher), written.scope));
        let lag = (watched && !self.has(loop_lag::NAME)).then(|| loop_lag::registration(dispatcher.clone())).flatten();
        native.chain(written).chain(lag).collect()
    }
}
