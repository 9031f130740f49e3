//! Snapshots on file systems that are made for the purpose: each kind that servers have, crossed and full ones.
//!
//! Mounting takes root, and a kernel and programs that know the file system. What is missing is said, and skipped.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say so")]
#![expect(dead_code, reason = "the playground is shared, and has more than is needed here")]

#[path = "packages_playground/case.rs"]
mod case;
#[path = "snapshot_mounts/disk.rs"]
mod disk;
mod packages_playground;
#[path = "packages_playground/told.rs"]
mod told;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use case::Case;
use disk::{Disk, FileSystem, run, with_own_mounts};
use packages_playground::Done;
use rustix::fs::{XattrFlags, lsetxattr};
use rustix::io::Errno;
use serde_json::Value;
use stratheal_core::testing::faulty_index::{Content, Package};
use stratheal_core::testing::skipped;
use told::{ATTRIBUTE, differences, told};

/// What lies on the disk that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The project, with the environment, its snapshots, the caches and the user's own folders.
    Everything,
    /// The environment alone: its snapshots and the caches lie on another disk.
    Environment,
    /// The environment is where the disk is mounted.
    MountPoint,
}

struct Story {
    // Goes first: the folder of the case can only be deleted when nothing is mounted there.
    disk: Disk,
    case: Case,
    layout: Layout,
    root: PathBuf,
    site: PathBuf,
}

impl Story {
    fn new(system: FileSystem, size: u64, layout: Layout) -> Option<Self> {
        let cli = "import beta\ndef main():\n    print('alpha runs')\n";
        let alpha = Package::new("alpha", "1.0").payload(3_000_000).files(60).requires("beta>=1");
        let alpha = alpha
            .file("alpha/cli.py", cli)
            .file("alpha-1.0.dist-info/entry_points.txt", "[console_scripts]\nalpha-run = alpha.cli:main\n");
        let case = Case::new(Content::new([alpha, Package::new("beta", "1.0").payload(50_000)]), Vec::new())?;
        let (at, root) = match layout {
            Layout::Everything => ("", ".venv"),
            Layout::Environment => ("disk", "disk/.venv"),
            Layout::MountPoint => (".venv", ".venv"),
        };
        let (disk, root) = (Disk::mount(system, size, &case.place.path(at))?, case.place.path(root));
        if root.join("lost+found").exists() {
            // An installer makes environments in empty folders only; Python does not mind what is there.
            run(Command::new("python3").args(["-m", "venv", "--without-pip"]).arg(&root)).unwrap();
        }
        let mut story = Self { disk, case, layout, site: PathBuf::new(), root };
        let done = story.case.run(&story.with(&["install", "--no-snapshot", "alpha", "--python", story.named()]));
        assert_eq!(done.code, 0, "{done:?}");
        let lib = fs::read_dir(story.root.join("lib")).unwrap().next().unwrap().unwrap().path();
        story.site = lib.join("site-packages");
        story.add_own_files();
        Some(story)
    }

    fn named(&self) -> &str {
        self.root.to_str().unwrap()
    }

