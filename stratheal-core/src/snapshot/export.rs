//! A snapshot as one file: for another machine, or for a shelf.
//!
//! ```text
//! zstd( tar( snapshot.json, tree.zst, wheels/<sha256> ..., objects/<sha256> ... ) )
//! ```
//! The same snapshot makes the same file. It can be read by `tar --zstd`.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use tar::{Builder, EntryType, Header};

use super::tree::Tree;
use super::{Snapshot, SnapshotError, Snapshots};
use crate::objects::ContentId;

/// The members at the beginning.
pub(super) const HEAD: &str = "snapshot.json";
pub(super) const TREE: &str = "tree.zst";

/// The folders of the others.
pub(super) const WHEELS: &str = "wheels";
pub(super) const OBJECTS: &str = "objects";

/// How hard it packs. Wheels are packed already.
const LEVEL: i32 = 1;

/// What was exported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: u64,
    /// Wheels in it.
    pub wheels: usize,
    /// Other contents in it.
    pub objects: usize,
    /// Wheels and contents that were left out, because the other side has them.
    pub left_out: usize,
}

impl Snapshots {
    /// Writes a snapshot into one file, which appears when it is whole. What the snapshots `without` have is left out: whoever imports
    /// it needs those.
    ///
    /// # Cancellation
    /// Dropping the future stops the work and leaves nothing.
    ///
    /// # Errors
    /// [`SnapshotError`]: content is gone or damaged, or the file cannot be written.
    pub async fn export(
        &self,
        snapshot: &Snapshot,
        path: &Path,
        without: &[Snapshot],
    ) -> Result<Exported, SnapshotError> {
        let (snapshot, path, without) = (snapshot.clone(), path.to_owned(), without.to_vec());
        self.blocking(move |own, stop| own.write_export(&snapshot, &path, &without, stop)).await
    }

    fn write_export(
        &self,
        snapshot: &Snapshot,
        path: &Path,
        without: &[Snapshot],
        stop: &AtomicBool,
    ) -> Result<Exported, SnapshotError> {
        let _lock = self.shared.catalog.lock()?;
        let tree = self.tree(snapshot)?;
        let mut left_out = HashSet::new();
        for other in without {
            left_out.extend(contents_of(other, &self.tree(other)?));
        }
        let failed = || SnapshotError::at("write the export", path);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = Temporary(path.with_file_name(format!(".{name}.{}.tmp", std::process::id())));
        let file = File::create(&temporary.0).map_err(failed())?;
        let encoder = zstd::stream::write::Encoder::new(io::BufWriter::new(file), LEVEL).map_err(failed())?;
        let mut exporting = Exporting { own: self, path, tar: Builder::new(encoder), stop };
        let head = serde_json::to_vec_pretty(snapshot).map_err(io::Error::from).map_err(failed())?;
        exporting.bytes(HEAD, &head)?;
        let packed = crate::base::fs::read_bytes(&self.shared.catalog.tree_file(&snapshot.tree), u64::MAX - 1);
        exporting.bytes(TREE, &packed.map_err(|error| SnapshotError::storage("read a tree", error))?)?;
        let (wheels, objects) = exporting.contents(snapshot, &tree, &left_out)?;
        let finished = exporting.tar.into_inner().and_then(zstd::stream::write::Encoder::finish);
        let file =
            finished.and_then(|file| file.into_inner().map_err(io::IntoInnerError::into_error)).map_err(failed())?;
        file.sync_all().map_err(failed())?;
        let bytes = file.metadata().map_err(failed())?.len();
        std::fs::rename(&temporary.0, path).map_err(failed())?;
        Ok(Exported { path: path.to_owned(), bytes, wheels, objects, left_out: left_out.len() })
    }
}

/// Deleted when it is dropped.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "cannot remove an unfinished export");
        }
    }
}

/// All contents of a snapshot: of its files, and of those beside it.
pub(super) fn contents_of<'a>(snapshot: &'a Snapshot, tree: &'a Tree) -> impl Iterator<Item = ContentId> + 'a {
    let files = tree.files().map(|(_, content)| content.sha256);
    files.chain(snapshot.project.files.iter().map(|file| file.sha256))
}

