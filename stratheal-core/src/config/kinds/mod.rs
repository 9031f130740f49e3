//! What can be checked: one file for each type of check.

mod command;
mod cpu;
mod disk;
mod file;
mod http;
mod load;
mod memory;
mod oom;
mod open_files;
mod pressure;
mod process;
mod tcp;

use std::sync::Arc;

use regex::Regex;

use super::field::Field;
use super::reader::Reader;
use crate::checks::{Condition, Conditions, InvalidOption, Judged, Measure};
use crate::contract::HealthCheck;
use crate::model::{CheckId, Unit};

/// Makes a check of what was read.
pub(super) type Build = Box<dyn FnOnce(CheckId, Conditions) -> Arc<dyn HealthCheck>>;

/// A type of check: the key that names it, and what it offers to conditions.
pub(super) struct CheckType {
    pub(super) name: &'static str,
    /// Conditions where the file has none.
    pub(super) warn: &'static [&'static str],
    pub(super) crit: &'static [&'static str],
    /// Metrics that conditions may name; `None` when they are not known beforehand.
    pub(super) metrics: Option<&'static [(&'static str, Unit)]>,
    /// Facts that conditions may name.
    pub(super) facts: &'static [&'static str],
    pub(super) build: fn(&mut Reader<'_, '_, '_>) -> Option<Build>,
}

impl CheckType {
    /// Whether a condition can ever be judged by this type.
    pub(super) fn accepts(&self, condition: &Condition) -> Result<(), String> {
        self.metrics.map_or(Ok(()), |metrics| condition.fits(metrics, self.facts))
    }
}

/// The types, in the order in which they are told to people.
pub(super) static TYPES: &[CheckType] = &[
    http::TYPE,
    tcp::TYPE,
    command::TYPE,
    process::TYPE,
    file::TYPE,
    cpu::TYPE,
    load::TYPE,
    memory::TYPE,
    disk::TYPE,
    pressure::TYPE,
    open_files::TYPE,
    oom::TYPE,
];

/// Their keys, in the same order.
pub(super) const FIELDS: [Field; 12] = [
    http::FIELD,
    tcp::FIELD,
    command::FIELD,
    process::FIELD,
    file::FIELD,
    cpu::FIELD,
    load::FIELD,
    memory::FIELD,
    disk::FIELD,
    pressure::FIELD,
    open_files::FIELD,
    oom::FIELD,
];

/// Makes a check of a measuring.
fn judged<M: Measure>(measure: M) -> Build {
    Box::new(move |id, conditions| Arc::new(Judged::new(id, measure, conditions)))
}

/// Makes a check of a measuring, or reports the option that is wrong with the key of the same name.
fn judged_or_report<M: Measure>(reader: &mut Reader<'_, '_, '_>, measure: Result<M, InvalidOption>) -> Option<Build> {
    match measure {
        Ok(measure) => Some(judged(measure)),
        Err(InvalidOption { option, problem }) => {
            reader.problem(option, problem);
            None
        }
    }
}

/// A pattern, or a report of what is wrong with it.
fn pattern(reader: &mut Reader<'_, '_, '_>, key: &str) -> Option<Regex> {
    let text = reader.text(key)?;
    match Regex::new(&text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            // The last line says what is wrong; those above draw where, which needs more room than there is.
            let problem = error.to_string();
            let problem = problem.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            reader.problem(key, format!("`{text}` is not a pattern: {problem}"));
            None
        }
    }
}
