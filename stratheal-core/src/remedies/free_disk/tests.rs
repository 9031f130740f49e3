//! Real files in hostile trees.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::beneath::Root;
use super::found::Bounds;
use super::open_files::OpenFiles;
use super::*;
use crate::base::clock::Clock;
use crate::contract::{Remedy, RemedyContext, RemedyError};
use crate::model::RemedyId;
use crate::model::plan::{Plan, Receipt, Risk, StepState};
use crate::testing::{ManualClock, remedy_context, skipped};

const DAY: Duration = Duration::from_hours(24);

/// Ten days from now, so that everything is old.
fn later() -> Timestamp {
    crate::base::clock::SystemClock.now() + 10 * DAY
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

struct Tree {
    _folder: tempfile::TempDir,
    root: PathBuf,
    outside: PathBuf,
}

impl Tree {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        let (root, outside) = (real.join("root"), real.join("outside"));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir(&outside).unwrap();
        Self { _folder: folder, root, outside }
    }

    /// A file of one block, and so old by this many seconds.
    fn file(&self, path: impl AsRef<Path>, age: u64) -> PathBuf {
        let path = self.root.join(path);
        let mut file = File::create(&path).unwrap();
        file.write_all(&[b'x'; 4000]).unwrap();
        file.sync_all().unwrap();
        let time = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(age);
        file.set_modified(time).unwrap();
        path
    }

    fn files(&self, files: Files) -> FreeDiskRule {
        FreeDiskRule::new("old", &self.root, Swept::Files(files))
    }

    fn logs(&self) -> FreeDiskRule {
        self.files(Files::new(vec!["*.log*".parse().unwrap()], DAY))
    }
}

fn remedy(rule: FreeDiskRule) -> FreeDisk {
    FreeDisk::new(RemedyId::new("free").unwrap(), vec![rule], Arc::new(ManualClock::new(later()))).unwrap()
}

fn cx() -> RemedyContext {
    remedy_context(Duration::from_secs(30))
}

async fn carry_out(remedy: &FreeDisk, plan: Plan) -> Result<Receipt, RemedyError> {
    let step = plan.steps[0].clone();
    remedy.step(&cx().with_plan(Arc::new(plan)), &step).await
}

