//! Metrics for scrapers: the Prometheus text format 0.0.4, and OpenMetrics 1.0.
//!
//! Sources: Prometheus, "Exposition formats"; OpenMetrics 1.0, "Text format". No summaries, URLs or other texts of checks
//! stand here, only ids and numbers.

use std::fmt::Write;

use crate::engine::vitals::Vitals;
use crate::model::view::{CheckView, Snapshot};
use crate::model::{Status, Unit};

/// Which of the two formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Exposition {
    /// Prometheus text 0.0.4, which every scraper reads.
    #[default]
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Exposition {
    /// The content type to be sent.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The format that an `Accept` header asks for.
    #[must_use]
    pub fn from_accept(accept: &str) -> Self {
        let wants = |part: &str| part.trim().starts_with("application/openmetrics-text");
        if accept.split(',').any(wants) { Self::OpenMetrics } else { Self::Prometheus }
    }
}

/// All checks, and the engine's own numbers where they are given.
#[must_use]
pub fn metrics(snapshot: &Snapshot, vitals: Option<&Vitals>, format: Exposition) -> String {
    let mut out = Writer { text: String::new(), format };
    let checks = &snapshot.checks;
    let id = |view: &CheckView| vec![("check", view.id.to_string())];
    out.family(
        "stratheal_status",
        "gauge",
        "Status of all checks together: 0 healthy, 1 warning, 2 critical, 3 unknown.",
    );
    out.sample("stratheal_status", &[], f64::from(snapshot.status.exit_code()));

    out.family("stratheal_check_status", "gauge", "Status of a check: 0 healthy, 1 warning, 2 critical, 3 unknown.");
    for view in checks {
        out.sample("stratheal_check_status", &id(view), f64::from(view.status.exit_code()));
    }
    out.family("stratheal_check_up", "gauge", "1 while a check is healthy or warning, else 0.");
    for view in checks {
        let up = matches!(view.status, Status::Healthy | Status::Warning);
        out.sample("stratheal_check_up", &id(view), f64::from(u8::from(up)));
    }
    out.family("stratheal_check_suppressed", "gauge", "1 while another check is the root cause of this one.");
    for view in checks {
        out.sample("stratheal_check_suppressed", &id(view), f64::from(u8::from(view.cause().is_some())));
    }
    out.family("stratheal_check_flapping", "gauge", "1 while a check changes too often.");
    for view in checks {
        out.sample("stratheal_check_flapping", &id(view), f64::from(u8::from(view.flapping)));
    }
    out.family("stratheal_check_duration_seconds", "gauge", "How long the last run took.");
    for (view, last) in checks.iter().filter_map(|view| view.last.as_ref().map(|last| (view, last))) {
        out.sample("stratheal_check_duration_seconds", &id(view), last.duration.as_secs_f64());
    }
    out.family("stratheal_check_last_run_timestamp_seconds", "gauge", "When the last run began.");
    for (view, last) in checks.iter().filter_map(|view| view.last.as_ref().map(|last| (view, last))) {
        let seconds = last.started.as_millisecond() as f64 / 1e3;
        out.sample("stratheal_check_last_run_timestamp_seconds", &id(view), seconds);
    }
    out.counter("stratheal_check_runs", "Runs of a check.");
    for view in checks {
        out.count("stratheal_check_runs", &id(view), view.runs);
    }
    out.counter("stratheal_check_skipped", "Starts of a check that were left out because one was still running.");
    for view in checks {
        out.count("stratheal_check_skipped", &id(view), view.skipped);
    }
    out.family("stratheal_check_value", "gauge", "What a check measured, in the base unit named.");
    for (view, last) in checks.iter().filter_map(|view| view.last.as_ref().map(|last| (view, last))) {
        let mut seen: Vec<&str> = Vec::new();
        for metric in &last.report.metrics {
            // A repeated series would make the whole page invalid.
            if seen.contains(&metric.name.as_ref()) {
                continue;
            }
            seen.push(&metric.name);
            let mut labels = id(view);
            labels.push(("metric", metric.name.to_string()));
            labels.push(("unit", unit(&metric.unit).to_owned()));
            out.sample("stratheal_check_value", &labels, metric.value);
        }
    }
    if let Some(vitals) = vitals {
        engine(&mut out, vitals);
    }
    if format == Exposition::OpenMetrics {
        out.text.push_str("# EOF\n");
    }
    out.text
}

