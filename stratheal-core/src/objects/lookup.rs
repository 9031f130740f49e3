//! Finding a stored file, and deciding whether it is believed.
//!
//! An object is believed when its size and modification time are those at which it was last known to be good, during this start of
//! the machine. Otherwise it is hashed once. What does not hash to its name goes to the quarantine and is answered as absent, so
//! that it is had again.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::hash::hash_file;
use super::sidecar::Sidecar;
use super::stamp::{Stamp, set_mtime};
use super::{ContentId, Kind, Store, StoreError};

/// How many objects a process remembers as good. Beyond that it forgets all, and reads their sidecars again.
const MOST_REMEMBERED: usize = 65_536;

/// How often it is written down that an object was used.
const USE_NOTED: SignedDuration = SignedDuration::from_hours(24);

/// An object that this process found to be good.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) stamp: Stamp,
    pub(super) name: Arc<str>,
    used: Timestamp,
}

/// What looking at the two files of an object says.
#[derive(Debug, PartialEq, Eq)]
enum Belief {
    /// It is good.
    Good,
    /// It must be hashed first.
    Hash,
}

fn belief(stamp: Stamp, sidecar: Option<&Sidecar>, boot: Option<&str>) -> Belief {
    let good = |sidecar: &Sidecar| sidecar.stamp == stamp && boot.is_some() && sidecar.boot.as_deref() == boot;
    if sidecar.is_some_and(good) { Belief::Good } else { Belief::Hash }
}

impl Store {
    /// The object, if it is there and good.
    pub(super) fn look_up(&self, kind: Kind, id: &ContentId) -> Result<Option<Known>, StoreError> {
        let path = self.path_of(kind, id);
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                self.forget(kind, id);
                return Ok(None);
            }
            metadata => metadata.map_err(StoreError::at("look at an object", &path))?,
        };
        if !metadata.is_file() {
            self.quarantine(kind, id, &path, "it is not a file");
            return Ok(None);
        }
        let stamp = Stamp::of(&metadata);
        let now = self.now();
        if let Some(mut known) = self.remembered(kind, id).filter(|known| known.stamp == stamp) {
            if note_is_due(known.used, now) {
                touch(&Sidecar::place(&path), now);
                known.used = now;
                self.remember(kind, id, known.clone());
            }
            return Ok(Some(known));
        }
        self.look_closer(kind, id, &path, stamp, now)
    }

    fn look_closer(
        &self,
        kind: Kind,
        id: &ContentId,
        path: &Path,
        mut stamp: Stamp,
        now: Timestamp,
    ) -> Result<Option<Known>, StoreError> {
        let place = Sidecar::place(path);
        let sidecar = Sidecar::read(&place);
        let boot = self.shared.boot.as_deref();
        if belief(stamp, sidecar.as_ref(), boot) == Belief::Hash {
            let hashed = match hash_file(path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                hashed => hashed.map_err(StoreError::at("read an object", path))?,
            };
            if hashed.id != *id {
                let reason = format!("it hashes to {} ({} bytes)", hashed.id, hashed.stamp.size);
                self.quarantine(kind, id, path, &reason);
                return Ok(None);
            }
            stamp = hashed.stamp;
            let (name, from, stored) = sidecar.as_ref().map_or(("", "", now), |old| (&old.name, &old.from, old.stored));
            self.write_sidecar(path, &Sidecar::new(stamp, boot, name, from, stored));
        }
        let used = used_at(&place).unwrap_or(Timestamp::UNIX_EPOCH);
        if note_is_due(used, now) {
            touch(&place, now);
        }
        let name = sidecar.map_or_else(|| Arc::from(""), |sidecar| sidecar.name.into());
        let known = Known { stamp, name, used: now };
        self.remember(kind, id, known.clone());
        Ok(Some(known))
    }

    /// A sidecar is a help: without it the object is hashed again, and no more.
    pub(super) fn write_sidecar(&self, object: &Path, sidecar: &Sidecar) {
        let place = Sidecar::place(object);
        match self.write_whole(&place, &sidecar.to_text()) {
            Ok(()) => touch(&place, self.now()),
            Err(error) => tracing::debug!(path = %place.display(), %error, "cannot write a sidecar"),
        }
    }

    /// As [`Self::look_up`], for somebody who is about to store it: what is there already is as good as stored now, and is not
    /// deleted for being old. The caller holds the store.
    pub(super) fn look_up_again(&self, kind: Kind, id: &ContentId) -> Result<Option<Known>, StoreError> {
        let known = self.look_up(kind, id)?;
        if known.is_some() {
            touch(&Sidecar::place(&self.path_of(kind, id)), self.now());
        }
        Ok(known)
    }

    pub(super) fn remember_stored(&self, kind: Kind, id: &ContentId, stamp: Stamp, name: &str) -> Known {
        let known = Known { stamp, name: name.into(), used: self.now() };
        self.remember(kind, id, known.clone());
        known
    }

    fn remembered(&self, kind: Kind, id: &ContentId) -> Option<Known> {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).get(&(kind, *id)).cloned()
    }

    fn remember(&self, kind: Kind, id: &ContentId, known: Known) {
        let mut all = self.shared.known.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_REMEMBERED {
            all.clear();
        }
        all.insert((kind, *id), known);
    }

    pub(super) fn forget(&self, kind: Kind, id: &ContentId) {
        self.shared.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&(kind, *id));
    }
}

fn note_is_due(used: Timestamp, now: Timestamp) -> bool {
    // A time in the future comes from a clock that was set back since, and would never be due.
    now.duration_since(used).abs() >= USE_NOTED
}

/// When an object was last used: the time of its sidecar.
pub(super) fn used_at(sidecar: &Path) -> Option<Timestamp> {
    Some(Stamp::of(&fs::symlink_metadata(sidecar).ok()?).time())
}

/// Writes down that something was used now. Not knowing that only changes what is deleted first.
pub(super) fn touch(path: &Path, now: Timestamp) {
    let nanoseconds = i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX);
    let touched = File::options().write(true).open(path).and_then(|file| set_mtime(&file, nanoseconds));
    if let Err(error) = touched {
        tracing::debug!(path = %path.display(), %error, "cannot note that it was used");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_believed() {
        let stamp = Stamp { size: 1, mtime_ns: 2 };
        let beside = |boot| Sidecar::new(stamp, boot, "", "", Timestamp::UNIX_EPOCH);
        for (found, sidecar, boot, expected) in [
            (stamp, Some(beside(Some("now"))), Some("now"), Belief::Good),
            (stamp, Some(beside(Some("before"))), Some("now"), Belief::Hash),
            (stamp, Some(beside(None)), Some("now"), Belief::Hash),
            (stamp, Some(beside(None)), None, Belief::Hash),
            (stamp, None, Some("now"), Belief::Hash),
            (Stamp { size: 2, ..stamp }, Some(beside(Some("now"))), Some("now"), Belief::Hash),
            (Stamp { mtime_ns: 3, ..stamp }, Some(beside(Some("now"))), Some("now"), Belief::Hash),
        ] {
            assert_eq!(belief(found, sidecar.as_ref(), boot), expected, "{found:?} {sidecar:?}");
        }
    }

    #[test]
    fn use_is_noted_once_a_day() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (ago, due) in [(0, false), (23, false), (24, true), (-23, false), (-25, true)] {
            assert_eq!(note_is_due(now - SignedDuration::from_hours(ago), now), due, "{ago}");
        }
    }
}
