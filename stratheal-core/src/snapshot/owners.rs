//! Whose files are. Pure.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{Entry, Tree};
use crate::objects::{ContentId, RecordHash, parse_record};

/// Whose files are, by the RECORDs of the projects.
#[derive(Debug, Default)]
pub(in crate::snapshot) struct Owners {
    by_path: HashMap<PathBuf, (Arc<str>, Option<ContentId>)>,
}

impl Owners {
    /// Collects the owners of a tree's files. `read` gives the content of a file.
    pub(in crate::snapshot) fn add(&mut self, tree: &Tree, read: &dyn Fn(&Entry) -> Option<String>) {
        for entry in &tree.entries {
            let Some(folder) = entry.path.parent().filter(|_| entry.path.ends_with("RECORD")) else { continue };
            let stem =
                folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".dist-info"));
            let Some((name, _)) = stem.and_then(|stem| stem.rsplit_once('-')) else { continue };
            let Some(rows) = read(entry).and_then(|text| parse_record(&text).ok()) else { continue };
            let name: Arc<str> =
                name.parse::<crate::index::ProjectName>().map_or_else(|_| name.into(), |name| name.as_str().into());
            let packages = folder.parent().unwrap_or(Path::new(""));
            for row in rows {
                let path = plain(&packages.join(&row.path));
                let shipped = if let RecordHash::Sha256(id) = row.hash { Some(id) } else { None };
                self.by_path.entry(path).or_insert_with(|| (Arc::clone(&name), shipped));
            }
        }
    }

    /// The files of a project.
    pub(in crate::snapshot) fn paths(&self, project: &str) -> impl Iterator<Item = &Path> {
        self.by_path.iter().filter(move |(_, (name, _))| &**name == project).map(|(path, _)| path.as_path())
    }

    pub(in crate::snapshot) fn of(&self, path: &Path) -> Option<&str> {
        self.by_path.get(path).map(|(name, _)| &**name)
    }

    /// What a file contains as its project brings it. `None` when it belongs to none, or RECORD does not say.
    pub(in crate::snapshot) fn shipped(&self, path: &Path) -> Option<ContentId> {
        self.by_path.get(path)?.1
    }
}

/// Without the `..` that RECORD has for scripts.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::Normal(part) => plain.push(part),
            _ => {}
        }
    }
    plain
}
