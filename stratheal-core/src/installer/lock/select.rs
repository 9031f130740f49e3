//! What a lock installs in an environment: "Installation" of the specification.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pep440_rs::Version;

use super::{Lock, LockedArchive, LockedDirectory, LockedFile, LockedPackage, LockedSource, LockedVcs, SelectError};
use crate::index::{DistributionKind, DistributionName, ProjectName, WheelTags};
use crate::installer::requirement::{Choice, ExtraName, GroupName, MarkerEnvironment, satisfies};

/// The most wheels that an error names.
const MOST_NAMED: usize = 6;

/// What is to be installed, sorted by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection<'l>(Vec<Selected<'l>>);

/// One package that is to be installed.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected<'l> {
    /// Its entry in the lock.
    pub package: &'l LockedPackage,
    /// What of it is taken.
    pub source: SelectedSource<'l>,
}

/// What is taken of a package.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SelectedSource<'l> {
    /// A wheel, the best one for this interpreter.
    Wheel(&'l LockedFile),
    /// The source distribution, as no wheel fits.
    Sdist(&'l LockedFile),
    /// An archive, which may be a wheel.
    Archive(&'l LockedArchive),
    /// A commit of a repository.
    Vcs(&'l LockedVcs),
    /// A folder.
    Directory(&'l LockedDirectory),
}

impl<'l> Selection<'l> {
    /// The packages.
    #[must_use]
    pub fn packages(&self) -> &[Selected<'l>] {
        &self.0
    }

    /// Whether nothing has to be resolved or built: everything is a wheel with a SHA-256.
    #[must_use]
    pub fn is_pinned_and_hashed(&self) -> bool {
        self.0.iter().all(Selected::is_hashed_wheel)
    }
}

impl Selected<'_> {
    /// Whether it is a wheel with a SHA-256.
    #[must_use]
    pub fn is_hashed_wheel(&self) -> bool {
        match self.source {
            SelectedSource::Wheel(file) => file.hashes.sha256.is_some(),
            SelectedSource::Archive(archive) => {
                let name = archive.file_name().and_then(|name| DistributionName::parse(&name, None).ok());
                let is_wheel = name.is_some_and(|name| matches!(name.kind, DistributionKind::Wheel(_)));
                is_wheel && archive.subdirectory.is_none() && archive.hashes.sha256.is_some()
            }
            SelectedSource::Sdist(_) | SelectedSource::Vcs(_) | SelectedSource::Directory(_) => false,
        }
    }
}

impl Lock {
    /// Chooses what is installed in an environment, with some extras and dependency groups, the default groups without any.
    ///
    /// `rank` says how well the tags of a wheel suit the interpreter: 0 is best, `None` is not at all.
    ///
    /// # Errors
    /// [`SelectError`] when the lock is for other environments, contradicts itself, or has no file that fits.
    pub fn select(
        &self,
        environment: &MarkerEnvironment,
        extras: &[ExtraName],
        groups: Option<&[GroupName]>,
        rank: &dyn Fn(&WheelTags) -> Option<usize>,
    ) -> Result<Selection<'_>, SelectError> {
        let python = environment.python();
        let python = python.map_err(|_| SelectError::Interpreter(environment.python_full_version.clone()))?;
        self.check_names(extras, groups.unwrap_or_default())?;
        if let Some(wanted) = self.requires_python.as_ref().filter(|wanted| !satisfies(wanted, &python)) {
            return Err(SelectError::RequiresPython { python, wanted: wanted.clone() });
        }
        self.check_environment(environment)?;
        let choice = Choice { extras, groups: groups.unwrap_or(&self.default_groups) };
        let packages = self.chosen(environment, &choice, &python)?;
        let source = |package| Ok(Selected { package, source: source(package, rank)? });
        packages.into_values().map(source).collect::<Result<_, _>>().map(Selection)
    }

    fn check_names(&self, extras: &[ExtraName], groups: &[GroupName]) -> Result<(), SelectError> {
        let known = self.extras.as_deref().unwrap_or_default();
        if let Some(extra) = extras.iter().find(|extra| !known.contains(extra)) {
            let known = known.iter().map(ToString::to_string).collect();
            return Err(SelectError::NoSuchExtra { extra: extra.clone(), known });
        }
        let known = self.dependency_groups.as_deref().unwrap_or_default();
        if let Some(group) = groups.iter().find(|group| !known.contains(group) && !self.default_groups.contains(group))
        {
            let known = known.iter().map(ToString::to_string).collect();
            return Err(SelectError::NoSuchGroup { group: group.clone(), known });
        }
        Ok(())
    }

    fn check_environment(&self, environment: &MarkerEnvironment) -> Result<(), SelectError> {
        if self.environments.is_empty() {
            return Ok(());
        }
        for marker in &self.environments {
            let held = marker.evaluate(environment, &Choice::default());
            if held.map_err(|source| SelectError::Marker { place: "environments".to_owned(), source })? {
                return Ok(());
            }
        }
        let named: Vec<_> = self.environments.iter().take(MOST_NAMED).map(|marker| format!("`{marker}`")).collect();
        let more = if self.environments.len() > MOST_NAMED { ", ..." } else { "" };
        Err(SelectError::OtherEnvironment { environments: named.join(", ") + more })
    }

    fn chosen(
        &self,
        environment: &MarkerEnvironment,
        choice: &Choice<'_>,
        python: &Version,
    ) -> Result<BTreeMap<&ProjectName, &LockedPackage>, SelectError> {
        let mut chosen: BTreeMap<&ProjectName, &LockedPackage> = BTreeMap::new();
        for package in &self.packages {
            let name = &package.name;
            let held = package.marker.as_ref().map_or(Ok(true), |marker| marker.evaluate(environment, choice));
            if !held.map_err(|source| SelectError::Marker { place: format!("package `{name}`"), source })? {
                continue;
            }
            if let Some(wanted) = package.requires_python.as_ref().filter(|wanted| !satisfies(wanted, python)) {
                let (package, python) = (name.clone(), python.clone());
                return Err(SelectError::PackageRequiresPython { package, python, wanted: wanted.clone() });
            }
            if let Some(other) = chosen.insert(name, package) {
                let version = |package: &LockedPackage| {
                    package.version.as_ref().map_or_else(|| "one without a version".to_owned(), ToString::to_string)
                };
                let (first, second) = (version(other), version(package));
                return Err(SelectError::Ambiguous { package: name.clone(), first, second });
            }
        }
        Ok(chosen)
    }
}

fn source<'l>(
    package: &'l LockedPackage,
    rank: &dyn Fn(&WheelTags) -> Option<usize>,
) -> Result<SelectedSource<'l>, SelectError> {
    let (sdist, wheels) = match &package.source {
        LockedSource::Vcs(vcs) => return Ok(SelectedSource::Vcs(vcs)),
        LockedSource::Directory(directory) => return Ok(SelectedSource::Directory(directory)),
        LockedSource::Archive(archive) => return Ok(SelectedSource::Archive(archive)),
        LockedSource::Files { sdist, wheels } => (sdist, wheels),
    };
    let tagged = wheels.iter().filter_map(|wheel| Some((wheel, tags(wheel)?)));
    let ranked = tagged.filter_map(|(wheel, tags)| Some((rank(&tags)?, Reverse(build(&tags)), &wheel.name, wheel)));
    if let Some((.., wheel)) = ranked.min_by(|one, other| (one.0, &one.1, one.2).cmp(&(other.0, &other.1, other.2))) {
        return Ok(SelectedSource::Wheel(wheel));
    }
    if let Some(sdist) = sdist {
        return Ok(SelectedSource::Sdist(sdist));
    }
    let mut named: Vec<_> = wheels.iter().filter_map(tags).map(|tags| tags.to_string()).collect();
    named.sort_unstable();
    named.dedup();
    if named.len() > MOST_NAMED {
        named.truncate(MOST_NAMED);
        named.push("...".to_owned());
    }
    Err(SelectError::NoFile { package: package.name.clone(), wheels: named })
}

fn tags(wheel: &LockedFile) -> Option<WheelTags> {
    match DistributionName::parse(&wheel.name, None).ok()?.kind {
        DistributionKind::Wheel(tags) => Some(tags),
        _ => None,
    }
}

/// Build tags are compared by their number, then by what follows it; a wheel without one comes last (PEP 427).
fn build(tags: &WheelTags) -> Option<(u128, String)> {
    let text = tags.build.as_deref()?;
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..digits].parse().unwrap_or(u128::MAX), text[digits..].to_owned()))
}

#[cfg(test)]
mod tests;
