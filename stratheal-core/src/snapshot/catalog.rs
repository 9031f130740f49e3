//! The snapshots of a state folder: one small file for each, and their trees, which those that are equal share.
//!
//! ```text
//! snapshots/12.json                what is known of it
//! snapshots/trees/<sha256>.zst     a tree, packed, under the hash of its text
//! snapshots/lock                   held by whoever adds or deletes
//! objects/                         the content: wheels, shared with the download cache as far as possible, and segments
//! ```

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::tree::{InvalidTree, Tree, parse_tree, write_tree};
use super::{Snapshot, SnapshotError};
use crate::base::fs::{read_text, replace_unsynced, sync_file_system, write_atomic};
use crate::objects::ContentId;

/// The largest description of a snapshot, in bytes.
const LARGEST: u64 = 64 << 20;

/// The largest text of a tree, unpacked, in bytes.
const LARGEST_TREE: u64 = 2 << 30;

/// How hard trees are packed: hashes do not get smaller, and more effort saves little.
const LEVEL: i32 = 1;

/// The folder of snapshots.
#[derive(Debug, Clone)]
pub(super) struct Catalog {
    folder: PathBuf,
}

/// The right to add and delete snapshots. It ends when it is dropped, and with the process.
#[derive(Debug)]
pub(super) struct CatalogLock {
    _file: File,
}

