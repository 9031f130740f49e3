//! Projects as people write them, and what they ask for.

use std::path::Path;

use super::*;

fn read(text: &str) -> Result<Project, RequirementError> {
    Project::parse(text, Path::new("pyproject.toml"))
}

fn told(text: &str, with_project: bool, extras: &[&str], groups: &[&str]) -> String {
    let extras: Vec<ExtraName> = extras.iter().map(|name| name.parse().unwrap()).collect();
    let groups: Vec<GroupName> = groups.iter().map(|name| name.parse().unwrap()).collect();
    let project = read(text).unwrap_or_else(|error| panic!("{error}"));
    match project.dependencies(&ProjectChoice { with_project, extras: &extras, groups: &groups }) {
        Ok(ProjectDependencies::Known(known)) => known.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "),
        Ok(ProjectDependencies::MustBeBuilt { field }) => format!("build for {field}"),
        Err(error) => error.to_string(),
    }
}

const PROJECT: &str = r#"
[project]
name = "Our_App"
requires-python = ">=3.9"
dependencies = ["six", "numpy>=1 ; python_version < '3.13'"]
[project.optional-dependencies]
Web_ui = ["flask"]
fast = ["uvloop ; sys_platform != 'win32'", "six"]
all = ["our-app[web-ui]", "our.app[fast] ; os_name == 'posix'", "our-app[all]"]
broken = ["our-app[none]"]
[dependency-groups]
Test = ["pytest", { include-group = "Lint.Tools" }]
lint-tools = ["ruff==0.6"]
dev = [{ include-group = "test" }, "our-app[fast]", { include-group = "lint-tools" }]
loop = [{ include-group = "hoop" }]
hoop = ["x", { include-group = "loop" }]
odd = [{ set-phasers-to = "stun" }]
number = [1]
lost = [{ include-group = "nowhere" }]
wrong = ["a>=1.*"]
"#;

#[test]
fn choices() {
    for (with_project, extras, groups, expected) in [
        (true, &[][..], &[][..], "six | numpy>=1; python_version < \"3.13\""),
        (true, &["WEB.ui"], &[], "six | numpy>=1; python_version < \"3.13\" | flask"),
        (
            true,
            &["all"],
            &[],
            "six | numpy>=1; python_version < \"3.13\" | flask | uvloop; os_name == \"posix\" and sys_platform != \"win32\" | six; os_name == \"posix\"",
        ),
        (false, &[], &["test"], "pytest | ruff==0.6"),
        (
            false,
            &[],
            &["dev"],
            "six | numpy>=1; python_version < \"3.13\" | pytest | ruff==0.6 | uvloop; sys_platform != \"win32\"",
        ),
        (true, &["nope"], &[], "pyproject.toml has no extra `nope`: it has all, broken, fast, web-ui"),
        (true, &["broken"], &[], "pyproject.toml has no extra `none`: it has all, broken, fast, web-ui"),
        (
            false,
            &[],
            &["nope"],
            "pyproject.toml has no dependency group `nope`: it has dev, hoop, lint-tools, loop, lost, number, odd, test, wrong",
        ),
        (
            false,
            &[],
            &["lost"],
            "pyproject.toml has no dependency group `nowhere`: it has dev, hoop, lint-tools, loop, lost, number, odd, test, wrong",
        ),
        (false, &[], &["loop"], "pyproject.toml: dependency groups include themselves: loop > hoop > loop"),
        (
            false,
            &[],
            &["odd"],
            "pyproject.toml: `dependency-groups.odd[0]`: only `{ include-group = \"NAME\" }` is known",
        ),
        (
            false,
            &[],
            &["number"],
            "pyproject.toml: `dependency-groups.number[0]`: must be a requirement or an `include-group`",
        ),
        (
            false,
            &[],
            &["wrong"],
            "pyproject.toml: `dependency-groups.wrong[0]`: `a>=1.*` has `.*` behind an operator other than `==` and `!=`, at character 4",
        ),
    ] {
        assert_eq!(told(PROJECT, with_project, extras, groups), expected);
    }
}

#[test]
fn what_only_a_build_can_tell() {
    let dynamic =
        "[project]\nname = 'a'\ndynamic = ['dependencies', 'version']\noptional-dependencies = { x = ['y'] }\n";
    let optional = "[project]\nname = 'a'\ndependencies = ['b']\ndynamic = ['optional-dependencies']\n";
    let groups = "[dependency-groups]\ndev = ['ruff']\n[build-system]\nrequires = []\n";
    for (text, with_project, extras, wanted_groups, expected) in [
        (dynamic, true, &[][..], &[][..], "build for dependencies"),
        (dynamic, true, &["x"], &[], "build for dependencies"),
        (optional, true, &[], &[], "b"),
        (optional, true, &["x"], &[], "build for optional-dependencies"),
        (groups, true, &[], &["dev"], "build for project"),
        (groups, false, &[], &["dev"], "ruff"),
        ("", true, &[], &[], "build for project"),
    ] {
        assert_eq!(told(text, with_project, extras, wanted_groups), expected, "{text}");
    }
}

#[test]
fn what_grows_without_end_is_bounded() {
    let doubled = |line: &dyn Fn(usize) -> String| (0..40).map(line).collect::<String>();
    let groups = doubled(&|n| format!("g{n} = [{{ include-group = 'g{0}' }}, {{ include-group = 'g{0}' }}]\n", n + 1));
    let text = format!("[dependency-groups]\n{groups}g40 = []\n");
    assert_eq!(told(&text, false, &[], &["g0"]), "there are more than 50000 entries of dependency groups");
    let extras = doubled(&|n| format!("e{n} = ['a[e{0}]', 'a[e{0}]']\n", n + 1));
    let text = format!("[project]\nname = 'a'\n[project.optional-dependencies]\n{extras}e40 = []\n");
    assert_eq!(told(&text, true, &["e0"], &[]), "there are more than 50000 dependencies of a project");
    let chain = |line: &dyn Fn(usize) -> String| (0..20_000).map(line).collect::<String>();
    let groups = chain(&|n| format!("g{n} = [{{ include-group = 'g{}' }}]\n", n + 1));
    let text = format!("[dependency-groups]\n{groups}");
    assert_eq!(told(&text, false, &[], &["g0"]), "there are more than 100 dependency groups in each other");
    let extras = chain(&|n| format!("e{n} = ['a[e{}]']\n", n + 1));
    let text = format!("[project]\nname = 'a'\n[project.optional-dependencies]\n{extras}");
    assert_eq!(told(&text, true, &["e0"], &[]), "there are more than 100 extras in each other");
}