fn engine(out: &mut Writer, vitals: &Vitals) {
    for (name, help, value) in [
        ("stratheal_engine_checks", "Registered checks.", vitals.checks as f64),
        ("stratheal_engine_running", "Checks that are running.", vitals.running as f64),
        ("stratheal_engine_waiting", "Checks that wait for their turn.", vitals.waiting as f64),
        ("stratheal_engine_blocking", "Checks that block their thread.", vitals.blocking.len() as f64),
        ("stratheal_engine_stuck_threads", "Threads that do not return.", vitals.stuck.len() as f64),
    ] {
        out.family(name, "gauge", help);
        out.sample(name, &[], value);
    }
    for (name, help, late) in [
        (
            "stratheal_engine_lateness_p50_seconds",
            "Half of the runs of the last minute began later.",
            vitals.lateness_p50,
        ),
        (
            "stratheal_engine_lateness_p99_seconds",
            "One in 100 runs of the last minute began later.",
            vitals.lateness_p99,
        ),
    ] {
        out.family(name, "gauge", help);
        out.sample(name, &[], late.as_secs_f64());
    }
    for (name, help, value) in [
        ("stratheal_engine_runs", "Runs of all checks.", vitals.runs),
        ("stratheal_engine_repeated", "Runs that were repeated because this program was late.", vitals.repeated),
    ] {
        out.counter(name, help);
        out.count(name, &[], value);
    }
    if let Some(history) = &vitals.history {
        out.family("stratheal_history_bytes", "gauge", "Size of the history on disk.");
        out.sample("stratheal_history_bytes", &[], history.bytes as f64);
        out.counter("stratheal_history_dropped", "Runs that were not recorded.");
        out.count("stratheal_history_dropped", &[], history.dropped);
    }
}

fn unit(unit: &Unit) -> &str {
    match unit {
        Unit::Number => "",
        Unit::Counter => "count",
        Unit::Seconds => "seconds",
        Unit::Percent => "percent",
        Unit::Bytes => "bytes",
        Unit::Other(other) => other,
    }
}

struct Writer {
    text: String,
    format: Exposition,
}

impl Writer {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A counter's family is named without `_total` in OpenMetrics, and like its samples in the older format.
    fn counter(&mut self, name: &str, help: &str) {
        match self.format {
            Exposition::OpenMetrics => self.family(name, "counter", help),
            Exposition::Prometheus => self.family(&format!("{name}_total"), "counter", help),
        }
    }

    fn count(&mut self, name: &str, labels: &[(&str, String)], value: u64) {
        self.sample(&format!("{name}_total"), labels, value as f64);
    }

    fn sample(&mut self, name: &str, labels: &[(&str, String)], value: f64) {
        self.text.push_str(name);
        for (place, (label, content)) in labels.iter().enumerate() {
            let _ = write!(self.text, "{}{label}=\"{}\"", if place == 0 { '{' } else { ',' }, escape(content));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        let _ = if value.is_nan() {
            writeln!(self.text, " NaN")
        } else if value.is_infinite() {
            writeln!(self.text, " {}Inf", if value > 0.0 { '+' } else { '-' })
        } else {
            writeln!(self.text, " {value}")
        };
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accept_chooses_the_format() {
        for (accept, format) in [
            ("", Exposition::Prometheus),
            ("*/*", Exposition::Prometheus),
            ("text/plain;version=0.0.4, application/openmetrics-text; version=1.0.0;q=0.5", Exposition::OpenMetrics),
        ] {
            assert_eq!(Exposition::from_accept(accept), format, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(accept in "\\PC{0,80}") {
            let _ = Exposition::from_accept(&accept);
        }
    }
}
