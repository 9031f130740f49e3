//! What a measurement means under a person's conditions: a pure function.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Measurement;
use super::condition::{Condition, Function, compare_fact, compare_metric, found, threshold};
use crate::model::aggregate::worse;
use crate::model::{Metric, Range, Report, Status};

/// How many violations a summary names.
const MAX_NAMED: usize = 5;

/// The thresholds of a check.
///
/// ```
/// use stratheal_core::checks::Conditions;
/// let conditions = Conditions::default().warn("latency > 300ms".parse().unwrap());
/// assert_eq!(conditions.warn.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    /// Each of these that holds makes a Warning.
    pub warn: Vec<Condition>,
    /// Each of these that holds makes a Critical.
    pub crit: Vec<Condition>,
}

impl Conditions {
    /// Adds a condition for a Warning.
    #[must_use]
    pub fn warn(mut self, condition: Condition) -> Self {
        self.warn.push(condition);
        self
    }

    /// Adds a condition for a Critical.
    #[must_use]
    pub fn crit(mut self, condition: Condition) -> Self {
        self.crit.push(condition);
        self
    }

    /// Whether there is nothing to judge by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.warn.is_empty() && self.crit.is_empty()
    }

    /// Whether a condition names the fact of this name, or something inside it.
    #[must_use]
    pub fn name(&self, fact: &str) -> bool {
        self.iter().any(|(_, condition)| condition.operand.is_within(fact))
    }

    /// Criticals first, so that the worst is named first; each with its tier and place.
    fn iter(&self) -> impl Iterator<Item = (Place, &Condition)> {
        let crit = self.crit.iter().enumerate().map(|(index, condition)| (Place { crit: true, index }, condition));
        let warn = self.warn.iter().enumerate().map(|(index, condition)| (Place { crit: false, index }, condition));
        crit.chain(warn)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    crit: bool,
    index: usize,
}

impl Place {
    const fn status(self) -> Status {
        if self.crit { Status::Critical } else { Status::Warning }
    }

    const fn key(self) -> &'static str {
        if self.crit { "crit_if" } else { "warn_if" }
    }
}

/// Which conditions with a `clear` held the last time, and for which metric: the memory that hysteresis needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Active {
    subjects: BTreeMap<Place, BTreeSet<String>>,
}

impl Active {
    /// The most pairs of condition and metric that are remembered; those beyond use the enter threshold each time.
    pub const MAX: usize = 1024;

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    fn contains(&self, place: Place, subject: &str) -> bool {
        self.subjects.get(&place).is_some_and(|subjects| subjects.contains(subject))
    }

    fn insert(&mut self, place: Place, subject: &str) {
        if self.subjects.values().map(BTreeSet::len).sum::<usize>() < Self::MAX {
            self.subjects.entry(place).or_default().insert(subject.to_owned());
        }
    }
}

/// What came of all conditions together.
#[derive(Default)]
struct Verdict {
    /// What is Critical already.
    critical: Vec<String>,
    /// The condition whose operand names the report's code.
    first: Option<(Status, String)>,
    violations: Vec<String>,
    more: usize,
    problems: Vec<String>,
    active: Active,
}

impl Verdict {
    fn violated(&mut self, place: Place, condition: &Condition, subject: &str, text: String) {
        // Who hears that 98 % are above 95 % knows that they are above 85 %.
        let about = format!("{} {subject}", condition.operand);
        if place.crit {
            self.critical.push(about);
        } else if self.critical.contains(&about) {
            return;
        }
        if self.first.is_none() {
            self.first = Some((place.status(), condition.operand.code()));
        }
        if self.violations.len() < MAX_NAMED {
            self.violations.push(text);
        } else {
            self.more += 1;
        }
    }
}

/// Judges a measurement: the worst of its own verdict and of the conditions that hold.
///
/// A condition that cannot be evaluated, because nothing has that name or because it compares seconds with bytes, counts as
/// Unknown, with the code `condition-error` when nothing is worse. When the measurement itself found something broken, what is
/// missing from it is no such error: a refused connection has no latency.
///
/// Returned with the report is the memory to judge the next measurement by.
#[must_use]
pub fn judge(conditions: &Conditions, measurement: &Measurement, active: &Active) -> (Report, Active) {
    let mut verdict = Verdict::default();
    for (place, condition) in conditions.iter() {
        if let Err(problem) = apply(place, condition, measurement, active, &mut verdict) {
            let text = format!("{} `{condition}` cannot be judged: {problem}", place.key());
            verdict.problems.push(text);
        }
    }
    let mut report = measurement.report.clone();
    for (place, condition) in conditions.iter() {
        note_threshold(&mut report.metrics, place, condition);
    }
    let active = std::mem::take(&mut verdict.active);
    (conclude(report, verdict), active)
}

