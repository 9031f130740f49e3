//! Who else has a damaged file: the same inode under other names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::judge::Damaged;
use super::stat::Stat;
use super::{Expected, Project, Shared};
use crate::installer::origin::Origins;
use crate::objects::Store;

/// Where else files may be: in other environments of this user, and in the store.
pub(super) struct Elsewhere<'a> {
    /// The other environments, each with its folders of packages.
    environments: Vec<(PathBuf, Vec<PathBuf>)>,
    store: &'a Store,
    origins: &'a Origins,
}

impl<'a> Elsewhere<'a> {
    pub(super) fn new(root: &Path, known: Vec<PathBuf>, store: &'a Store, origins: &'a Origins) -> Self {
        let others = known.into_iter().filter(|other| other != root);
        let environments = others.map(|other| (other.clone(), packages_of(&other))).collect();
        Self { environments, store, origins }
    }

    /// Who else has this file. `None` when it has one name only.
    pub(super) fn of(&self, damaged: &Damaged, file: &Expected, projects: &[Project]) -> Option<Shared> {
        let stat = damaged.stat.filter(|stat| stat.links > 1)?;
        let same = |path: &Path| {
            let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file).map(|found| Stat::of(&found));
            found.is_some_and(|found| (found.device, found.inode) == (stat.device, stat.inode))
        };
        let inside = |project: &Project| {
            let inside = Path::new(&*file.path).strip_prefix(project.packages()).ok();
            inside.map(Path::to_owned)
        };
        let inside: BTreeSet<PathBuf> = file.claims().filter_map(|claim| inside(&projects[claim.project])).collect();
        let mut shared = Shared::default();
        let mut names = 1;
        for (root, packages) in &self.environments {
            let below = packages.iter().flat_map(|folder| inside.iter().map(move |path| folder.join(path)));
            let places: BTreeSet<PathBuf> = below.chain([root.join(&*file.path)]).collect();
            let found = places.iter().filter(|path| same(path)).count() as u64;
            if found > 0 {
                shared.environments.push(root.clone());
            }
            names += found;
        }
        let wheels = file.claims().filter_map(|claim| self.origins.of(projects[claim.project].name.as_ref()?));
        for wheel in wheels.map(|origin| origin.wheel) {
            let in_tree = inside.iter().filter_map(|path| path.to_str());
            if in_tree.map(|path| self.store.unpacked_path(&wheel, path)).any(|path| same(&path)) && !shared.in_store {
                shared.in_store = true;
                names += 1;
            }
        }
        shared.unknown = stat.links.saturating_sub(names);
        Some(shared)
    }
}

/// The folders of packages of an environment, by how they are laid out.
pub(crate) fn packages_of(root: &Path) -> Vec<PathBuf> {
    let windows = root.join("Lib/site-packages");
    if cfg!(windows) && windows.is_dir() {
        return vec![windows];
    }
    let Ok(entries) = fs::read_dir(root.join("lib")) else { return Vec::new() };
    let pythons = entries.flatten().map(|entry| entry.file_name()).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("python") || name.starts_with("pypy")
    });
    let mut found: Vec<_> = pythons.map(|name| root.join("lib").join(name).join("site-packages")).collect();
    found.retain(|folder| folder.is_dir());
    found.sort_unstable();
    found
}
