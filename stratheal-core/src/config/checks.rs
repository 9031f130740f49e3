//! `[checks.NAME]`: what all checks have in common.

use std::sync::Arc;

use super::field::{Field, Kind};
use super::kinds::{self, CheckType};
use super::node::{Entry, Value};
use super::reader::{Context, Reader, join};
use crate::checks::{Condition, Conditions};
use crate::engine::Registration;
use crate::engine::self_check::RESERVED_PREFIX;
use crate::model::spec::{FlapPolicy, default_retry_interval, default_stale_after};
use crate::model::{CheckId, CheckSpec, Dependency, GatePolicy, Hint, Probe, Status};

const STATUSES: &[&str] = &["healthy", "warning", "critical", "unknown"];
const PROBES: &[&str] = &["startup", "liveness", "readiness"];

/// The keys that all checks have, and those that say what is checked.
pub(super) const CHECK: &[Field] = &{
    const COMMON: usize = COMMON_FIELDS.len();
    let mut all = [COMMON_FIELDS[0]; COMMON + kinds::FIELDS.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = if place < COMMON { COMMON_FIELDS[place] } else { kinds::FIELDS[place - COMMON] };
        place += 1;
    }
    all
};

const COMMON_FIELDS: &[Field] = &[
    Field::new("interval", Kind::Duration, "From start to start; default \"30s\"."),
    Field::new("timeout", Kind::Duration, "What one run may take; default half the interval, at most \"10s\"."),
    Field::new("retry_interval", Kind::Duration, "The interval while a change is confirmed; default a third of it."),
    Field::new("initial_delay", Kind::Duration, "How long the first run waits; default none."),
    Field::new("stale_after", Kind::Duration, "When a result is too old; default two intervals and a time-out."),
    Field::new("fail_after", Kind::Integer(1, 64), "So many bad results in a row make it bad; default 2."),
    Field::new("recover_after", Kind::Integer(1, 64), "So many better results in a row make it better; default 2."),
    Field::new("fail_window", Kind::Text, "Instead of fail_after: \"3 of 10\" results."),
    Field::new("flap_detection", Kind::Boolean, "Whether flapping is detected (above 30 %, until 25 %); default true."),
    Field::new("warn_if", Kind::Texts, "Conditions that make a Warning, such as \"latency > 300ms\"."),
    Field::new("crit_if", Kind::Texts, "Conditions that make a Critical."),
    Field::new("on_timeout", Kind::Choice(STATUSES), "What a run that took too long means; default critical."),
    Field::new("on_error", Kind::Choice(STATUSES), "What a run that could not measure means; default unknown."),
    Field::new("required", Kind::Boolean, "Whether its Critical makes everything Critical; default true."),
    Field::new("tags", Kind::Texts, "Words to select checks by."),
    Field::new("probes", Kind::Choices(PROBES), "The probes it takes part in; default readiness."),
    Field::new("depends_on", Kind::Texts, "Checks that must work for this one to make sense."),
    Field::new("depends_on_any", Kind::Texts, "Checks of which one must work."),
    Field::new("maintenance", Kind::Texts, "Windows such as \"daily 02:00-04:00 UTC\", in which nobody is told."),
    Field::new("hint", Kind::Text, "What a person can do when it fails."),
];

/// Reads one check.
pub(super) fn read(context: &mut Context<'_, '_>, path: &str, entry: &Entry) -> Option<Registration> {
    let path = join(path, &entry.key);
    let Value::Table(table) = &entry.node.value else {
        let message = format!("is {}, but must be a table", entry.node.kind());
        context.problems.add(&entry.node.span, path, message);
        return None;
    };
    let id = id(context, &path, entry);
    context.digest = entry.node.digest();
    entry.key.clone_into(&mut context.check);
    let mut reader = Reader::new(context, path, entry.span.clone(), table, CHECK);
    let spec = spec(&mut reader);
    let check_type = check_type(&mut reader)?;
    let conditions = conditions(&mut reader, check_type);
    let built = (check_type.build)(&mut reader);
    let revision = reader.context.digest;
    let check = built?(id?, conditions);
    Some(Registration { check, spec: Arc::new(spec), revision, on_scheduler: false })
}

/// Reads what all checks have in common, for one that is written elsewhere.
pub(super) fn read_common(context: &mut Context<'_, '_>, entry: &Entry) -> Option<(CheckId, CheckSpec, Conditions)> {
    static ELSEWHERE: CheckType =
        CheckType { name: "", warn: &[], crit: &[], metrics: None, facts: &[], build: |_| None };
    let Value::Table(table) = &entry.node.value else { return None };
    let id = id(context, &entry.key, entry);
    let mut reader = Reader::new(context, entry.key.clone(), entry.span.clone(), table, COMMON_FIELDS);
    let spec = spec(&mut reader);
    let conditions = conditions(&mut reader, &ELSEWHERE);
    Some((id?, spec, conditions))
}

