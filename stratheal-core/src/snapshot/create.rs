//! Making snapshots.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::capture::{Captured, Capturing, Looked, capture_one, project_files, record};
use super::catalog::CatalogLock;
use super::snapshots::real;
use super::tree::escape;
use super::{Author, ProjectFiles, Reason, Record, Snapshot, SnapshotError, SnapshotEvent, Snapshots};
use crate::installer::origin::Origins;
use crate::installer::switch::Register;
use crate::objects::{ContentId, Packed};

/// After this time the system has written by itself what did not wait for the disk.
const SETTLES: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);

/// How a snapshot is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateOptions {
    /// Why.
    pub reason: Reason,
    /// A name for it.
    pub label: Option<String>,
    /// The folder of the project whose few files are kept as well; by default the one that the environment lies in.
    pub project: Option<PathBuf>,
    /// Whether a tree that changes while it is looked at is refused, instead of being kept with a note of what changed.
    pub strict: bool,
    /// Whether it must outlive a power loss a moment later. Without it, that takes until the system has written by itself.
    pub durable: bool,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self { reason: Reason::Asked, label: None, project: None, strict: false, durable: true }
    }
}

/// A snapshot that was made, or is there already.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Created {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Whether it is a new one: nothing is made when everything is as in the newest one.
    pub is_new: bool,
    /// Files that had to be read, because nothing was known of them.
    pub read: usize,
    /// The bytes that were added to what is kept. Wheels that are shared with the download cache count, though they take no room.
    pub stored: u64,
}

/// What was just captured of an environment. All of its content is kept, and nobody deletes any of it as long as this is there.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) captured: Captured,
    created: Created,
    durable: bool,
    lock: CatalogLock,
}

impl Pending {
    /// The path that was captured, if that is not all.
    pub(super) fn part(&self) -> Option<PathBuf> {
        self.created.snapshot.part()
    }
}

impl Snapshots {
    /// Makes a snapshot of an environment as it is. When nothing has changed since the newest one, and no label is given, that one is
    /// the answer.
    ///
    /// # Cancellation
    /// Dropping the future stops the work; nothing is left but what the next collection deletes.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub async fn create(&self, root: &Path, options: &CreateOptions) -> Result<Created, SnapshotError> {
        let root = real(root)?;
        if !root.join("pyvenv.cfg").is_file() && !root.join("conda-meta").is_dir() {
            let reason = "there is none: it has no pyvenv.cfg".to_owned();
            return Err(SnapshotError::Environment { root, reason });
        }
        let (locked, register) = self.lock(&root, "snapshot").await?;
        let options = options.clone();
        self.blocking(move |own, stop| {
            let _locked = locked;
            let mut pending = own.prepare(&root, &register, &options, stop)?;
            own.commit(&mut pending)
        })
        .await
    }

    /// Captures an environment that is locked, and keeps its content. Blocks.
    pub(super) fn prepare(
        &self,
        root: &Path,
        register: &Register,
        options: &CreateOptions,
        stop: &AtomicBool,
    ) -> Result<Pending, SnapshotError> {
        if let Some(label) = &options.label {
            Snapshot::check_label(label)
                .map_err(|reason| SnapshotError::Label { label: label.chars().take(80).collect(), reason })?;
        }
        let catalog = &self.shared.catalog;
        let lock = catalog.lock()?;
        let began = self.shared.clock.now();
        let (all, _) = catalog.list()?;
        let newest = newest_whole(&all, root);
        let captured = self.capture(root, register, newest, Some(options.durable), stop)?;
        let vault = self.vault()?;
        let changed = || captured.changed.iter().take(5).map(|path| path.display().to_string()).collect::<Vec<_>>();
        if options.strict && !captured.changed.is_empty() {
            return Err(SnapshotError::Disturbed { root: root.to_owned(), paths: changed() });
        }
        let folder = options.project.as_deref().or_else(|| root.parent()).unwrap_or(Path::new("/"));
        let (project, contents) = project_files(folder);
        let segments = vault.segments()?;
        let new = project.files.iter().zip(&contents).filter(|(file, _)| !segments.contains(&file.sha256));
        let mut writer = None;
        for (file, content) in new {
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(vault.segment()?),
            };
            writer.add(&Packed::new(file.sha256, content))?;
        }
        let mut stored = captured.stored + writer.map_or(Ok(0), |writer| writer.finish(options.durable))?;
        let tree = if let Some(newest) = newest.filter(|_| captured.is_as_before) {
            newest.tree
        } else {
            let (tree, bytes) = catalog.put_tree(&lock, &captured.tree, options.durable)?;
            stored += bytes;
            tree
        };
        let same = newest.filter(|newest| newest.tree == tree);
        if let Some(same) = same.filter(|same| options.label.is_none() && same.project == project) {
            // One that was made around a change did not wait for the disk, which takes half a minute by itself.
            let is_young = began.duration_since(same.created).abs() < SETTLES;
            if options.durable && same.reason.is_automatic() && is_young {
                catalog.sync()?;
            }
            let created = Created { snapshot: same.clone(), is_new: false, read: captured.read, stored };
            return Ok(Pending { created, captured, durable: options.durable, lock });
        }
        let snapshot = Snapshot {
            format: Snapshot::FORMAT,
            number: 0,
            created: began,
            root: root.to_owned(),
            reason: options.reason.clone(),
            by: author(),
            label: options.label.clone(),
            pinned: false,
            // The same tree is as good as it was.
            good: same.and_then(|same| same.good.clone()),
            tree,
            files: captured.tree.files().count(),
            bytes: captured.tree.bytes(),
            part: None,
            fuzzy: changed(),
            record: same.map_or_else(|| record(root), |same| same.record.clone()),
            project,
            origins: Origins::read(register).to_value(),
        };
        let created = Created { snapshot, is_new: true, read: captured.read, stored };
        Ok(Pending { created, captured, durable: options.durable, lock })
    }

    /// Keeps one file of an environment that is locked, and nothing else. Blocks.
    pub(super) fn prepare_one(
        &self,
        root: &Path,
        path: &Path,
        looked: Vec<Looked>,
        reason: Reason,
        stop: &AtomicBool,
    ) -> Result<Pending, SnapshotError> {
        let catalog = &self.shared.catalog;
        let lock = catalog.lock()?;
        let created = self.shared.clock.now();
        let captured = capture_one(root, looked, &self.vault()?, stop)?;
        let (tree, bytes) = catalog.put_tree(&lock, &captured.tree, true)?;
        let snapshot = Snapshot {
            format: Snapshot::FORMAT,
            number: 0,
            created,
            root: root.to_owned(),
            reason,
            by: author(),
            label: None,
            pinned: false,
            good: None,
            tree,
            files: captured.tree.files().count(),
            bytes: captured.tree.bytes(),
            part: Some(escape(path).into_owned()),
            fuzzy: Vec::new(),
            record: Record::default(),
            project: ProjectFiles::default(),
            origins: None,
        };
        let created = Created { snapshot, is_new: true, read: captured.read, stored: captured.stored + bytes };
        Ok(Pending { captured, created, durable: true, lock })
    }

    /// Makes a snapshot of what was captured, unless there is the same already.
    pub(super) fn commit(&self, pending: &mut Pending) -> Result<Created, SnapshotError> {
        let Pending { created, durable, lock, .. } = pending;
        if created.is_new && created.snapshot.number == 0 {
            created.snapshot = self.shared.catalog.add(lock, created.snapshot.clone(), *durable)?;
            self.tell(SnapshotEvent::Made { number: created.snapshot.number });
        }
        Ok(created.clone())
    }
}

