//! What of a project's dependencies somebody asks for.

use std::collections::HashSet;

use super::Project;
use super::groups::{DEEPEST, MOST_ENTRIES};
use crate::installer::requirement::{ExtraName, GroupName, Marker, Requirement, RequirementError};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectChoice<'c> {
    /// The dependencies of the project itself. Without them only the groups count, and extras must be empty.
    pub with_project: bool,
    /// The extras.
    pub extras: &'c [ExtraName],
    /// The dependency groups.
    pub groups: &'c [GroupName],
}

/// What a project needs, as far as its file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProjectDependencies {
    /// These requirements.
    Known(Vec<Requirement>),
    /// Only a build can tell: `pyproject.toml` leaves this field to the build backend.
    MustBeBuilt {
        /// The field, `project` for all of them.
        field: &'static str,
    },
}

/// What is known so far, and how much was looked at for it.
#[derive(Default)]
struct Collected {
    requirements: Vec<Requirement>,
    seen: usize,
}

impl Project {
    /// What is to be installed for this choice. The project itself is not among it: where an extra or a group names the project,
    /// what it stands for takes its place.
    ///
    /// # Errors
    /// [`RequirementError::NoSuchExtra`] and [`RequirementError::NoSuchGroup`] list those that there are;
    /// [`RequirementError::Project`] for groups that cannot be read or include themselves.
    pub fn dependencies(&self, choice: &ProjectChoice<'_>) -> Result<ProjectDependencies, RequirementError> {
        let mut of_groups = Vec::new();
        for group in choice.groups {
            of_groups.extend(self.group(group)?);
        }
        let asks_for_project = choice.with_project || of_groups.iter().any(|requirement| self.is_self(requirement));
        let asks_for_extra = !choice.extras.is_empty()
            || of_groups.iter().any(|requirement| self.is_self(requirement) && !requirement.extras.is_empty());
        if let Some(field) = self.must_be_built(asks_for_project, asks_for_extra) {
            return Ok(ProjectDependencies::MustBeBuilt { field });
        }
        let mut collected = Collected::default();
        if choice.with_project {
            self.collect(&self.dependencies, None, &mut Vec::new(), &mut collected)?;
        }
        for extra in choice.extras {
            self.collect_extra(extra, None, &mut Vec::new(), &mut collected)?;
        }
        if !choice.with_project && of_groups.iter().any(|requirement| self.is_self(requirement)) {
            self.collect(&self.dependencies, None, &mut Vec::new(), &mut collected)?;
        }
        self.collect(&of_groups, None, &mut Vec::new(), &mut collected)?;
        let mut told = HashSet::new();
        let mut requirements = collected.requirements;
        requirements.retain(|requirement| told.insert(requirement.exposed()));
        Ok(ProjectDependencies::Known(requirements))
    }

    fn must_be_built(&self, asks_for_project: bool, asks_for_extra: bool) -> Option<&'static str> {
        let is_dynamic = |field: &str| self.dynamic.contains(field);
        match (asks_for_project, asks_for_extra) {
            (true, _) | (_, true) if self.name.is_none() => Some("project"),
            (true, _) if is_dynamic("dependencies") => Some("dependencies"),
            (_, true) if is_dynamic("optional-dependencies") => Some("optional-dependencies"),
            _ => None,
        }
    }

    fn is_self(&self, requirement: &Requirement) -> bool {
        self.name.as_ref() == Some(&requirement.name)
    }

    /// Adds requirements, each under a condition. Where the project names itself, its extras take the place.
    fn collect(
        &self,
        requirements: &[Requirement],
        condition: Option<&Marker>,
        open: &mut Vec<ExtraName>,
        collected: &mut Collected,
    ) -> Result<(), RequirementError> {
        for requirement in requirements {
            collected.seen += 1;
            if collected.seen > MOST_ENTRIES {
                return Err(RequirementError::TooMany { what: "dependencies of a project", most: MOST_ENTRIES });
            }
            let marker = match (condition, requirement.marker.clone()) {
                (Some(condition), Some(marker)) => Some(condition.clone().and(marker)),
                (condition, marker) => marker.or_else(|| condition.cloned()),
            };
            if self.is_self(requirement) {
                for extra in &requirement.extras {
                    self.collect_extra(extra, marker.as_ref(), open, collected)?;
                }
            } else {
                collected.requirements.push(Requirement { marker, ..requirement.clone() });
            }
        }
        Ok(())
    }

    fn collect_extra(
        &self,
        extra: &ExtraName,
        condition: Option<&Marker>,
        open: &mut Vec<ExtraName>,
        collected: &mut Collected,
    ) -> Result<(), RequirementError> {
        let Some(requirements) = self.extras.get(extra) else {
            let known = self.extras.keys().map(ToString::to_string).collect();
            return Err(RequirementError::NoSuchExtra { path: self.path.clone(), extra: extra.clone(), known });
        };
        // An extra that names itself adds nothing to itself.
        if !open.contains(extra) {
            if open.len() == DEEPEST {
                return Err(RequirementError::TooMany { what: "extras in each other", most: DEEPEST });
            }
            open.push(extra.clone());
            self.collect(requirements, condition, open, collected)?;
            open.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
