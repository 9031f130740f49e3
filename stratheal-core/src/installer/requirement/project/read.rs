//! Reading `pyproject.toml` ("pyproject.toml specification" of the packaging specifications).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use pep440_rs::VersionSpecifiers;
use toml::{Table, Value};

use crate::index::{ProjectName, Surroundings};
use crate::installer::requirement::{ExtraName, GroupName, Requirement, RequirementError};
use crate::objects::ContentId;

/// The largest file that is read, in bytes.
const LARGEST: usize = 4 << 20;

/// What a `pyproject.toml` says about what the project needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The file.
    pub path: PathBuf,
    /// The id of its bytes.
    pub id: ContentId,
    /// The name; `None` without a table `[project]`.
    pub name: Option<ProjectName>,
    /// The interpreters it is for.
    pub requires_python: Option<VersionSpecifiers>,
    pub(super) dependencies: Vec<Requirement>,
    pub(super) extras: BTreeMap<ExtraName, Vec<Requirement>>,
    /// Not looked into before somebody asks: a later version of the specification may know more than this program.
    pub(super) groups: BTreeMap<GroupName, Vec<Value>>,
    /// Whether it says in uv's own way where packages come from.
    pub(super) has_uv_sources: bool,
    /// The fields that only a build can tell.
    pub(super) dynamic: BTreeSet<String>,
}

impl Project {
    /// Reads a `pyproject.toml`.
    ///
    /// # Errors
    /// [`RequirementError::Unreadable`], or [`RequirementError::Project`] with the key.
    pub fn read(path: &Path, surroundings: &dyn Surroundings) -> Result<Self, RequirementError> {
        let unreadable = |source| RequirementError::Unreadable { path: path.to_owned(), source };
        let bytes = surroundings.read(path, LARGEST).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong(path, "it is not UTF-8"))?;
        Self::parse(text, path)
    }

    /// Reads the text of a `pyproject.toml`.
    ///
    /// # Errors
    /// [`RequirementError::Project`] with the key.
    ///
    /// ```
    /// use std::path::Path;
    /// use stratheal_core::installer::requirement::{Project, ProjectChoice, ProjectDependencies};
    /// let text = "
    ///     [project]
    ///     name = 'app'
    ///     dependencies = ['six>=1.16']
    ///     optional-dependencies = { web = ['flask'] }
    /// ";
    /// let project = Project::parse(text, Path::new("pyproject.toml"))?;
    /// let extras = ["web".parse().unwrap()];
    /// let choice = ProjectChoice { with_project: true, extras: &extras, groups: &[] };
    /// let ProjectDependencies::Known(wanted) = project.dependencies(&choice)? else { panic!("nothing is dynamic") };
    /// assert_eq!(wanted.len(), 2);
    /// # Ok::<(), stratheal_core::installer::requirement::RequirementError>(())
    /// ```
    pub fn parse(text: &str, path: &Path) -> Result<Self, RequirementError> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            wrong(path, &format!("it is no TOML in line {line}: {}", first_line(error.message())))
        })?;
        let reader = Reader { path };
        let mut read = Self {
            path: path.to_owned(),
            id: ContentId::of(text.as_bytes()),
            name: None,
            requires_python: None,
            dependencies: Vec::new(),
            extras: BTreeMap::new(),
            groups: reader.groups(table.get("dependency-groups"))?,
            has_uv_sources: has(&table, &["tool", "uv", "sources"]),
            dynamic: BTreeSet::new(),
        };
        let Some(project) = reader.table(table.get("project"), "project")? else { return Ok(read) };
        read.name = match project.get("name") {
            Some(name) => Some(reader.text(name, "project.name")?),
            None => return Err(wrong(path, "`project.name` must be there")),
        };
        let requires = project.get("requires-python");
        read.requires_python = requires.map(|value| reader.text(value, "project.requires-python")).transpose()?;
        read.dynamic = reader.list(project.get("dynamic"), "project.dynamic")?.into_iter().collect();
        read.dependencies = reader.list(project.get("dependencies"), "project.dependencies")?;
        let optional = reader.table(project.get("optional-dependencies"), "project.optional-dependencies")?;
        for (name, values) in optional.into_iter().flatten() {
            let key = format!("project.optional-dependencies.{}", name.escape_debug());
            let extra: ExtraName = name.parse().map_err(|error| wrong(path, &format!("`{key}`: {error}")))?;
            let values = reader.list(Some(values), &key)?;
            if read.extras.insert(extra, values).is_some() {
                return Err(wrong(path, &format!("`{key}` is there twice, in two spellings")));
            }
        }
        Ok(read)
    }

    /// The extras.
    pub fn extras(&self) -> impl Iterator<Item = &ExtraName> {
        self.extras.keys()
    }

    /// The dependency groups.
    pub fn groups(&self) -> impl Iterator<Item = &GroupName> {
        self.groups.keys()
    }
}

/// Whether there is something under these keys.
fn has(table: &Table, keys: &[&str]) -> bool {
    let [key, rest @ ..] = keys else { return true };
    table.get(*key).is_some_and(|value| rest.is_empty() || value.as_table().is_some_and(|table| has(table, rest)))
}

pub(super) fn wrong(path: &Path, problem: &str) -> RequirementError {
    RequirementError::Project { path: path.to_owned(), problem: problem.to_owned() }
}

fn first_line(text: impl Display) -> String {
    text.to_string().lines().next().unwrap_or_default().chars().take(300).collect()
}

struct Reader<'r> {
    path: &'r Path,
}

impl Reader<'_> {
    fn groups(&self, value: Option<&Value>) -> Result<BTreeMap<GroupName, Vec<Value>>, RequirementError> {
        let mut groups = BTreeMap::new();
        for (name, value) in self.table(value, "dependency-groups")?.into_iter().flatten() {
            let key = format!("dependency-groups.{}", name.escape_debug());
            let group: GroupName = name.parse().map_err(|error| wrong(self.path, &format!("`{key}`: {error}")))?;
            let Value::Array(entries) = value else {
                return Err(wrong(self.path, &format!("`{key}` must be a list")));
            };
            if groups.insert(group, entries.clone()).is_some() {
                return Err(wrong(self.path, &format!("`{key}` is there twice, in two spellings")));
            }
        }
        Ok(groups)
    }

    fn table<'t>(&self, value: Option<&'t Value>, key: &str) -> Result<Option<&'t Table>, RequirementError> {
        match value {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(table)),
            Some(_) => Err(wrong(self.path, &format!("`{key}` must be a table"))),
        }
    }

    fn text<T: FromStr<Err: Display>>(&self, value: &Value, key: &str) -> Result<T, RequirementError> {
        let text = value.as_str().ok_or_else(|| wrong(self.path, &format!("`{key}` must be a text")))?;
        text.parse().map_err(|error| wrong(self.path, &format!("`{key}`: {}", first_line(error))))
    }

    fn list<T: FromStr<Err: Display>>(&self, value: Option<&Value>, key: &str) -> Result<Vec<T>, RequirementError> {
        let values = match value {
            None => return Ok(Vec::new()),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(wrong(self.path, &format!("`{key}` must be a list"))),
        };
        let each = values.iter().enumerate();
        each.map(|(index, value)| self.text(value, &format!("{key}[{index}]"))).collect()
    }
}

#[cfg(test)]
mod tests;
