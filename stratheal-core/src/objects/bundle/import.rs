//! Reading a bundle.
//!
//! It may come from anywhere, so nothing in it is believed: sizes are bounded before anything is written, names are no paths, and each
//! file is hashed before it is in place. What was taken over before a fault was found stays; it is whole and verified.

use std::fs::File;
use std::io::{self, Read, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::manifest::{LARGEST_MANIFEST, MANIFEST, Manifest, PACK};
use super::{BundleError, Entry};
use crate::objects::{ContentId, Scratch, Store, StoreError};

/// How much is moved at a time.
const PIECE: usize = 128 * 1024;

/// What a placer does with a file that was read and verified: it moves it from the scratch path, or leaves it to be deleted.
pub type Place<'a> = dyn FnMut(&Entry, &Scratch) -> Result<Placed, StoreError> + 'a;

/// What became of an entry that is no pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It was put in place.
    Added,
    /// It was there, or something newer.
    Kept,
    /// Nobody knows what it is for.
    Unknown,
}

/// What reading a bundle did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImportReport {
    /// Entries that were missing, and are there now.
    pub added: usize,
    /// Bytes of those.
    pub bytes: u64,
    /// Entries that were there already.
    pub kept: usize,
    /// Entries of a kind that nobody knows, by path. They were not taken over.
    pub unknown: Vec<String>,
}

/// A placer that knows no other kinds than packs.
///
/// # Errors
/// Never.
pub fn only_packs(_: &Entry, _: &Scratch) -> Result<Placed, StoreError> {
    Ok(Placed::Unknown)
}

/// Reads a bundle into a store, as a stream. Packs that are there already are passed over. `place` gets all other files, each verified;
/// `limit` bounds the bytes of all entries.
///
/// # Errors
/// [`BundleError`].
pub fn read(
    store: &Store,
    bundle: &mut dyn Read,
    limit: u64,
    place: &mut Place<'_>,
) -> Result<ImportReport, BundleError> {
    let mut tar = Archive::new(bundle);
    // Raw: the extensions of tar (long names, sparse files) are not used, and would be read into memory whole.
    let mut members = tar.entries().map_err(|error| not_a_bundle(&error))?.raw(true);
    let first = members.next().ok_or_else(|| not_a_bundle(&"it is empty"))?;
    let manifest = read_manifest(first.map_err(|error| not_a_bundle(&error))?)?;
    if manifest.bytes() > limit {
        return Err(BundleError::TooLarge { size: manifest.bytes(), limit });
    }
    let mut report = ImportReport::default();
    for (number, entry) in manifest.entries.iter().enumerate() {
        let unreadable = |source| BundleError::Unreadable { at: entry.path.clone(), source };
        let member = members.next().ok_or_else(|| unreadable(io::ErrorKind::UnexpectedEof.into()))?;
        let mut member = member.map_err(unreadable)?;
        let is_it = member.header().entry_type() == EntryType::Regular
            && member.path_bytes().as_ref() == entry.member(number).as_bytes()
            && member.header().size().ok() == Some(entry.size);
        if !is_it {
            return Err(BundleError::refused(&entry.path, "what follows is not what the manifest says"));
        }
        if entry.kind == PACK && store.pack(&entry.sha256)?.is_some() {
            report.kept += 1;
            continue;
        }
        let scratch = store.scratch()?;
        receive(entry, &mut member, &scratch)?;
        let placed = if entry.kind == PACK {
            store.adopt(scratch.path(), &entry.sha256, &entry.path, "a bundle").map(|_| Placed::Added)
        } else {
            place(entry, &scratch)
        };
        match placed? {
            Placed::Added => {
                report.added += 1;
                report.bytes += entry.size;
            }
            Placed::Kept => report.kept += 1,
            Placed::Unknown => report.unknown.push(entry.path.clone()),
        }
    }
    match members.next() {
        None => Ok(report),
        Some(_) => Err(not_a_bundle(&"something follows that its manifest does not name")),
    }
}

fn read_manifest(mut member: tar::Entry<'_, &mut dyn Read>) -> Result<Manifest, BundleError> {
    let header = member.header();
    if header.entry_type() != EntryType::Regular || member.path_bytes().as_ref() != MANIFEST.as_bytes() {
        return Err(not_a_bundle(&format_args!("it does not begin with {MANIFEST}")));
    }
    if header.size().ok().is_none_or(|size| size > LARGEST_MANIFEST) {
        return Err(not_a_bundle(&"its manifest is too large"));
    }
    let mut text = Vec::new();
    member.read_to_end(&mut text).map_err(|error| not_a_bundle(&error))?;
    Manifest::parse(&text)
}

