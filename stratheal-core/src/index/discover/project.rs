//! Indexes in `pyproject.toml`: the sources of poetry ("Repositories" in its documentation) and of pdm ("Configure").

use toml::{Table, Value};

use super::finding::{Finding, Role};
use crate::base::redact::Secret;
use crate::index::ProjectName;
use crate::index::credentials::Basic;

fn sources<'t>(tool: &'t Table, name: &str) -> Vec<&'t Table> {
    let sources = tool.get(name).and_then(|tool| tool.get("source")).and_then(Value::as_array);
    sources.into_iter().flatten().filter_map(Value::as_table).collect()
}

fn text<'t>(table: &'t Table, key: &str) -> Option<&'t str> {
    table.get(key).and_then(Value::as_str)
}

/// What poetry and pdm say in the table `[tool]`.
pub(super) fn read(tool: &Table, from: &str) -> Vec<Finding> {
    let mut findings = poetry(tool, &format!("{from}, [[tool.poetry.source]]"));
    findings.extend(pdm(tool, &format!("{from}, [[tool.pdm.source]]")));
    findings
}

fn poetry(tool: &Table, from: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut keeps_default = false;
    for source in sources(tool, "poetry") {
        let name = text(source, "name");
        let Some(url) = text(source, "url") else {
            // Only its own default may be named without a URL; naming it keeps it.
            keeps_default |= name.is_some_and(|name| name.eq_ignore_ascii_case("pypi"));
            continue;
        };
        let is_set = |key: &str| source.get(key).and_then(Value::as_bool).unwrap_or_default();
        let role = match text(source, "priority") {
            Some("default") => Role::Default,
            Some("supplemental" | "secondary") => Role::Last,
            Some("explicit") => Role::Explicit,
            _ if is_set("default") => Role::Default,
            _ if is_set("secondary") => Role::Last,
            _ => Role::Extra,
        };
        let mut found = Finding::new(role, url, from).named(name);
        if let Some(name) = name.filter(|_| role == Role::Explicit) {
            found.only =
                tool.get("poetry").and_then(Value::as_table).map(|poetry| pinned_to(poetry, name)).unwrap_or_default();
        }
        findings.push(found);
    }
    // Primary sources replace poetry's default unless it is named, so the last of them is what everything else comes from.
    if !keeps_default && !findings.iter().any(|found| found.role == Role::Default) {
        let last = findings.iter_mut().rev().find(|found| found.role == Role::Extra);
        if let Some(last) = last {
            last.role = Role::Default;
        }
    }
    findings
}

/// The projects that poetry takes from this source.
fn pinned_to(poetry: &Table, source: &str) -> Vec<String> {
    let groups = poetry.get("group").and_then(Value::as_table).into_iter().flatten().map(|(_, group)| group);
    let tables = groups.filter_map(|group| group.get("dependencies")).chain(poetry.get("dependencies"));
    let names = |value: &Value| value.get("source").and_then(Value::as_str) == Some(source);
    let pinned = tables.filter_map(Value::as_table).flatten();
    let pinned = pinned.filter(|(_, value)| names(value) || value.as_array().is_some_and(|all| all.iter().any(names)));
    pinned.filter_map(|(project, _)| Some(project.parse::<ProjectName>().ok()?.to_string())).collect()
}

fn pdm(tool: &Table, from: &str) -> Vec<Finding> {
    let read = |source: &Table| {
        let name = text(source, "name");
        let role = if text(source, "type") == Some("find_links") {
            Role::FindLinks
        } else if name == Some("pypi") {
            // pdm replaces its default by a source of this name.
            Role::Default
        } else {
            Role::Extra
        };
        let mut found = Finding::new(role, text(source, "url")?, from).named(name);
        let packages = source.get("include_packages").and_then(Value::as_array).into_iter().flatten();
        found.only =
            packages.filter_map(Value::as_str).map(|pattern| pattern.to_lowercase().replace(['_', '.'], "-")).collect();
        found.basic = text(source, "username").map(|user| Basic {
            user: Secret::new(user.to_owned()),
            password: Secret::new(text(source, "password").unwrap_or_default().to_owned()),
        });
        Some(found)
    };
    sources(tool, "pdm").into_iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<(Role, String, Vec<String>)> {
        let findings = read(&text.parse().unwrap(), "pyproject.toml");
        findings.into_iter().map(|found| (found.role, found.name.unwrap_or_default(), found.only)).collect()
    }

    #[test]
    fn poetry_sources() {
        let text = r#"
            [[poetry.source]]
            name = "a"
            url = "https://a.example/"
            [[poetry.source]]
            name = "b"
            url = "https://b.example/"
            priority = "primary"
            [[poetry.source]]
            name = "c"
            url = "https://c.example/"
            priority = "supplemental"
            [[poetry.source]]
            name = "d"
            url = "https://d.example/"
            priority = "explicit"
            [poetry.dependencies]
            Torch = { version = "*", source = "d" }
            six = "*"
            [poetry.group.dev.dependencies]
            torch_vision = [{ version = "1", source = "d" }]
        "#;
        let rows = |second| {
            let pinned = vec!["torch-vision".to_owned(), "torch".to_owned()];
            [(Role::Extra, "a"), (second, "b"), (Role::Last, "c"), (Role::Explicit, "d")]
                .map(|(role, name)| (role, name.to_owned(), if name == "d" { pinned.clone() } else { Vec::new() }))
        };
        assert_eq!(told(text), rows(Role::Default));
        assert_eq!(told(&format!("{text}\n[[poetry.source]]\nname = \"PyPI\"\n")), rows(Role::Extra));
    }

    #[test]
    fn pdm_sources() {
        let text = r#"
            [[pdm.source]]
            name = "pypi"
            url = "https://a.example/"
            username = "me"
            [[pdm.source]]
            name = "torch"
            url = "https://b.example/"
            include_packages = ["Torch*"]
            [[pdm.source]]
            type = "find_links"
            url = "./wheels"
        "#;
        let expected =
            [(Role::Default, "pypi", None), (Role::Extra, "torch", Some("torch*")), (Role::FindLinks, "", None)];
        let expected =
            expected.map(|(role, name, only)| (role, name.to_owned(), only.map(str::to_owned).into_iter().collect()));
        assert_eq!(told(text), expected);
    }

    proptest! {
        #[test]
        fn never_panics(tool in "(pdm|poetry)", value in "(1|\\[\\]|\\[1\\]|\\[\\{url='x'\\}\\]|\\[\\{name='pypi'\\}\\]|\\[\\{url='x',priority='explicit',name='y'\\}\\])") {
            if let Ok(table) = format!("{tool}.source = {value}\n{tool}.dependencies = {value}").parse::<Table>() {
                let _ = read(&table, "pyproject.toml");
            }
        }
    }
}
