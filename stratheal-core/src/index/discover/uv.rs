//! Indexes in the files of uv: `uv.toml`, and `[tool.uv]` in `pyproject.toml` (uv's settings reference, "Package indexes").

use toml::{Table, Value};

use super::finding::{Finding, Role};

fn texts<'t>(table: &'t Table, key: &str) -> Vec<&'t str> {
    match table.get(key) {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(text)) => vec![text],
        _ => Vec::new(),
    }
}

fn is_set(table: &Table, key: &str) -> bool {
    table.get(key).and_then(Value::as_bool).unwrap_or_default()
}

/// Reads the settings of uv: a whole `uv.toml`, or the table `[tool.uv]`.
pub(super) fn read(settings: &Table, from: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let indexes = settings.get("index").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    for index in indexes {
        let Some(url) = index.get("url").and_then(Value::as_str) else { continue };
        let name = index.get("name").and_then(Value::as_str);
        let is_explicit = is_set(index, "explicit");
        let is_flat = index.get("format").and_then(Value::as_str) == Some("flat");
        let role = if is_flat {
            Role::FindLinks
        } else if is_explicit {
            Role::Explicit
        } else if is_set(index, "default") {
            Role::Default
        } else {
            Role::Extra
        };
        let mut found = Finding::new(role, url, &format!("{from}, [[index]]")).named(name);
        if let Some(name) = name.filter(|_| is_explicit) {
            found.only = pinned_to(settings, name);
        }
        findings.push(found);
    }
    for table in [Some(settings), settings.get("pip").and_then(Value::as_table)].into_iter().flatten() {
        for (key, role) in [
            ("index-url", Role::Default),
            ("extra-index-url", Role::Extra),
            ("find-links", Role::FindLinks),
            ("allow-insecure-host", Role::TrustedHost),
        ] {
            findings
                .extend(texts(table, key).into_iter().map(|text| Finding::new(role, text, &format!("{from}, {key}"))));
        }
        if is_set(table, "no-index") {
            findings.push(Finding::new(Role::NoIndex, "no-index", from));
        }
    }
    findings
}

/// The projects that `[tool.uv.sources]` takes from this index.
fn pinned_to(settings: &Table, name: &str) -> Vec<String> {
    let sources = settings.get("sources").and_then(Value::as_table).into_iter().flatten();
    let names = |value: &Value| value.get("index").and_then(Value::as_str) == Some(name);
    let pinned = sources.filter(|(_, value)| names(value) || value.as_array().is_some_and(|all| all.iter().any(names)));
    pinned.filter_map(|(project, _)| Some(project.parse::<crate::index::ProjectName>().ok()?.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<(Role, Option<String>, String, Vec<String>)> {
        let findings = read(&text.parse().unwrap(), "uv.toml");
        findings.into_iter().map(|found| (found.role, found.name, found.text.expose().clone(), found.only)).collect()
    }

    #[test]
    fn settings() {
        let text = r#"
            index-url = "https://old.example/simple"
            extra-index-url = ["https://e.example/simple"]
            no-index = true
            index = [
              { name = "private", url = "https://p.example/simple" },
              { name = "torch", url = "https://t.example/whl", explicit = true },
              { url = "https://d.example/simple", default = true },
              { name = "flat", url = "../wheels", format = "flat" },
              { name = "no url" }, 1,
            ]
            [pip]
            find-links = ["./wheels"]
            [sources]
            Torch = { index = "torch" }
            torchvision = [{ index = "torch", marker = "x" }, { git = "y" }]
            other = { git = "https://git.example/" }
        "#;
        let row = |role, name: Option<&str>, text: &str, only: &[&str]| {
            let only = only.iter().map(|&name| name.to_owned()).collect();
            (role, name.map(str::to_owned), text.to_owned(), only)
        };
        assert_eq!(
            told(text),
            [
                row(Role::Extra, Some("private"), "https://p.example/simple", &[]),
                row(Role::Explicit, Some("torch"), "https://t.example/whl", &["torch", "torchvision"]),
                row(Role::Default, None, "https://d.example/simple", &[]),
                row(Role::FindLinks, Some("flat"), "../wheels", &[]),
                row(Role::Default, None, "https://old.example/simple", &[]),
                row(Role::Extra, None, "https://e.example/simple", &[]),
                row(Role::NoIndex, None, "no-index", &[]),
                row(Role::FindLinks, None, "./wheels", &[]),
            ]
        );
    }

    proptest! {
        #[test]
        fn never_panics(key in "(index|index-url|extra-index-url|sources|pip|no-index)", value in "(1|\"x\"|\\[\\]|\\[\\[\\]\\]|\\{url=1\\}|\\[\\{url='x'\\}\\]|true)") {
            if let Ok(table) = format!("{key} = {value}").parse::<Table>() {
                let _ = read(&table, "uv.toml");
            }
        }
    }
}
