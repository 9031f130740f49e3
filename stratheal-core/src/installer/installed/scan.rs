//! Looking through the folders where an environment keeps packages.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Distribution, lists_its_metadata, read_record};
use crate::base::fs::named;
use crate::index::ProjectName;

/// The most entries of a folder that are looked at.
const MOST_ENTRIES: usize = 200_000;

/// What the format before `.dist-info` leaves.
const EGGS: &[&str] = &[".egg-info", ".egg-link", ".egg"];

/// What is installed.
#[derive(Debug, Clone, Default)]
pub struct Installed {
    /// The projects, by name. Of one that is there more than once, the newest that has a RECORD of its own: the others were left behind.
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
                    Ok(distribution) => self.put(distribution),
                    Err(reason) => self.others.push((path, NotADistribution::Damaged(reason))),
                }
            }
        }
        Ok(())
    }
}

impl Installed {
    fn put(&mut self, distribution: Distribution) {
        let rank = |one: &Distribution| {
            let has_record = read_record(&one.folder).is_ok_and(|(rows, _)| lists_its_metadata(&rows, &one.folder));
            (has_record, one.version().clone())
        };
        match self.distributions.entry(distribution.name().clone()) {
            Entry::Vacant(place) => drop(place.insert(distribution)),
            Entry::Occupied(mut there) => {
                let is_better = rank(&distribution) > rank(there.get());
                let other = if is_better { there.insert(distribution) } else { distribution };
                self.duplicates.push(other);
            }
        }
    }

    /// Takes, of a project that is there more than once, the one for which this holds.
    pub(in crate::installer) fn prefer(&mut self, is_meant: impl Fn(&Distribution) -> bool) {
        for other in &mut self.duplicates {
            if let Some(first) = self.distributions.get_mut(other.name()).filter(|first| !is_meant(first))
                && is_meant(other)
            {
                std::mem::swap(first, other);
            }
        }
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
        put("demo-3.0.dist-info", "Name: demo\nVersion: 3.0\n");
        for version in ["1.0", "2.0"] {
            let folder = if version == "1.0" { "Demo-1.0.dist-info" } else { "demo-2.0.dist-info" };
            fs::write(site.join(folder).join("RECORD"), format!("{folder}/METADATA,,\n")).unwrap();
        }
        put("broken-1.dist-info", "Name: broken\n");
        fs::create_dir_all(site.join("empty-1.dist-info")).unwrap();
        fs::create_dir_all(site.join("~emo-1.0.dist-info")).unwrap();
        fs::create_dir_all(site.join("old-1-py3.9.egg-info")).unwrap();
        fs::create_dir_all(site.join("demo")).unwrap();
        let mut found = Installed::scan([site.as_path(), site.as_path(), Path::new("/nowhere")]).unwrap();
        let names: Vec<_> = found.distributions.values().map(|one| one.version().to_string()).collect();
        assert_eq!(names, ["2.0"], "the newest that has a RECORD");
        assert_eq!(found.duplicates.len(), 2);
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
        found.prefer(|one| one.version().to_string() == "1.0");
        let names: Vec<_> = found.distributions.values().map(|one| one.version().to_string()).collect();
        assert_eq!((names, found.duplicates.len()), (vec!["1.0".to_owned()], 2));
    }
}
