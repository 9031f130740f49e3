//! The installer of a workspace.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Named, Workspace, WorkspaceError, place};
use crate::contract::EnvironmentGuard;
use crate::installer::Installer;
use crate::objects::LinkMode;

/// An installer, and what the user should know about where it gets its packages.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The installer.
    pub installer: Installer,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// How an environment is changed; see [`InstallerBuilder`](crate::installer::InstallerBuilder) for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ways {
    /// How files come out of the cache.
    pub link_mode: LinkMode,
    /// Whether files are replaced one by one.
    pub in_place: bool,
    /// Whether bytecode is made of what is new.
    pub compile: bool,
    /// Whether wheels whose own list of files is wrong are refused.
    pub strict: bool,
}

impl Workspace {
    /// Opens the installer. `files` are requirements files, which may name indexes; `guard` is told of changes.
    ///
    /// # Errors
    /// [`WorkspaceError`] when there is no index, or the cache cannot be used.
    pub fn installer(
        &self,
        files: &[PathBuf],
        ways: Ways,
        guard: Option<Arc<dyn EnvironmentGuard>>,
    ) -> Result<Opened, WorkspaceError> {
        let sources = self.sources(Named { requirements: files.to_vec(), ..Named::default() })?;
        let fetcher = self.fetcher(&sources)?;
        let builder = Installer::builder(fetcher, self.cache.clone(), place::user_state(&self.cache));
        let builder = builder.in_place(ways.in_place).compile(ways.compile).strict(ways.strict);
        let builder = builder.link_mode(ways.link_mode);
        let builder = match guard {
            Some(guard) => builder.guard(guard),
            None => builder,
        };
        Ok(Opened { installer: builder.build(), notes: sources.notes })
    }
}
