//! The options of requirements files that say how everything is found and chosen.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Origin, read};
use crate::base::redact::Secret;
use crate::index::requirements_syntax::FileOption;
use crate::index::{ProjectName, Surroundings};

/// The most values of one option in all files together.
const MOST_VALUES: usize = 1000;

/// Options of requirements files. Where an option has one value, the last one counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequirementsOptions {
    /// `--index-url`
    pub index_url: Option<Secret<String>>,
    /// `--extra-index-url`
    pub extra_index_urls: Vec<Secret<String>>,
    /// `--no-index`
    pub no_index: bool,
    /// `--find-links`: URLs, and paths from the working folder or from the file where they lead to something.
    pub find_links: Vec<Secret<String>>,
    /// `--no-binary`: what is always built.
    pub no_binary: ProjectSet,
    /// `--only-binary`: what is never built.
    pub only_binary: ProjectSet,
    /// `--prefer-binary`
    pub prefer_binary: bool,
    /// `--require-hashes`, unless `--no-require-hashes` comes later.
    pub require_hashes: bool,
    /// `--pre` and `--all-releases`: of what pre-releases are taken.
    pub all_releases: ProjectSet,
    /// `--only-final`: of what they are not.
    pub only_final: ProjectSet,
    /// `--trusted-host`
    pub trusted_hosts: Vec<String>,
    /// `--use-feature`
    pub features: Vec<String>,
}

/// Some projects, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectSet {
    /// All but those that another option names.
    pub is_all: bool,
    /// These.
    pub names: BTreeSet<ProjectName>,
}

impl ProjectSet {
    /// Adds what an option says: names with commas between them, `:all:` or `:none:`. What is in here leaves the other set.
    fn add(&mut self, value: &str, other: &mut Self) -> Result<(), &'static str> {
        for word in value.split(',').map(str::trim) {
            match word {
                ":all:" => {
                    *self = Self { is_all: true, names: BTreeSet::new() };
                    *other = Self::default();
                }
                ":none:" => *self = Self::default(),
                name => {
                    let name = name.parse().map_err(|_| "needs `:all:`, `:none:`, or names of projects")?;
                    other.names.remove(&name);
                    if self.names.len() >= MOST_VALUES {
                        return Err("has too many values in all");
                    }
                    self.names.insert(name);
                }
            }
        }
        Ok(())
    }
}

impl RequirementsOptions {
    /// Whether everything comes from indexes, and from nowhere else.
    #[must_use]
    pub const fn is_by_index(&self) -> bool {
        !self.no_index && self.find_links.is_empty()
    }

    /// Takes in an option with the value that it has. `Ok(false)` for options that belong to a single requirement.
    pub(super) fn apply(
        &mut self,
        option: FileOption,
        value: &str,
        origin: &Origin,
        folder: &Path,
        surroundings: &dyn Surroundings,
    ) -> Result<bool, &'static str> {
        match option {
            FileOption::IndexUrl => self.index_url = Some(Secret::new(value.to_owned())),
            FileOption::ExtraIndexUrl => add(&mut self.extra_index_urls, Secret::new(value.to_owned()))?,
            FileOption::NoIndex => self.no_index = true,
            FileOption::FindLinks => {
                let place = find_links(value, origin, folder, surroundings);
                add(&mut self.find_links, Secret::new(place))?;
            }
            FileOption::TrustedHost => add(&mut self.trusted_hosts, value.to_owned())?,
            FileOption::NoBinary => self.no_binary.add(value, &mut self.only_binary)?,
            FileOption::OnlyBinary => self.only_binary.add(value, &mut self.no_binary)?,
            FileOption::PreferBinary => self.prefer_binary = true,
            FileOption::RequireHashes => self.require_hashes = true,
            FileOption::NoRequireHashes => self.require_hashes = false,
            FileOption::Pre => self.all_releases.add(":all:", &mut self.only_final)?,
            FileOption::AllReleases => self.all_releases.add(value, &mut self.only_final)?,
            FileOption::OnlyFinal => self.only_final.add(value, &mut self.all_releases)?,
            FileOption::UseFeature => add(&mut self.features, value.to_owned())?,
            FileOption::Requirement
            | FileOption::Constraint
            | FileOption::Editable
            | FileOption::Hash
            | FileOption::ConfigSettings
            | FileOption::GlobalOption => return Ok(false),
        }
        Ok(true)
    }
}

/// Adds a value once.
fn add<T: PartialEq>(values: &mut Vec<T>, value: T) -> Result<(), &'static str> {
    if values.contains(&value) {
        return Ok(());
    }
    if values.len() >= MOST_VALUES {
        return Err("has too many values in all");
    }
    values.push(value);
    Ok(())
}

/// A path leads from the file where there is something, and from the working folder otherwise.
fn find_links(value: &str, origin: &Origin, folder: &Path, surroundings: &dyn Surroundings) -> String {
    if value.contains("://") || value.starts_with("file:") {
        return value.to_owned();
    }
    let beside = origin.folder().map(|beside| read::lexical(&folder.join(beside).join(value)));
    let found = beside.filter(|path| surroundings.resolve(path).is_some());
    found.unwrap_or_else(|| read::lexical(&folder.join(value))).display().to_string()
}
