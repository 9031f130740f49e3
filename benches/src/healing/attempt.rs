//! What an attempt costs beside what its remedy does: a healer in this process, with everything it keeps on a disk, and a remedy that
//! does nothing.
//!
//! The check passes at once and once is enough, so that no interval of verification is in the time. What is in it: the journal before the
//! first step, and the audit log, both waited for until they are on the disk; the other states of the attempt and the incident, handed
//! to the system; and one run of the check.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use stratheal_core::audit::{self, AuditLog};
use stratheal_core::base::clock::{Clock, SystemClock};
use stratheal_core::contract::{FnCheck, Remedy, RemedyContext, RemedyError};
use stratheal_core::engine::{Engine, Registration};
use stratheal_core::healing::{GlobalLimits, HealPolicy, HealerBuilder, Intensity, Setup, Store, Verification};
use stratheal_core::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};
use stratheal_core::model::{CheckId, CheckSpec, GatePolicy, RemedyId, Report};
use tokio::time::Instant;

use super::incidents::{first, seconds, until};
use crate::failure::Failure;

/// No check runs by itself while another is healed.
const INTERVAL: Duration = Duration::from_hours(1);
/// How long the engine may take to stop.
const STOP: Duration = Duration::from_secs(5);

/// How much is written when only the disk is measured.
const LINE: &[u8] = &[b'x'; 1024];
/// How large the file is that has its room already.
const ROOM: usize = 1 << 20;

/// The check that fails, if one does.
#[derive(Debug, Clone, Default)]
struct Failing(Arc<Mutex<Option<CheckId>>>);

impl Failing {
    fn set(&self, check: Option<CheckId>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = check;
    }

    fn is(&self, check: &CheckId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(check)
    }
}

/// Does nothing, and it helps.
#[derive(Debug)]
struct Nothing {
    id: RemedyId,
    failing: Failing,
}

#[async_trait]
impl Remedy for Nothing {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        Risk::Local
    }

    async fn plan(&self, _cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let step = Step::new("nothing", "do nothing");
        Ok(Plan::new("do nothing").target(Target::new("thing", "none")).step(step))
    }

    async fn step(&self, _cx: &RemedyContext, _step: &Step) -> Result<Receipt, RemedyError> {
        self.failing.set(None);
        Ok(Receipt::new("nothing was done"))
    }

    async fn probe(&self, _cx: &RemedyContext, _step: &Step) -> Result<StepState, RemedyError> {
        Ok(StepState::Done)
    }

    async fn undo(&self, _cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        Err(RemedyError::CannotUndo { step: step.name.clone() })
    }
}

/// What an attempt took, and what the disk alone did at the same time, both in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    /// From the beginning of an attempt until it was on probation.
    pub(super) attempt: f64,
    /// Two writes that are waited for: one into a file that has its room already, as the journal, and one that makes a file longer, as
    /// the audit log.
    pub(super) disk: f64,
}

/// Has so many checks fail, one after the other.
pub(super) async fn measure(attempts: usize, state: &Path) -> Result<Vec<Cost>, Failure> {
    let failing = Failing::default();
    let remedy = Nothing { id: RemedyId::new("nothing").map_err(words)?, failing: failing.clone() };
    let policy = HealPolicy {
        verification: Verification { passes: 1, probation: Duration::from_millis(50), ..Verification::default() },
        ..HealPolicy::ladder([remedy.id.clone()])
    };
    let intensity = Intensity { most: u32::MAX, per: Duration::from_hours(1) };
    let global = GlobalLimits { settle: Duration::ZERO, intensity, ..GlobalLimits::default() };
    let mut setup = Setup { global, ..Setup::default() }.remedy(Arc::new(remedy));
    // One for each attempt: a second attempt for a check would wait.
    let ids = (0..attempts).map(|number| CheckId::new(&format!("check-{number:04}")));
    let ids = ids.collect::<Result<Vec<_>, _>>().map_err(words)?;
    for id in &ids {
        setup = setup.policy(id.clone(), policy.clone());
    }
    let checks = ids.iter().map(|id| registration(id, &failing));
    let engine = Engine::builder().register_all(checks).build().map_err(words)?.start().map_err(words)?;
    let log = AuditLog::open(&state.join("audit"), audit::Options::default(), SystemClock.now()).map_err(words)?;
    let store = Store::open(state).map_err(words)?;
    let healer = HealerBuilder::new(engine.clone(), setup).store(store).audit(log).start();
    let mut all = Vec::new();
    for id in &ids {
        let since = SystemClock.now();
        // Nothing is done about a check of which only one result is known.
        engine.run_now(id.as_str()).await.map_err(words)?;
        failing.set(Some(id.clone()));
        engine.run_now(id.as_str()).await.map_err(words)?;
        until(state, &["resolved"], since).await?;
        let at = |what| first(state, &[what], since);
        let (begun, verified) = (at("healing")?, at("probation")?);
        let (begun, verified) = begun.zip(verified).ok_or_else(|| Failure::new("nothing was attempted"))?;
        let folder = state.to_owned();
        let disk = tokio::task::spawn_blocking(move || disk_alone(&folder)).await.map_err(words)??;
        all.push(Cost { attempt: seconds(begun, verified), disk });
    }
    healer.stop().await;
    engine.shutdown(STOP).await;
    Ok(all)
}

fn registration(id: &CheckId, failing: &Failing) -> Registration {
    let (failing, own) = (failing.clone(), id.clone());
    let check = FnCheck::new(id.clone(), move || {
        let fails = failing.is(&own);
        async move { Ok(if fails { Report::critical("it fails") } else { Report::healthy("it works") }) }
    });
    let gate = GatePolicy { fail_after: 1, recover_after: 1, window: None, flap: None };
    Registration::new(check, CheckSpec { gate, ..CheckSpec::every(INTERVAL) })
}

fn disk_alone(folder: &Path) -> Result<f64, Failure> {
    let path = folder.join("with-room");
    if !path.exists() {
        fs::write(&path, vec![0; ROOM])?;
        File::open(&path)?.sync_all()?;
    }
    let with_room = File::options().write(true).open(&path)?;
    let mut growing = File::options().append(true).create(true).open(folder.join("growing"))?;
    let began = Instant::now();
    with_room.write_all_at(LINE, 0)?;
    with_room.sync_data()?;
    growing.write_all(LINE)?;
    growing.sync_data()?;
    Ok(began.elapsed().as_secs_f64())
}

fn words(error: impl std::error::Error) -> Failure {
    Failure::new(error.to_string())
}
