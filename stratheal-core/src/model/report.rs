//! What one run of a check found.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Metric, RemedyId, Status};

/// What a person can do about a finding, and which remedy could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// One sentence that begins with a verb.
    pub text: Cow<'static, str>,
    /// The remedy that may help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<RemedyId>,
}

/// The finding of one run: a status, a sentence, numbers, and what to do.
///
/// ```
/// use stratheal_core::model::{Metric, Report, Status, Unit};
/// let report = Report::warning("queue is long")
///     .code("queue-long")
///     .metric(Metric::new("depth", 120.0, Unit::Number))
///     .hint("add a worker");
/// assert_eq!(report.status, Status::Warning);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The tier.
    pub status: Status,
    /// One line for people.
    pub summary: Cow<'static, str>,
    /// A stable word for programs, in `kebab-case`; `ok` when there is nothing to say.
    pub code: Cow<'static, str>,
    /// What was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// More facts, for programs and for the detail view. Boxed: most reports have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<serde_json::Map<String, serde_json::Value>>>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Box<Hint>>,
}

impl Report {
    /// The most bytes of a summary that are kept.
    pub const MAX_SUMMARY: usize = 1024;
    /// The most metrics that are kept.
    pub const MAX_METRICS: usize = super::perfdata::MAX_METRICS;
    /// The most bytes of `data`, written as JSON, that are kept.
    pub const MAX_DATA: usize = 16 * 1024;

    /// A report with a status and a sentence. Its code is `ok` when healthy, else the status' word.
    pub fn new(status: Status, summary: impl Into<Cow<'static, str>>) -> Self {
        let code = if status == Status::Healthy { "ok" } else { status.as_str() };
        Self { status, summary: summary.into(), code: code.into(), metrics: Vec::new(), data: None, hint: None }
    }

    /// It works.
    pub fn healthy(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Healthy, summary)
    }

    /// It works, but somebody should look.
    pub fn warning(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Warning, summary)
    }

    /// It does not work.
    pub fn critical(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Critical, summary)
    }

    /// It could not be told.
    pub fn unknown(summary: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::Unknown, summary)
    }

    /// Sets the stable word for programs.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }

    /// Adds a metric.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metrics.push(metric);
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn datum(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.data.get_or_insert_default().insert(name.into(), value.into());
        self
    }

    /// Says what to do about it.
    #[must_use]
    pub fn hint(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        let remedy = self.hint.and_then(|hint| hint.remedy);
        self.hint = Some(Box::new(Hint { text: text.into(), remedy }));
        self
    }

    /// The value of a metric by name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
    }

    /// Cuts whatever exceeds the limits above, so that a check that floods its report costs no memory; the engine
    /// applies this to every report. The summary keeps its first line only.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        if self.summary.len() > Self::MAX_SUMMARY || self.summary.contains(['\n', '\r']) {
            self.summary = Cow::Owned(cut(first_line(&self.summary), Self::MAX_SUMMARY));
        }
        if self.metrics.len() > Self::MAX_METRICS {
            self.metrics.truncate(Self::MAX_METRICS);
            self.metrics.shrink_to_fit();
        }
        let too_much =
            |data: &serde_json::Map<_, _>| serde_json::to_vec(data).map_or(true, |text| text.len() > Self::MAX_DATA);
        if self.data.as_deref().is_some_and(too_much) {
            let mut left_out = serde_json::Map::new();
            left_out.insert("left_out".to_owned(), format!("more than {} bytes", Self::MAX_DATA).into());
            self.data = Some(Box::new(left_out));
        }
        self
    }
}

/// The first line that is not empty. A lone carriage return ends one too: on a terminal it would write over what stands there.
fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).find(|line| !line.is_empty()).unwrap_or_default()
}

/// The first `limit` bytes of a text, cut at a character.
#[must_use]
pub fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(limit.saturating_sub(3))])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flood_is_bounded() {
        let mut report = Report::critical("x".repeat(1 << 20)).datum("blob", "y".repeat(1 << 20));
        report.metrics = vec![Metric::new("m", 1.0, crate::model::Unit::Number); 10_000];
        let report = report.bounded();
        assert!(report.summary.len() <= Report::MAX_SUMMARY);
        assert_eq!(report.metrics.len(), Report::MAX_METRICS);
        assert!(report.data.unwrap().contains_key("left_out"));
    }

    #[test]
    fn a_summary_is_one_line() {
        for text in ["first\nsecond", "first\rsecond", "first\r\nsecond", "\r\nfirst"] {
            assert_eq!(Report::healthy(text).bounded().summary, "first", "{text:?}");
        }
        assert_eq!(cut("äöü", 5), "ä...");
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\PC|\n|\r){0,40}", limit in 0_usize..60) {
            let short = cut(&text, limit);
            prop_assert!(short.len() <= text.len().max(3) && short.len() <= limit.max(3));
            prop_assert!(!Report::healthy(text).bounded().summary.contains(['\n', '\r']));
        }
    }
}
