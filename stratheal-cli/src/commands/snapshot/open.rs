//! Which snapshots, and of which environment.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use stratheal_core::snapshot::{Selector, Snapshots};
use stratheal_core::workspace::Workspace;

use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::workspace;

/// Snapshots, and the environment that is meant.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) workspace: Workspace,
    pub(super) snapshots: Snapshots,
    /// The environment's folder, there or not, without links in its path.
    pub(super) root: PathBuf,
}

impl Opened {
    pub(super) fn new(common: &Common, packages: &Packages, named: Option<&Path>) -> Result<Self, Failure> {
        let workspace = workspace::open(common, packages)?;
        let target = named.map_or_else(|| workspace.target(None).path, Path::to_owned);
        let (snapshots, root) = workspace.snapshots(&target)?;
        Ok(Self { workspace, snapshots, root })
    }

    /// The selector that a word means.
    pub(super) fn selector(word: &str) -> Selector {
        let parsed: Result<Selector, Infallible> = word.parse();
        parsed.unwrap_or(Selector::Newest)
    }
}