/// A snapshot that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unreadable {
    /// Its number.
    pub number: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl Catalog {
    pub(super) fn new(state: &Path) -> Self {
        Self { folder: state.join("snapshots") }
    }

    fn trees(&self) -> PathBuf {
        self.folder.join("trees")
    }

    fn place(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number}.json"))
    }

    fn tree_place(&self, id: &ContentId) -> PathBuf {
        self.trees().join(format!("{id}.zst"))
    }

    /// Waits for the right to add and delete. Blocks.
    pub(super) fn lock(&self) -> Result<CatalogLock, SnapshotError> {
        let trees = self.trees();
        private(&trees).map_err(SnapshotError::at("make a folder for snapshots", &trees))?;
        let ignore = self.folder.with_file_name(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(SnapshotError::at("hide snapshots from git", &ignore))?;
        }
        let path = self.folder.join("lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.and_then(|file| file.lock().map(|()| file));
        Ok(CatalogLock { _file: file.map_err(SnapshotError::at("lock the snapshots", &path))? })
    }

    /// All snapshots in the order of their numbers, and those that cannot be read.
    pub(super) fn list(&self) -> Result<(Vec<Snapshot>, Vec<Unreadable>), SnapshotError> {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for number in self.numbers()? {
            match self.read(number) {
                Ok(snapshot) => good.push(snapshot),
                // Somebody has just deleted it.
                Err(SnapshotError::Unknown { .. }) => {}
                Err(error @ (SnapshotError::Damaged { .. } | SnapshotError::NewerFormat { .. })) => {
                    bad.push(Unreadable { number, reason: error.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        Ok((good, bad))
    }

    fn numbers(&self) -> Result<Vec<u64>, SnapshotError> {
        let listed = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listed => listed.map_err(SnapshotError::at("list the snapshots", &self.folder))?,
        };
        let mut numbers = Vec::new();
        for entry in listed {
            let entry = entry.map_err(SnapshotError::at("list the snapshots", &self.folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            numbers.extend(name.strip_suffix(".json").and_then(|name| name.parse::<u64>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// One snapshot.
    pub(super) fn read(&self, number: u64) -> Result<Snapshot, SnapshotError> {
        let path = self.place(number);
        let text = match read_text(&path, LARGEST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SnapshotError::Unknown { wanted: number.to_string() });
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(SnapshotError::Damaged { number, reason: error.to_string() });
            }
            text => text.map_err(|error| SnapshotError::storage("read a snapshot", error))?,
        };
        let snapshot = parse_snapshot(&text).map_err(|error| match error {
            Invalid::Newer(found) => {
                let what = format!("snapshot {number}");
                SnapshotError::NewerFormat { what, found, known: Snapshot::FORMAT }
            }
            Invalid::Other(reason) => SnapshotError::Damaged { number, reason },
        })?;
        Ok(Snapshot { number, ..snapshot })
    }

    /// Adds a snapshot, and gives it its number. The catalog is locked.
    pub(super) fn add(
        &self,
        _lock: &CatalogLock,
        snapshot: Snapshot,
        durable: bool,
    ) -> Result<Snapshot, SnapshotError> {
        let number = self.numbers()?.last().map_or(1, |last| last + 1);
        let snapshot = Snapshot { number, ..snapshot };
        self.write(&snapshot, durable)?;
        Ok(snapshot)
    }

    /// Writes down what has changed about a snapshot. The catalog is locked.
    pub(super) fn update(&self, _lock: &CatalogLock, snapshot: &Snapshot) -> Result<(), SnapshotError> {
        self.write(snapshot, true)
    }

    fn write(&self, snapshot: &Snapshot, durable: bool) -> Result<(), SnapshotError> {
        let place = self.place(snapshot.number);
        let text = serde_json::to_vec_pretty(snapshot).map_err(io::Error::from);
        let write = if durable { write_atomic } else { replace_unsynced };
        let written = text.and_then(|text| write(&place, &text));
        written.map_err(|error| SnapshotError::storage("write a snapshot", error))
    }

    /// Waits until what was written without waiting is on the disk.
    pub(super) fn sync(&self) -> Result<(), SnapshotError> {
        sync_file_system(&self.folder).map_err(|error| SnapshotError::storage("write to the disk", error))
    }

    /// Deletes a snapshot. The catalog is locked.
    pub(super) fn remove(&self, _lock: &CatalogLock, number: u64) -> Result<(), SnapshotError> {
        let place = self.place(number);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SnapshotError::at("delete a snapshot", &place)(error))
            }
            _ => Ok(()),
        }
    }

    /// Stores a tree under the hash of its text. Answers how many bytes that took: none if it is there already.
    pub(super) fn put_tree(
        &self,
        _lock: &CatalogLock,
        tree: &Tree,
        durable: bool,
    ) -> Result<(ContentId, u64), SnapshotError> {
        let temporary = self.trees().join(format!(".{}.tmp", std::process::id()));
        let failed = SnapshotError::at("write a tree", &temporary);
        let written = (|| {
            let encoder = zstd::stream::write::Encoder::new(File::create(&temporary)?, LEVEL)?;
            let mut writer = io::BufWriter::with_capacity(64 << 10, Hashing { inner: encoder, hasher: Sha256::new() });
            write_tree(tree, &mut writer)?;
            let Hashing { inner, hasher } = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            let id = ContentId::new(hasher.finalize().into());
            let file = inner.finish()?;
            let place = self.tree_place(&id);
            if place.exists() {
                return fs::remove_file(&temporary).map(|()| (id, 0));
            }
            if durable {
                file.sync_all()?;
            }
            let size = file.metadata()?.len();
            fs::rename(&temporary, &place)?;
            if durable {
                File::open(self.trees())?.sync_all()?;
            }
            Ok((id, size))
        })();
        written.map_err(|error: io::Error| {
            if let Err(left) = fs::remove_file(&temporary)
                && left.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %temporary.display(), %left, "cannot remove a temporary file");
            }
            failed(error)
        })
    }

    /// The tree of a snapshot, checked against its hash.
    pub(super) fn tree(&self, snapshot: &Snapshot) -> Result<Tree, SnapshotError> {
        self.read_tree(snapshot, None)
    }

    /// Only one path of it, and the folders on the way there. All of it is checked against its hash.
    pub(super) fn tree_to(&self, snapshot: &Snapshot, path: &Path) -> Result<Tree, SnapshotError> {
        self.read_tree(snapshot, Some(path))
    }

    fn read_tree(&self, snapshot: &Snapshot, only: Option<&Path>) -> Result<Tree, SnapshotError> {
        let place = self.tree_place(&snapshot.tree);
        let damaged = |reason: String| SnapshotError::Damaged { number: snapshot.number, reason };
        let file = match File::open(&place) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged("its tree is gone".to_owned()));
            }
            file => file.map_err(SnapshotError::at("read a tree", &place))?,
        };
        read_tree(file, snapshot.tree, only).map_err(|error| match error {
            Invalid::Newer(found) => {
                let what = format!("the tree of snapshot {}", snapshot.number);
                SnapshotError::NewerFormat { what, found, known: Snapshot::FORMAT }
            }
            Invalid::Other(reason) => damaged(format!("its tree {}: {reason}", place.display())),
        })
    }

    /// The packed tree of a snapshot as a file.
    pub(super) fn tree_file(&self, id: &ContentId) -> PathBuf {
        self.tree_place(id)
    }

    /// Deletes trees that no snapshot has, and what was left by who was killed. Answers their bytes. The catalog is locked.
    pub(super) fn sweep(&self, _lock: &CatalogLock, live: &HashSet<ContentId>) -> Result<u64, SnapshotError> {
        let trees = self.trees();
        let mut bytes = 0;
        for entry in fs::read_dir(&trees).map_err(SnapshotError::at("list the trees", &trees))? {
            let entry = entry.map_err(SnapshotError::at("list the trees", &trees))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let id = name.strip_suffix(".zst").and_then(|name| name.parse::<ContentId>().ok());
            if id.is_some_and(|id| live.contains(&id)) {
                continue;
            }
            bytes += entry.metadata().map_or(0, |found| found.len());
            fs::remove_file(entry.path()).map_err(SnapshotError::at("delete a tree", &entry.path()))?;
        }
        Ok(bytes)
    }
}

