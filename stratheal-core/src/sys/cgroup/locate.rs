//! Where the control groups of this process are.
//!
//! `/proc/self/cgroup` names a group as seen from the namespace, `mountinfo` tells which part of the hierarchy is mounted where.
//! In a container the two often do not fit: then the root of the mount is the container's own group.

use std::path::{Path, PathBuf};

use super::membership::{self, Membership};
use crate::sys::error::if_there;
use crate::sys::mounts::{self, Mount};
use crate::sys::{SysError, SysRoot};

/// Which kind of hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy for each controller, or for a few together.
    V1,
    /// One hierarchy for all controllers.
    V2,
}

/// One control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name inside the hierarchy, such as `/system.slice/api.service`.
    pub name: String,
    /// Its folder, below the root everything is read from.
    pub folder: PathBuf,
}

/// The groups of this process in one hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Which kind.
    pub version: Version,
    /// The own group first, then each above it, up to the topmost that is visible. Never empty.
    pub groups: Vec<Group>,
    /// Whether the topmost is the root of all groups, so that everything on this machine is below it.
    pub whole: bool,
}

/// Finds the groups of this process for a controller such as `memory`; `None` when no hierarchy has it.
///
/// # Errors
/// [`SysError`] when `/proc/self/cgroup` or `/proc/self/mountinfo` is there and cannot be read.
pub fn locate(root: &SysRoot, controller: &str) -> Result<Option<Hierarchy>, SysError> {
    let memberships = if_there(root.parse("proc/self/cgroup", membership::parse))?.unwrap_or_default();
    let mut mounts = if_there(root.parse("proc/self/mountinfo", mounts::parse_mountinfo))?.unwrap_or_default();
    if !mounts.iter().any(|mount| mount.fs_type.starts_with("cgroup")) {
        mounts = usual_mounts(root, controller);
    }
    let Some(found) = choose(&mounts, &memberships, controller) else { return Ok(None) };
    let folder_exists = |path: &Path| root.path(path).is_dir();
    let groups = groups(&found.mount.mount_point, &found.inside, folder_exists);
    if groups.is_empty() {
        return Ok(None);
    }
    let top = &found.mount.mount_point;
    let whole = match found.version {
        // Only the root of all groups has this file.
        Version::V1 => root.path(top.join("release_agent")).exists(),
        // Every group but the root of all has this one.
        Version::V2 => !root.path(top.join("cgroup.events")).exists() && !root.path(top.join("cgroup.type")).exists(),
    };
    Ok(Some(Hierarchy { version: found.version, groups, whole }))
}

/// The mount that serves a controller, and where below it the own group should be.
struct Found<'a> {
    mount: &'a Mount,
    version: Version,
    inside: PathBuf,
}

/// Version 1 where it has the controller, else version 2: a controller is never in both.
fn choose<'a>(mounts: &'a [Mount], memberships: &[Membership], controller: &str) -> Option<Found<'a>> {
    let v1 = mounts.iter().find(|mount| mount.fs_type == "cgroup" && mount.options.iter().any(|o| o == controller));
    let (mount, version) = match v1 {
        Some(mount) => (mount, Version::V1),
        None => (mounts.iter().find(|mount| mount.fs_type == "cgroup2")?, Version::V2),
    };
    let own = memberships.iter().find(|line| match version {
        Version::V1 => line.controllers.iter().any(|name| name == controller),
        Version::V2 => line.is_v2(),
    });
    let inside = own.and_then(|line| inside_mount(&line.path, &mount.root)).unwrap_or_default();
    Some(Found { mount, version, inside })
}

/// Where a group is below a mount, given which group is mounted; `None` when it is not below, as in a container whose namespace
/// differs from its mounts.
fn inside_mount(path: &str, mounted: &str) -> Option<PathBuf> {
    let inside = Path::new(path).strip_prefix(mounted).ok()?;
    let plain = inside.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    plain.then(|| inside.to_owned())
}

/// The groups from the own one up to the top of the mount; from the top alone when the own one is not there.
fn groups(top: &Path, inside: &Path, exists: impl Fn(&Path) -> bool) -> Vec<Group> {
    let own = if exists(&top.join(inside)) { inside } else { Path::new("") };
    let all = own.ancestors().map(|inside| Group {
        name: format!("/{}", inside.display()),
        folder: if inside.as_os_str().is_empty() { top.to_owned() } else { top.join(inside) },
    });
    all.filter(|group| exists(&group.folder)).collect()
}

/// Where hierarchies are mounted everywhere, for when `mountinfo` does not tell.
fn usual_mounts(root: &SysRoot, controller: &str) -> Vec<Mount> {
    let mount = |folder: String, fs_type: &str, options: Vec<String>| Mount {
        mount_point: PathBuf::from(folder),
        source: "cgroup".to_owned(),
        fs_type: fs_type.to_owned(),
        options,
        device: None,
        root: "/".to_owned(),
    };
    let base = "/sys/fs/cgroup";
    let v1 =
        [controller, "cpu,cpuacct", "cpuacct,cpu"].into_iter().filter(|name| name.split(',').any(|n| n == controller));
    let v1 = v1.map(|name| mount(format!("{base}/{name}"), "cgroup", vec![controller.to_owned()]));
    let v2 =
        [base.to_owned(), format!("{base}/unified")].into_iter().map(|folder| mount(folder, "cgroup2", Vec::new()));
    let there = |mount: &Mount| {
        let known = if mount.fs_type == "cgroup2" { "cgroup.controllers" } else { "cgroup.procs" };
        root.path(mount.mount_point.join(known)).exists()
    };
    v1.chain(v2).filter(there).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_do_not_confuse() {
        let inside = |path, mounted| inside_mount(path, mounted).map(|p| p.display().to_string());
        assert_eq!(inside("/docker/a", "/"), Some("docker/a".to_owned()));
        assert_eq!(inside("/docker/a/b", "/docker/a"), Some("b".to_owned()));
        assert_eq!(inside("/docker/a", "/docker/a"), Some(String::new()));
        assert_eq!(inside("/docker/ab", "/docker/a"), None);
        assert_eq!(inside("/", "/docker/a"), None);
        assert_eq!(inside("/../other", "/"), None);
    }

    #[test]
    fn a_missing_group_falls_back_to_the_top() {
        let names = |inside: &str, exists: fn(&Path) -> bool| -> Vec<String> {
            groups(Path::new("/m"), Path::new(inside), exists).into_iter().map(|group| group.name).collect()
        };
        assert_eq!(names("a/b", |_| true), ["/a/b", "/a", "/"]);
        assert_eq!(names("a/b", |path| path == Path::new("/m")), ["/"]);
        assert!(names("a/b", |_| false).is_empty());
    }
}
