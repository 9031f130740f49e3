//! Looking through the folders where an environment keeps packages.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Distribution;
use crate::base::fs::named;
use crate::index::ProjectName;

/// The most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 200_000;

/// What the format before `.dist-info` leaves.
const EGGS: &[&str] = &[".egg-info", ".egg-link", ".egg"];

/// What is installed.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// The projects, by name. Of one that is there more than once, the first that Python finds.
    pub distributions: BTreeMap<ProjectName, Distribution>,
    /// Projects that are there once more.
    pub duplicates: Vec<Distribution>,
    /// What looks like an installed project and is none.
    pub others: Vec<(PathBuf, NotADistribution)>,
}

/// Why something in a folder of packages is no installed project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotADistribution {
    /// Its metadata is missing or cannot be read.
    Damaged(String),
    /// What an interrupted pip left: a name that begins with `~`.
    Leftover,
    /// The format before `.dist-info`, which has no list of files.
    Egg,
}

impl Installed {
    /// Looks through folders of packages; a folder that is not there holds none.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn scan<'a>(folders: impl IntoIterator<Item = &'a Path>) -> io::Result<Self> {
        let mut found = Self::default();
        let mut seen: Vec<&Path> = Vec::new();
        for folder in folders {
            if !seen.contains(&folder) {
                found.add(folder)?;
                seen.push(folder);
            }
        }
        Ok(found)
    }

    fn add(&mut self, folder: &Path) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(|error| named(folder, &error))?,
        };
        let mut names = Vec::new();
        for entry in entries.take(MOST_ENTRIES) {
            let entry = entry.map_err(|error| named(folder, &error))?;
            // Names that are no UTF-8 are nobody's metadata.
            names.extend(entry.file_name().into_string().ok());
        }
        names.sort_unstable();
        for name in names {
            let path = folder.join(&name);
            if name.starts_with('~') {
                self.others.push((path, NotADistribution::Leftover));
            } else if EGGS.iter().any(|ending| name.ends_with(ending)) {
                self.others.push((path, NotADistribution::Egg));
            } else if name.ends_with(".dist-info") {
                match Distribution::read(&path) {
                    Ok(distribution) if self.distributions.contains_key(distribution.name()) => {
                        self.duplicates.push(distribution);
                    }
                    Ok(distribution) => drop(self.distributions.insert(distribution.name().clone(), distribution)),
                    Err(reason) => self.others.push((path, NotADistribution::Damaged(reason))),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site-packages");
        let put = |name: &str, metadata: &str| {
            fs::create_dir_all(site.join(name)).unwrap();
            fs::write(site.join(name).join("METADATA"), metadata).unwrap();
        };
        put("Demo-1.0.dist-info", "Name: Demo\nVersion: 1.0\n");
        put("demo-2.0.dist-info", "Name: demo\nVersion: 2.0\n");
        put("broken-1.dist-info", "Name: broken\n");
        fs::create_dir_all(site.join("empty-1.dist-info")).unwrap();
        fs::create_dir_all(site.join("~emo-1.0.dist-info")).unwrap();
        fs::create_dir_all(site.join("old-1-py3.9.egg-info")).unwrap();
        fs::create_dir_all(site.join("demo")).unwrap();
        let found = Installed::scan([site.as_path(), site.as_path(), Path::new("/nowhere")]).unwrap();
        let names: Vec<_> = found.distributions.values().map(|one| one.version().to_string()).collect();
        assert_eq!(names, ["1.0"]);
        assert_eq!(found.duplicates.len(), 1);
        let why: Vec<_> = found.others.iter().map(|(_, why)| why.clone()).collect();
        assert!(matches!(
            why.as_slice(),
            [
                NotADistribution::Damaged(_),
                NotADistribution::Damaged(_),
                NotADistribution::Egg,
                NotADistribution::Leftover
            ]
        ));
    }
}
