//! [`FullDisk`]: what takes the space of a disk that a check has found full.

use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::contract::{EvidenceSource, Found};
use crate::model::Report;
use crate::model::incident::Fact;
use crate::model::quantity::{show_bytes, show_count};
use crate::model::view::CheckView;
use crate::sys::disk_usage::{Consumer, Consumers, DeletedFile, deleted, largest};

/// How many of each kind are named.
const MOST: usize = 5;
/// A disk with less in use is not what is wrong.
const FULL: f64 = 80.0;
/// How long to look; less than an [`EvidenceSource`] has.
const TIME: Duration = Duration::from_secs(3);

/// Names the largest folders and files of the fullest disk of a report, and deleted files that still take space there with the processes
/// that have them open. Any check counts whose metrics are called `used[/mount]`, in percent, as those of [`disk`](crate::checks::disk).
///
/// # Example
/// ```
/// use stratheal_core::contract::EvidenceSource;
/// use stratheal_core::evidence::FullDisk;
/// let source: Box<dyn EvidenceSource> = Box::new(FullDisk);
/// # drop(source);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct FullDisk;

/// The disk that a report says is the fullest, if it is full.
fn fullest(report: &Report) -> Option<PathBuf> {
    let disks = report.metrics.iter().filter_map(|metric| {
        let path = metric.name.strip_prefix("used[")?.strip_suffix(']')?;
        (metric.value >= FULL).then_some((metric.value, path))
    });
    disks.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, path)| PathBuf::from(path))
}

/// What takes the space, in words. It blocks.
fn look(disk: &Path, until: Instant) -> Vec<Fact> {
    // First, because it is quick, and a large disk takes all the time there is.
    let held = std::fs::metadata(disk).ok().map(|metadata| deleted(metadata.dev(), MOST, until));
    let mut facts = Vec::new();
    let of_disk = format!("what takes the space of {}", disk.display());
    match largest(disk, MOST, until) {
        Ok(found) => facts.push(Fact::new(of_disk, in_words(&found))),
        Err(error) => facts.push(Fact::new(of_disk, format!("cannot be seen: {error}"))),
    }
    match held {
        Some(Ok(files)) if !files.is_empty() => facts.push(Fact::new("deleted, and still open", held_in_words(&files))),
        Some(Err(error)) => tracing::debug!(%error, "who has deleted files open cannot be seen"),
        _ => {}
    }
    facts
}

fn in_words(found: &Consumers) -> String {
    let line = |consumer: &Consumer| format!("{:>9}  {}", show_bytes(consumer.bytes as f64), consumer.path.display());
    let mut lines: Vec<String> = found
        .folders
        .iter()
        .map(|folder| format!("{}/ ({})", line(folder), show_count(folder.files as usize, "file")))
        .collect();
    lines.extend(found.files.iter().map(line));
    if !found.is_whole {
        lines.push("there was no time to look at all of it".to_owned());
    }
    if found.unreadable > 0 {
        lines.push(format!("{} folders may not be read", found.unreadable));
    }
    lines.join("\n")
}

fn held_in_words(files: &[DeletedFile]) -> String {
    files.iter().fold(String::new(), |mut text, file| {
        let (size, path) = (show_bytes(file.bytes as f64), file.path.display());
        let lead = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{lead}{size:>9}  {path} by {} (process {})", file.process, file.pid);
        text
    })
}

#[async_trait]
impl EvidenceSource for FullDisk {
    async fn gather(&self, view: &CheckView) -> Found {
        let Some(disk) = view.last.as_ref().and_then(|last| fullest(&last.report)) else { return Found::default() };
        let until = Instant::now() + TIME;
        match tokio::task::spawn_blocking(move || look(&disk, until)).await {
            Ok(facts) => Found { facts, ..Found::default() },
            Err(error) => {
                tracing::warn!(%error, "what fills a disk was not looked at");
                Found::default()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Metric, Unit};

    #[test]
    fn the_fullest_disk_is_looked_at_and_none_that_has_room() {
        let report = |disks: &[(&'static str, f64)]| {
            disks.iter().fold(Report::critical("full"), |report, (name, value)| {
                report.metric(Metric::new(*name, *value, Unit::Percent))
            })
        };
        assert_eq!(fullest(&report(&[("used[/]", 90.0), ("used[/var]", 97.0)])), Some(PathBuf::from("/var")));
        for none in [report(&[("used[/]", 60.0)]), report(&[("used", 99.0)]), report(&[("inodes[/]", 99.0)])] {
            assert_eq!(fullest(&none), None);
        }
    }

    #[test]
    fn folders_files_and_holders_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.log");
        std::fs::write(&path, vec![1; 3 << 20]).unwrap();
        let facts = look(folder.path(), Instant::now() + Duration::from_secs(30));
        let text = &facts[0].text;
        assert!(text.contains("app.log") && text.contains("(1 file)") && text.contains("3.0MiB"), "{text}");
        let file = DeletedFile { bytes: 1 << 30, path: "/var/log/x".into(), pid: 7, process: "nginx".into() };
        assert_eq!(held_in_words(&[file]), "   1.0GiB  /var/log/x by nginx (process 7)");
    }
}
