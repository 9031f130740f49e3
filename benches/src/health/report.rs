//! Runs what was asked for and prints the table.

use std::fs;

use tokio::signal::unix::{SignalKind, signal};

use super::command_targets;
use super::monitor::Monitor;
use super::scenario::{Kind, Scenario};
use super::settings::Settings;
use super::trial::{self, Measured, Setting};
use crate::failure::Failure;
use crate::launcher;
use crate::program::say;
use crate::table::Table;

/// Runs every monitor under every load. Ctrl-C ends it, and with it every process it started.
///
/// # Errors
/// When nothing could be measured.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        result = compare(settings) => result,
        _ = interrupt.recv() => Err(Failure::new("interrupted")),
        _ = terminate.recv() => Err(Failure::new("told to end")),
    }
}

async fn compare(settings: &Settings) -> Result<(), Failure> {
    let processors = if settings.pinned { launcher::processors() } else { None };
    introduce(settings, processors)?;
    let mut present = Vec::new();
    for monitor in &settings.monitors {
        match monitor.version().await {
            Ok(version) => {
                say(&format!("{} {version}", monitor.name()))?;
                present.push(*monitor);
            }
            Err(problem) => say(&format!("MISSING: {}: {problem}", monitor.name()))?,
        }
    }
    let mut table = Table::new(&[
        "load",
        "monitor",
        "rate",
        "late p50",
        "late p99",
        "false failures",
        "hung found",
        "CPU per check",
        "to stratheal",
        "CPU",
        "memory",
    ]);
    let mut notes = Vec::new();
    for scenario in &settings.scenarios {
        say(&format!("\n{}: {}", scenario.name, scenario.about))?;
        let mut own = None;
        for monitor in present.iter().filter(|monitor| monitor.fits(scenario.kind)) {
            let folder = trial::build_folder()?.join("bench-health").join(scenario.name).join(monitor.name());
            let setting = Setting { processors, measured: settings.measured, folder: &folder };
            match trial::run(*monitor, scenario, setting).await {
                Ok(measured) => {
                    if *monitor == Monitor::Stratheal {
                        own = measured.cpu_per_check;
                    }
                    let cells = cells(scenario, *monitor, &measured, own);
                    say(&format!("  {}", cells[1..].join("  ")))?;
                    table.row(cells);
                    if measured.targets_cpu > 0.8 {
                        let share = percent(measured.targets_cpu);
                        notes.push(format!("{} {}: the targets were busy ({share})", scenario.name, monitor.name()));
                    }
                }
                Err(problem) => {
                    say(&format!("  FAILED: {}: {problem}", monitor.name()))?;
                    notes.push(format!("{} {}: not measured: {problem}", scenario.name, monitor.name()));
                }
            }
        }
    }
    if table.is_empty() {
        return Err(Failure::new("nothing was measured"));
    }
    say(&format!("\n{table}"))?;
    for note in notes {
        say(&format!("NOTE: {note}"))?;
    }
    say(&format!("load afterwards: {}", load()))
}

fn introduce(settings: &Settings, processors: Option<(usize, usize)>) -> Result<(), Failure> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    say(&format!("{cores} processors, load before: {}", load()))?;
    say(&match processors {
        Some((targets, monitor)) => format!("targets (and scraper) on processor {targets}, monitor on {monitor}"),
        None => "targets and monitor run wherever the system lets them".to_owned(),
    })?;
    say(&format!("{} s each, after warming up", settings.measured.as_secs()))?;
    if settings.scenarios.iter().any(|scenario| scenario.kind == Kind::Command) {
        say(&match command_targets::command() {
            Some((program, arguments)) => format!("command: {program} {}", arguments.join(" ")),
            None => "MISSING: no command to run: on Debian, apt-get install monitoring-plugins-basic".to_owned(),
        })?;
    }
    Ok(())
}

fn cells(scenario: &Scenario, monitor: Monitor, measured: &Measured, own: Option<f64>) -> Vec<String> {
    let none = || "-".to_owned();
    let milliseconds = |value: f64| format!("{value:.1} ms");
    let hung = (0..scenario.checks).filter(|target| scenario.hangs(*target)).count();
    let ratio = measured.cpu_per_check.zip(own).map(|(this, own)| format!("{:.1}x", this / own));
    vec![
        scenario.name.to_owned(),
        monitor.name().to_owned(),
        percent(measured.rate),
        measured.lateness.map_or_else(none, |(median, _)| milliseconds(median)),
        measured.lateness.map_or_else(none, |(_, high)| milliseconds(high)),
        measured.false_failures.to_string(),
        if hung > 0 { format!("{}/{hung}", measured.found) } else { none() },
        measured.cpu_per_check.map_or_else(none, |value| format!("{value:.3} ms")),
        ratio.unwrap_or_else(none),
        percent(measured.cpu),
        format!("{:.1} MB", measured.memory as f64 / 1e6),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// How busy the machine is besides.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let words: Vec<&str> = text.split(' ').take(3).collect();
    if words.is_empty() { "unknown".to_owned() } else { words.join(" ") }
}
