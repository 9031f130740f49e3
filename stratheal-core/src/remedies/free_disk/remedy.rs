//! [`FreeDisk`]: the remedy of these rules.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::Instant;

#[cfg(not(target_os = "linux"))]
use super::elsewhere::{carry_out, look};
use super::found::Bounds;
use super::outcome::{Look, Outcome};
use super::rule::{FreeDiskRule, InvalidRule, Swept};
#[cfg(target_os = "linux")]
use super::sweep::{carry_out, look};
use super::{Amount, place};
use crate::base::clock::Clock;
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, Step, StepState, Target};
use crate::model::quantity::show_bytes;
use crate::sys::{SysRoot, filesystem, mounts};

/// How long looking for what may go takes at most, for each rule.
const LOOKING: Duration = Duration::from_mins(1);
/// How long before the deadline deleting ends, so that the answer is in time.
const MARGIN: Duration = Duration::from_secs(1);
/// The largest list of accounts that is read, in bytes.
const MAX_ACCOUNTS: u64 = 4 << 20;

/// Frees space by rules: what is old, what can be made anew, what a cache can do without.
///
/// The plan has one target and one step for each rule that finds something; the target counts what would go, and the step deletes no
/// more than that. What a step frees is asked of the file system before and after. It cannot be undone. Its risk is that of its riskiest
/// rule: caches, compiled Python and empty folders are [`Risk::Local`], other files [`Risk::Destructive`], unless the rule says
/// otherwise.
///
/// # Cancellation
/// As for every remedy. Work on the disk goes on in its thread when a plan is dropped, and ends by its own bounds.
///
/// # Example
/// ```
/// use std::sync::Arc;
/// use stratheal_core::base::clock::SystemClock;
/// use stratheal_core::contract::Remedy;
/// use stratheal_core::model::RemedyId;
/// use stratheal_core::model::plan::Risk;
/// use stratheal_core::remedies::free_disk::{FreeDisk, FreeDiskRule, Swept};
/// let rule = FreeDiskRule::new("bytecode", "/srv/app/.venv", Swept::Bytecode);
/// let remedy = FreeDisk::new(RemedyId::new("free-disk").unwrap(), vec![rule], Arc::new(SystemClock)).unwrap();
/// assert_eq!(remedy.risk(), Risk::Local);
/// ```
#[derive(Debug)]
pub struct FreeDisk {
    id: RemedyId,
    rules: Vec<FreeDiskRule>,
    clock: Arc<dyn Clock>,
}

impl FreeDisk {
    /// A remedy of these rules.
    ///
    /// # Errors
    /// [`InvalidRule`] when there is none or one is no good, when two have the same name, or the same kind of thing at the same place.
    pub fn new(id: RemedyId, rules: Vec<FreeDiskRule>, clock: Arc<dyn Clock>) -> Result<Self, InvalidRule> {
        let wrong = |rule: &str, why: &str| InvalidRule { rule: rule.to_owned(), why: why.to_owned() };
        if rules.is_empty() || rules.len() > Plan::MAX_STEPS {
            return Err(wrong("(none)", "a remedy needs rules, and at most as many as a plan has steps"));
        }
        let (mut names, mut targets) = (HashSet::new(), HashSet::new());
        for rule in &rules {
            rule.check()?;
            if !names.insert(rule.name.as_str()) {
                return Err(wrong(&rule.name, "another rule has this name"));
            }
            if !targets.insert((rule.what.kind(), rule.root.as_path())) {
                return Err(wrong(&rule.name, "another rule is about the same kind of thing in the same folder"));
            }
        }
        Ok(Self { id, rules, clock })
    }

    fn rule(&self, step: &Step) -> Result<&FreeDiskRule, RemedyError> {
        let known = self.rules.iter().find(|rule| rule.name == step.name);
        known.ok_or_else(|| RemedyError::Outdated { why: format!("there is no rule `{}`", step.name) })
    }

    /// Looks on a thread that may be given up: a disk may not answer.
    async fn look(&self, rule: &FreeDiskRule, deadline: Instant) -> io::Result<Look> {
        let (rule, now) = (rule.clone(), self.clock.now());
        let until = deadline.min(Instant::now() + LOOKING);
        blocking(deadline, move || {
            check_place(&rule)?;
            look(&rule, now, Bounds::default(), until)
        })
        .await
    }
}

/// Runs what may block, until the deadline.
async fn blocking<T: Send + 'static>(
    deadline: Instant,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::time::timeout_at(deadline, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the disk did not answer in time")),
    }
}

/// What a folder is can change between two looks, so this is asked each time.
fn check_place(rule: &FreeDiskRule) -> io::Result<()> {
    if matches!(rule.what, Swept::Cache(_)) {
        return Ok(());
    }
    let refused = |why: &str| Err(io::Error::other(format!("{} is refused: {why}", rule.root.display())));
    let accounts = match crate::base::fs::read_text(std::path::Path::new("/etc/passwd"), MAX_ACCOUNTS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    let mut homes = place::parse_homes(&accounts);
    homes.extend(std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute()));
    if place::holds_a_home(&rule.root, &homes) {
        return refused("it is a home, or has one in it");
    }
    let mounts = mounts::read(&SysRoot::default()).map_err(io::Error::other)?;
    if mounts.iter().any(|mount| mount.mount_point == rule.root) {
        return refused("it is a mount point; name a folder in it");
    }
    Ok(())
}

fn target(rule: &FreeDiskRule, amount: Amount) -> Target {
    Target::new(rule.what.kind(), rule.root.display().to_string()).count(amount.count).bytes(amount.bytes)
}

