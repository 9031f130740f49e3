//! Lines of `.pth` files, and projects that are links to their sources.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Finding, Problem, Project, Standing};
use crate::base::fs::read_text;

/// The largest `.pth` file, in bytes, the most lines of one and the most files.
const LARGEST: u64 = 1 << 20;
const MOST_LINES: usize = 10_000;
const MOST_FILES: usize = 1_000;

/// Folders that are named and not there. `packages` are relative to the root.
pub(super) fn gone(root: &Path, packages: &[String], projects: &[Project]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in packages {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        let mut names: Vec<_> = entries.flatten().map(|entry| PathBuf::from(entry.file_name())).collect();
        names.retain(|name| name.extension().is_some_and(|extension| extension == "pth"));
        names.sort_unstable();
        for name in names.into_iter().take(MOST_FILES) {
            let path = Path::new(folder).join(name);
            let Ok(text) = read_text(&root.join(&path), LARGEST) else { continue };
            let absent = targets(&text).filter(|target| !root.join(folder).join(target).exists());
            findings.extend(absent.map(|target| {
                Finding::about(None, Some(path.clone()), Problem::PathGone { target: target.to_owned() })
            }));
        }
    }
    for project in projects.iter().filter(|project| project.standing != Standing::Superseded) {
        let Some(found) = project.distribution.as_ref().filter(|found| found.is_editable()) else { continue };
        let url = found.direct_url().and_then(|url| url["url"].as_str().and_then(|text| url::Url::parse(text).ok()));
        let target = url.and_then(|url| url.to_file_path().ok()).filter(|target| !target.exists());
        if let Some(target) = target {
            let problem = Problem::SourceGone { target: target.display().to_string() };
            findings.push(Finding::about(project.name.as_ref(), None, problem));
        }
    }
    findings
}

/// The lines that name folders, as `site` reads them.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.trim_start_matches('\u{feff}').lines().take(MOST_LINES).map(str::trim_end);
    lines.filter(|line| {
        let runs = line.starts_with("import ") || line.starts_with("import\t");
        !line.trim().is_empty() && !line.starts_with('#') && !runs
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_name_folders() {
        let text = "# comment\n\nimport os; os.x()\nimport\tx\n/src/app\nsub/folder \nimportant\n";
        assert_eq!(targets(text).collect::<Vec<_>>(), ["/src/app", "sub/folder", "important"]);
    }
}