/// Makes a folder for this user alone: what lies beside an environment may hold what others must not know.
fn private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Why a file of the catalog cannot be used.
#[derive(Debug)]
pub(super) enum Invalid {
    Newer(u32),
    Other(String),
}

/// Reads the description of a snapshot.
pub(super) fn parse_snapshot(text: &str) -> Result<Snapshot, Invalid> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let other = |error: serde_json::Error| Invalid::Other(error.to_string());
    // The format first: a later one may have other fields.
    let Format { format } = serde_json::from_str(text).map_err(other)?;
    if format > Snapshot::FORMAT {
        return Err(Invalid::Newer(format));
    }
    serde_json::from_str(text).map_err(other)
}

/// Reads a packed tree, and compares it with its hash. With `only`, nothing but that path and the folders on the way there.
pub(super) fn read_tree(packed: impl Read, expected: ContentId, only: Option<&Path>) -> Result<Tree, Invalid> {
    let other = |error: io::Error| Invalid::Other(error.to_string());
    let decoder = zstd::stream::read::Decoder::new(packed).map_err(other)?;
    let hashing = Hashing { inner: decoder.take(LARGEST_TREE), hasher: Sha256::new() };
    let mut reader = BufReader::with_capacity(64 << 10, hashing);
    let tree = parse_tree(&mut reader, only).map_err(other)?;
    let Hashing { hasher, .. } = reader.into_inner();
    let tree = tree.map_err(|error| match error {
        InvalidTree::Newer { found } => Invalid::Newer(found),
        error @ InvalidTree::Line { .. } => Invalid::Other(error.to_string()),
    })?;
    if ContentId::new(hasher.finalize().into()) != expected {
        return Err(Invalid::Other("it hashes to something else".to_owned()));
    }
    Ok(tree)
}

struct Hashing<T> {
    inner: T,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::snapshot::tree::{Attributes, Entry, Node};
    use crate::snapshot::{Author, ProjectFiles, Reason, Record};

