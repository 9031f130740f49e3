//! What a type of check is made of, and how a check is built of it.

use std::sync::Arc;

use regex::Regex;

use crate::checks::{Condition, Conditions, InvalidOption, Judged, Measure};
use crate::config::reader::Reader;
use crate::contract::HealthCheck;
use crate::model::{CheckId, Unit};

/// Makes a check of what was read.
pub(in crate::config) type Build = Box<dyn FnOnce(CheckId, Conditions) -> Arc<dyn HealthCheck>>;

/// A type of check: the key that names it, and what it offers to conditions.
pub(in crate::config) struct CheckType {
    pub(in crate::config) name: &'static str,
    /// Conditions where the file has none.
    pub(in crate::config) warn: &'static [&'static str],
    pub(in crate::config) crit: &'static [&'static str],
    /// Metrics that conditions may name; `None` when they are not known beforehand.
    pub(in crate::config) metrics: Option<&'static [(&'static str, Unit)]>,
    /// Facts that conditions may name.
    pub(in crate::config) facts: &'static [&'static str],
    pub(in crate::config) build: fn(&mut Reader<'_, '_, '_>) -> Option<Build>,
}

impl CheckType {
    /// Whether a condition can ever be judged by this type.
    pub(in crate::config) fn accepts(&self, condition: &Condition) -> Result<(), String> {
        self.metrics.map_or(Ok(()), |metrics| condition.fits(metrics, self.facts))
    }
}

/// Makes a check of a measuring.
pub(super) fn judged<M: Measure>(measure: M) -> Build {
    Box::new(move |id, conditions| Arc::new(Judged::new(id, measure, conditions)))
}

/// Makes a check of a measuring, or reports the option that is wrong with the key of the same name.
pub(super) fn judged_or_report<M: Measure>(
    reader: &mut Reader<'_, '_, '_>,
    measure: Result<M, InvalidOption>,
) -> Option<Build> {
    match measure {
        Ok(measure) => Some(judged(measure)),
        Err(InvalidOption { option, problem }) => {
            reader.problem(option, problem);
            None
        }
    }
}

/// A pattern, or a report of what is wrong with it.
pub(super) fn pattern(reader: &mut Reader<'_, '_, '_>, key: &str) -> Option<Regex> {
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
