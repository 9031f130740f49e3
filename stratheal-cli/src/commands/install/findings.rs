//! What was found in an environment, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use stratheal_core::installer::{Finding, RepairPlan, RepairSource, Repaired, Severity, Verified};
use stratheal_core::model::quantity::{show_bytes, show_count};
use stratheal_core::model::report::printable;

use crate::args::{Common, PlainFormat};

/// The most findings of one project that are shown to people, unless they ask for more.
const MOST_SHOWN: usize = 10;

/// How an environment was named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) environment: &'a Path,
    /// Whether it is the one that is changed when none is named.
    pub(super) is_default: bool,
}

/// What `verify` says in the end.
pub(super) fn verified(
    verified: &Verified,
    named: &Named<'_>,
    took: Duration,
    format: PlainFormat,
    common: &Common,
) -> String {
    if format == PlainFormat::Json {
        return format!("{:#}", verified.document());
    }
    if common.quiet && verified.is_whole() {
        return String::new();
    }
    let mut text = lines(&verified.findings, common.verbose > 0);
    let bytes = show_bytes(verified.bytes_hashed as f64);
    let _ = write!(
        text,
        "{}: {}, {}, {bytes} hashed in {:.2} s: {}",
        verified.root.display(),
        show_count(verified.projects, "project"),
        show_count(verified.files, "file"),
        took.as_secs_f64(),
        summary(verified)
    );
    for next in verified.next(&named.environment.display().to_string(), named.is_default) {
        let _ = write!(text, "\nnext: {next}");
    }
    text
}

/// What `repair --plan` says.
pub(super) fn planned(plan: &RepairPlan, format: PlainFormat, common: &Common) -> String {
    if format == PlainFormat::Json {
        return format!("{:#}", plan.document());
    }
    if common.quiet {
        return String::new();
    }
    let mut text = String::new();
    for repair in &plan.repairs {
        let name = repair.project.as_ref().map_or("?", |name| name.as_str());
        let what = match repair.paths.as_slice() {
            [] => "all that is not as in its wheel".to_owned(),
            [one] => one.display().to_string(),
            several => show_count(several.len(), "file"),
        };
        let from = match &repair.source {
            RepairSource::Noted { wheel, cached: true } => format!("from {wheel}, in the cache"),
            RepairSource::Noted { wheel, .. } => format!("from {wheel}, to be fetched"),
            RepairSource::Searched => "from a wheel that is looked for".to_owned(),
            _ => "from nowhere: nobody knows project and version".to_owned(),
        };
        let _ = writeln!(text, "~ {name}: {what}, {from}");
    }
    for path in &plan.relinks {
        let _ = writeln!(text, "~ {}: a link to the interpreter", path.display());
    }
    for path in &plan.allowances {
        let _ = writeln!(text, "~ {}: its mode", path.display());
    }
    for path in &plan.removals {
        let _ = writeln!(text, "- {}", path.display());
    }
    let _ = write!(
        text,
        "{}: {} to repair, {} to remove; {}; nothing was changed",
        plan.root.display(),
        show_count(plan.repairs.len(), "project"),
        show_count(plan.removals.len(), "leftover"),
        summary(&plan.verified)
    );
    text
}

/// What `repair` says in the end.
pub(super) fn repaired(repaired: &Repaired, took: Duration, format: PlainFormat, common: &Common) -> String {
    if format == PlainFormat::Json {
        return format!("{:#}", repaired.document());
    }
    if common.quiet && repaired.verified.is_whole() {
        return String::new();
    }
    let mut text = String::new();
    let shown = if common.verbose > 0 { repaired.mended.len() } else { MOST_SHOWN };
    for mended in repaired.mended.iter().take(shown) {
        let _ = writeln!(text, "~ {} from {}", mended.path.display(), mended.wheel);
    }
    if repaired.mended.len() > shown {
        let _ = writeln!(text, "and {} more: --verbose shows them", repaired.mended.len() - shown);
    }
    for path in &repaired.relinked {
        let _ = writeln!(text, "~ {} is a link to the interpreter again", path.display());
    }
    for path in &repaired.allowed {
        let _ = writeln!(text, "~ {} has its mode again", path.display());
    }
    for path in &repaired.removed {
        let _ = writeln!(text, "- {}", path.display());
    }
    for one in &repaired.unmended {
        let _ = writeln!(text, "! {}: {}", one.path.display(), printable(&one.reason));
    }
    text.push_str(&lines(&repaired.verified.findings, common.verbose > 0));
    for environment in &repaired.also_damaged {
        let _ = writeln!(text, "also damaged: {0}: run `stratheal repair {0}`", environment.display());
    }
    let _ = write!(
        text,
        "{}: {} put back, {} removed in {:.2} s: {}",
        repaired.root.display(),
        show_count(repaired.mended.len() + repaired.relinked.len() + repaired.allowed.len(), "file"),
        show_count(repaired.removed.len(), "leftover"),
        took.as_secs_f64(),
        summary(&repaired.verified)
    );
    text
}

fn summary(verified: &Verified) -> String {
    let nouns = [(Severity::Conflict, "conflict"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let nouns = nouns.map(|(severity, noun)| (verified.count(severity), noun));
    let mut parts: Vec<_> =
        nouns.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| show_count(*count, noun)).collect();
    let damaged = verified.count(Severity::Damage);
    if damaged > 0 {
        parts.insert(0, format!("{damaged} damaged"));
    }
    if verified.is_whole() {
        parts.insert(0, "whole".to_owned());
    }
    if verified.left_out > 0 {
        let verb = if verified.left_out == 1 { "is" } else { "are" };
        parts.push(format!("{} more {verb} not listed", verified.left_out));
    }
    parts.join(", ")
}

/// Findings by project, the worst first. Notes are for those who ask for them.
pub(super) fn lines(findings: &[Finding], verbose: bool) -> String {
    let mut groups: Vec<(&str, Vec<&Finding>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| verbose || finding.severity > Severity::Note) {
        let name = finding.project.as_ref().map_or("environment", |name| name.as_str());
        let place = *places.entry(name).or_insert(groups.len());
        if place == groups.len() {
            groups.push((name, Vec::new()));
        }
        groups[place].1.push(finding);
    }
    let mut text = String::new();
    for (name, findings) in groups {
        let _ = writeln!(text, "{name}");
        let shown = if verbose { findings.len() } else { MOST_SHOWN.min(findings.len()) };
        for finding in &findings[..shown] {
            let _ = writeln!(text, "  {} {}", word(finding.severity), printable(&finding.message));
            if let Some(shared) = &finding.shared {
                for environment in &shared.environments {
                    let _ = writeln!(text, "    also in {0}: run `stratheal repair {0}`", environment.display());
                }
                if shared.unknown > 0 {
                    let verb = if shared.unknown == 1 { "name of this file is" } else { "names of this file are" };
                    let _ = writeln!(text, "    {} more {verb} not known", shared.unknown);
                }
            }
        }
        if findings.len() > shown {
            let _ = writeln!(text, "  and {} more: --verbose shows them", findings.len() - shown);
        }
    }
    text
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Damage => "damaged: ",
        Severity::Conflict => "conflict:",
        Severity::Warning => "warning: ",
        Severity::Note => "note:    ",
    }
}
