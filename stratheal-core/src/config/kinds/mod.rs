//! What can be checked: one file for each type of check.

mod http;
mod tcp;

use std::sync::Arc;

use super::reader::Reader;
use crate::checks::{Condition, Conditions, InvalidOption, Judged, Measure};
use crate::contract::HealthCheck;
use crate::model::{CheckId, Unit};

pub(super) use http::FIELD as HTTP;
pub(super) use tcp::FIELD as TCP;

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

pub(super) static TYPES: &[CheckType] = &[http::TYPE, tcp::TYPE];

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
