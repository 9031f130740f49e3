//! Snapshots of real folders, there and back.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::objects::Store;

struct Place {
    _folder: tempfile::TempDir,
    root: PathBuf,
    snapshots: Snapshots,
}

/// An environment that is a little of everything.
fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let root = path.join("project/env");
    for (name, text) in [
        ("pyvenv.cfg", "home = /usr/bin\nversion = 3.12.1\n"),
        ("lib/python3.12/site-packages/demo/__init__.py", "VERSION = 1\n"),
        ("lib/python3.12/site-packages/demo/data.bin", "\0\u{1}\u{2}"),
        ("lib/python3.12/site-packages/demo-1.0.dist-info/METADATA", "Name: demo\nVersion: 1.0\n"),
        (
            "lib/python3.12/site-packages/demo-1.0.dist-info/RECORD",
            "demo/__init__.py,,\ndemo/data.bin,,\ndemo-1.0.dist-info/METADATA,,\ndemo-1.0.dist-info/RECORD,,\n",
        ),
        ("bin/demo", "#!/env/bin/python\n"),
        ("empty", ""),
    ] {
        put(&root, name, text);
    }
    fs::write(path.join("project/requirements.txt"), "demo==1.0\n").unwrap();
    fs::create_dir(root.join("empty-folder")).unwrap();
    fs::set_permissions(root.join("bin/demo"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(root.join("empty"), fs::Permissions::from_mode(0o400)).unwrap();
    symlink("/usr/bin/python3", root.join("bin/python")).unwrap();
    symlink("lib", root.join("lib64")).unwrap();
    let cache = Store::open(&path.join("cache")).unwrap();
    let snapshots = Snapshots::open(&path.join("project/.stratheal"), &path.join("user"), Some(cache));
    Place { _folder: folder, root, snapshots }
}

fn put(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Everything that a snapshot has to bring back.
fn told(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        let content = if found.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else if found.is_symlink() {
            fs::read_link(&path).unwrap().display().to_string()
        } else {
            format!("{:?}", fs::read(&path).unwrap())
        };
        let text = format!("{:o} {}.{} {content}", found.mode(), found.mtime(), found.mtime_nsec());
        all.insert(path.strip_prefix(root).unwrap().to_owned(), text);
    }
    all
}

fn unchecked() -> RollbackOptions {
    RollbackOptions { unchecked: true, ..RollbackOptions::default() }
}

impl Place {
    async fn create(&self) -> Created {
        self.snapshots.create(&self.root, &CreateOptions::default()).await.unwrap()
    }

    async fn back(&self, number: u64, options: &RollbackOptions) -> RolledBack {
        self.snapshots.rollback(&Selector::Number(number), &self.root, options).await.unwrap()
    }
}

#[tokio::test]
async fn every_byte_and_every_time_comes_back_and_that_can_be_undone() {
    let place = place();
    let made = place.create().await;
    assert!(made.is_new && made.stored > 0, "{made:?}");
    assert_eq!((made.snapshot.files, made.snapshot.record.projects[0].name.as_str()), (7, "demo"));
    let before = told(&place.root);
    let again = place.create().await;
    assert_eq!((again.is_new, again.snapshot.number, again.stored), (false, 1, 0));

    let site = place.root.join("lib/python3.12/site-packages");
    put(&site, "demo/__init__.py", "VERSION = 2\n");
    put(&site, "stray.pth", "import os\n");
    fs::remove_file(site.join("demo/data.bin")).unwrap();
    fs::set_permissions(place.root.join("bin/demo"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(place.root.join("bin/python")).unwrap();
    fs::remove_dir(place.root.join("empty-folder")).unwrap();
    put(&place.root, "empty-folder", "a file now");
    let broken = told(&place.root);

    let plan = place.snapshots.rollback_plan(&Selector::Newest, &place.root, &unchecked()).await.unwrap();
    assert_eq!((plan.put, plan.difference.files.len()), (3, 6), "{plan:?}");
    assert!(plan.own.iter().any(|path| path.ends_with("stray.pth")), "{plan:?}");
    assert_eq!(told(&place.root), broken, "a plan changes nothing");
    assert_eq!(place.snapshots.list().unwrap().0.len(), 1);

    let back = place.back(1, &unchecked()).await;
    assert_eq!((back.before, back.put, back.how), (Some(2), 3, Some(crate::installer::How::Exchanged)), "{back:?}");
    assert_eq!(told(&place.root), before);
    let left: Vec<_> = fs::read_dir(place.root.parent().unwrap().join(".stratheal")).unwrap().collect();
    assert!(left.iter().all(|entry| entry.as_ref().unwrap().file_name() != "stage"), "{left:?}");
    assert_eq!(place.back(1, &unchecked()).await.how, None, "nothing is left to do");

    assert_eq!(place.back(2, &unchecked()).await.how, Some(crate::installer::How::Exchanged));
    assert_eq!(told(&place.root), broken);
    // The environment may be gone as a whole.
    fs::remove_dir_all(&place.root).unwrap();
    let back = place.back(1, &unchecked()).await;
    assert_eq!((back.before, back.how), (None, Some(crate::installer::How::Created)));
    assert_eq!(told(&place.root), before);
    assert!(place.snapshots.verify(&[]).await.unwrap().iter().all(SnapshotVerified::is_whole));
}

#[tokio::test]
async fn one_file_one_project_and_file_by_file() {
    let place = place();
    place.create().await;
    let before = told(&place.root);
    let site = place.root.join("lib/python3.12/site-packages");
    put(&site, "demo/__init__.py", "broken");
    put(&site, "mine.py", "mine");
    let only = |paths: &[&str], projects: &[&str]| RollbackOptions {
        paths: paths.iter().map(PathBuf::from).collect(),
        projects: projects.iter().map(|&name| name.to_owned()).collect(),
        ..unchecked()
    };
    let back = place.back(1, &only(&[], &["Demo"])).await;
    assert_eq!((back.put, fs::read_to_string(site.join("mine.py")).unwrap().as_str()), (1, "mine"));
    assert_eq!(fs::read_to_string(site.join("demo/__init__.py")).unwrap(), "VERSION = 1\n");
    fs::remove_dir_all(site.join("demo")).unwrap();
    place.back(1, &only(&["lib/python3.12/site-packages/demo/data.bin"], &[])).await;
    assert!(site.join("demo/data.bin").exists() && !site.join("demo/__init__.py").exists());
    for wrong in ["../outside", "/etc/passwd", "", "nowhere"] {
        let refused = place.snapshots.rollback(&Selector::Number(1), &place.root, &only(&[wrong], &[])).await;
        assert!(matches!(refused, Err(SnapshotError::NotInside { .. })), "{wrong}: {refused:?}");
    }
    let back = place.back(1, &RollbackOptions { in_place: true, ..unchecked() }).await;
    assert_eq!(back.how, Some(crate::installer::How::Replaced));
    assert_eq!(told(&place.root), before);
}

#[tokio::test]
async fn attached_values_holes_and_hard_links_come_back() {
    use rustix::fs::{XattrFlags, lsetxattr};
    for in_place in [false, true] {
        let place = place();
        let at = |name: &str| place.root.join(name);
        let has_values = lsetxattr(at("bin/demo"), "user.note", b"by hand", XattrFlags::empty()).is_ok();
        if has_values {
            lsetxattr(at("empty-folder"), "user.folder", &[9; 300], XattrFlags::empty()).unwrap();
        } else {
            crate::testing::skipped("extended attributes of an environment", "this file system has none");
        }
        let holes = fs::File::create(at("holes")).unwrap();
        std::os::unix::fs::FileExt::write_at(&holes, b"end", 900_000).unwrap();
        fs::hard_link(at("bin/demo"), at("bin/demo-2")).unwrap();
        fs::hard_link(at("bin/demo"), at("demo-3")).unwrap();
        let before = told(&place.root);
        let extended = || ["bin/demo", "bin/demo-2", "empty-folder"].map(|name| Extended::read(&at(name)).unwrap());
        let values = extended();
        let made = place.create().await.snapshot;
        let verified = place.snapshots.verify(&[]).await.unwrap();
        assert!(verified.iter().all(SnapshotVerified::is_whole), "{verified:?}");
        // The same names of the same files make the same tree.
        assert!(!place.create().await.is_new);

        if has_values {
            lsetxattr(at("bin/demo"), "user.note", b"changed", XattrFlags::empty()).unwrap();
            lsetxattr(at("pyvenv.cfg"), "user.stray", b"", XattrFlags::empty()).unwrap();
            rustix::fs::lremovexattr(at("empty-folder"), "user.folder").unwrap();
        }
        fs::remove_file(at("holes")).unwrap();
        // A copy instead of a further name.
        fs::copy(at("demo-3"), at("demo")).unwrap();
        fs::rename(at("demo"), at("demo-3")).unwrap();
        let differs = place.snapshots.diff_now(&made, &place.root).await.unwrap();
        let names: Vec<_> = differs.files.iter().map(|one| one.path.to_str().unwrap()).collect();
        let expected: &[&str] = if has_values {
            &["bin/demo", "bin/demo-2", "demo-3", "empty-folder", "holes", "pyvenv.cfg"]
        } else {
            &["demo-3", "holes"]
        };
        assert_eq!(names, expected);

        place.back(1, &RollbackOptions { in_place, ..unchecked() }).await;
        assert_eq!(told(&place.root), before);
        assert_eq!(extended(), values);
        assert!(Extended::read(&at("pyvenv.cfg")).unwrap().is_empty());
        let inodes = ["bin/demo", "bin/demo-2", "demo-3"].map(|name| fs::metadata(at(name)).unwrap().ino());
        assert!(inodes.iter().all(|inode| *inode == inodes[0]), "{inodes:?}");
        let room = fs::metadata(at("holes")).unwrap().blocks() * 512;
        assert!(room < 100_000, "{room} bytes are taken");
        let differs = place.snapshots.diff_now(&made, &place.root).await.unwrap();
        assert!(differs.is_empty(), "{differs:?}");
    }
}

#[tokio::test]
async fn one_file_comes_back_without_a_look_at_anything_else() {
    let place = place();
    let whole = place.create().await.snapshot;
    let site = place.root.join("lib/python3.12/site-packages");
    let path = "lib/python3.12/site-packages/demo/__init__.py";
    put(&site, "demo/__init__.py", "broken");
    put(&site, "mine.py", "mine");
    let broken = told(&place.root);
    let only = RollbackOptions { paths: vec![path.into()], ..unchecked() };
    let back = place.back(1, &only).await;
    assert_eq!((back.put, back.kept, back.before), (1, 0, Some(2)), "{back:?}");
    let mut expected = broken.clone();
    let mended = told(&place.root);
    expected.insert(path.into(), mended[Path::new(path)].clone());
    assert_eq!(mended, expected, "nothing else is touched, and no folder has another time");
    assert_eq!(fs::read_to_string(place.root.join(path)).unwrap(), "VERSION = 1\n");
    assert_eq!(place.back(1, &only).await.how, None);

    // What is kept of it says so, and stands for nothing else.
    let part = place.snapshots.find(&Selector::Newest, Some(&place.root)).unwrap();
    assert_eq!((part.part.as_deref(), part.files, part.is_whole()), (Some(path), 1, false));
    let differs = place.snapshots.diff(&part, &whole).unwrap();
    assert_eq!((differs.files.len(), differs.projects.len(), differs.files[0].how), (1, 0, Differs::Changed));
    assert_eq!(place.snapshots.diff_now(&part, &place.root).await.unwrap().files, differs.files);
    assert!(matches!(place.snapshots.set_good(&Selector::Number(2), Vec::new()), Err(SnapshotError::NotInside { .. })));
    let wrong = RollbackOptions { paths: vec!["bin/demo".into()], ..unchecked() };
    let refused = place.snapshots.rollback(&Selector::Number(2), &place.root, &wrong).await;
    assert!(matches!(refused, Err(SnapshotError::NotInside { .. })), "{refused:?}");
    assert!(place.snapshots.verify(&[]).await.unwrap().iter().all(SnapshotVerified::is_whole));
    let undone = place.back(2, &unchecked()).await;
    assert_eq!((undone.put, undone.before), (1, Some(3)));
    assert_eq!(told(&place.root), broken);

    // A file that is gone, and one that was not there.
    fs::remove_file(place.root.join(path)).unwrap();
    let gone = told(&place.root);
    assert_eq!(place.back(1, &only).await.put, 1);
    place.back(4, &unchecked()).await;
    assert_eq!(told(&place.root), gone);
    assert_eq!(place.snapshots.newest_as_now(&place.root).await.unwrap(), None);
    place.back(1, &unchecked()).await;
    assert_eq!(place.snapshots.newest_as_now(&place.root).await.unwrap().map(|one| one.number), Some(1));
}

#[tokio::test]
async fn what_is_gone_is_named_and_nothing_is_changed() {
    let place = place();
    place.create().await;
    let site = place.root.join("lib/python3.12/site-packages");
    put(&site, "demo/__init__.py", "broken");
    let broken = told(&place.root);
    let segments = place.root.parent().unwrap().join(".stratheal/objects/segments");
    for entry in fs::read_dir(&segments).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    let refused = place.snapshots.rollback(&Selector::Number(1), &place.root, &unchecked()).await.unwrap_err();
    assert!(matches!(&refused, SnapshotError::Damaged { number: 1, .. }), "{refused}");
    assert_eq!(told(&place.root), broken);
    let found = place.snapshots.verify(&[1]).await.unwrap();
    // What is still there was kept again before it would have been changed.
    assert!(!found[0].is_whole() && found[0].damaged == 1, "{found:?}");
    // As it was then, it had no interpreter that starts.
    assert_eq!(
        place.snapshots.list().unwrap().0.len(),
        1,
        "nothing was replaced, so that there is nothing to go back to"
    );
    let again = place.create().await;
    put(&site, "demo/__init__.py", "other");
    let (selector, options) = (Selector::Number(again.snapshot.number), RollbackOptions::default());
    let refused = place.snapshots.rollback(&selector, &place.root, &options).await;
    let is_there = Path::new("/usr/bin/python3").exists();
    assert_eq!(refused.is_ok(), is_there, "{refused:?}");
}

#[tokio::test]
async fn a_snapshot_travels_as_one_file() {
    let place = place();
    let made = place.create().await.snapshot;
    put(&place.root, "lib/python3.12/site-packages/demo/__init__.py", "VERSION = 2\n");
    let second = place.create().await.snapshot;
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("whole.shsnap"), folder.path().join("part.shsnap"));
    let exported = place.snapshots.export(&second, &whole, &[]).await.unwrap();
    assert_eq!((exported.objects, exported.left_out), (8, 0), "{exported:?}");
    let exported = place.snapshots.export(&second, &part, std::slice::from_ref(&made)).await.unwrap();
    assert_eq!(exported.objects, 1, "{exported:?}");

    let other = |name: &str| Snapshots::open(&folder.path().join(name), &folder.path().join("user"), None);
    let refused = other("a").import(&part).await.unwrap_err();
    assert!(
        matches!(&refused, SnapshotError::NotAnExport { reason, .. } if reason.contains("without 7 files")),
        "{refused}"
    );
    let there = other("b");
    let imported = there.import(&whole).await.unwrap();
    assert_eq!((imported.snapshot.number, imported.added, imported.there), (1, 8, 0));
    assert_eq!(there.tree(&imported.snapshot).unwrap(), place.snapshots.tree(&second).unwrap());
    assert!(there.verify(&[]).await.unwrap()[0].is_whole());
    assert_eq!(there.import(&part).await.unwrap().there, 1);

    let bytes = fs::read(&whole).unwrap();
    let damaged = folder.path().join("damaged.shsnap");
    let store = other("c");
    for at in (0..bytes.len()).step_by(7) {
        fs::write(&damaged, &bytes[..at]).unwrap();
        assert!(store.import(&damaged).await.is_err(), "cut off at {at}");
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x10;
        fs::write(&damaged, &flipped).unwrap();
        if let Ok(imported) = store.import(&damaged).await {
            assert_eq!(store.tree(&imported.snapshot).unwrap(), place.snapshots.tree(&second).unwrap(), "byte {at}");
            assert!(store.verify(&[imported.snapshot.number]).await.unwrap()[0].is_whole(), "byte {at}");
        }
    }
}

#[tokio::test]
async fn names_pins_evidence_and_what_goes() {
    let place = place();
    let init = "lib/python3.12/site-packages/demo/__init__.py";
    for number in 1..=5_u64 {
        put(&place.root, init, &format!("VERSION = {number}\n"));
        assert_eq!(place.create().await.snapshot.number, number);
    }
    let snapshots = &place.snapshots;
    snapshots.set_label(&Selector::Number(1), Some("release")).unwrap();
    snapshots.set_pinned(&Selector::Number(2), true).unwrap();
    let passed = Passed { id: "web".to_owned(), summary: "200 OK".to_owned() };
    snapshots.set_good(&Selector::Number(3), vec![passed]).unwrap();
    assert!(matches!(snapshots.set_label(&Selector::Number(1), Some("7")), Err(SnapshotError::Label { .. })));
    assert!(matches!(snapshots.remove(2), Err(SnapshotError::Kept { .. })));
    assert!(matches!(snapshots.remove(3), Err(SnapshotError::Kept { .. })));
    let none = Retention { last: 0, hourly: 0, daily: 0, weekly: 0 };
    assert_eq!(snapshots.collection_plan(&none).unwrap().removed, [4]);
    let collected = snapshots.collect(&none).unwrap();
    assert!(collected.removed == [4] && collected.bytes > 0, "{collected:?}");
    assert!(snapshots.verify(&[]).await.unwrap().iter().all(SnapshotVerified::is_whole));
    let back = snapshots.rollback(&Selector::LastGood, &place.root, &unchecked()).await.unwrap();
    assert_eq!((back.number, fs::read_to_string(place.root.join(init)).unwrap().as_str()), (3, "VERSION = 3\n"));
    let back = snapshots.rollback(&Selector::Label("release".into()), &place.root, &unchecked()).await.unwrap();
    assert_eq!(back.number, 1);
    assert_eq!(snapshots.remove(1).unwrap().removed, [1]);
    let mut read = Vec::new();
    let three = snapshots.find(&Selector::Number(3), None).unwrap();
    snapshots.read(&three, Path::new(init), &mut read).unwrap();
    assert_eq!(read, b"VERSION = 3\n");
    let two = snapshots.find(&Selector::Number(2), None).unwrap();
    let difference = snapshots.diff(&two, &three).unwrap();
    assert_eq!((difference.files.len(), difference.files[0].project.as_deref()), (1, Some("demo")));
}

#[tokio::test]
async fn two_at_once_wait_for_each_other_and_none_is_lost() {
    let place = place();
    let init = "lib/python3.12/site-packages/demo/__init__.py";
    place.create().await;
    put(&place.root, init, "VERSION = 2\n");
    place.create().await;
    put(&place.root, init, "VERSION = 3\n");
    let (one, two, options) = (Selector::Number(1), Selector::Number(2), unchecked());
    let first = place.snapshots.rollback(&one, &place.root, &options);
    let second = place.snapshots.rollback(&two, &place.root, &options);
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    let now = fs::read_to_string(place.root.join(init)).unwrap();
    assert!(now == "VERSION = 1\n" || now == "VERSION = 2\n", "{now}");
    // What nobody had kept before is kept now.
    let (all, _) = place.snapshots.list().unwrap();
    let mut found = Vec::new();
    for one in &all {
        let mut bytes = Vec::new();
        place.snapshots.read(one, Path::new(init), &mut bytes).unwrap();
        found.push(String::from_utf8(bytes).unwrap());
    }
    assert!(found.contains(&"VERSION = 3\n".to_owned()), "{found:?}");
}

#[tokio::test]
async fn dropped_before_the_switch_it_leaves_nothing() {
    let place = place();
    place.create().await;
    put(&place.root, "empty-folder/new", "1");
    let broken = told(&place.root);
    for _ in 0..20 {
        let (selector, options) = (Selector::Number(1), unchecked());
        let back = place.snapshots.rollback(&selector, &place.root, &options);
        // Dropped at its first, second ... point at which it waits.
        drop(tokio::time::timeout(std::time::Duration::from_micros(300), back).await);
        place.snapshots.settled().await;
        let now = told(&place.root);
        if now != broken {
            put(&place.root, "empty-folder/new", "1");
            break;
        }
    }
    assert!(!place.root.parent().unwrap().join(".stratheal/stage").exists());
    assert!(place.snapshots.verify(&[]).await.unwrap().iter().all(SnapshotVerified::is_whole));
}

#[tokio::test]
async fn state_may_lie_on_another_file_system() {
    let memory = Path::new("/dev/shm");
    let place = place();
    let is_other = fs::metadata(memory).is_ok_and(|found| found.dev() != fs::metadata(&place.root).unwrap().dev());
    let folder = if is_other { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let snapshots = Snapshots::open(&folder.path().join("state"), &folder.path().join("user"), None);
    let before = told(&place.root);
    let made = snapshots.create(&place.root, &CreateOptions::default()).await.unwrap();
    fs::remove_dir_all(place.root.join("lib")).unwrap();
    let back = snapshots.rollback(&Selector::Number(made.snapshot.number), &place.root, &unchecked()).await.unwrap();
    assert_eq!(back.how, Some(crate::installer::How::Exchanged));
    assert_eq!(told(&place.root), before);
}

#[tokio::test]
async fn going_back_again_and_again_does_not_fill_the_disk() {
    let place = place();
    let retention = Retention { last: 3, hourly: 0, daily: 0, weekly: 0 };
    place.snapshots.set_automatic(Automatic { retention, ..Automatic::default() });
    assert_eq!(place.create().await.snapshot.number, 1);
    let mut newest = 0;
    for round in 0..20 {
        put(&place.root, "changed", &format!("{round}"));
        let done = place.back(1, &unchecked()).await;
        newest = done.before.unwrap();
        assert_eq!((done.notes.len(), place.root.join("changed").exists()), (0, false), "{done:?}");
    }
    let (all, damaged) = place.snapshots.list().unwrap();
    let numbers: Vec<u64> = all.iter().map(|one| one.number).collect();
    assert!(
        damaged.is_empty() && numbers.len() < 10 && numbers.contains(&1) && numbers.contains(&newest),
        "{numbers:?}"
    );
    place.back(newest, &unchecked()).await;
    assert_eq!(fs::read_to_string(place.root.join("changed")).unwrap(), "19");
}