fn left(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap().map(Result::unwrap) {
            found.push(entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn old_files_are_planned_and_deleted() {
    let tree = Tree::new();
    for (path, age) in [("1.log", 50), ("a/2.log.1", 40), ("a/b/3.log", 30), ("4.log", 20), ("a/kept.txt", 60)] {
        tree.file(path, age);
    }
    let mut files = Files::new(vec!["*.log*".parse().unwrap()], DAY);
    files.keep_newest = 1;
    let remedy = remedy(tree.files(files));
    let plan = remedy.plan(&cx()).await.unwrap();
    assert_eq!(left(&tree.root).len(), 7, "a plan deletes nothing");
    let target = &plan.targets[0];
    assert_eq!((target.kind.as_str(), target.count, plan.steps[0].undoable), ("files", Some(3), false));
    assert_eq!((target.name.as_str(), plan.steps[0].name.as_str()), (tree.root.to_str().unwrap(), "old"));
    assert!(target.bytes.unwrap() >= 3 * 4000);
    assert!(plan.steps[0].summary.starts_with("delete 3 old files below /"), "{}", plan.steps[0].summary);
    let with_plan = cx().with_plan(Arc::new(plan.clone()));
    assert_eq!(remedy.probe(&with_plan, &plan.steps[0]).await.unwrap(), StepState::NotDone);
    let receipt = carry_out(&remedy, plan.clone()).await.unwrap();
    assert_eq!(left(&tree.root), ["4.log", "a", "a/b", "a/kept.txt"]);
    let data = receipt.data.clone().unwrap();
    assert_eq!(data["removed"], 3);
    assert!(data["available_before"].is_u64() && data["available_after"].is_u64());
    assert_eq!(remedy.probe(&with_plan, &plan.steps[0]).await.unwrap(), StepState::Done);
    // Once more does nothing, and says so.
    assert_eq!(carry_out(&remedy, plan.clone()).await.unwrap().data.unwrap()["removed"], 0);
    let next = remedy.plan(&cx()).await.unwrap();
    assert!(next.is_empty());
    assert_eq!(next.summary, "nothing can be deleted; too new, too small, or to be kept: 1");
    let undone = remedy.undo(&with_plan, &plan.steps[0]).await;
    assert!(matches!(undone, Err(RemedyError::CannotUndo { .. })));
}

#[tokio::test]
async fn no_more_goes_than_was_planned() {
    let tree = Tree::new();
    tree.file("1.log", 50);
    tree.file("2.log", 40);
    let remedy = remedy(tree.logs());
    let plan = remedy.plan(&cx()).await.unwrap();
    for n in 3..10 {
        tree.file(format!("{n}.log"), 30);
    }
    let receipt = carry_out(&remedy, plan.clone()).await.unwrap();
    assert!(receipt.summary.contains("7 are more than planned and were left"), "{}", receipt.summary);
    assert_eq!(left(&tree.root).len(), 9);
    // Of what is left, some were deleted: nobody knows whether this plan was carried out.
    let with_plan = cx().with_plan(Arc::new(plan.clone()));
    for path in left(&tree.root).iter().filter(|path| path.contains(".log")).skip(1) {
        fs::remove_file(tree.root.join(path)).unwrap();
    }
    assert_eq!(remedy.probe(&with_plan, &plan.steps[0]).await.unwrap(), StepState::Unknown);
    // None of it fits.
    let mut small = plan;
    small.targets[0].bytes = Some(1);
    assert!(matches!(carry_out(&remedy, small.clone()).await, Err(RemedyError::Outdated { .. })));
    small.targets.clear();
    assert!(matches!(carry_out(&remedy, small).await, Err(RemedyError::Outdated { .. })));
}

#[tokio::test]
async fn nothing_leads_out_of_the_folder() {
    let tree = Tree::new();
    let out = tree.outside.join("victim.log");
    fs::write(&out, "precious").unwrap();
    symlink(&tree.outside, tree.root.join("out")).unwrap();
    symlink(&out, tree.root.join("link.log")).unwrap();
    symlink("/etc", tree.root.join("a/etc.log")).unwrap();
    symlink("..", tree.root.join("a/loop")).unwrap();
    fs::hard_link(&out, tree.root.join("hard.log")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(tree.root.join("pipe.log")).status().unwrap().success());
    for name in [&b"new\nline.log"[..], b"\xff\xfe.log", b"-rf.log", b" .log"] {
        tree.file(OsStr::from_bytes(name), 50);
    }
    let remedy = remedy(tree.logs());
    let plan = remedy.plan(&cx()).await.unwrap();
    assert_eq!(plan.targets[0].count, Some(4));
    assert!(plan.steps[0].summary.contains("1 have other names and are left; 4 links"), "{}", plan.steps[0].summary);
    assert_eq!(carry_out(&remedy, plan).await.unwrap().data.unwrap()["removed"], 4);
    assert_eq!(left(&tree.root), ["a", "a/b", "a/etc.log", "a/loop", "hard.log", "link.log", "out", "pipe.log"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "precious");
}

#[tokio::test]
async fn a_folder_behind_a_link_is_refused() {
    let tree = Tree::new();
    tree.file("1.log", 50);
    let link = tree.outside.join("link");
    symlink(&tree.root, &link).unwrap();
    let mut rule = tree.logs();
    rule.root = link;
    let refused = remedy(rule).plan(&cx()).await.unwrap_err();
    assert!(refused.to_string().contains("symbolic link"), "{refused}");
    let mut missing = tree.logs();
    missing.root = tree.root.join("none");
    assert!(remedy(missing).plan(&cx()).await.unwrap().is_empty());
}

#[test]
fn a_folder_that_turns_into_a_link_leads_nowhere() {
    for has_openat2 in [true, false] {
        let tree = Tree::new();
        let inside = tree.root.join("a");
        fs::create_dir(tree.outside.join("b")).unwrap();
        for n in 0..20 {
            fs::write(tree.outside.join(format!("{n}.log")), "precious").unwrap();
            fs::write(tree.outside.join(format!("b/{n}.log")), "precious").unwrap();
        }
        let before = left(&tree.outside);
        symlink(&tree.outside, tree.root.join("swap")).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                use rustix::fs::{CWD, RenameFlags, renameat_with};
                while !is_over.load(Ordering::Relaxed) {
                    renameat_with(CWD, &inside, CWD, tree.root.join("swap"), RenameFlags::EXCHANGE).unwrap();
                }
            });
            let rule = tree.logs();
            let root = Root::open_with(&tree.root, has_openat2).unwrap();
            for round in 0..300 {
                for name in ["a", "swap"] {
                    for path in [format!("{name}/{}.log", round % 20), format!("{name}/b/{}.log", round % 20)] {
                        // Behind the link there is a file of this name, which must not be touched.
                        drop(File::options().create_new(true).write(true).open(tree.root.join(path)));
                    }
                }
                let Ok(walked) = walk::walk(&root, &rule.what, Bounds::default(), soon()) else { continue };
                let chosen = choose::choose(&rule.what, walked.found, later());
                let all = Amount { count: u64::MAX, bytes: u64::MAX };
                sweep::delete(&root, chosen, None, all, soon());
            }
            is_over.store(true, Ordering::Relaxed);
        });
        let mut after = left(&tree.outside);
        after.retain(|path| before.contains(path));
        assert_eq!(after, before, "openat2: {has_openat2}");
        assert!(after.iter().all(|path| path == "b" || fs::read(tree.outside.join(path)).unwrap() == b"precious"));
    }
}

