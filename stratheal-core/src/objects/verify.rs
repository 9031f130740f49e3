//! Hashing everything, whatever sizes and times say.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::hash::hash_file;
use super::tree::{DamagedFile, check_tree};
use super::{ContentId, Kind, Store, StoreError};

/// How far [`Store::verify`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyProgress {
    /// Objects looked at so far.
    pub objects: usize,
    /// All objects.
    pub of: usize,
    /// Bytes hashed so far.
    pub bytes: u64,
}

/// Something that was damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// What it is.
    pub kind: Kind,
    /// Its id; of a file of a tree, that of the pack.
    pub id: ContentId,
    /// The file of the tree, where it is one.
    pub file: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

/// What [`Store::verify`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct VerifyReport {
    /// Objects that were looked at.
    pub objects: usize,
    /// Bytes that were hashed.
    pub bytes: u64,
    /// What was damaged, and is in the quarantine now. A damaged file of a tree is unpacked anew when it is wanted; packs must
    /// be had again.
    pub damaged: Vec<Damage>,
    /// Whether it was ended before everything was looked at.
    pub cancelled: bool,
}

impl Store {
    /// Hashes every pack and file of a tree, and moves what is damaged to the quarantine. `on` is called after each
    /// object and each file of a tree; it ends the work by answering `false`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read. Damage is no error.
    pub fn verify(&self, on: &mut dyn FnMut(VerifyProgress) -> bool) -> Result<VerifyReport, StoreError> {
        let mut all = Vec::new();
        for kind in [Kind::Pack, Kind::Tree] {
            all.extend(self.ids(kind)?.into_iter().map(|(id, path)| (kind, id, path)));
        }
        let mut report = VerifyReport::default();
        for (kind, id, path) in &all {
            if report.cancelled {
                break;
            }
            let mut progress = VerifyProgress { objects: report.objects, of: all.len(), bytes: report.bytes };
            if *kind == Kind::Tree {
                let mut went_on = true;
                let checked = check_tree(path, &mut |bytes| {
                    progress.bytes += bytes;
                    went_on = on(progress);
                    went_on
                });
                report.cancelled = !went_on;
                report.bytes = progress.bytes;
                self.judge_tree(id, path, checked, &mut report.damaged)?;
            } else {
                // What was deleted meanwhile is no damage.
                let Some((size, wrong)) = judge_file(id, path)? else { continue };
                report.bytes += size;
                if let Some(reason) = wrong {
                    self.quarantine(*kind, id, path, &reason);
                    report.damaged.push(Damage { kind: *kind, id: *id, file: None, reason });
                }
            }
            report.objects += 1;
            let progress = VerifyProgress { objects: report.objects, of: all.len(), bytes: report.bytes };
            report.cancelled |= !on(progress);
        }
        Ok(report)
    }

    /// Hashes a pack, whatever its size and times say. A damaged one is moved to the quarantine. Answers whether there is a good one.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub fn check_pack(&self, id: &ContentId) -> Result<bool, StoreError> {
        let path = self.path_of(Kind::Pack, id);
        match judge_file(id, &path)? {
            None => Ok(false),
            Some((_, None)) => Ok(true),
            Some((_, Some(reason))) => {
                self.quarantine(Kind::Pack, id, &path, &reason);
                Ok(false)
            }
        }
    }

    fn judge_tree(
        &self,
        id: &ContentId,
        tree: &Path,
        checked: Option<Vec<DamagedFile>>,
        damaged: &mut Vec<Damage>,
    ) -> Result<(), StoreError> {
        let Some(files) = checked else {
            if self.drop_damaged_tree(id, tree)? {
                let reason = "its manifest cannot be read".to_owned();
                damaged.push(Damage { kind: Kind::Tree, id: *id, file: None, reason });
            }
            return Ok(());
        };
        for file in files {
            // A tree that was dropped meanwhile has no files, and that is no damage.
            if !tree.exists() {
                break;
            }
            let reason = format!("`{}`: {}", file.path, file.reason);
            self.quarantine(Kind::Tree, id, &file.place, &reason);
            damaged.push(Damage { kind: Kind::Tree, id: *id, file: Some(file.path), reason: file.reason });
        }
        Ok(())
    }
}

/// The size of an object, and what is wrong with it.
fn judge_file(id: &ContentId, path: &Path) -> Result<Option<(u64, Option<String>)>, StoreError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() => return Ok(Some((0, Some("it is not a file".to_owned())))),
        _ => {}
    }
    match hash_file(path) {
        Ok(hashed) if hashed.id == *id => Ok(Some((hashed.stamp.size, None))),
        Ok(hashed) => {
            let reason = format!("it hashes to {} ({} bytes)", hashed.id, hashed.stamp.size);
            Ok(Some((hashed.stamp.size, Some(reason))))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Of a disk that cannot be read nothing is known: that is for a person.
        Err(error) => Err(StoreError::at("read an object", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_named_and_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let good = store.put("good", "", b"good").unwrap();
        let bad = store.put("bad", "", b"bad").unwrap();
        let other = store.put("other", "", b"other").unwrap();
        for path in [bad.path(), other.path()] {
            fs::remove_file(path).unwrap();
            fs::write(path, b"something else").unwrap();
        }
        let mut calls = 0;
        let report = store
            .verify(&mut |progress| {
                calls += 1;
                assert_eq!((progress.of, progress.objects), (3, calls));
                true
            })
            .unwrap();
        let named: Vec<_> = report.damaged.iter().map(|damage| (damage.kind, damage.id)).collect();
        let mut expected = [(Kind::Pack, bad.id()), (Kind::Pack, other.id())];
        expected.sort_unstable();
        assert_eq!(named, expected);
        assert_eq!((report.objects, report.bytes, report.cancelled), (3, 32, false));
        assert_eq!(store.quarantined().unwrap().len(), 2);
        assert!(store.pack(&good.id()).unwrap().is_some() && store.pack(&bad.id()).unwrap().is_none());
        assert_eq!(store.verify(&mut |_| true).unwrap().damaged, []);
    }

    #[test]
    fn it_ends_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        for number in 0..9_u8 {
            store.put("", "", &[number]).unwrap();
        }
        let report = store.verify(&mut |progress| progress.objects < 4).unwrap();
        assert_eq!((report.objects, report.cancelled), (4, true));
    }
}
