//! A measured number with what it takes to judge and to draw it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Range;
use super::quantity::{show_bytes, show_seconds};

/// What a number counts. Values are always in this base unit: 0.3 seconds, never 300 milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unit {
    /// A plain number.
    #[default]
    Number,
    /// Seconds.
    Seconds,
    /// Percent, 0 to 100.
    Percent,
    /// Bytes.
    Bytes,
    /// A number that only grows, such as requests served.
    Counter,
    /// Any other unit of a plugin, as it wrote it.
    Other(String),
}

/// A measured value. `warn` and `crit` say when it alerts, `min` and `max` what it can be.
///
/// ```
/// use stratheal_core::model::{Metric, Range, Unit};
/// let used = Metric::new("used", 91.5, Unit::Percent).warn(Range::above(85.0)).crit(Range::above(95.0));
/// assert_eq!(used.to_string(), "used 91.5%");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Name, in `snake_case` for the built-in checks.
    pub name: Cow<'static, str>,
    /// The value in the base unit.
    pub value: f64,
    /// What it counts.
    #[serde(default)]
    pub unit: Unit,
    /// Values that make a Warning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<Range>,
    /// Values that make a Critical.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crit: Option<Range>,
    /// The least it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The most it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
}

impl Metric {
    /// A metric without thresholds and bounds.
    pub fn new(name: impl Into<Cow<'static, str>>, value: f64, unit: Unit) -> Self {
        Self { name: name.into(), value, unit, warn: None, crit: None, min: None, max: None }
    }

    /// A time in seconds.
    pub fn seconds(name: impl Into<Cow<'static, str>>, value: std::time::Duration) -> Self {
        Self::new(name, value.as_secs_f64(), Unit::Seconds).min(0.0)
    }

    /// Says which values make a Warning.
    #[must_use]
    pub const fn warn(mut self, range: Range) -> Self {
        self.warn = Some(range);
        self
    }

    /// Says which values make a Critical.
    #[must_use]
    pub const fn crit(mut self, range: Range) -> Self {
        self.crit = Some(range);
        self
    }

    /// Says the least it can be.
    #[must_use]
    pub const fn min(mut self, value: f64) -> Self {
        self.min = Some(value);
        self
    }

    /// Says the most it can be.
    #[must_use]
    pub const fn max(mut self, value: f64) -> Self {
        self.max = Some(value);
        self
    }

    /// The value with its unit, for people.
    #[must_use]
    pub fn show_value(&self) -> String {
        match &self.unit {
            Unit::Seconds => show_seconds(self.value),
            Unit::Bytes => show_bytes(self.value),
            Unit::Percent => format!("{}%", round(self.value)),
            Unit::Number | Unit::Counter => round(self.value),
            Unit::Other(unit) => format!("{}{unit}", round(self.value)),
        }
    }
}

/// At most two decimals, none where they are zero.
fn round(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.show_value())
    }
}