#[test]
fn even_what_was_found_elsewhere_is_not_deleted_through_a_link() {
    for has_openat2 in [true, false] {
        let tree = Tree::new();
        fs::write(tree.outside.join("victim.log"), "precious").unwrap();
        fs::remove_dir_all(tree.root.join("a")).unwrap();
        symlink(&tree.outside, tree.root.join("a")).unwrap();
        let rule = tree.logs();
        let mut found =
            walk::walk(&Root::open(&tree.outside).unwrap(), &rule.what, Bounds::default(), soon()).unwrap().found;
        // As if it had been found below the folder, before that was swapped for a link.
        found[0].path = "a/victim.log".into();
        let all = Amount { count: u64::MAX, bytes: u64::MAX };
        let outcome = sweep::delete(&Root::open_with(&tree.root, has_openat2).unwrap(), found, None, all, soon());
        assert_eq!((outcome.removed.count, outcome.changed), (0, 1), "openat2: {has_openat2}");
        assert!(tree.outside.join("victim.log").exists());
    }
}

#[test]
fn another_mount_is_not_gone_into() {
    let tree = Tree::new();
    let point = tree.root.join("a/b");
    let mounted =
        std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&point).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        skipped("mounts below a folder", "mounting needs root");
        return;
    }
    fs::write(point.join("other.log"), "other").unwrap();
    tree.file("a/own.log", 50);
    let rule = tree.logs();
    let mut said = Vec::new();
    for has_openat2 in [true, false] {
        let root = Root::open_with(&tree.root, has_openat2).unwrap();
        let walked = walk::walk(&root, &rule.what, Bounds::default(), soon()).unwrap();
        said.push((walked.found.len(), walked.not_entered, root.below(Path::new("a/b"), beneath::NAME_ONLY).is_err()));
    }
    let at_mount = Root::open(&point).map(|_| ()).unwrap_err();
    assert!(std::process::Command::new("umount").arg(&point).status().unwrap().success());
    assert_eq!(said, [(1, 1, true), (1, 1, true)]);
    assert!(at_mount.to_string().contains("mount point"), "{at_mount}");
}

