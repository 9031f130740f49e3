//! Putting back what one wheel holds. This blocks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::job::{Job, WantedFile, What};
use super::put::{PutError, put};
use super::repaired::Unmended;
use crate::base::class::chain;
use crate::base::fs::read_text;
use crate::installer::change::StageFolder;
use crate::installer::error::InstallError;
use crate::installer::python::Interpreter;
use crate::installer::stage::{Addition, Content, Contents, Placed, contents_of, write};
use crate::installer::switch::EnvironmentLock;
use crate::installer::verify::hash;
use crate::installer::wheel::WheelError;
use crate::objects::{ContentId, LinkMode, Linker, Pack, Store, StoreError, Tree, TreeFile};

/// The largest `direct_url.json`, in bytes.
const LARGEST_NOTE: u64 = 1 << 20;

/// Where it is put, and how.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) root: PathBuf,
    /// A folder beside the environment, for files until they are ready.
    pub(super) stage: StageFolder,
    /// Held until the last file has its place, also when nobody waits for that any more.
    pub(super) _locked: Arc<EnvironmentLock>,
    pub(super) interpreter: Option<Interpreter>,
    pub(super) store: Store,
    pub(super) link_mode: LinkMode,
    pub(super) full: bool,
    /// Set by whoever wants it to stop.
    pub(super) stop: Arc<AtomicBool>,
}

/// What one wheel could do for a job.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) mended: Vec<PathBuf>,
    /// What it holds, and cannot be put there.
    pub(super) refused: Vec<Unmended>,
    /// What it does not hold.
    pub(super) open: Vec<WantedFile>,
    /// The wheel or its tree was damaged, and was taken out of the store: it has to be had again.
    pub(super) again: bool,
    /// What is to be noted about a project of which everything was put back.
    pub(super) noted: Option<(Addition, Contents)>,
}

/// Puts back what this wheel holds of a job.
pub(super) fn mend(site: &Site, job: &Job, pack: &Pack) -> Result<Tried, InstallError> {
    if site.full && !site.store.check_pack(&pack.id())? {
        return Ok(Tried { again: true, open: open_of(job), ..Tried::default() });
    }
    match mend_from(site, job, pack) {
        Err(InstallError::Store(error) | InstallError::Wheel(WheelError::Store(error))) if is_damage(&error) => {
            tracing::warn!(wheel = pack.name(), error = chain(&error), "a wheel in the store is damaged");
            site.store.check_pack(&pack.id())?;
            site.store.drop_tree(&pack.id())?;
            Ok(Tried { again: true, open: open_of(job), ..Tried::default() })
        }
        tried => tried,
    }
}

const fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Archive { .. } | StoreError::Mismatch { .. } | StoreError::Gone { .. })
}

fn open_of(job: &Job) -> Vec<WantedFile> {
    if let What::Files(files) = &job.what { files.clone() } else { Vec::new() }
}

fn mend_from(site: &Site, job: &Job, pack: &Pack) -> Result<Tried, InstallError> {
    let Source { tree, placed, noted } = Source::of(site, job, pack)?;
    if job.what == What::Everything && !placed.iter().any(|placed| placed.path == job.folder.join("WHEEL")) {
        // Its METADATA names another version than its folder does: one of them is wrong, and a second folder would be put beside it.
        let there = job.folder.file_name().unwrap_or_default().to_string_lossy();
        let reason = format!("it has no {there}, which is what is damaged");
        return Err(WheelError::Refused { name: pack.name().to_owned(), reason }.into());
    }
    let linker = tree.linker(site.link_mode)?;
    let mut tried = Tried::default();
    let on = |placed: &Placed, tried: &mut Tried| -> Result<(), InstallError> {
        if site.stop.load(Ordering::Relaxed) {
            return Err(InstallError::Stopped);
        }
        match put_back(site, &tree, &linker, placed) {
            Ok(()) => tried.mended.push(placed.path.clone()),
            Err(Failed::Refused(reason)) => {
                tried.refused.push(Unmended { project: job.name.clone(), path: placed.path.clone(), reason });
            }
            Err(Failed::Error(error)) => return Err(error),
        }
        Ok(())
    };
    match &job.what {
        What::Everything => {
            // Its own RECORD last: until it is there, the project is known to be damaged.
            let is_record = |placed: &&Placed| placed.path == job.folder.join("RECORD");
            let (records, others): (Vec<_>, Vec<_>) = placed.iter().partition(is_record);
            let is_right = |placed: &Placed| hash(&site.root.join(&placed.path)).is_ok_and(|found| found == placed.id);
            let is_wanted = |placed: &&Placed| !job.spared.contains(&placed.path) && !is_right(placed);
            for placed in others.into_iter().chain(records).filter(is_wanted) {
                on(placed, &mut tried)?;
            }
            tried.noted = noted.filter(|_| tried.refused.is_empty());
        }
        What::Files(files) => {
            for wanted in files {
                let path = Path::new(&wanted.path);
                let found = placed.iter().find(|placed| placed.path == path && wanted.accepts(&placed.id));
                match found {
                    Some(placed) => on(placed, &mut tried)?,
                    None => tried.open.push(wanted.clone()),
                }
            }
        }
    }
    Ok(tried)
}

