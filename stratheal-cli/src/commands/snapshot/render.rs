//! Snapshots for people.

use std::fmt;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use stratheal_core::model::quantity::{show_bytes, show_count};
use stratheal_core::model::report::printable;
use stratheal_core::snapshot::{Difference, Differs, RollbackPlan, Snapshot, SnapshotVerified, Unreadable};

use super::rollback::shown;

/// So many files are shown unless all of them are asked for.
const MOST_SHOWN: usize = 20;

/// Adds a line that can do nothing to a terminal: names come from packages, and all of it from elsewhere after an import.
fn add(text: &mut String, line: fmt::Arguments<'_>) {
    text.push_str(&printable(&line.to_string()));
    text.push('\n');
}

fn when(snapshot: &Snapshot) -> String {
    TimeZone::system().to_datetime(snapshot.created).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// A line for each.
pub(super) fn list(all: &[Snapshot], damaged: &[Unreadable]) -> String {
    if all.is_empty() && damaged.is_empty() {
        return "there are no snapshots yet: `stratheal snapshot create` makes one".to_owned();
    }
    let several = all.iter().any(|one| all.first().is_some_and(|first| first.root != one.root));
    let mut text = String::new();
    for one in all {
        let mut marks = Vec::new();
        marks.extend(one.good.is_some().then(|| "good".to_owned()));
        marks.extend(one.pinned.then(|| "pinned".to_owned()));
        marks.extend(one.label.as_ref().map(|label| format!("called {label}")));
        marks.extend(one.part.as_ref().map(|part| format!("only {part}")));
        marks.extend((!one.fuzzy.is_empty()).then(|| "fuzzy".to_owned()));
        marks.extend(several.then(|| one.root.display().to_string()));
        let marks = if marks.is_empty() { String::new() } else { format!("  [{}]", marks.join(", ")) };
        let (number, files, size) = (one.number, one.files, show_bytes(one.bytes as f64));
        add(&mut text, format_args!("{number:>4}  {}  {files:>6} files  {size:>8}  {}{marks}", when(one), one.reason));
    }
    for one in damaged {
        add(&mut text, format_args!("{:>4}  cannot be read: {}", one.number, one.reason));
    }
    text
}

/// All that is known of one.
pub(super) fn one(one: &Snapshot) -> String {
    let mut text = String::new();
    add(&mut text, format_args!("snapshot {} of {}", one.number, one.root.display()));
    let mut line = |name: &str, value: &str| add(&mut text, format_args!("  {name:<12} {value}"));
    line("made", &format!("{}, {}, by user {} on {}", when(one), one.reason, one.by.uid, one.by.host));
    line("holds", &format!("{}, {}", show_count(one.files, "file"), show_bytes(one.bytes as f64)));
    if let Some(part) = &one.part {
        line("only", part);
    }
    if let Some(label) = &one.label {
        line("called", label);
    }
    if one.pinned {
        line("pinned", "until `stratheal snapshot unpin`");
    }
    if let Some(good) = &one.good {
        let checks: Vec<_> = good.checks.iter().map(|one| format!("{} ({})", one.id, one.summary)).collect();
        line("good", &format!("since {}: {}", good.at, checks.join(", ")));
    }
    if !one.fuzzy.is_empty() {
        line("fuzzy", &format!("changed while it was made: {}", one.fuzzy.join(", ")));
    }
    match &one.record.python {
        None if !one.is_whole() => {}
        Some(python) => {
            line("interpreter", &format!("{} ({}), outside of it", python.program.display(), python.version));
        }
        None => line("interpreter", "was not there"),
    }
    for project in &one.record.projects {
        let editable = project.editable.as_ref().map(|url| format!(", editable: {url} lies outside of it"));
        line("project", &format!("{} {}{}", project.name, project.version, editable.unwrap_or_default()));
    }
    for file in &one.project.files {
        line("beside", &format!("{} ({})", file.path, show_bytes(file.size as f64)));
    }
    if !one.project.variables.is_empty() {
        line("variables", &format!("{} (names only)", one.project.variables.join(", ")));
    }
    text
}

const fn mark(how: Differs) -> &'static str {
    match how {
        Differs::Added => "+",
        Differs::Removed => "-",
        Differs::Permissions => "m",
        Differs::Names => "l",
        Differs::Time => "t",
        _ => "~",
    }
}