#[test]
fn what_changed_or_vanished_is_left() {
    let tree = Tree::new();
    let paths = ["1.log", "2.log", "3.log", "4.log", "5.log"].map(|name| tree.file(name, 50));
    let root = Root::open(&tree.root).unwrap();
    let rule = tree.logs();
    let chosen =
        choose::choose(&rule.what, walk::walk(&root, &rule.what, Bounds::default(), soon()).unwrap().found, later());
    assert_eq!(chosen.len(), 5);
    fs::write(&paths[0], "new").unwrap();
    fs::remove_file(&paths[1]).unwrap();
    fs::rename(tree.file("other", 50), &paths[2]).unwrap();
    fs::remove_file(&paths[3]).unwrap();
    fs::create_dir(&paths[3]).unwrap();
    let all = Amount { count: u64::MAX, bytes: u64::MAX };
    let outcome = sweep::delete(&root, chosen.clone(), None, all, soon());
    assert_eq!((outcome.removed.count, outcome.changed, outcome.vanished, outcome.failed), (1, 3, 1, 0));
    assert_eq!(left(&tree.root), ["1.log", "3.log", "4.log", "a", "a/b"]);
    let outcome = sweep::delete(&root, chosen, None, all, Instant::now());
    assert!(outcome.is_cut_off && outcome.removed.count == 0);
}

#[test]
fn open_files_are_left_when_told() {
    let tree = Tree::new();
    let held = File::open(tree.file("1.log", 50)).unwrap();
    tree.file("2.log", 50);
    let all = Amount { count: 9, bytes: u64::MAX };
    let mut rule = tree.logs();
    let outcome = sweep::carry_out(&rule, all, later(), Bounds::default(), soon()).unwrap();
    assert_eq!((outcome.removed.count, outcome.open), (1, 1));
    assert!(outcome.remarks().contains("1 are open and were left"));
    assert!(OpenFiles::now(Instant::now()).unwrap().is_partial);
    let Swept::Files(files) = &mut rule.what else { panic!("files") };
    files.skip_open = false;
    let outcome = sweep::carry_out(&rule, all, later(), Bounds::default(), soon()).unwrap();
    assert_eq!((outcome.removed.count, outcome.open), (1, 0));
    drop(held);
}

#[test]
fn a_huge_or_deep_tree_is_looked_at_in_part() {
    let tree = Tree::new();
    for n in 0..500 {
        fs::write(tree.root.join(format!("{n}.log")), "").unwrap();
    }
    let mut deep = tree.root.join("deep");
    for _ in 0..100 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("x.log"), "").unwrap();
    let rule = tree.logs();
    let look = |bounds| sweep::look(&rule, later(), bounds, soon()).unwrap();
    let whole = look(Bounds::default());
    assert_eq!((whole.amount.count, whole.is_whole, whole.unreadable), (500, true, 1));
    assert!(!look(Bounds { entries: 100, ..Bounds::default() }).is_whole);
    let few = look(Bounds { found: 10, ..Bounds::default() });
    assert_eq!((few.amount.count, few.is_whole), (10, false));
    assert!(few.remarks().contains("more than was looked at"));
    assert!(!sweep::look(&rule, later(), Bounds::default(), Instant::now()).unwrap().is_whole);
}

