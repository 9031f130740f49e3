//! Files that are refused, and files that are nothing.

use proptest::prelude::*;

use super::*;
use crate::installer::requirement::ProjectChoice;

fn read(text: &str) -> Result<Project, RequirementError> {
    Project::parse(text, Path::new("pyproject.toml"))
}

#[test]
fn what_is_refused_names_the_key() {
    for (text, expected) in [
        ("x = [", "it is no TOML in line 1: "),
        ("project = 1", "`project` must be a table"),
        ("[project]", "`project.name` must be there"),
        ("[project]\nname = 1", "`project.name` must be a text"),
        ("[project]\nname = '-'", "`project.name`: `-` is no project name"),
        ("[project]\nname = 'a'\ndependencies = 'b'", "`project.dependencies` must be a list"),
        (
            "[project]\nname = 'a'\ndependencies = ['b', 'c d']",
            "`project.dependencies[1]`: `c d` needs `;` before a marker",
        ),
        ("[project]\nname = 'a'\nrequires-python = 'x'", "`project.requires-python`: "),
        (
            "[project]\nname = 'a'\noptional-dependencies = { A-b = [], a_B = [] }",
            "`project.optional-dependencies.a_B` is there twice, in two spellings",
        ),
        (
            "[project]\nname = 'a'\noptional-dependencies = { '-' = [] }",
            "`project.optional-dependencies.-`: `-` is no name of an extra",
        ),
        ("dependency-groups = { A-b = [], a_B = [] }", "`dependency-groups.a_B` is there twice, in two spellings"),
        ("dependency-groups = { a = 1 }", "`dependency-groups.a` must be a list"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(&format!("pyproject.toml: {expected}")), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn never_panics(noise in "\\PC{0,60}", near in "((name|dependencies|dynamic|requires-python|a|b|optional-dependencies\\.a) = ('x'|1|\\[\\]|\\['a\\[b\\]'\\]|\\[\\{include-group='a'\\}\\]|'>=3')\n){0,5}") {
        let texts = [noise, format!("[project]\nname = 'a'\n{near}"), format!("[project]\n{near}"), format!("[dependency-groups]\n{near}")];
        for text in texts {
            let Ok(project) = read(&text) else { continue };
            let (extras, groups): (Vec<_>, Vec<_>) = (project.extras().cloned().collect(), project.groups().cloned().collect());
            let _ = project.dependencies(&ProjectChoice { with_project: true, extras: &extras, groups: &groups });
        }
    }
}