/// What differs: projects first, then files.
pub(super) fn difference(difference: &Difference, before: &str, after: &str, all: bool) -> String {
    if difference.is_empty() {
        return format!("nothing differs between {before} and {after}");
    }
    let mut text = String::new();
    for one in &difference.projects {
        match (&one.before, &one.after) {
            (None, Some(new)) => add(&mut text, format_args!("+ {} {new}", one.name)),
            (Some(old), None) => add(&mut text, format_args!("- {} {old}", one.name)),
            (old, new) => {
                let told = |version: &Option<String>| version.clone().unwrap_or_default();
                add(&mut text, format_args!("~ {} {} -> {}", one.name, told(old), told(new)));
            }
        }
    }
    // What belongs to a project that has another version is told by that.
    let is_told = |name: &str| difference.projects.iter().any(|one| one.name == name);
    let files: Vec<_> =
        difference.files.iter().filter(|one| all || !one.project.as_deref().is_some_and(is_told)).collect();
    let shown = if all { files.len() } else { MOST_SHOWN.min(files.len()) };
    for one in &files[..shown] {
        let owner = one.project.as_ref().map(|name| format!("  ({name})")).unwrap_or_default();
        add(&mut text, format_args!("  {} {}{owner}", mark(one.how), one.path.display()));
    }
    if files.len() > shown {
        add(&mut text, format_args!("  and {} more: --verbose shows them", files.len() - shown));
    }
    for path in &difference.beside {
        add(&mut text, format_args!("  ~ beside it: {path}"));
    }
    let count = show_count(difference.files.len(), "file");
    let bytecode = match difference.bytecode {
        0 => String::new(),
        count => format!(", and bytecode of {}", show_count(count, "module")),
    };
    add(&mut text, format_args!("{before} to {after}: {count}{bytecode}"));
    text
}

/// Edits that stay, and those that cannot.
pub(super) fn edits(kept: &[PathBuf], conflicts: &[PathBuf], before: Option<u64>) -> String {
    let mut text = String::new();
    for path in kept {
        add(&mut text, format_args!("edited, and kept: {}", path.display()));
    }
    let at = before.map_or_else(|| "the snapshot made before".to_owned(), |before| format!("snapshot {before}"));
    for path in conflicts {
        let path = path.display();
        add(
            &mut text,
            format_args!("edited, and in conflict: {path} is as in the snapshot; the edited one is in {at}"),
        );
    }
    text
}

/// What a rollback would do.
pub(super) fn plan(plan: &RollbackPlan, all: bool) -> String {
    let edited = if plan.edits.is_empty() { "" } else { " with what was edited" };
    let target = format!("snapshot {}{edited}", plan.number);
    let mut text = difference(&plan.difference, "now", &target, all);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&edits(&plan.edits, &plan.conflicts, None));
    for path in plan.own.iter().filter(|path| !plan.conflicts.contains(path)).take(MOST_SHOWN) {
        let what = "goes back with the rest, and stays in the snapshot made before";
        add(&mut text, format_args!("of no project: {} {what}", path.display()));
    }
    let (root, put, bytes) = (plan.root.display(), show_count(plan.put, "file"), shown(plan.put_bytes));
    add(&mut text, format_args!("{root}: {put} to put back ({bytes}), {} to keep; nothing was changed", plan.kept));
    text
}

/// Whether snapshots are whole.
pub(super) fn verified(found: &[SnapshotVerified]) -> String {
    let mut text = String::new();
    for one in found {
        let said = match &one.unreadable {
            Some(reason) => format!("damaged: {reason}"),
            None if one.damaged == 0 => format!("whole: {}", show_count(one.good, "file")),
            None => format!("damaged: {} of {} files", one.damaged, one.damaged + one.good),
        };
        add(&mut text, format_args!("{:>4}  {said}", one.number));
        for path in one.paths.iter().take(MOST_SHOWN) {
            add(&mut text, format_args!("        {}", path.display()));
        }
    }
    if found.is_empty() {
        text.push_str("there are no snapshots yet: `stratheal snapshot create` makes one\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_in_its_line_and_does_nothing_to_a_terminal() {
        let mut text = String::new();
        add(&mut text, format_args!("  + {}", "a\nsnapshot 9\u{1b}[2Jb"));
        assert_eq!(text, "  + a snapshot 9 [2Jb\n");
    }
}
