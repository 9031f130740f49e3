//! What kind of environment it is.

use std::path::Path;

use crate::base::fs::read_text;
use crate::installer::verify::packages_of;
use crate::installer::{Installed, PyvenvCfg};
use crate::objects::hash_reader;
use crate::snapshot::{Project, Python, Record};

/// Looks at the interpreter and the projects of an environment. What cannot be told is left out: the tree is what counts.
pub(in crate::snapshot) fn record(root: &Path) -> Record {
    Record { python: python(root), projects: projects(root) }
}

fn python(root: &Path) -> Option<Python> {
    let program = root.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" }).canonicalize().ok()?;
    let mut file = std::fs::File::open(&program).ok()?;
    let sha256 = hash_reader(&mut file).ok()?;
    let cfg = read_text(&root.join("pyvenv.cfg"), PyvenvCfg::LARGEST).ok()?;
    let version = PyvenvCfg::parse(&cfg);
    let version = version.get("version").or_else(|| version.get("version_info")).unwrap_or_default().to_owned();
    Some(Python { program, sha256, version })
}

fn projects(root: &Path) -> Vec<Project> {
    let folders = packages_of(root);
    let installed = Installed::scan(folders.iter().map(std::path::PathBuf::as_path));
    let installed =
        installed.inspect_err(|error| tracing::debug!(%error, "projects cannot be listed")).unwrap_or_default();
    let all = installed.distributions.values().chain(&installed.duplicates);
    let mut projects: Vec<_> = all
        .map(|one| {
            let url = one.direct_url().filter(|url| url["dir_info"]["editable"] == serde_json::Value::Bool(true));
            let editable = url.map(|url| url["url"].as_str().unwrap_or_default().to_owned());
            Project { name: one.name().to_string(), version: one.version().to_string(), editable }
        })
        .collect();
    projects.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    projects
}
