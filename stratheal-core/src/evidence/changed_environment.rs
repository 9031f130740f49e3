//! [`ChangedEnvironment`]: in what an environment differs from the newest snapshot whose checks passed.

use std::collections::BTreeSet;
use std::fmt::Write;

use async_trait::async_trait;

use crate::base::class::chain;
use crate::contract::{EvidenceSource, Found};
use crate::model::CheckId;
use crate::model::incident::Fact;
use crate::model::view::CheckView;
use crate::remedies::environment::OpenWorkshop;
use crate::snapshot::{Difference, Differs, Selector, SnapshotError};

/// The most packages, and the most files, that are named.
const MOST: usize = 10;

/// Compares the environment of some checks with how it was when all was well, when one of them fails: packages that came, went or have
/// another version, and files that somebody changed.
#[derive(Debug, Clone)]
pub struct ChangedEnvironment {
    workshop: OpenWorkshop,
    checks: BTreeSet<CheckId>,
}

impl ChangedEnvironment {
    /// The environment of a workshop, and the checks that have to do with it.
    pub fn new(workshop: OpenWorkshop, checks: impl IntoIterator<Item = CheckId>) -> Self {
        Self { workshop, checks: checks.into_iter().collect() }
    }

    async fn compare(&self) -> Result<Option<String>, String> {
        let workshop = self.workshop.open().await.map_err(|error| chain(&error))?;
        let Some(snapshots) = &workshop.snapshots else { return Ok(None) };
        let good = match snapshots.find(&Selector::LastGood, Some(&workshop.environment)) {
            Ok(good) => good,
            Err(SnapshotError::Unknown { .. }) => return Ok(None),
            Err(error) => return Err(chain(&error)),
        };
        let difference = snapshots.diff_now(&good, &workshop.environment).await.map_err(|error| chain(&error))?;
        Ok(in_words(&difference, good.number))
    }
}

/// What changed since then; nothing when nothing did.
fn in_words(difference: &Difference, number: u64) -> Option<String> {
    if difference.projects.is_empty() && difference.files.is_empty() {
        return None;
    }
    let mut text = format!("since snapshot {number}, which is known to be good");
    for change in difference.projects.iter().take(MOST) {
        let name = &change.name;
        let _ = match (&change.before, &change.after) {
            (Some(then), Some(now)) => write!(text, "\n{name} {then} -> {now}"),
            (None, Some(now)) => write!(text, "\n{name} {now} came"),
            (Some(then), None) => write!(text, "\n{name} {then} is gone"),
            (None, None) => Ok(()),
        };
    }
    let changed: BTreeSet<&str> = difference.projects.iter().map(|change| change.name.as_str()).collect();
    // The files of a package with another version say nothing more.
    let others = || {
        let of_changed = |project: &Option<String>| project.as_deref().is_some_and(|name| changed.contains(name));
        difference.files.iter().filter(move |file| !of_changed(&file.project))
    };
    for file in others().take(MOST) {
        let _ = write!(text, "\n{} {}", file.path.display(), in_a_word(file.how));
    }
    let more = others().count().saturating_sub(MOST) + difference.projects.len().saturating_sub(MOST);
    if more > 0 {
        let _ = write!(text, "\nand {more} more");
    }
    Some(text)
}

const fn in_a_word(how: Differs) -> &'static str {
    match how {
        Differs::Added => "came",
        Differs::Removed => "is gone",
        _ => "was changed",
    }
}

#[async_trait]
impl EvidenceSource for ChangedEnvironment {
    async fn gather(&self, view: &CheckView) -> Found {
        if !self.checks.contains(&view.id) {
            return Found::default();
        }
        let text = match self.compare().await {
            Ok(Some(text)) => text,
            Ok(None) => return Found::default(),
            Err(why) => format!("cannot be compared with how it was: {why}"),
        };
        Found { facts: vec![Fact::new("the environment", text)], ..Found::default() }
    }
}