type Output = zstd::stream::write::Encoder<'static, io::BufWriter<File>>;

struct Exporting<'a> {
    own: &'a Snapshots,
    path: &'a Path,
    tar: Builder<Output>,
    stop: &'a AtomicBool,
}

impl Exporting<'_> {
    /// Writes wheels and objects; answers how many of each.
    fn contents(
        &mut self,
        snapshot: &Snapshot,
        tree: &Tree,
        left_out: &HashSet<ContentId>,
    ) -> Result<(usize, usize), SnapshotError> {
        let gone = |what: String| SnapshotError::Damaged {
            number: snapshot.number,
            reason: format!("{what} is gone or damaged"),
        };
        let (vault, contents) = (self.own.vault()?, self.own.contents()?);
        let mut wheels = 0;
        for (number, wheel) in tree.wheels.iter().enumerate() {
            let is_of =
                |content: &super::Content| content.wheel.as_ref().is_some_and(|file| file.wheel as usize == number);
            if tree.files().filter(|(_, content)| is_of(content)).all(|(_, content)| left_out.contains(&content.sha256))
            {
                continue;
            }
            let pack = vault.pack(&wheel.sha256)?.ok_or_else(|| gone(format!("the wheel {}", wheel.name)))?;
            let mut file = pack.open()?;
            self.member(&format!("{WHEELS}/{}", wheel.sha256), pack.size(), &mut file)?;
            wheels += 1;
        }
        let mut done = HashSet::new();
        let files = tree.files().filter(|(_, content)| content.wheel.is_none());
        let files = files.map(|(entry, content)| (entry.path.clone(), content.clone()));
        let beside = snapshot
            .project
            .files
            .iter()
            .map(|file| (PathBuf::from(&file.path), super::Content::new(file.size, file.sha256, None)));
        for (path, content) in files.chain(beside) {
            if left_out.contains(&content.sha256) || !done.insert(content.sha256) {
                continue;
            }
            let mut pipe = Spool::new(&vault, content.size)?;
            if !contents.copy(&tree.wheels, &content, &mut pipe)? {
                return Err(gone(format!("the content of {}", path.display())));
            }
            self.member(&format!("{OBJECTS}/{}", content.sha256), content.size, &mut pipe.reader()?)?;
        }
        Ok((wheels, done.len()))
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.member(name, bytes.len() as u64, &mut { bytes })
    }

    fn member(&mut self, name: &str, size: u64, from: &mut dyn io::Read) -> Result<(), SnapshotError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(SnapshotError::Stopped);
        }
        // The same content makes the same file, so it has no times and no owners.
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_size(size);
        self.tar.append_data(&mut header, name, from).map_err(SnapshotError::at("write the export", self.path))
    }
}

/// Holds a content until it is known to be right: small ones in memory, large ones in a file.
struct Spool {
    small: Vec<u8>,
    large: Option<(crate::objects::Scratch, File)>,
}

impl Spool {
    fn new(vault: &crate::objects::Store, size: u64) -> Result<Self, SnapshotError> {
        let large = if size > 4 << 20 {
            let scratch = vault.scratch()?;
            let opened = File::options().read(true).write(true).create_new(true).open(scratch.path());
            let file = opened.map_err(SnapshotError::at("make a file", scratch.path()))?;
            Some((scratch, file))
        } else {
            None
        };
        Ok(Self { small: Vec::new(), large })
    }

    fn reader(&mut self) -> Result<Box<dyn io::Read + '_>, SnapshotError> {
        match &mut self.large {
            Some((scratch, file)) => {
                io::Seek::rewind(file).map_err(SnapshotError::at("read", scratch.path()))?;
                Ok(Box::new(file))
            }
            None => Ok(Box::new(self.small.as_slice())),
        }
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.large {
            Some((_, file)) => file.write(bytes),
            None => self.small.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
