//! What of a selection is a wheel, and what has to become one.

use std::path::Path;
use std::sync::Arc;

use pep440_rs::Version;
use serde_json::Value;

use super::direct_url;
use super::place::Place;
use crate::fetch::Fetcher;
use crate::index::{DistributionKind, DistributionName, ProjectName};
use crate::installer::build::{BuildSettings, Buildable, Source};
use crate::installer::error::InstallError;
use crate::installer::lock::{LockedArchive, LockedPackage, LockedVcs, Selected, SelectedSource, Selection};
use crate::installer::prepare::{WantedWheel, WheelSource};
use crate::installer::python::Compatibility;
use crate::installer::requirement::{ExtraName, lexical};
use crate::installer::wheel::WheelError;

/// How a selection becomes wheels.
pub(in crate::installer) struct Sorting<'a> {
    /// The projects that somebody asked for by name, with their extras.
    pub(in crate::installer) requested: &'a dyn Fn(&ProjectName) -> Option<Vec<ExtraName>>,
    /// Where the lock's paths begin.
    pub(in crate::installer) folder: &'a Path,
    pub(in crate::installer) fetcher: &'a Fetcher,
    /// What the interpreter takes.
    pub(in crate::installer) accepts: &'a Compatibility,
    /// How what is no wheel becomes one; without it, such a thing is refused.
    pub(in crate::installer) build: Option<&'a Arc<BuildSettings>>,
}

/// A wheel.
pub(in crate::installer) struct Sorted {
    pub(in crate::installer) wheel: WantedWheel,
    /// Whether its version has to be read from the wheel that is built. Then the one that is here means nothing.
    pub(in crate::installer) is_unknown: bool,
}

impl Sorting<'_> {
    /// Sorts a selection.
    pub(in crate::installer) fn sort(&self, selection: &Selection<'_>) -> Result<Vec<Sorted>, InstallError> {
        selection.packages().iter().map(|selected| self.one(selected)).collect()
    }

    fn one(&self, selected: &Selected<'_>) -> Result<Sorted, InstallError> {
        let package = selected.package;
        match selected.source {
            SelectedSource::Wheel(file) => {
                let name = DistributionName::parse(&file.name, Some(&package.name));
                let version = name.map_err(|error| unusable(package, error))?.version;
                is_of_version(&file.name, &version, package)?;
                let from = WheelSource::File(Place::of_file(file).find(package, self.folder, self.fetcher)?);
                Ok(self.sorted(package, Some(version), from, None))
            }
            SelectedSource::Sdist(file) => {
                let name = file.name.clone();
                let file = Place::of_file(file).find(package, self.folder, self.fetcher)?;
                self.built(package, Source::Archive { name, file, subdirectory: None }, None)
            }
            SelectedSource::Archive(archive) => self.archive(package, archive),
            SelectedSource::Vcs(vcs) => {
                let path = vcs.path.as_ref().map(|path| self.folder.join(path).display().to_string());
                let vcs = LockedVcs { path, ..vcs.clone() };
                let direct_url = direct_url::of_repository(&vcs);
                self.built(package, Source::Repository(vcs), Some(direct_url))
            }
            SelectedSource::Directory(directory) => {
                let mut path = self.folder.join(&directory.path);
                path.extend(&directory.subdirectory);
                let (path, is_editable) = (lexical(&path), directory.is_editable);
                let direct_url = direct_url::of_folder(&path, is_editable);
                self.built(package, Source::Folder { path, is_editable }, Some(direct_url))
            }
        }
    }

    fn archive(&self, package: &LockedPackage, archive: &LockedArchive) -> Result<Sorted, InstallError> {
        let name = archive.file_name().ok_or_else(|| unusable(package, "its archive has no name"))?;
        let parsed = DistributionName::parse(&name, Some(&package.name)).ok();
        let wheel = parsed.filter(|_| archive.subdirectory.is_none());
        let wheel = wheel.and_then(|parsed| match parsed.kind {
            DistributionKind::Wheel(tags) => Some((parsed.version, tags)),
            DistributionKind::Sdist | DistributionKind::Legacy => None,
        });
        if let Some((version, tags)) = &wheel {
            // Nobody has chosen it among others.
            self.accepts.check(&name, tags)?;
            is_of_version(&name, version, package)?;
        }
        let file = Place::of_archive(archive, &name).find(package, self.folder, self.fetcher)?;
        let direct_url = Some(direct_url::of_archive(archive, self.folder));
        if let Some((version, _)) = wheel {
            return Ok(self.sorted(package, Some(version), WheelSource::File(file), direct_url));
        }
        let subdirectory = archive.subdirectory.clone();
        self.built(package, Source::Archive { name, file, subdirectory }, direct_url)
    }

    fn built(
        &self,
        package: &LockedPackage,
        source: Source,
        direct_url: Option<Value>,
    ) -> Result<Sorted, InstallError> {
        let refused = || unusable(package, "there is no wheel of it that fits, and it would have to be built");
        let settings = Arc::clone(self.build.ok_or_else(refused)?);
        let (name, version) = (package.name.clone(), package.version.clone());
        let buildable = Buildable { name, version, source, settings };
        Ok(self.sorted(package, None, WheelSource::Build(Box::new(buildable)), direct_url))
    }

    /// `version` is the one that the name of a file says.
    fn sorted(
        &self,
        package: &LockedPackage,
        version: Option<Version>,
        from: WheelSource,
        direct_url: Option<Value>,
    ) -> Sorted {
        let version = package.version.clone().or(version);
        let may_differ = match &from {
            WheelSource::Build(buildable) => matches!(buildable.source, Source::Folder { .. }),
            WheelSource::File(_) => false,
        };
        let is_unknown = version.is_none();
        let version = version.unwrap_or_else(|| Version::new([0]));
        let asked = (self.requested)(&package.name);
        let (requested, extras) = (asked.is_some(), asked.unwrap_or_default());
        let wheel =
            WantedWheel { name: package.name.clone(), version, from, requested, extras, direct_url, may_differ };
        Sorted { wheel, is_unknown }
    }
}

/// Whether the name of a wheel says the version that somebody read in its METADATA: one of them would be a lie.
fn is_of_version(name: &str, version: &Version, package: &LockedPackage) -> Result<(), WheelError> {
    match package.version.as_ref().filter(|wanted| *wanted != version) {
        Some(wanted) => Err(WheelError::other_version(name.to_owned(), version, wanted)),
        None => Ok(()),
    }
}

fn unusable(package: &LockedPackage, reason: impl std::fmt::Display) -> InstallError {
    InstallError::Locked { name: package.name.clone(), reason: reason.to_string() }
}