    /// A snapshot of `/env`, made at so many seconds.
    pub(in crate::snapshot) fn snapshot(number: u64) -> Snapshot {
        Snapshot {
            format: Snapshot::FORMAT,
            number,
            created: Timestamp::from_second(i64::try_from(number).unwrap()).unwrap(),
            root: "/env".into(),
            reason: Reason::Asked,
            by: Author::default(),
            label: None,
            pinned: false,
            good: None,
            tree: ContentId::of(b""),
            files: 0,
            bytes: 0,
            part: None,
            fuzzy: Vec::new(),
            record: Record::default(),
            project: ProjectFiles::default(),
            origins: None,
        }
    }

    fn tree(name: &str) -> Tree {
        let attributes = Attributes { mode: 0o755, uid: 0, gid: 0, mtime_ns: 0 };
        let folder = |path: &str| Entry {
            path: path.into(),
            attributes,
            extended: crate::snapshot::Extended::default(),
            node: Node::Folder,
        };
        Tree { wheels: Vec::new(), entries: vec![folder(""), folder(name)] }
    }

    #[test]
    fn snapshots_are_numbered_and_share_equal_trees() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::new(folder.path());
        assert!(catalog.list().unwrap().0.is_empty());
        let lock = catalog.lock().unwrap();
        let (one, size) = catalog.put_tree(&lock, &tree("a"), true).unwrap();
        assert!(size > 0);
        assert_eq!(catalog.put_tree(&lock, &tree("a"), false).unwrap(), (one, 0));
        let (two, _) = catalog.put_tree(&lock, &tree("b"), false).unwrap();
        let added: Vec<_> = [one, one, two]
            .iter()
            .map(|tree| catalog.add(&lock, Snapshot { tree: *tree, ..snapshot(99) }, false).unwrap())
            .collect();
        assert_eq!(added.iter().map(|one| one.number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(catalog.list().unwrap().0, added);
        assert_eq!(catalog.tree(&added[2]).unwrap(), tree("b"));
        catalog.remove(&lock, 1).unwrap();
        assert!(matches!(catalog.read(1), Err(SnapshotError::Unknown { .. })));
        assert!(catalog.sweep(&lock, &HashSet::from([two])).unwrap() > 0);
        assert!(matches!(catalog.tree(&added[1]), Err(SnapshotError::Damaged { number: 2, .. })));
        assert_eq!(catalog.tree(&added[2]).unwrap(), tree("b"));
    }

    #[test]
    fn what_is_damaged_is_named_and_does_not_hide_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::new(folder.path());
        let lock = catalog.lock().unwrap();
        let (id, _) = catalog.put_tree(&lock, &tree("a"), false).unwrap();
        let added = catalog.add(&lock, Snapshot { tree: id, ..snapshot(0) }, false).unwrap();
        for (number, text) in [(2, "{"), (3, r#"{"format":2}"#), (4, "")] {
            fs::write(catalog.place(number), text).unwrap();
        }
        let (good, bad) = catalog.list().unwrap();
        assert_eq!((good.len(), bad.len()), (1, 3), "{bad:?}");
        assert!(bad[1].reason.contains("use a newer stratheal"), "{bad:?}");
        let place = catalog.tree_file(&id);
        let packed = fs::read(&place).unwrap();
        for at in 0..packed.len() {
            let mut bytes = packed.clone();
            bytes[at] ^= 4;
            fs::write(&place, &bytes).unwrap();
            // A flipped bit in what zstd does not look at changes nothing.
            assert!(catalog.tree(&added).is_err() || catalog.tree(&added).unwrap() == tree("a"), "byte {at}");
            fs::write(&place, &packed[..at]).unwrap();
            assert!(matches!(catalog.tree(&added), Err(SnapshotError::Damaged { .. })), "cut off at {at}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", bytes: Vec<u8>) {
            drop(parse_snapshot(&text));
            drop(parse_snapshot(&format!(r#"{{"format":1,{text}}}"#)));
            drop(read_tree(bytes.as_slice(), ContentId::of(&bytes), None));
        }
    }
}
