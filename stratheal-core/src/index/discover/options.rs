//! What a caller says about indexes: its own settings, and where to look for those of other tools.

use std::path::PathBuf;

use crate::index::Trust;

/// What decides which indexes are found.
#[derive(Debug, Clone, Default)]
pub struct DiscoverOptions {
    /// `--index URL`: the default index. Beats everything else.
    pub index: Option<String>,
    /// `--mirror URL`: more members of the default index, with the same content.
    pub mirrors: Vec<String>,
    /// `--extra-index URL`: asked before the default one.
    pub extra: Vec<String>,
    /// The settings of this program.
    pub settings: IndexSettings,
    /// Where the project is: `pyproject.toml` and `uv.toml` are looked for here and above.
    pub folder: PathBuf,
    /// The interpreter or the environment that installs.
    pub interpreter: Option<PathBuf>,
    /// Requirements files that will be installed.
    pub requirements: Vec<PathBuf>,
    /// Leaves out the environment and the files of other tools, except the built-in default of pip.
    pub only_settings: bool,
}

/// The section `[index]`.
#[derive(Debug, Clone, Default)]
pub struct IndexSettings {
    /// The default index.
    pub url: Option<String>,
    /// More members of the default index, with the same content.
    pub mirrors: Vec<MirrorSettings>,
    /// Files of the default index may change under their name.
    pub is_mutable: bool,
    /// Indexes with other content, asked before the default one.
    pub extra: Vec<SourceSettings>,
}

/// An index with its own content.
#[derive(Debug, Clone, Default)]
pub struct SourceSettings {
    /// Its name.
    pub name: Option<String>,
    /// Where it is.
    pub url: String,
    /// More members with the same content.
    pub mirrors: Vec<MirrorSettings>,
    /// The projects it is asked about, as patterns; empty: all.
    pub only: Vec<String>,
    /// Its files may change under their name.
    pub is_mutable: bool,
}

/// A mirror.
#[derive(Debug, Clone, Default)]
pub struct MirrorSettings {
    /// Where it is.
    pub url: String,
    /// What it is believed about.
    pub trust: Trust,
}
