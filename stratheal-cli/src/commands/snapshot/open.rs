//! Which snapshots, and of which environment.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stratheal_core::contract::EnvironmentGuard;
use stratheal_core::objects::Store;
use stratheal_core::snapshot::{Automatic, Retention, Selector, Snapshots};

use crate::args::{Common, Packages};
use crate::commands::install::{Target, user_state};
use crate::failure::Failure;
use crate::fetching::Setup;
use crate::place;

/// Snapshots, and the environment that is meant.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) setup: Setup,
    pub(super) snapshots: Snapshots,
    /// The environment's folder, there or not, without links in its path.
    pub(super) root: PathBuf,
}

impl Opened {
    pub(super) fn new(common: &Common, packages: &Packages, named: Option<&Path>) -> Result<Self, Failure> {
        let setup = Setup::read(common, packages)?;
        let target = Target::existing(&setup, packages, named);
        let root = root_of(&target).map_err(|error| Failure::io("find the environment", error))?;
        let snapshots = open(common, &setup, &root);
        Ok(Self { setup, snapshots, root })
    }

    /// The selector that a word means.
    pub(super) fn selector(word: &str) -> Selector {
        let parsed: Result<Selector, Infallible> = word.parse();
        parsed.unwrap_or(Selector::Newest)
    }
}

fn open(common: &Common, setup: &Setup, root: &Path) -> Snapshots {
    let state = place::snapshots(common, setup.config.as_ref(), root);
    // Without a cache that can be used, wheels are kept and put back file by file.
    let cache = Store::open(&setup.cache.join("objects"));
    let cache = cache.inspect_err(|error| tracing::debug!(%error, "the download cache is not used")).ok();
    let snapshots = Snapshots::open(&state, &user_state(&setup.cache), cache);
    let settings = setup.config.as_ref().map(|config| config.snapshots).unwrap_or_default();
    let project = setup.config.as_ref().map(|config| config.folder().to_owned());
    let retention = Retention {
        last: settings.keep_last,
        hourly: settings.keep_hourly,
        daily: settings.keep_daily,
        weekly: settings.keep_weekly,
    };
    snapshots.set_automatic(Automatic { retention, budget: settings.budget, project });
    snapshots
}

/// The folder of the environment that a path means: it may be that of an interpreter.
fn root_of(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let above = path.parent().and_then(Path::parent).filter(|above| above.join("pyvenv.cfg").is_file());
    let folder = if path.is_dir() { &path } else { above.unwrap_or(&path) };
    let parent = folder.parent().and_then(|parent| parent.canonicalize().ok());
    Ok(match (folder.canonicalize(), parent, folder.file_name()) {
        (Ok(real), ..) => real,
        (Err(_), Some(parent), Some(name)) => parent.join(name),
        _ => folder.to_owned(),
    })
}

/// The snapshots of an environment that are made by themselves, and its real folder; `None` when none are wanted.
pub(crate) fn snapshots_of(common: &Common, setup: &Setup, target: &Path) -> Option<(Snapshots, PathBuf)> {
    let settings = setup.config.as_ref().map(|config| config.snapshots).unwrap_or_default();
    let root = root_of(target).ok().filter(|_| settings.automatic)?;
    Some((open(common, setup, &root), root))
}

/// Who makes snapshots around the changes of an environment; nobody, if that is wanted.
pub(crate) fn automatic(common: &Common, setup: &Setup, target: &Path, off: bool) -> Option<Arc<dyn EnvironmentGuard>> {
    let (snapshots, _) = snapshots_of(common, setup, target).filter(|_| !off)?;
    Some(Arc::new(snapshots))
}
