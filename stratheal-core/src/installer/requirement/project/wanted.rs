//! A project's dependencies as something that is wanted.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Project, ProjectChoice, ProjectDependencies};
use crate::installer::requirement::{
    Origin, RequirementError, Wanted, WantedHashes, WantedNote, WantedRequirement, What,
};

impl Wanted {
    /// Adds what a project needs. The project itself is not among it.
    ///
    /// # Errors
    /// As for [`Project::dependencies`], and [`RequirementError::Project`] where only a build of the project can tell what it needs.
    pub fn add_project(&mut self, project: &Project, choice: &ProjectChoice<'_>) -> Result<(), RequirementError> {
        let requirements = match project.dependencies(choice)? {
            ProjectDependencies::Known(requirements) => requirements,
            ProjectDependencies::MustBeBuilt { field } => {
                let folder = project.path.parent().unwrap_or(&project.path).display().to_string();
                let folder = if folder.is_empty() { "." } else { &folder };
                let problem = match field {
                    "project" => format!("it has no `[project]`: install the folder itself (`-e {folder}`)"),
                    field => format!(
                        "`project.{field}` is left to the build, so that only a build can tell what is needed: install the folder itself \
                         (`-e {folder}`)"
                    ),
                };
                return Err(RequirementError::Project { path: project.path.clone(), problem });
            }
        };
        let file: Arc<std::path::Path> = project.path.as_path().into();
        let origin = |line| Origin { file: Some(Arc::clone(&file)), line };
        if project.has_uv_sources {
            let text =
                "`tool.uv.sources` is uv's own and means nothing here: its packages come from the index".to_owned();
            self.notes.push(WantedNote { origin: origin(1), text });
        }
        self.files.push((project.path.clone(), project.id));
        self.requirements.extend(requirements.into_iter().map(|requirement| WantedRequirement {
            what: What::Named(requirement),
            is_editable: false,
            hashes: WantedHashes::default(),
            config_settings: BTreeMap::new(),
            global_options: Vec::new(),
            origin: origin(1),
        }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn added(text: &str, extras: &[&str], groups: &[&str]) -> Result<Vec<String>, String> {
        let project = Project::parse(text, Path::new("/srv/app/pyproject.toml")).map_err(|error| error.to_string())?;
        let extras: Vec<_> = extras.iter().map(|name| name.parse().unwrap()).collect();
        let groups: Vec<_> = groups.iter().map(|name| name.parse().unwrap()).collect();
        let choice = ProjectChoice { with_project: true, extras: &extras, groups: &groups };
        let mut wanted = Wanted::default();
        wanted.add_project(&project, &choice).map_err(|error| error.to_string())?;
        let notes = wanted.notes.iter().map(|note| note.text.chars().take(18).collect());
        Ok(wanted.requirements.iter().map(|one| one.what.shown()).chain(notes).collect())
    }

    #[test]
    fn what_a_project_needs_is_wanted() {
        let text = "[project]\nname = 'app'\ndependencies = ['six']\noptional-dependencies = { web = ['flask'] }\n\
                    [dependency-groups]\ndev = ['pytest']\n[tool.uv.sources]\nsix = { path = '..' }\n";
        assert_eq!(added(text, &["web"], &["dev"]).unwrap(), ["six", "flask", "pytest", "`tool.uv.sources` "]);
        let dynamic = "[project]\nname = 'app'\ndynamic = ['dependencies']\n";
        assert!(added(dynamic, &[], &[]).unwrap_err().contains("-e /srv/app"));
        assert!(added("[tool.x]\n", &[], &[]).unwrap_err().contains("no `[project]`"));
    }
}
