//! Checks whose results are set by hand, a healer that is quick, and what it says.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use stratheal_core::audit::{self, AuditLog, Entry, Filter};
use stratheal_core::contract::{FnCheck, Remedy};
use stratheal_core::engine::{Engine, EngineHandle, Registration};
use stratheal_core::healing::{
    AttemptBackOff, GlobalLimits, HealPolicy, HealerBuilder, HealerHandle, Setup, Store, Verification,
};
use stratheal_core::model::incident::{Incident, IncidentState};
use stratheal_core::model::notification::{Notification, NotificationKind};
use stratheal_core::model::spec::Dependency;
use stratheal_core::model::{CheckId, CheckSpec, GatePolicy, RemedyId, Report, Status};

pub(crate) fn check(name: &str) -> CheckId {
    CheckId::new(name).unwrap()
}

pub(crate) fn remedy(name: &str) -> RemedyId {
    RemedyId::new(name).unwrap()
}

/// What checks find.
#[derive(Debug, Clone, Default)]
pub(crate) struct World(Arc<Mutex<BTreeMap<String, Status>>>);

impl World {
    pub(crate) fn set(&self, name: &str, status: Status) {
        self.0.lock().unwrap().insert(name.to_owned(), status);
    }

    pub(crate) fn get(&self, name: &str) -> Status {
        self.0.lock().unwrap().get(name).copied().unwrap_or(Status::Healthy)
    }

    /// A check that looks every tenth of a second and is believed at once.
    pub(crate) fn check(&self, name: &str, parents: &[&str]) -> Registration {
        let (world, own) = (self.clone(), name.to_owned());
        let found = FnCheck::new(check(name), move || {
            let status = world.get(&own);
            async move { Ok(Report::new(status, format!("it is {}", status.as_str()))) }
        });
        let gate = GatePolicy { fail_after: 1, recover_after: 1, window: None, flap: None };
        let depends_on = parents.iter().map(|on| Dependency { on: check(on), group: None }).collect();
        let spec = CheckSpec { gate, depends_on, ..CheckSpec::every(Duration::from_millis(100)) };
        Registration::new(found, spec)
    }
}

/// A policy that does in fractions of a second what takes minutes otherwise.
pub(crate) fn quick(ladder: &[&str]) -> HealPolicy {
    HealPolicy {
        verification: Verification {
            passes: 2,
            interval: Duration::from_millis(10),
            timeout: Duration::from_millis(200),
            probation: Duration::from_millis(300),
        },
        back_off: AttemptBackOff {
            first: Duration::from_millis(10),
            longest: Duration::from_millis(100),
            reset_after: Duration::from_secs(5),
        },
        ..HealPolicy::ladder(ladder.iter().map(|name| remedy(name)))
    }
}

/// A healer at work.
pub(crate) struct Playground {
    pub(crate) engine: EngineHandle,
    pub(crate) healer: HealerHandle,
    pub(crate) told: Arc<Mutex<Vec<Notification>>>,
    audit: tempfile::TempDir,
}

impl Playground {
    /// Checks, remedies, and a policy for each check that has one.
    pub(crate) fn new(
        checks: Vec<Registration>,
        remedies: Vec<Arc<dyn Remedy>>,
        policies: Vec<(&str, HealPolicy)>,
        state: Option<&Path>,
    ) -> Self {
        Self::limited(checks, remedies, policies, state, GlobalLimits::default())
    }

    /// The same, within other limits for all checks together.
    pub(crate) fn limited(
        checks: Vec<Registration>,
        remedies: Vec<Arc<dyn Remedy>>,
        policies: Vec<(&str, HealPolicy)>,
        state: Option<&Path>,
        global: GlobalLimits,
    ) -> Self {
        let engine = Engine::builder().register_all(checks).build().unwrap().start().unwrap();
        let mut setup = Setup { global: GlobalLimits { settle: Duration::ZERO, ..global }, ..Setup::default() };
        for remedy in remedies {
            setup = setup.remedy(remedy);
        }
        for (id, policy) in policies {
            setup = setup.policy(check(id), policy);
        }
        let store = state.map_or_else(Store::in_memory, |state| Store::open(state).unwrap());
        let told = Arc::<Mutex<Vec<Notification>>>::default();
        let tell = told.clone();
        let audit = tempfile::tempdir().unwrap();
        let log = AuditLog::open(audit.path(), audit::Options::default(), Timestamp::now()).unwrap();
        let healer = HealerBuilder::new(engine.clone(), setup)
            .store(store)
            .tell(Arc::new(move |message| tell.lock().unwrap().push(message)))
            .audit(log)
            .start();
        Self { engine, healer, told, audit }
    }

    pub(crate) fn kinds(&self) -> Vec<NotificationKind> {
        self.told.lock().unwrap().iter().map(|message| message.kind).collect()
    }

    /// What stands in the audit log.
    pub(crate) fn deeds(&self) -> Vec<Entry> {
        audit::last(self.audit.path(), &Filter::default(), audit::MAX_LAST).unwrap()
    }

    /// Verdicts of attempts that ended, oldest first.
    pub(crate) fn verdicts(&self) -> Vec<String> {
        let ended = self.deeds().into_iter().filter(|deed| deed.action == "attempt-ended");
        ended.filter_map(|deed| deed.outcome).collect()
    }

    /// Waits until something is so; ten seconds at most.
    pub(crate) async fn until<T>(&self, what: &str, look: impl Fn(&Self) -> Option<T>) -> T {
        let seen = until(|| std::future::ready(look(self))).await;
        seen.unwrap_or_else(|| {
            let (view, told, deeds) = (self.healer.view(), self.told.lock().unwrap().clone(), self.deeds());
            panic!("never saw: {what}\n{view:#?}\n{told:#?}\n{deeds:#?}")
        })
    }

    pub(crate) async fn until_kind(&self, kind: NotificationKind) -> Notification {
        let find = |this: &Self| this.told.lock().unwrap().iter().find(|message| message.kind == kind).cloned();
        self.until(&format!("a message `{}`", kind.as_str()), find).await
    }

    pub(crate) fn open_incident(&self, check: &str) -> Option<Incident> {
        self.healer.view().incidents.into_iter().find(|incident| incident.check.as_str() == check)
    }

    pub(crate) async fn until_state(&self, check: &str, state: IncidentState) -> Incident {
        let find = |this: &Self| this.open_incident(check).filter(|incident| incident.state == state);
        self.until(&format!("{check} {}", state.as_str()), find).await
    }

    pub(crate) async fn end(self) {
        self.healer.stop().await;
        self.engine.shutdown(Duration::from_secs(1)).await;
        assert!(audit::verify(self.audit.path(), None).unwrap().is_sound());
    }
}

async fn until<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> Option<T> {
    for _ in 0..1_000 {
        if let Some(seen) = look().await {
            return Some(seen);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    None
}
