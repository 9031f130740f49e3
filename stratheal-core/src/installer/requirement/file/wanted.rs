//! What requirements files and arguments ask for.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::options::RequirementsOptions;
use super::{Origin, WantedHashes};
use crate::base::redact::{Secret, safe_url};
use crate::index::ProjectName;
use crate::installer::requirement::{ExtraName, Marker, Requirement};
use crate::objects::ContentId;

/// All that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// What is to be installed, in the order in which it was read.
    pub requirements: Vec<WantedRequirement>,
    /// What limits the versions of whatever is installed. Each of them has a name and neither extras nor an editable.
    pub constraints: Vec<WantedRequirement>,
    /// The options of the files.
    pub options: RequirementsOptions,
    /// Every file that was read, with the id of its bytes.
    pub files: Vec<(PathBuf, ContentId)>,
    /// What was read and means nothing.
    pub notes: Vec<WantedNote>,
}

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedRequirement {
    /// What it is.
    pub what: What,
    /// Whether it is installed so that edits of its source take effect.
    pub is_editable: bool,
    /// The hashes of its options; a URL may have another one in its fragment.
    pub hashes: WantedHashes,
    /// Settings for the build backend: key to one or more values.
    pub config_settings: BTreeMap<String, Vec<String>>,
    /// Options for `setup.py`, which today's backends do not know.
    pub global_options: Vec<String>,
    /// Where it was written.
    pub origin: Origin,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A project by its name.
    Named(Requirement),
    /// A file or a folder.
    Path(Reference<PathBuf>),
    /// A file elsewhere.
    Url(Reference<Secret<String>>),
    /// A repository: `git+https://...`.
    Vcs(Reference<Secret<String>>),
}

/// Something that is asked for by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<T> {
    /// The place. A URL may hold a password.
    pub target: T,
    /// The project, where the name of a wheel or the fragment of the URL says it.
    pub name: Option<ProjectName>,
    /// Its extras, sorted, each once.
    pub extras: Vec<ExtraName>,
    /// The folder inside of it that holds the project.
    pub subdirectory: Option<String>,
    /// The strong hash that stands in the fragment.
    pub hashes: WantedHashes,
    /// Where it is wanted; everywhere without one.
    pub marker: Option<Marker>,
}

/// Something that was read and means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedNote {
    /// Where it was written.
    pub origin: Origin,
    /// What about it.
    pub text: String,
}

impl What {
    /// The project, where it is known without a look at what is asked for.
    #[must_use]
    pub fn name(&self) -> Option<&ProjectName> {
        match self {
            Self::Named(requirement) => Some(&requirement.name),
            Self::Path(reference) => reference.name.as_ref(),
            Self::Url(reference) | Self::Vcs(reference) => reference.name.as_ref(),
        }
    }

    /// The extras.
    #[must_use]
    pub fn extras(&self) -> &[ExtraName] {
        match self {
            Self::Named(requirement) => &requirement.extras,
            Self::Path(reference) => &reference.extras,
            Self::Url(reference) | Self::Vcs(reference) => &reference.extras,
        }
    }

    /// Where it is wanted.
    #[must_use]
    pub fn marker(&self) -> Option<&Marker> {
        match self {
            Self::Named(requirement) => requirement.marker.as_ref(),
            Self::Path(reference) => reference.marker.as_ref(),
            Self::Url(reference) | Self::Vcs(reference) => reference.marker.as_ref(),
        }
    }

    pub(super) fn set_marker(&mut self, marker: Marker) {
        let place = match self {
            Self::Named(requirement) => &mut requirement.marker,
            Self::Path(reference) => &mut reference.marker,
            Self::Url(reference) | Self::Vcs(reference) => &mut reference.marker,
        };
        *place = Some(marker);
    }

    /// As it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Named(requirement) => requirement.to_string(),
            Self::Path(reference) => reference.target.display().to_string(),
            Self::Url(reference) | Self::Vcs(reference) => safe_url(reference.target.expose()),
        }
    }
}
