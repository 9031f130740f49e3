//! Whether snapshots could be gone back to.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use super::contents::Contents;
use super::{Snapshot, SnapshotError, Snapshots};
use crate::objects::ContentId;

/// The most files that are named.
const MOST_NAMED: usize = 1_000;

/// What was found of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SnapshotVerified {
    /// Its number.
    pub number: u64,
    /// Files whose content is there and right.
    pub good: usize,
    /// Files whose content is gone or damaged.
    pub damaged: usize,
    /// The paths of those, the first of them.
    pub paths: Vec<PathBuf>,
    /// Why it cannot be read at all.
    pub unreadable: Option<String>,
}

impl SnapshotVerified {
    /// Whether it could be gone back to.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.damaged == 0 && self.unreadable.is_none()
    }
}

impl Snapshots {
    /// Reads the content of every file of some snapshots and compares it with its hash; of all snapshots when none is named.
    ///
    /// # Cancellation
    /// Dropping the future stops the work.
    ///
    /// # Errors
    /// [`SnapshotError`] when it cannot be looked. Damage is no error.
    pub async fn verify(&self, numbers: &[u64]) -> Result<Vec<SnapshotVerified>, SnapshotError> {
        let numbers = numbers.to_vec();
        self.blocking(move |own, stop| {
            let (all, damaged) = own.list()?;
            let is_wanted = |number| numbers.is_empty() || numbers.contains(&number);
            let known = |number: &u64| {
                all.iter().any(|one| one.number == *number) || damaged.iter().any(|one| one.number == *number)
            };
            if let Some(number) = numbers.iter().find(|number| !known(number)) {
                return Err(SnapshotError::Unknown { wanted: number.to_string() });
            }
            if all.is_empty() && damaged.is_empty() {
                return Ok(Vec::new());
            }
            let (contents, mut seen) = (own.contents()?, HashMap::new());
            let mut found = Vec::new();
            for one in all.iter().filter(|one| is_wanted(one.number)) {
                found.push(own.examine(one, &contents, &mut seen, stop)?);
            }
            found.extend(damaged.into_iter().filter(|one| is_wanted(one.number)).map(|one| SnapshotVerified {
                number: one.number,
                good: 0,
                damaged: 0,
                paths: Vec::new(),
                unreadable: Some(one.reason),
            }));
            found.sort_by_key(|one| one.number);
            Ok(found)
        })
        .await
    }

    fn examine(
        &self,
        snapshot: &Snapshot,
        contents: &Contents,
        seen: &mut HashMap<ContentId, bool>,
        stop: &AtomicBool,
    ) -> Result<SnapshotVerified, SnapshotError> {
        let number = snapshot.number;
        let mut found = SnapshotVerified { number, good: 0, damaged: 0, paths: Vec::new(), unreadable: None };
        let tree = match self.tree(snapshot) {
            Ok(tree) => tree,
            Err(error @ (SnapshotError::Damaged { .. } | SnapshotError::NewerFormat { .. })) => {
                found.unreadable = Some(error.to_string());
                return Ok(found);
            }
            Err(error) => return Err(error),
        };
        for (entry, content) in tree.files() {
            if stop.load(Ordering::Relaxed) {
                return Err(SnapshotError::Stopped);
            }
            let is_good = if let Some(known) = seen.get(&content.sha256) {
                *known
            } else {
                let is_good = contents.copy(&tree.wheels, content, &mut io::sink())?;
                seen.insert(content.sha256, is_good);
                is_good
            };
            if is_good {
                found.good += 1;
            } else {
                found.damaged += 1;
                if found.paths.len() < MOST_NAMED {
                    found.paths.push(entry.path.clone());
                }
            }
        }
        Ok(found)
    }
}
