//! Names of wheels and source distributions: project, version, tags.
//!
//! Binary distribution format (PEP 427, 491) and source distribution format (PEP 625) of the packaging specifications; older
//! names as far as they can be told apart.

use std::fmt;

use pep440_rs::Version;

use super::ProjectName;

/// The endings that distributions have, longest first where one ends with another.
const ENDINGS: &[(&str, Ending)] = &[
    (".whl", Ending::Wheel),
    (".tar.gz", Ending::Sdist),
    (".zip", Ending::Sdist),
    (".tar.bz2", Ending::Sdist),
    (".tar.xz", Ending::Sdist),
    (".tar.lzma", Ending::Sdist),
    (".tar.z", Ending::Sdist),
    (".tgz", Ending::Sdist),
    (".tbz", Ending::Sdist),
    (".tar", Ending::Sdist),
    (".egg", Ending::Egg),
    (".exe", Ending::Installer),
    (".msi", Ending::Installer),
    (".rpm", Ending::Installer),
    (".deb", Ending::Installer),
    (".dmg", Ending::Installer),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Wheel,
    Sdist,
    Egg,
    Installer,
}

/// What the name of a distribution says.
///
/// ```
/// use stratheal_core::index::{DistributionKind, DistributionName};
/// let name = DistributionName::parse("six-1.17.0-py2.py3-none-any.whl", None)?;
/// assert_eq!((name.project.as_str(), name.version.to_string().as_str()), ("six", "1.17.0"));
/// assert!(matches!(name.kind, DistributionKind::Wheel(tags) if tags.python == ["py2", "py3"]));
/// # Ok::<(), stratheal_core::index::InvalidFileName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionName {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// What it is.
    pub kind: DistributionKind,
}

/// What a distribution is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistributionKind {
    /// A wheel.
    Wheel(WheelTags),
    /// A source distribution.
    Sdist,
    /// Something that today's installers do not take: an egg or a platform's installer.
    Legacy,
}

/// What a wheel is for. Each list is a set of alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelTags {
    /// The build tag; begins with a digit.
    pub build: Option<String>,
    /// Interpreters: `cp312`, `py3`.
    pub python: Vec<String>,
    /// ABIs: `cp312`, `abi3`, `none`.
    pub abi: Vec<String>,
    /// Platforms: `manylinux_2_28_x86_64`, `any`.
    pub platform: Vec<String>,
}

impl fmt::Display for WheelTags {
    /// As they stand in a file name, without the build tag.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python.join("."), self.abi.join("."), self.platform.join("."))
    }
}

/// A text is no name of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no name of a wheel or a source distribution: {reason}")]
pub struct InvalidFileName {
    name: String,
    reason: &'static str,
}

/// Whether a name has the ending of a distribution. Says nothing about the rest of it.
#[must_use]
pub(super) fn is_distribution(name: &str) -> bool {
    ending(name).is_some()
}

/// Whether a name has the ending of a wheel.
#[must_use]
pub(super) fn is_wheel(name: &str) -> bool {
    matches!(ending(name), Some((_, Ending::Wheel)))
}

fn ending(name: &str) -> Option<(&str, Ending)> {
    ENDINGS.iter().find_map(|(text, ending)| {
        let cut = name.len().checked_sub(text.len()).filter(|&cut| cut > 0)?;
        let (stem, tail) = name.split_at_checked(cut)?;
        tail.eq_ignore_ascii_case(text).then_some((stem, *ending))
    })
}

impl DistributionName {
    /// Reads a file name. `project` helps with names of old source distributions, in which hyphens stand everywhere.
    ///
    /// # Errors
    /// [`InvalidFileName`] with the reason.
    pub fn parse(name: &str, project: Option<&ProjectName>) -> Result<Self, InvalidFileName> {
        let invalid =
            |reason| InvalidFileName { name: name.chars().take(80).flat_map(char::escape_default).collect(), reason };
        if name.len() > 255 {
            return Err(invalid("it is longer than 255 bytes"));
        }
        let (stem, ending) = ending(name).ok_or_else(|| invalid("unknown ending"))?;
        match ending {
            Ending::Wheel => wheel(stem).map_err(invalid),
            Ending::Sdist => split(stem, project, DistributionKind::Sdist).ok_or_else(|| invalid("no version in it")),
            Ending::Egg | Ending::Installer => {
                let cuts = ["-py", ".win", ".linux", ".macosx"].into_iter().filter_map(|mark| stem.find(mark));
                let stem = &stem[..cuts.min().unwrap_or(stem.len())];
                split(stem, project, DistributionKind::Legacy).ok_or_else(|| invalid("no version in it"))
            }
        }
    }
}