/// Writes a member to a scratch path, and verifies it.
fn receive(entry: &Entry, member: &mut dyn Read, scratch: &Scratch) -> Result<(), BundleError> {
    let failed = |error| StoreError::at("write", scratch.path())(error);
    let mut file = File::options().read(true).write(true).create_new(true).open(scratch.path()).map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut size = 0;
    let mut piece = vec![0; PIECE];
    loop {
        let count = match member.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(BundleError::Unreadable { at: entry.path.clone(), source }),
        };
        hasher.update(&piece[..count]);
        size += count as u64;
        file.write_all(&piece[..count]).map_err(failed)?;
    }
    if size != entry.size {
        let source = io::ErrorKind::UnexpectedEof.into();
        return Err(BundleError::Unreadable { at: entry.path.clone(), source });
    }
    let got = ContentId::new(hasher.finalize().into());
    if got == entry.sha256 {
        return Ok(());
    }
    Err(StoreError::Mismatch { name: entry.path.clone(), expected: entry.sha256, got }.into())
}

fn not_a_bundle(reason: &dyn std::fmt::Display) -> BundleError {
    BundleError::NotABundle { reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;
    use crate::objects::bundle::export::Writer;

    struct Example {
        folder: tempfile::TempDir,
        store: Store,
        bundle: Vec<u8>,
    }

    const LIMIT: u64 = 1_000_000;

    fn example() -> Example {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("one")).unwrap();
        let packs = [("a.whl", vec![1; 3_000]), ("b.whl", vec![2; 10])];
        let packs = packs.map(|(name, content)| store.put(name, "", &content).unwrap());
        let mut writer = Writer::new(&store).unwrap();
        for pack in packs.iter().chain(&packs) {
            writer.add_pack(pack);
        }
        let page = folder.path().join("page");
        fs::write(&page, "a page").unwrap();
        writer.add_file("index", "default/a.json", &page).unwrap();
        let mut bundle = Vec::new();
        assert_eq!(writer.write(&mut bundle).unwrap(), 3_016);
        Example { folder, store, bundle }
    }

    impl Example {
        fn other(&self) -> Store {
            Store::open(&self.folder.path().join("two")).unwrap()
        }
    }

    #[test]
    fn what_is_missing_comes_over() {
        let example = example();
        let other = example.other();
        other.put("b.whl", "", &[2; 10]).unwrap();
        let mut seen = Vec::new();
        let mut place = |entry: &Entry, scratch: &Scratch| {
            seen.push((entry.kind.clone(), entry.path.clone(), fs::read_to_string(scratch.path()).unwrap()));
            Ok(Placed::Added)
        };
        let report = read(&other, &mut example.bundle.as_slice(), LIMIT, &mut place).unwrap();
        assert_eq!((report.added, report.kept, report.bytes), (2, 1, 3_006));
        assert_eq!(seen, [("index".to_owned(), "default/a.json".to_owned(), "a page".to_owned())]);
        assert_eq!(other.pack(&ContentId::of(&[1; 3_000])).unwrap().unwrap().name(), "a.whl");
        let again = read(&other, &mut example.bundle.as_slice(), LIMIT, &mut only_packs).unwrap();
        assert_eq!((again.added, again.kept, again.unknown), (0, 2, vec!["default/a.json".to_owned()]));
        assert!(example.store.verify(&mut |_| true).unwrap().damaged.is_empty());
    }

    #[test]
    fn a_cut_bundle_keeps_what_came_before() {
        let example = example();
        let at = example.bundle.windows(9).position(|window| window == [2; 9]).unwrap();
        let other = example.other();
        let error = read(&other, &mut &example.bundle[..at + 5], LIMIT, &mut only_packs).unwrap_err();
        assert!(matches!(&error, BundleError::Unreadable { at, .. } if at == "b.whl"), "{error}");
        assert!(other.pack(&ContentId::of(&[1; 3_000])).unwrap().is_some());
        assert!(other.pack(&ContentId::of(&[2; 10])).unwrap().is_none());
    }

    #[test]
    fn wrong_bytes_and_too_many_are_refused() {
        let mut example = example();
        let other = example.other();
        let error = read(&other, &mut example.bundle.as_slice(), 3_015, &mut only_packs).unwrap_err();
        assert!(matches!(error, BundleError::TooLarge { size: 3_016, limit: 3_015 }));
        assert_eq!(other.usage().unwrap().packs.count, 0);
        let at = example.bundle.windows(9).position(|window| window == [1; 9]).unwrap();
        example.bundle[at + 100] = 7;
        let error = read(&other, &mut example.bundle.as_slice(), LIMIT, &mut only_packs).unwrap_err();
        assert!(matches!(error, BundleError::Store(StoreError::Mismatch { .. })), "{error}");
        assert_eq!(other.usage().unwrap().packs.count, 0);
        for noise in [&b""[..], b"PK\x03\x04", &[0; 2_000]] {
            let error = read(&other, &mut &noise[..], LIMIT, &mut only_packs).unwrap_err();
            assert!(matches!(error, BundleError::NotABundle { .. }), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn never_panics(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
            let example = example();
            let mut bundle = example.bundle.clone();
            for (at, byte) in changes {
                let at = at.index(bundle.len());
                bundle[at] = byte;
            }
            let other = example.other();
            drop(read(&other, &mut bundle.as_slice(), LIMIT, &mut |_, _| Ok(Placed::Added)));
            prop_assert_eq!(other.verify(&mut |_| true).unwrap().damaged, vec![]);
        }
    }
}
