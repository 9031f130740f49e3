//! The one place that prints.

use std::io::{self, IsTerminal, Write};

use stratheal_core::engine::vitals::Vitals;
use stratheal_core::format::{Exposition, Style, health_json, human, json, junit, metrics, nagios};
use stratheal_core::model::view::Snapshot;

use crate::args::{Common, Format};
use crate::failure::Failure;

/// Prints a text and ends the line; nothing when there is no text. A reader that has closed the pipe has seen enough.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    let ends = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{ends}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::io("print", error)),
        _ => Ok(()),
    }
}

/// Says what went wrong, on standard error.
pub(crate) fn complain(text: &str) {
    // There is nowhere left to say that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "stratheal: {text}");
}

/// Says something on standard error as it is.
pub(crate) fn say_plainly(text: &str) {
    // There is nowhere left to say that standard error is closed.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// How text for people looks on standard output.
pub(crate) fn style(common: &Common) -> Style {
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    Style { colour, verbose: common.verbose > 0 }
}

/// A snapshot in the wanted format.
pub(crate) fn render(snapshot: &Snapshot, vitals: Option<&Vitals>, format: Format, common: &Common) -> String {
    match format {
        Format::Human => human(snapshot, style(common)),
        Format::Json => json(snapshot),
        Format::Nagios => nagios(snapshot),
        Format::Junit => junit(snapshot),
        Format::Openmetrics => metrics(snapshot, vitals, Exposition::OpenMetrics),
        Format::HealthJson => format!("{:#}", health_json(snapshot, true)),
    }
}
