//! Putting a healer together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::handle::HealerHandle;
use super::healer::Healer;
use super::policy::{GlobalLimits, HealPolicy};
use super::store::{SharedStore, Store};
use crate::audit::AuditLog;
use crate::base::clock::{Clock, SystemClock};
use crate::contract::{EvidenceSource, Remedy};
use crate::engine::EngineHandle;
use crate::model::notification::Notification;
use crate::model::{CheckId, RemedyId};

/// Commands that may wait.
const COMMANDS: usize = 64;

/// Says why nothing should be judged about a check for now, such as that its service is just being started.
#[derive(Clone)]
pub struct Hold(Arc<WhyHeld>);

type WhyHeld = dyn Fn(&CheckId) -> Option<String> + Send + Sync;

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl Hold {
    /// By this function, which must not block.
    pub fn new(why: impl Fn(&CheckId) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(why))
    }

    pub(super) fn why(&self, check: &CheckId) -> Option<String> {
        (self.0)(check)
    }
}

/// What may be done, and about what.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// Remedies by name.
    pub remedies: BTreeMap<RemedyId, Arc<dyn Remedy>>,
    /// Policies by check.
    pub policies: BTreeMap<CheckId, HealPolicy>,
    /// What holds for all checks together.
    pub global: GlobalLimits,
    /// Who says that a check is not to be judged for now.
    pub hold: Option<Hold>,
    /// Checks of how busy this host is: that they fail while something is done does not mean that it made things worse. One that is
    /// named as a guard counts all the same.
    pub load: BTreeSet<CheckId>,
}

impl Setup {
    /// Adds a remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: Arc<dyn Remedy>) -> Self {
        self.remedies.insert(remedy.id().clone(), remedy);
        self
    }

    /// Adds a policy.
    #[must_use]
    pub fn policy(mut self, check: CheckId, policy: HealPolicy) -> Self {
        self.policies.insert(check, policy);
        self
    }
}

/// What a healer begins by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Acts {
    /// Whatever is to be done.
    #[default]
    Always,
    /// What is to be done about one check; it watches the others.
    For(CheckId),
    /// Nothing: it watches, makes plans, and does what a person asks for.
    WhenAsked,
}

impl Acts {
    /// Whether it begins something about a check.
    pub(super) fn covers(&self, check: &CheckId) -> bool {
        match self {
            Self::Always => true,
            Self::For(only) => check == only,
            Self::WhenAsked => false,
        }
    }
}

/// Where messages for people go. It must not block.
pub type Tell = Arc<dyn Fn(Notification) + Send + Sync>;

/// Builds a healer.
///
/// # Example
/// ```
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use stratheal_core::contract::FnCheck;
/// use stratheal_core::engine::{Engine, Registration};
/// use stratheal_core::healing::{HealerBuilder, Setup, Store};
/// use stratheal_core::model::{CheckId, CheckSpec, Report};
///
/// let check = FnCheck::new(CheckId::new("queue")?, || async { Ok(Report::critical("stuck")) });
/// let engine = Engine::builder().register(Registration::new(check, CheckSpec::every(Duration::from_secs(1)))).build()?.start()?;
/// let healer = HealerBuilder::new(engine.clone(), Setup::default()).store(Store::in_memory()).start();
/// assert!(healer.view().attempts.is_empty());
/// healer.stop().await;
/// # Ok(()) }
/// ```
pub struct HealerBuilder {
    pub(super) engine: EngineHandle,
    pub(super) setup: Setup,
    pub(super) store: SharedStore,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) evidence: Vec<Arc<dyn EvidenceSource>>,
    pub(super) tell: Tell,
    pub(super) audit: Option<Arc<AuditLog>>,
    pub(super) acts: Acts,
    pub(super) waits: bool,
}

impl fmt::Debug for HealerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealerBuilder").field("setup", &self.setup).finish_non_exhaustive()
    }
}

impl HealerBuilder {
    /// A healer for an engine, which forgets everything when this program ends unless it gets a [`store`](Self::store).
    #[must_use]
    pub fn new(engine: EngineHandle, setup: Setup) -> Self {
        Self {
            engine,
            setup,
            store: SharedStore::new(Store::in_memory()),
            clock: Arc::new(SystemClock),
            evidence: Vec::new(),
            tell: Arc::new(|message| tracing::info!(title = message.title, "nobody is told")),
            audit: None,
            acts: Acts::Always,
            waits: false,
        }
    }

    /// Where it keeps what it must not forget.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = SharedStore::new(store);
        self
    }

    /// Another clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Who looks around when something broke.
    #[must_use]
    pub fn evidence(mut self, source: Arc<dyn EvidenceSource>) -> Self {
        self.evidence.push(source);
        self
    }

    /// Where messages for people go.
    #[must_use]
    pub fn tell(mut self, tell: Tell) -> Self {
        self.tell = tell;
        self
    }

    /// Where it is written down who did what, and why.
    #[must_use]
    pub fn audit(mut self, log: AuditLog) -> Self {
        self.audit = Some(Arc::new(log));
        self
    }

    /// What it begins by itself; everything unless told otherwise.
    #[must_use]
    pub fn acts(mut self, acts: Acts) -> Self {
        self.acts = acts;
        self
    }

    /// Begins nothing, and goes on with nothing, before [`HealerHandle::begin`]: for those who want to see what is broken first.
    #[must_use]
    pub const fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Starts it, as a task of the current runtime. Attempts that an earlier run left half-done are finished or taken back first.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(self) -> HealerHandle {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let handle = HealerHandle { commands: sender, store: self.store.clone() };
        tokio::spawn(Healer::new(self).run(commands));
        handle
    }
}
