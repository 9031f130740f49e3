//! A configuration, what is said beside it, and what follows from both.

use std::path::PathBuf;
use std::time::Duration;

use super::{Choices, Sources, WorkspaceError, connection, place};
use crate::config::{Config, IndexSettings};
use crate::fetch::{Fetcher, TransportSettings};

/// What is configured, and what is said instead.
///
/// ```
/// use stratheal_core::workspace::{Choices, Workspace};
/// let cache = tempfile::tempdir().unwrap();
/// let choices = Choices {
///     index: Some("https://packages.example.com/simple/".to_owned()),
///     cache: Some(cache.path().to_owned()),
///     ..Choices::default()
/// };
/// let workspace = Workspace::new(None, choices).unwrap();
/// let sources = workspace.sources(Default::default()).unwrap();
/// assert_eq!(sources.chain.sources[0].members[0].url.as_str(), "https://packages.example.com/simple/");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Workspace {
    /// The configuration, if there is one.
    pub config: Option<Config>,
    /// What is said beside it.
    pub choices: Choices,
    /// The folder of the cache.
    pub cache: PathBuf,
    /// How long something may take without any progress.
    pub deadline: Duration,
}

impl Workspace {
    /// Without a configuration, what is said and the environment of this process are enough.
    ///
    /// # Errors
    /// [`WorkspaceError::NoCache`] when neither says where a cache could be.
    pub fn new(config: Option<Config>, choices: Choices) -> Result<Self, WorkspaceError> {
        let index = config.as_ref().map(|config| &config.index);
        let cache = choices.cache.clone().or_else(|| index?.cache_dir.clone()).or_else(place::cache);
        let cache = cache.ok_or(WorkspaceError::NoCache)?;
        let deadline = choices.deadline.or_else(|| index?.deadline).unwrap_or_else(place::deadline);
        Ok(Self { config, choices, cache, deadline })
    }

    /// `[index]`.
    #[must_use]
    pub fn index(&self) -> IndexSettings {
        self.config.as_ref().map(|config| config.index.clone()).unwrap_or_default()
    }

    /// The folder of the project: that of the configuration, else the current one.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let folder = self.config.as_ref().map_or_else(|| PathBuf::from("."), |config| config.folder().to_owned());
        std::path::absolute(&folder).unwrap_or(folder)
    }

    /// How connections to these sources are made.
    #[must_use]
    pub fn transport(&self, sources: &Sources) -> TransportSettings {
        connection::settings(&self.index(), sources, &|name| std::env::var(name).ok())
    }

    /// A fetcher for these sources.
    ///
    /// # Errors
    /// [`WorkspaceError::Fetcher`].
    pub fn fetcher(&self, sources: &Sources) -> Result<Fetcher, WorkspaceError> {
        let builder = Fetcher::builder(sources.chain.clone(), self.cache.clone());
        let builder = builder.offline(self.choices.offline).deadline(self.deadline);
        Ok(builder.transport(self.transport(sources)).build()?)
    }
}
