//! Looking what a rule is about now, and deleting it.
//!
//! Each file is looked at once more through a folder that was opened without following anything, just before it is deleted: it must be
//! the one that was found. Between that look and the deletion only the last name can be changed by somebody, and deleting a name never
//! follows it.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;
use tokio::time::Instant;

use super::Amount;
use super::beneath::{NAME_ONLY, Root};
use super::choose::choose;
use super::found::{Bounds, Found, Walked};
use super::open_files::OpenFiles;
use super::outcome::{Look, Outcome};
use super::rule::{FreeDiskRule, Swept};
use super::walk::{changed, modified, space, walk};

/// What a rule is about now.
pub(super) fn look(rule: &FreeDiskRule, now: Timestamp, bounds: Bounds, until: Instant) -> io::Result<Look> {
    if let Swept::Cache(cache) = &rule.what {
        return Ok(Look { amount: cache.measure()?, is_whole: true, ..Look::default() });
    }
    let mut walked = walked(&Root::open(&rule.root)?, rule, bounds, until)?;
    let found = std::mem::take(&mut walked.found);
    let files = if matches!(rule.what, Swept::Files(_)) { found.len() } else { 0 };
    let chosen = choose(&rule.what, found, now);
    let amount = chosen.iter().fold(Amount::default(), |amount, found| amount.plus(found.bytes));
    Ok(Look {
        amount,
        kept: files.saturating_sub(chosen.len()) as u64,
        is_whole: walked.is_whole,
        linked: walked.linked,
        not_entered: walked.not_entered,
        unreadable: walked.unreadable,
    })
}

/// Deletes what a rule is about now, but no more than this.
pub(super) fn carry_out(
    rule: &FreeDiskRule,
    at_most: Amount,
    now: Timestamp,
    bounds: Bounds,
    until: Instant,
) -> io::Result<Outcome> {
    if let Swept::Cache(cache) = &rule.what {
        return Ok(Outcome { removed: cache.prune(at_most)?, ..Outcome::default() });
    }
    let root = Root::open(&rule.root)?;
    let chosen = choose(&rule.what, walked(&root, rule, bounds, until)?.found, now);
    let open = match &rule.what {
        Swept::Files(files) if files.skip_open => Some(OpenFiles::now(until).map_err(io::Error::other)?),
        _ => None,
    };
    Ok(delete(&root, chosen, open.as_ref(), at_most, until))
}

fn walked(root: &Root, rule: &FreeDiskRule, bounds: Bounds, until: Instant) -> io::Result<Walked> {
    walk(root, &rule.what, bounds, until).map_err(|error| crate::base::fs::named(&rule.root, &error.into()))
}

/// Deletes these, in this order.
pub(super) fn delete(
    root: &Root,
    chosen: Vec<Found>,
    open: Option<&OpenFiles>,
    at_most: Amount,
    until: Instant,
) -> Outcome {
    let mut outcome = Outcome { is_partly_blind: open.is_some_and(|open| open.is_partial), ..Outcome::default() };
    for found in chosen {
        if Instant::now() >= until {
            outcome.is_cut_off = true;
            break;
        }
        if open.is_some_and(|open| open.has(found.device, found.inode)) {
            outcome.open += 1;
            continue;
        }
        if !outcome.removed.plus(found.bytes).is_within(at_most) {
            outcome.beyond += 1;
            continue;
        }
        match delete_one(root, &found, at_most, outcome.removed) {
            Ok(Some(bytes)) => outcome.removed = outcome.removed.plus(bytes),
            Ok(None) | Err(Errno::LOOP | Errno::NOTDIR | Errno::XDEV | Errno::NOTEMPTY | Errno::EXIST) => {
                outcome.changed += 1;
            }
            Err(Errno::NOENT) => outcome.vanished += 1,
            Err(error) => {
                outcome.failed += 1;
                if outcome.first_failure.is_none() {
                    outcome.first_failure = Some(format!("{}: {error}", found.path.display()));
                }
            }
        }
    }
    outcome
}

/// Deletes one; `None` when it is not the one that was found any more, or has grown beyond what is left.
fn delete_one(root: &Root, found: &Found, at_most: Amount, removed: Amount) -> Result<Option<u64>, Errno> {
    let above = found.path.parent().unwrap_or(Path::new(""));
    let Some(name) = found.path.file_name() else { return Ok(None) };
    let folder = root.below(above, NAME_ONLY)?;
    let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = if found.is_folder { FileType::Directory } else { FileType::RegularFile };
    let is_same = FileType::from_raw_mode(stat.st_mode) == kind
        && (stat.st_dev, stat.st_ino) == (found.device, found.inode)
        // What is deleted in a folder changes it; that it is empty is asked for by the system itself.
        && (found.is_folder
            || (modified(&stat) == found.modified && changed(&stat) == found.changed && stat.st_nlink == 1));
    // The space may be counted only when the file reaches the disk.
    let bytes = if found.is_folder { found.bytes } else { space(&stat) };
    if !is_same || !removed.plus(bytes).is_within(at_most) {
        return Ok(None);
    }
    let flags = if found.is_folder { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    rustix::fs::unlinkat(&folder, name, flags)?;
    Ok(Some(bytes))
}