impl Snapshots {
    /// Captures an environment that is locked. Content that nobody has is kept when `durable` says how; else nothing is written. What
    /// the newest snapshot says need not be found out again.
    pub(super) fn capture(
        &self,
        root: &Path,
        register: &Register,
        newest: Option<&Snapshot>,
        durable: Option<bool>,
        stop: &AtomicBool,
    ) -> Result<Captured, SnapshotError> {
        let vault = self.vault()?;
        // One that cannot be read is of no help, and no trouble here.
        let before = newest.and_then(|newest| self.tree(newest).ok());
        Capturing {
            root,
            register,
            cache: self.shared.cache.as_ref(),
            vault: &vault,
            before: before.as_ref(),
            keeps: durable.is_some(),
            durable: durable.unwrap_or_default(),
            began: self.shared.clock.now(),
            stop,
            told: &|moment| self.tell(SnapshotEvent::Moment { moment }),
        }
        .run()
    }

    /// An environment as it is, as if it were a snapshot with the number 0. Nothing is written.
    pub(super) fn now(
        &self,
        root: &Path,
        register: &Register,
        project: &Path,
        stop: &AtomicBool,
    ) -> Result<(Snapshot, Captured), SnapshotError> {
        let (all, _) = self.list()?;
        let newest = newest_whole(&all, root);
        let captured = self.capture(root, register, newest, None, stop)?;
        let snapshot = Snapshot {
            format: Snapshot::FORMAT,
            number: 0,
            created: self.shared.clock.now(),
            root: root.to_owned(),
            reason: Reason::Asked,
            by: author(),
            label: None,
            pinned: false,
            good: None,
            tree: ContentId::of(b""),
            files: captured.tree.files().count(),
            bytes: captured.tree.bytes(),
            part: None,
            fuzzy: Vec::new(),
            record: record(root),
            project: project_files(project).0,
            origins: None,
        };
        Ok((snapshot, captured))
    }
}

/// The newest snapshot of all of an environment.
fn newest_whole<'a>(all: &'a [Snapshot], root: &Path) -> Option<&'a Snapshot> {
    all.iter().rev().find(|one| one.root == root && one.is_whole())
}

pub(super) fn author() -> Author {
    #[cfg(unix)]
    let uid = rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    let uid = 0;
    #[cfg(target_os = "linux")]
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(target_os = "linux"))]
    let host = String::new();
    Author { uid, host, process: std::process::id() }
}