/// Evaluates one condition for everything its operand names.
fn apply(
    place: Place,
    condition: &Condition,
    measurement: &Measurement,
    active: &Active,
    verdict: &mut Verdict,
) -> Result<(), String> {
    let operand = &condition.operand;
    let mut note = |subject: &str, held: Option<String>| {
        let Some(text) = held else { return };
        if condition.clear.is_some() {
            verdict.active.insert(place, subject);
        }
        verdict.violated(place, condition, subject, text);
    };
    match operand.function {
        Function::Exists => {
            let exists = Value::Bool(found(operand, measurement));
            note("", compare_fact(condition, &exists, false)?);
            return Ok(());
        }
        Function::Itself => {
            let mut any = false;
            for metric in measurement.report.metrics.iter().filter(|metric| operand.covers(&metric.name)) {
                any = true;
                note(&metric.name, compare_metric(condition, metric, active.contains(place, &metric.name))?);
            }
            if any {
                return Ok(());
            }
        }
        Function::Length => {}
    }
    let Some(fact) = operand.fact(&measurement.facts) else {
        // What was not measured this time has not cleared either.
        if let Some(subjects) = active.subjects.get(&place) {
            for subject in subjects {
                verdict.active.insert(place, subject);
            }
        }
        let expected = matches!(measurement.report.status, Status::Critical | Status::Unknown);
        return if expected { Ok(()) } else { Err(operand.not_found(measurement)) };
    };
    let length;
    let fact = if operand.function == Function::Length {
        length = Value::from(match fact {
            Value::Array(items) => items.len(),
            Value::Object(members) => members.len(),
            Value::String(text) => text.chars().count(),
            other => return Err(format!("`{operand}` has no length, it is {other}")),
        });
        &length
    } else {
        fact
    };
    note("", compare_fact(condition, fact, active.contains(place, ""))?);
    Ok(())
}

/// Writes the threshold onto the metrics it is for, so that performance data carries it.
fn note_threshold(metrics: &mut [Metric], place: Place, condition: &Condition) {
    if condition.operand.function != Function::Itself {
        return;
    }
    let Some(range) = threshold(condition) else { return };
    for metric in metrics.iter_mut().filter(|metric| condition.operand.covers(&metric.name)) {
        let slot = if place.crit { &mut metric.crit } else { &mut metric.warn };
        *slot = Some(slot.map_or(range, |before| both(before, range)));
    }
}

/// One range that alerts where either does, where one range can say that; else the first.
fn both(a: Range, b: Range) -> Range {
    let joined = Range { start: a.start.max(b.start), end: a.end.min(b.end), inside: false };
    if a.inside || b.inside || joined.start > joined.end { a } else { joined }
}

/// Puts own verdict, violations and problems together.
fn conclude(mut report: Report, verdict: Verdict) -> Report {
    let own = report.status;
    let mut parts = Vec::new();
    if own != Status::Healthy || (verdict.violations.is_empty() && verdict.problems.is_empty()) {
        parts.push(report.summary.as_ref());
    }
    parts.extend(verdict.violations.iter().map(String::as_str));
    let more = (verdict.more > 0).then(|| format!("and {} more", verdict.more));
    parts.extend(more.as_deref());
    parts.extend(verdict.problems.iter().take(MAX_NAMED).map(String::as_str));
    if parts.len() > 1 || parts.first().is_some_and(|part| *part != report.summary) {
        report.summary = Cow::Owned(parts.join("; "));
    }
    if let Some((status, code)) = verdict.first
        && worse(own, status) != own
    {
        report.status = status;
        report.code = Cow::Owned(code);
    }
    if !verdict.problems.is_empty() && report.status == Status::Healthy {
        report.status = Status::Unknown;
        report.code = Cow::Borrowed("condition-error");
        report = report.hint("correct the condition in the configuration");
    }
    report
}

#[cfg(test)]
mod tests;
