//! Dependency groups, and the groups that they include (PEP 735).

use toml::Value;

use super::Project;
use super::read::wrong;
use crate::installer::requirement::{GroupName, InvalidRequirement, Requirement, RequirementError};

/// The most entries that are looked at. Groups that include each other twice over grow without end otherwise.
pub(super) const MOST_ENTRIES: usize = 50_000;

/// How many groups, or extras, may stand in each other.
pub(super) const DEEPEST: usize = 100;

impl Project {
    /// The requirements of a group and of those that it includes, in the order in which they stand there.
    pub(super) fn group(&self, name: &GroupName) -> Result<Vec<Requirement>, RequirementError> {
        let mut requirements = Vec::new();
        self.expand(name, &mut Vec::new(), &mut 0, &mut requirements)?;
        Ok(requirements)
    }

    fn expand(
        &self,
        name: &GroupName,
        open: &mut Vec<GroupName>,
        seen: &mut usize,
        requirements: &mut Vec<Requirement>,
    ) -> Result<(), RequirementError> {
        let Some(entries) = self.groups.get(name) else {
            let known = self.groups.keys().map(ToString::to_string).collect();
            return Err(RequirementError::NoSuchGroup { path: self.path.clone(), group: name.clone(), known });
        };
        if open.contains(name) {
            let names: Vec<_> = open.iter().chain([name]).map(ToString::to_string).collect();
            return Err(wrong(&self.path, &format!("dependency groups include themselves: {}", names.join(" > "))));
        }
        if open.len() == DEEPEST {
            return Err(RequirementError::TooMany { what: "dependency groups in each other", most: DEEPEST });
        }
        open.push(name.clone());
        for (index, entry) in entries.iter().enumerate() {
            *seen += 1;
            if *seen > MOST_ENTRIES {
                return Err(RequirementError::TooMany { what: "entries of dependency groups", most: MOST_ENTRIES });
            }
            let problem = |problem: &str| wrong(&self.path, &format!("`dependency-groups.{name}[{index}]`: {problem}"));
            match entry {
                Value::String(text) => {
                    requirements.push(text.parse().map_err(|error: InvalidRequirement| problem(&error.to_string()))?);
                }
                Value::Table(table) => match (table.len(), table.get("include-group")) {
                    (1, Some(Value::String(included))) => {
                        let included: GroupName = included.parse().map_err(|error| problem(&format!("{error}")))?;
                        self.expand(&included, open, seen, requirements)?;
                    }
                    _ => return Err(problem("only `{ include-group = \"NAME\" }` is known")),
                },
                _ => return Err(problem("must be a requirement or an `include-group`")),
            }
        }
        open.pop();
        Ok(())
    }
}