    fn with<'a>(&self, arguments: &[&'a str]) -> Vec<&'a str> {
        let elsewhere: &[&str] = if self.layout == Layout::Environment { &["--state-dir", "state"] } else { &[] };
        [elsewhere, arguments].concat()
    }

    fn offline(&self, arguments: &[&str]) -> Done {
        self.case.place.run(&[&["--offline"], self.with(arguments).as_slice()].concat())
    }

    /// What no wheel holds, with looks that a file system may lose.
    fn add_own_files(&self) {
        let own = self.root.join("own");
        fs::create_dir(&own).unwrap();
        for number in 0..20 {
            fs::write(own.join(format!("{number}.txt")), format!("own {number} ").repeat(300)).unwrap();
        }
        fs::write(own.join(OsStr::from_bytes(b"not text \xff\n")), "content").unwrap();
        symlink("../pyvenv.cfg", own.join("link")).unwrap();
        for number in [8, 9, 11] {
            fs::hard_link(own.join(format!("{number}.txt")), own.join(format!("{number} again.txt"))).unwrap();
        }
        for name in ["5.txt", "10.txt"] {
            // tmpfs has attributes since Linux 6.6.
            let attached = lsetxattr(own.join(name), ATTRIBUTE, b"by hand", XattrFlags::empty());
            assert!(attached.is_ok() || attached == Err(Errno::OPNOTSUPP), "{attached:?}");
        }
        fs::create_dir(own.join("closed")).unwrap();
        fs::set_permissions(own.join("closed"), fs::Permissions::from_mode(0o1700)).unwrap();
        fs::set_permissions(own.join("1.txt"), fs::Permissions::from_mode(0o4711)).unwrap();
        chown(own.join("2.txt"), Some(1234), Some(4321)).unwrap();
        for (name, time) in [("3.txt", Duration::new(1_234_567_890, 987_654_321)), ("4.txt", Duration::ZERO)] {
            fs::File::options().write(true).open(own.join(name)).unwrap().set_modified(UNIX_EPOCH + time).unwrap();
        }
    }

    /// As people and programs do it: gone, edited, added, closed.
    fn damage(&self) {
        let Self { root, site, .. } = self;
        fs::remove_file(site.join("alpha/cli.py")).unwrap();
        // In place, as editors may: no content of a snapshot may be the same file.
        for name in ["5.txt", "6.txt"] {
            fs::write(root.join("own").join(name), "edited").unwrap();
        }
        fs::write(site.join("stray.pth"), "import this_does_not_exist\n").unwrap();
        fs::remove_dir_all(site.join("beta")).unwrap();
        fs::set_permissions(root.join("bin/alpha-run"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(root.join("own/link")).unwrap();
        fs::create_dir(root.join("own/link")).unwrap();
        fs::write(root.join("own/link/inside"), "a folder was put where a link was").unwrap();
        fs::remove_dir(root.join("own/closed")).unwrap();
        chown(root.join("own/7.txt"), Some(1), Some(1)).unwrap();
        // The first of two names, and the second of two others.
        fs::remove_file(root.join("own/8 again.txt")).unwrap();
        fs::remove_file(root.join("own/9.txt")).unwrap();
    }

    fn told(&self) -> BTreeMap<PathBuf, String> {
        told(&self.root)
    }

    fn rollback(&self, to: &str, more: &[&str]) -> Done {
        self.offline(&[&["rollback", to, "--format", "json", "--environment", self.named()], more].concat())
    }

    /// Goes back; what it said.
    fn back(&self, to: &str, was: &BTreeMap<PathBuf, String>) -> Value {
        let done = self.rollback(to, &[]);
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(differences(&self.told(), was), Vec::<String>::new(), "{done:?}");
        serde_json::from_str(&done.out).unwrap()
    }

    fn create(&self, label: &str) {
        let made = self.offline(&["snapshot", "create", "--strict", "--label", label, self.named()]);
        assert_eq!(made.code, 0, "{made:?}");
    }

    fn is_whole(&self) {
        let verified = self.offline(&["verify", "--full", self.named()]);
        assert_eq!(verified.code, 0, "{verified:?}");
        let verified = self.offline(&["snapshot", "verify"]);
        assert_eq!(verified.code, 0, "{verified:?}");
        let ran = Command::new(self.root.join("bin/alpha-run")).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
        assert_eq!(ran.stdout, b"alpha runs\n", "{ran:?}");
        assert!(!self.leaves_something());
    }

    /// Whether something is left of what was built.
    fn leaves_something(&self) -> bool {
        let folders = [self.root.join(".stratheal/stage"), self.root.parent().unwrap().join(".stratheal/stage")];
        folders.iter().any(|folder| folder.exists())
    }
}

/// Keeps an environment, breaks it, goes back, forth, and back again.
fn there_and_back(system: FileSystem, layout: Layout) {
    let Some(story) = Story::new(system, 400, layout) else { return };
    let how = if layout == Layout::MountPoint { "replaced" } else { "exchanged" };
    story.create("works");
    let works = story.told();
    story.damage();
    let broken = story.told();
    assert_ne!(works, broken);
    let back = story.back("works", &works);
    let is_told = |back: &Value| {
        let notes = back["notes"].as_array().unwrap();
        let is_told = notes.iter().any(|note| note.as_str().unwrap().contains("were replaced one by one"));
        assert_eq!((back["how"].as_str(), is_told), (Some(how), how == "replaced"), "{system:?}: {back:#}");
        assert!(is_told || notes.is_empty(), "{back:#}");
    };
    is_told(&back);
    story.is_whole();
    let before = back["before"].to_string();
    is_told(&story.back(&before, &broken));
    is_told(&story.back("works", &works));
    story.is_whole();
    if layout != Layout::MountPoint {
        fs::remove_dir_all(&story.root).unwrap();
        assert_eq!(story.back("works", &works)["how"], "created");
        story.is_whole();
    }
}

/// On one file system: where all lies on it, where the environment alone does, and where the environment is its mount point.
fn each_layout(name: &str, system: FileSystem) {
    with_own_mounts(name, || {
        for layout in [Layout::Everything, Layout::Environment, Layout::MountPoint] {
            there_and_back(system, layout);
        }
    });
}

#[test]
fn on_ext4() {
    each_layout("on_ext4", FileSystem::Ext4);
}

#[test]
fn on_ext4_with_whole_seconds() {
    each_layout("on_ext4_with_whole_seconds", FileSystem::Ext4Seconds);
}

#[test]
fn on_btrfs() {
    each_layout("on_btrfs", FileSystem::Btrfs);
}

#[test]
fn on_xfs() {
    each_layout("on_xfs", FileSystem::Xfs);
}

#[test]
fn on_tmpfs() {
    each_layout("on_tmpfs", FileSystem::Tmpfs);
}

/// Files of one subvolume can have no second name in another, although both are one mount.
#[test]
fn an_environment_that_is_a_subvolume() {
    with_own_mounts("an_environment_that_is_a_subvolume", || {
        let Some(story) = Story::new(FileSystem::Btrfs, 400, Layout::Everything) else { return };
        let folder = story.root.with_file_name("folder");
        fs::rename(&story.root, &folder).unwrap();
        if let Err(why) = run(Command::new("btrfs").args(["subvolume", "create"]).arg(&story.root)) {
            return skipped("an environment that is a subvolume", &why);
        }
        run(Command::new("cp").args(["-a", "-T"]).args([&folder, &story.root])).unwrap();
        story.create("works");
        let works = story.told();
        story.damage();
        story.back("works", &works);
        story.is_whole();
    });
}

/// Whether a rollback works in so little room, or says that it does not.
fn in_little_room(system: FileSystem) {
    let Some(story) = Story::new(system, system.smallest(), Layout::Everything) else { return };
    story.create("works");
    let works = story.told();
    let (mut worked, mut refused) = (0, 0);
    for free in [0, 16 << 10, 128 << 10, 1 << 20, 8 << 20] {
        for more in [&[][..], &["--in-place"]] {
            story.damage();
            large_damage(&story.site);
            let broken = story.told();
            story.disk.fill(free);
            let done = story.rollback("works", more);
            let what = format!("{system:?}, {free} bytes free, {more:?}: {done:?}");
            if done.code == 0 {
                assert_eq!(differences(&story.told(), &works), Vec::<String>::new(), "{what}");
                worked += 1;
            } else {
                assert_eq!((done.code, done.out.as_str()), (74, ""), "{what}");
                let is_told = done.err.contains("there is no room to ") || done.err.contains("no space left for ");
                assert!(is_told, "{what}");
                assert_eq!(differences(&story.told(), &broken), Vec::<String>::new(), "{what}");
                refused += 1;
            }
            assert!(!story.leaves_something(), "{what}");
            story.disk.empty();
            story.back("works", &works);
            story.is_whole();
        }
    }
    assert!(worked > 0 && refused > 0, "{system:?}: {worked} worked, {refused} were refused");
}

/// So that what is to be put back takes megabytes.
fn large_damage(site: &Path) {
    let files = fs::read_dir(site.join("alpha")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.is_file()).collect();
    files.sort();
    for file in files.iter().step_by(2) {
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn on_a_full_ext4() {
    with_own_mounts("on_a_full_ext4", || in_little_room(FileSystem::Ext4));
}

#[test]
fn on_a_full_btrfs() {
    with_own_mounts("on_a_full_btrfs", || in_little_room(FileSystem::Btrfs));
}

#[test]
fn on_a_full_xfs() {
    with_own_mounts("on_a_full_xfs", || in_little_room(FileSystem::Xfs));
}

#[test]
fn on_a_full_tmpfs() {
    with_own_mounts("on_a_full_tmpfs", || in_little_room(FileSystem::Tmpfs));
}