/// What a wheel puts where.
struct Source {
    tree: Tree,
    placed: Vec<Placed>,
    /// What is noted about the project when all of it was put back.
    noted: Option<(Addition, Contents)>,
}

impl Source {
    fn of(site: &Site, job: &Job, pack: &Pack) -> Result<Self, InstallError> {
        let tree = site.store.tree(pack)?;
        let packages = job.folder.parent().unwrap_or(Path::new(""));
        let (Some(interpreter), Some(name), Some(version)) = (&site.interpreter, &job.name, &job.version) else {
            // Without an interpreter nobody knows where scripts and data go, but modules stay where they are.
            let plain = tree.files().iter().enumerate().map(|(number, file)| Placed {
                path: packages.join(&file.path),
                content: Content::Tree(number),
                id: file.sha256,
            });
            return Ok(Self { placed: plain.collect(), tree, noted: None });
        };
        let metadata = site.root.join(&job.folder);
        let (requested, direct_url) = match &job.origin {
            Some(origin) => (origin.requested, origin.direct_url.clone()),
            None => (metadata.join("REQUESTED").exists(), direct_url(&metadata)),
        };
        let addition =
            Addition { name: name.clone(), version: version.clone(), wheel: pack.clone(), requested, direct_url };
        let contents = contents_of(&addition, tree.clone(), interpreter)?;
        Ok(Self { placed: contents.files.clone(), tree, noted: Some((addition, contents)) })
    }
}

fn direct_url(metadata: &Path) -> Option<serde_json::Value> {
    let text = read_text(&metadata.join("direct_url.json"), LARGEST_NOTE).ok()?;
    serde_json::from_str(&text).ok()
}

enum Failed {
    /// It stays as it is, and others go on.
    Refused(String),
    Error(InstallError),
}

impl<E: Into<InstallError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Makes a file ready beside the environment, looks at it, puts it in its place, and looks again.
fn put_back(site: &Site, tree: &Tree, linker: &Linker<'_>, placed: &Placed) -> Result<(), Failed> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let storage = |error| Failed::Error(InstallError::storage("put a file back", error));
    let ready = site.stage.path().join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
    match &placed.content {
        Content::Bytes(bytes, mode) => write(&ready, bytes, *mode).map_err(storage)?,
        Content::Tree(number) => {
            let file = &tree.files()[*number];
            link(linker, file, &ready)?;
            if !is(&ready, &placed.id) {
                // An edit of the tree that hides its time: the same file may be the damaged one.
                tree.check(file)?;
                fs::remove_file(&ready).map_err(storage)?;
                link(linker, file, &ready)?;
            }
        }
    }
    if !is(&ready, &placed.id) {
        return Err(Failed::Refused("what the cache gives is not what it should be: look at the disk".to_owned()));
    }
    match put(&site.root, &placed.path, &ready) {
        Err(PutError::Refused(reason)) => return Err(Failed::Refused(reason)),
        Err(PutError::Storage(error)) => return Err(storage(error)),
        Ok(()) => {}
    }
    if !is(&site.root.join(&placed.path), &placed.id) {
        return Err(Failed::Refused("it was changed again at once: find out by whom".to_owned()));
    }
    Ok(())
}

fn link(linker: &Linker<'_>, file: &TreeFile, ready: &Path) -> Result<(), Failed> {
    match linker.link(file, ready) {
        Ok(_) => Ok(()),
        Err(StoreError::DestinationFull { source }) => {
            Err(Failed::Error(InstallError::storage("put a file back", source)))
        }
        Err(error) => Err(error.into()),
    }
}

fn is(path: &Path, id: &ContentId) -> bool {
    hash(path).is_ok_and(|found| found == *id)
}