/// What the plan counted for a rule; the least, should it stand there more than once.
fn planned(plan: &Plan, rule: &FreeDiskRule) -> Option<Amount> {
    let name = rule.root.display().to_string();
    let meant = plan.targets.iter().filter(|target| target.kind == rule.what.kind() && target.name == name);
    meant
        .filter_map(|target| Some(Amount { count: target.count?, bytes: target.bytes? }))
        .reduce(|a, b| Amount { count: a.count.min(b.count), bytes: a.bytes.min(b.bytes) })
}

fn receipt(rule: &FreeDiskRule, outcome: &Outcome, before: Option<u64>, after: Option<u64>) -> Receipt {
    let removed = outcome.removed;
    let gained = match (before, after) {
        (Some(before), Some(after)) if after > before => {
            format!("{} more are available", show_bytes((after - before) as f64))
        }
        (Some(_), Some(_)) if removed.count > 0 => {
            "no more space is available: others wrote meanwhile, or the files are still open".to_owned()
        }
        _ => "how much became available is not known".to_owned(),
    };
    let summary = format!(
        "deleted {} {} below {} ({}); {gained}{}",
        removed.count,
        rule.what.noun(),
        rule.root.display(),
        show_bytes(removed.bytes as f64),
        outcome.remarks()
    );
    Receipt::new(summary).data(json!({
        "removed": removed.count,
        "bytes": removed.bytes,
        "available_before": before,
        "available_after": after,
        "open": outcome.open,
        "changed": outcome.changed,
        "vanished": outcome.vanished,
        "beyond_plan": outcome.beyond,
        "failed": outcome.failed,
    }))
}

#[async_trait]
impl Remedy for FreeDisk {
    fn id(&self) -> &RemedyId {
        &self.id
    }

    fn risk(&self) -> Risk {
        self.rules.iter().map(FreeDiskRule::risk).max().unwrap_or(Risk::Destructive)
    }

    async fn plan(&self, cx: &RemedyContext) -> Result<Plan, RemedyError> {
        let (mut total, mut kept, mut problems) = (Amount::default(), 0, Vec::new());
        let mut plan = Plan::default();
        for rule in &self.rules {
            let looked = match self.look(rule, cx.deadline).await {
                Ok(looked) => looked,
                Err(error) => {
                    // A folder that is missing has nothing in it; what else is wrong must not hide what other rules find.
                    if error.kind() != io::ErrorKind::NotFound {
                        tracing::warn!(remedy = %self.id, rule = rule.name, %error, "a rule cannot be planned");
                        problems.push(format!("rule `{}`: {error}", rule.name));
                    }
                    continue;
                }
            };
            if looked.amount.count == 0 {
                kept += looked.kept;
                continue;
            }
            let size = show_bytes(looked.amount.bytes as f64);
            let (root, noun) = (rule.root.display(), rule.what.noun());
            let summary = format!("delete {} {noun} below {root} ({size}){}", looked.amount.count, looked.remarks());
            plan = plan
                .target(target(rule, looked.amount))
                .step(Step::new(&rule.name, summary))
                .resource(format!("folder/{root}"));
            total.count = total.count.saturating_add(looked.amount.count);
            total.bytes = total.bytes.saturating_add(looked.amount.bytes);
        }
        if plan.is_empty() && !problems.is_empty() {
            return Err(RemedyError::NotApplicable { why: problems.join("; ") });
        }
        plan.summary = match (plan.is_empty(), kept) {
            (false, _) => format!("delete {} files and folders, {}", total.count, show_bytes(total.bytes as f64)),
            (true, 0) => "nothing can be deleted".to_owned(),
            (true, _) => {
                format!("nothing can be deleted; too new, too small, or to be kept: {kept}")
            }
        };
        Ok(plan)
    }

    async fn step(&self, cx: &RemedyContext, step: &Step) -> Result<Receipt, RemedyError> {
        let rule = self.rule(step)?;
        let at_most = planned(&cx.plan, rule);
        let at_most =
            at_most.ok_or_else(|| RemedyError::Outdated { why: "it counts nothing for this step".to_owned() })?;
        let (work, now) = (rule.clone(), self.clock.now());
        let until = cx.deadline.checked_sub(MARGIN).unwrap_or(cx.deadline);
        let (outcome, before, after) = blocking(cx.deadline, move || {
            check_place(&work)?;
            let available = || filesystem::usage(&work.root).ok().map(|usage| usage.available);
            let before = available();
            let outcome = carry_out(&work, at_most, now, Bounds::default(), until)?;
            Ok((outcome, before, available()))
        })
        .await
        .map_err(|error| RemedyError::failed(step, error))?;
        if outcome.removed.count == 0 {
            if let Some(failure) = outcome.first_failure {
                return Err(RemedyError::failed(step, failure));
            }
            if outcome.beyond > 0 {
                let why = format!("what is there now is more than the {} files planned", at_most.count);
                return Err(RemedyError::Outdated { why });
            }
        }
        Ok(receipt(rule, &outcome, before, after))
    }

    async fn probe(&self, cx: &RemedyContext, step: &Step) -> Result<StepState, RemedyError> {
        let rule = self.rule(step)?;
        if cx.receipt(&step.name).is_some() {
            return Ok(StepState::Done);
        }
        let left = match self.look(rule, cx.deadline).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Amount::default(),
            other => other.map_err(|error| RemedyError::failed(step, error))?.amount,
        };
        let planned = planned(&cx.plan, rule).unwrap_or_default();
        Ok(if left.count == 0 {
            StepState::Done
        } else if left.count >= planned.count {
            StepState::NotDone
        } else {
            // Some are gone. To go on would delete more than was planned; a new plan counts anew.
            StepState::Unknown
        })
    }

    async fn undo(&self, _cx: &RemedyContext, step: &Step) -> Result<(), RemedyError> {
        self.rule(step)?;
        Err(RemedyError::CannotUndo { step: step.name.clone() })
    }
}