fn id(context: &mut Context<'_, '_>, path: &str, entry: &Entry) -> Option<CheckId> {
    match CheckId::new(&entry.key) {
        Ok(id) if !id.as_str().starts_with(RESERVED_PREFIX) => Some(id),
        Ok(_) => {
            context.problems.add(&entry.span, path, format!("names that begin with `{RESERVED_PREFIX}` are reserved"));
            None
        }
        Err(error) => {
            context.problems.add(&entry.span, path, error.to_string());
            None
        }
    }
}

/// The one key that says what is checked.
fn check_type(reader: &mut Reader<'_, '_, '_>) -> Option<&'static CheckType> {
    let known = || kinds::TYPES.iter().map(|check_type| check_type.name).collect::<Vec<_>>();
    let mut named = kinds::TYPES.iter().filter(|check_type| reader.has(check_type.name));
    match (named.next(), named.next()) {
        (Some(check_type), None) => Some(check_type),
        (Some(first), Some(second)) => {
            let (first, second) = (first.name, second.name);
            reader.problem("", format!("has `{first}` and `{second}`: make a check of each"));
            None
        }
        _ => {
            reader.problem("", format!("says not what to check: add one of {}", known().join(", ")));
            None
        }
    }
}

fn spec(reader: &mut Reader<'_, '_, '_>) -> CheckSpec {
    let default = CheckSpec::every(reader.duration("interval").unwrap_or(std::time::Duration::from_secs(30)));
    let timeout = reader.duration("timeout").unwrap_or(default.timeout);
    let status = |reader: &mut Reader<'_, '_, '_>, key: &str, default: Status| {
        reader.choice(key, STATUSES).and_then(|word| word.parse().ok()).unwrap_or(default)
    };
    let count = |reader: &mut Reader<'_, '_, '_>, key: &str, default: u32| {
        reader.integer(key).and_then(|count| u32::try_from(count).ok()).unwrap_or(default)
    };
    let spec = CheckSpec {
        interval: default.interval,
        timeout,
        retry_interval: reader.duration("retry_interval").unwrap_or(default_retry_interval(default.interval)),
        initial_delay: reader.duration("initial_delay").unwrap_or_default(),
        stale_after: reader.duration("stale_after").unwrap_or(default_stale_after(default.interval, timeout)),
        gate: GatePolicy {
            fail_after: count(reader, "fail_after", default.gate.fail_after),
            recover_after: count(reader, "recover_after", default.gate.recover_after),
            window: window(reader),
            flap: reader.boolean("flap_detection").unwrap_or(true).then(FlapPolicy::default),
        },
        on_timeout: status(reader, "on_timeout", default.on_timeout),
        on_error: status(reader, "on_error", default.on_error),
        required: reader.boolean("required").unwrap_or(true),
        tags: reader.texts("tags").unwrap_or_default(),
        probes: reader
            .choices("probes", PROBES)
            .map_or(default.probes, |words| words.iter().map(|word| probe(word)).collect()),
        depends_on: dependencies(reader),
        maintenance: reader.parsed("maintenance"),
        hint: reader.text("hint").map(|text| Hint { text: text.into(), remedy: None }),
    };
    if let Err(error) = spec.validate() {
        // The names of a specification's fields are those of the keys, but for one.
        let field = if error.field == "window" { "fail_window" } else { error.field };
        reader.problem(field, error.problem);
    }
    if spec.timeout > spec.interval * 10 {
        reader.problem("timeout", "is longer than ten intervals: runs would be left out most of the time");
    }
    spec
}

fn probe(word: &str) -> Probe {
    match word {
        "startup" => Probe::Startup,
        "liveness" => Probe::Liveness,
        _ => Probe::Readiness,
    }
}

fn window(reader: &mut Reader<'_, '_, '_>) -> Option<(u8, u8)> {
    let text = reader.text("fail_window")?;
    let numbers =
        text.split_once(" of ").and_then(|(bad, of)| Some((bad.trim().parse().ok()?, of.trim().parse().ok()?)));
    if numbers.is_none() {
        reader.problem("fail_window", format!("`{text}` is not of the form \"3 of 10\""));
    }
    numbers
}

fn dependencies(reader: &mut Reader<'_, '_, '_>) -> Vec<Dependency> {
    let mut found = Vec::new();
    for (key, group) in [("depends_on", None), ("depends_on_any", Some("any"))] {
        let names = reader.parsed::<CheckId>(key).into_iter();
        found.extend(names.map(|on| Dependency { on, group: group.map(str::to_owned) }));
    }
    found
}

/// The conditions of the file, or those of the type where the file has none of that key.
fn conditions(reader: &mut Reader<'_, '_, '_>, check_type: &CheckType) -> Conditions {
    let defaults = |texts: &[&str]| texts.iter().filter_map(|text| text.parse().ok()).collect();
    let mut read = |key: &str, default: &[&str]| -> Vec<Condition> {
        if !reader.has(key) {
            return defaults(default);
        }
        let found: Vec<Condition> = reader.parsed(key);
        for condition in &found {
            if let Err(problem) = check_type.accepts(condition) {
                reader.problem(key, problem);
            }
        }
        found
    };
    let warn = read("warn_if", check_type.warn);
    let crit = read("crit_if", check_type.crit);
    Conditions { warn, crit }
}