#[tokio::test]
async fn only_compiled_python_goes() {
    let tree = Tree::new();
    for folder in ["a/__pycache__", "__pycache__", "a/b/__pycache__"] {
        fs::create_dir(tree.root.join(folder)).unwrap();
    }
    for path in [
        "legacy.pyc",
        "a/m.py",
        "a/__pycache__/m.cpython-313.pyc",
        "a/__pycache__/m.cpython-313.pyc.140234",
        "__pycache__/n.cpython-313.opt-1.pyc",
        "__pycache__/notes.txt",
    ] {
        tree.file(path, 1);
    }
    let remedy = remedy(FreeDiskRule::new("bytecode", &tree.root, Swept::Bytecode));
    assert_eq!(remedy.risk(), Risk::Local);
    let plan = remedy.plan(&cx()).await.unwrap();
    assert_eq!(plan.targets[0].count, Some(5), "three files, and two folders with nothing else");
    carry_out(&remedy, plan).await.unwrap();
    assert_eq!(left(&tree.root), ["__pycache__", "__pycache__/notes.txt", "a", "a/b", "a/m.py", "legacy.pyc"]);
}

#[tokio::test]
async fn only_empty_folders_go() {
    let tree = Tree::new();
    fs::create_dir_all(tree.root.join("c/d/e")).unwrap();
    tree.file("c/file", 1);
    let rule = FreeDiskRule::new("empty", &tree.root, Swept::EmptyFolders { older_than: DAY });
    let remedy = remedy(rule);
    let plan = remedy.plan(&cx()).await.unwrap();
    assert_eq!(plan.targets[0].count, Some(4));
    // Something comes into one of them before it goes.
    tree.file("a/b/late", 1);
    let receipt = carry_out(&remedy, plan).await.unwrap();
    assert_eq!(receipt.data.unwrap()["removed"], 2);
    assert_eq!(left(&tree.root), ["a", "a/b", "a/b/late", "c", "c/file"]);
}

#[derive(Debug)]
struct Cache(PathBuf, Amount);

impl Prunable for Cache {
    fn root(&self) -> &Path {
        &self.0
    }
    fn measure(&self) -> io::Result<Amount> {
        Ok(self.1)
    }
    fn prune(&self, at_most: Amount) -> io::Result<Amount> {
        assert_eq!(at_most, self.1);
        Ok(at_most)
    }
}

#[tokio::test]
async fn a_cache_prunes_itself() {
    let amount = Amount { count: 3, bytes: 5000 };
    let remedy = remedy(FreeDiskRule::cache("cache", Arc::new(Cache("/tmp".into(), amount))));
    let plan = remedy.plan(&cx()).await.unwrap();
    assert_eq!((plan.targets[0].count, plan.targets[0].bytes), (Some(3), Some(5000)));
    assert_eq!(carry_out(&remedy, plan).await.unwrap().data.unwrap()["removed"], 3);
}

#[test]
fn nothing_never_means_everything() {
    let tree = Tree::new();
    let clock = || Arc::new(ManualClock::new(later()));
    let id = || RemedyId::new("free").unwrap();
    assert!(FreeDisk::new(id(), Vec::new(), clock()).is_err());
    for (rule, why) in [
        (tree.files(Files::new(Vec::new(), DAY)), "names no files"),
        (tree.files(Files::new(vec!["*".parse().unwrap()], Duration::ZERO)), "may be in use"),
        (FreeDiskRule::new("Old", &tree.root, Swept::Bytecode), "lowercase"),
        (FreeDiskRule::new("old", "/", Swept::Bytecode), "root of everything"),
        (FreeDiskRule::new("old", "/home/ada", Swept::Bytecode), "home"),
    ] {
        let refused = FreeDisk::new(id(), vec![rule], clock()).unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let twice = FreeDisk::new(id(), vec![tree.logs(), tree.logs()], clock()).unwrap_err();
    assert!(twice.to_string().contains("has this name"), "{twice}");
    let risky = FreeDisk::new(id(), vec![FreeDiskRule::new("b", &tree.root, Swept::Bytecode), tree.logs()], clock());
    assert_eq!(risky.unwrap().risk(), Risk::Destructive);
}
