//! From options, configuration and environment to a fetcher.

use std::path::PathBuf;
use std::time::Duration;

use stratheal_core::config::{Config, ConfigError, IndexSettings};
use stratheal_core::fetch::{Fetcher, TransportSettings};

use crate::args::{Common, Packages};
use crate::ci::Build;
use crate::failure::Failure;
use crate::sources::Sources;
use crate::{connection, place};

/// What is configured, and what the options say instead: everything about packages but the index itself.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The configuration, if there is one.
    pub(crate) config: Option<Config>,
    /// The folder of the cache.
    pub(crate) cache: PathBuf,
    /// Whether nobody is asked.
    pub(crate) offline: bool,
    /// How long something may take without any progress.
    pub(crate) deadline: Duration,
}

impl Setup {
    /// Reads the configuration. Without one, the options and the environment are enough.
    pub(crate) fn read(common: &Common, packages: &Packages) -> Result<Self, Failure> {
        let config = match place::written_configuration(common) {
            Ok(config) => Some(config),
            Err(Failure::Config(ConfigError::Missing)) if common.env.is_none() => None,
            Err(failure) => return Err(failure),
        };
        Self::of(config, packages)
    }

    /// The same for a configuration that was read already.
    pub(crate) fn of(config: Option<Config>, packages: &Packages) -> Result<Self, Failure> {
        let index = config.as_ref().map(|config| &config.index);
        let cache = packages.cache_dir.clone().or_else(|| index?.cache_dir.clone()).or_else(place::cache);
        let Some(cache) = cache else {
            let text = "there is no folder for the cache: set HOME or XDG_CACHE_HOME, or name one with --cache-dir";
            return Err(Failure::Usage(text.to_owned()));
        };
        let deadline = packages.deadline.or_else(|| index?.deadline).unwrap_or_else(|| Build::here().deadline());
        Ok(Self { config, cache, offline: packages.offline, deadline })
    }

    /// `[index]`.
    pub(crate) fn index(&self) -> IndexSettings {
        self.config.as_ref().map(|config| config.index.clone()).unwrap_or_default()
    }

    /// How connections are made.
    pub(crate) fn transport(&self, sources: &Sources) -> TransportSettings {
        connection::settings(&self.index(), sources, &|name| std::env::var(name).ok())
    }

    /// A fetcher for these sources.
    pub(crate) fn fetcher(&self, sources: &Sources) -> Result<Fetcher, Failure> {
        let builder = Fetcher::builder(sources.chain.clone(), self.cache.clone());
        let transport = self.transport(sources);
        Ok(builder.offline(self.offline).deadline(self.deadline).transport(transport).build()?)
    }
}
