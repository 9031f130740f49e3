//! A fetcher's summary as a report: for people on standard error, for programs as JSON.

use std::path::Path;

use serde_json::{Value, json};
use stratheal_core::base::fs::write_atomic;
use stratheal_core::fetch::{Cause, Summary};
use stratheal_core::model::quantity::show_bytes;

use crate::count::show_count;
use crate::failure::Failure;
use crate::output;

/// The most names of one kind that people are shown.
const MOST: usize = 10;

/// What the report of `run` and `warm` says beside the summary.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// What happened.
    pub(crate) summary: Summary,
    /// What does not go through the gateway, each with the reason.
    pub(crate) bypasses: Vec<String>,
    /// What else the user should know.
    pub(crate) notes: Vec<String>,
}

impl Tally {
    /// Whether there is something a person should know although the command did its work.
    pub(crate) fn is_noteworthy(&self) -> bool {
        let Summary { stale, refused, failures, .. } = &self.summary;
        // What does not exist is asked for all the time.
        let failed = failures.values().any(|failure| failure.cause != Cause::NotFound);
        failed
            || !stale.is_empty()
            || !refused.is_empty()
            || !self.bypasses.is_empty()
            || !self.notes.is_empty()
            || self.summary.troubles() > 0
    }

    /// Lines for people.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Summary { pages, files, bytes, members, stale, refused, failures, left_out, .. } = &self.summary;
        let mut lines = Vec::new();
        if pages.fetched + pages.unchanged + pages.cached + pages.stale + files.fetched + files.stored > 0 {
            let saved = bytes.saved_by_cache + bytes.saved_by_resume;
            lines.push(format!(
                "{} fetched ({}), {} from the cache; {} not transferred again",
                show_count(files.fetched, "file"),
                show_bytes(bytes.transferred as f64),
                files.stored,
                show_bytes(saved as f64),
            ));
        }
        for (host, member) in members.iter().take(MOST) {
            let trouble = match (member.troubles, &member.last_trouble) {
                (0, _) | (_, None) => String::new(),
                (1, Some(last)) => format!(", failed once: {last}"),
                (times, Some(last)) => format!(", failed {times} times, at last: {last}"),
            };
            let alone = if member.left_alone.is_some() { "; left alone for now" } else { "" };
            lines.push(format!("{host}: {}{trouble}{alone}", show_count(member.files, "file")));
        }
        lines.extend(list("older than the index wants, because nobody could be asked", stale.iter().cloned()));
        lines.extend(list("refused", refused.iter().map(|(file, reason)| format!("{file}: {reason}"))));
        lines.extend(list("not had", failures.values().map(|failure| failure.reason.clone())));
        lines.extend(list("not through the gateway", self.bypasses.iter().cloned()));
        lines.extend(self.notes.iter().cloned());
        if *left_out > 0 {
            lines.push(format!("{left_out} more things happened than fit in here"));
        }
        lines
    }

    /// Everything, as JSON.
    pub(crate) fn json(&self, more: &[(&str, Value)]) -> Value {
        let mut report = json!({
            "version": 1,
            "summary": self.summary,
            "bypasses": self.bypasses,
            "notes": self.notes,
        });
        for (key, value) in more {
            report[*key] = value.clone();
        }
        report
    }
}

fn list(title: &str, entries: impl Iterator<Item = String>) -> Vec<String> {
    let entries: Vec<_> = entries.collect();
    let more = entries.len().saturating_sub(MOST);
    let mut lines: Vec<_> = entries.into_iter().take(MOST).map(|entry| format!("{title}: {entry}")).collect();
    if more > 0 {
        lines.push(format!("{title}: and {more} more"));
    }
    lines
}

/// Writes a report to a file, or to standard output for `-`.
pub(crate) fn write_report(file: &Path, report: &Value) -> Result<(), Failure> {
    let text = format!("{report:#}\n");
    if file == Path::new("-") {
        return output::print(&text);
    }
    write_atomic(file, text.as_bytes()).map_err(|error| Failure::io("write the report", error))
}