fn wheel(stem: &str) -> Result<DistributionName, &'static str> {
    let parts: Vec<&str> = stem.split('-').collect();
    let (build, tags) = match parts.len() {
        5 => (None, &parts[2..]),
        6 => (Some(parts[2].to_owned()), &parts[3..]),
        _ => return Err("a wheel's name has five or six parts"),
    };
    if build.as_ref().is_some_and(|build| !build.starts_with(|first: char| first.is_ascii_digit())) {
        return Err("a build tag begins with a digit");
    }
    if tags.iter().any(|tag| tag.split('.').any(str::is_empty)) {
        return Err("an empty tag");
    }
    let several = |tag: &str| tag.split('.').map(str::to_owned).collect();
    Ok(DistributionName {
        project: parts[0].parse().map_err(|_| "its project is none")?,
        // Old tools wrote `_` for the `-` of a post release and the `+` of a local version.
        version: parts[1].parse().or_else(|_| parts[1].replace('_', "-").parse()).map_err(|_| "its version is none")?,
        kind: DistributionKind::Wheel(WheelTags {
            build,
            python: several(tags[0]),
            abi: several(tags[1]),
            platform: several(tags[2]),
        }),
    })
}

/// Splits at the hyphen that leaves the project on its left and a version on its right. Without a project it is the last such one.
fn split(stem: &str, project: Option<&ProjectName>, kind: DistributionKind) -> Option<DistributionName> {
    let mut candidates = stem.match_indices('-').filter_map(|(at, _)| {
        let name: ProjectName = stem[..at].parse().ok()?;
        if project.is_some_and(|project| *project != name) {
            return None;
        }
        let version: Version = stem[at + 1..].parse().ok()?;
        Some((name, version))
    });
    // With the project known the first one keeps `1.0-1` whole.
    let (project, version) = if project.is_some() { candidates.next() } else { candidates.next_back() }?;
    Some(DistributionName { project, version, kind })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(name: &str, project: Option<&str>) -> Option<(String, String)> {
        let project = project.map(|name| name.parse().unwrap());
        let name = DistributionName::parse(name, project.as_ref()).ok()?;
        Some((name.project.to_string(), name.version.to_string()))
    }

    #[test]
    fn names() {
        for (name, project, expected) in [
            ("six-1.17.0-py2.py3-none-any.whl", None, Some(("six", "1.17.0"))),
            (
                "Zope.Interface-6.0-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                None,
                Some(("zope-interface", "6.0")),
            ),
            ("torch-2.1.0+cu118-cp311-cp311-linux_x86_64.whl", None, Some(("torch", "2.1.0+cu118"))),
            ("a-1.0-x-py3-none-any.whl", None, None),
            ("a-1.0-py3-none.whl", None, None),
            ("a-1.0-py3..py2-none-any.whl", None, None),
            ("a-nonsense-py3-none-any.whl", None, None),
            ("six-1.17.0.tar.gz", None, Some(("six", "1.17.0"))),
            ("python-dateutil-2.9.0.post0.tar.gz", None, Some(("python-dateutil", "2.9.0.post0"))),
            ("foo-2-1.0.zip", Some("foo-2"), Some(("foo-2", "1.0"))),
            ("foo-1.0-1.tar.gz", Some("foo"), Some(("foo", "1.0.post1"))),
            ("foo-1.0.tar.gz", Some("bar"), None),
            ("foo.tar.gz", None, None),
            ("foo-1.0-py2.7.egg", None, Some(("foo", "1.0"))),
            ("foo-1.0.win32-py2.7.exe", None, Some(("foo", "1.0"))),
            ("foo-1.0.TAR.GZ", None, Some(("foo", "1.0"))),
            ("foo-1.0.txt", None, None),
            (".whl", None, None),
        ] {
            let expected = expected.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(read(name, project), expected, "{name}");
        }
    }

    #[test]
    fn tags() {
        let name = DistributionName::parse("a-1-2b-py2.py3-none-linux_x86_64.any.whl", None).unwrap();
        let DistributionKind::Wheel(tags) = name.kind else { panic!("a wheel") };
        assert_eq!(tags.build.as_deref(), Some("2b"));
        assert_eq!(
            (tags.python, tags.platform),
            (vec!["py2".into(), "py3".into()], vec!["linux_x86_64".into(), "any".into()])
        );
    }

    proptest! {
        #[test]
        fn never_panics(name in ".{0,30}(\\.whl|\\.tar\\.gz)?", near in "[a-z0-9.+_!-]{0,30}(\\.whl|\\.zip|\\.egg|\\.exe)") {
            let project = "a".parse().unwrap();
            for name in [&name, &near] {
                let _ = (DistributionName::parse(name, None), DistributionName::parse(name, Some(&project)));
            }
        }
    }
}
