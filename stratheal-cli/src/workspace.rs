//! From options, configuration and environment to what packages are dealt with.

use stratheal_core::config::{Config, ConfigError};
use stratheal_core::workspace::{Choices, Workspace};

use crate::args::{Common, Packages};
use crate::failure::Failure;
use crate::place;

/// Reads the configuration. Without one, the options and the environment are enough.
pub(crate) fn open(common: &Common, packages: &Packages) -> Result<Workspace, Failure> {
    let config = match place::written_configuration(common) {
        Ok(config) => Some(config),
        Err(Failure::Config(ConfigError::Missing)) if common.env.is_none() => None,
        Err(failure) => return Err(failure),
    };
    of(config, common, packages)
}

/// The same for a configuration that was read already.
pub(crate) fn of(config: Option<Config>, common: &Common, packages: &Packages) -> Result<Workspace, Failure> {
    let choices = Choices {
        index: packages.index.clone(),
        mirrors: packages.mirror.clone(),
        offline: packages.offline,
        cache: packages.cache_dir.clone(),
        python: packages.python.clone(),
        deadline: packages.deadline,
        state: common.state_dir.clone(),
    };
    Ok(Workspace::new(config, choices)?)
}
