//! Trees: unpacked, linked, edited, dropped and unpacked again.

use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::unpacked::Marker;
use super::*;
use crate::objects::stamp::{Stamp, set_mtime};
use crate::objects::{ContentId, LinkMode, Linked, Pack, Store, StoreError};

const FILES: &[(&str, &[u8])] =
    &[("pkg/__init__.py", b"answer = 42\n"), ("pkg/data.bin", &[0, 1, 2]), ("pkg/empty", b"")];

fn wheel(files: &[(&str, &[u8])], record: Option<&str>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut rows = String::new();
    for (path, content) in files {
        let mode = if path.contains("run") { 0o755 } else { 0o644 };
        writer.start_file(*path, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
        writer.write_all(content).unwrap();
        let digest = URL_SAFE_NO_PAD.encode(ContentId::of(content).as_bytes());
        writeln!(rows, "{path},sha256={digest},{}", content.len()).unwrap();
    }
    rows.push_str("pkg-1.dist-info/RECORD,,\n");
    writer.start_file("pkg-1.dist-info/RECORD", SimpleFileOptions::default()).unwrap();
    writer.write_all(record.unwrap_or(&rows).as_bytes()).unwrap();
    writer.finish().unwrap().into_inner()
}

struct Place {
    folder: tempfile::TempDir,
    store: Store,
    pack: Pack,
}

impl Place {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let pack = store.put("pkg-1-py3-none-any.whl", "", &wheel(files, None)).unwrap();
        Self { folder, store, pack }
    }

    fn tree(&self) -> Tree {
        self.store.tree(&self.pack).unwrap()
    }

    fn link(&self, name: &str, mode: LinkMode) -> LinkReport {
        self.tree().link_into(&self.folder.path().join(name), mode).unwrap()
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.folder.path().join(path)).unwrap()
    }
}

#[test]
fn a_wheel_is_unpacked_once_and_linked_often() {
    let place = Place::with(&[FILES, &[("pkg/run.sh", b"#!/bin/sh\n")]].concat());
    let tree = place.tree();
    assert_eq!((tree.files().len(), tree.problems()), (5, &[][..]));
    for (mode, name) in [(LinkMode::Auto, "one"), (LinkMode::Copy, "two")] {
        let report = place.link(name, mode);
        assert_eq!(report.reflinked + report.hard_linked + report.copied, 5);
        assert_eq!(report.repaired, 0);
        for (path, content) in FILES {
            assert_eq!(place.read(&format!("{name}/{path}")), *content);
        }
        for file in tree.files() {
            let found = fs::metadata(place.folder.path().join(name).join(&file.path)).unwrap();
            assert_eq!((Stamp::of(&found), found.len()), (file.stamp, file.size()));
            #[cfg(unix)]
            assert_eq!(crate::objects::stamp::mode(&found), if file.path.contains("run") { 0o755 } else { 0o644 });
        }
    }
    assert_eq!(place.link("three", LinkMode::Copy).copied, 5);
}

#[test]
fn an_edit_in_one_environment_never_reaches_one_made_later() {
    let place = Place::with(FILES);
    place.link("one", LinkMode::Auto);
    let file = "pkg/__init__.py";
    // Of the same size, and right after it was linked.
    fs::write(place.folder.path().join("one").join(file), b"answer = 43\n").unwrap();
    let report = place.link("two", LinkMode::Auto);
    assert_eq!(place.read("two/pkg/__init__.py"), b"answer = 42\n");
    assert_eq!(place.read("one/pkg/__init__.py"), b"answer = 43\n", "what was edited stays as it is");
    let hard = report.hard_linked > 0;
    assert_eq!(report.repaired, usize::from(hard));
    // The other one is as good a link as any, and with the time of the first unpacking.
    assert_eq!(place.link("three", LinkMode::Auto).repaired, 0);
    let stamp = |name: &str| Stamp::of(&fs::metadata(place.folder.path().join(name).join(file)).unwrap());
    assert_eq!(stamp("two"), stamp("three"));
    assert_eq!(stamp("two"), place.tree().file(file).unwrap().stamp);
}

#[cfg(unix)]
#[test]
fn a_changed_mode_does_not_spread_either() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with(FILES);
    place.link("one", LinkMode::Auto);
    let path = |name: &str| place.folder.path().join(name).join("pkg/data.bin");
    fs::set_permissions(path("one"), PermissionsExt::from_mode(0o4777)).unwrap();
    place.link("two", LinkMode::Auto);
    assert_eq!(fs::metadata(path("two")).unwrap().permissions().mode() & 0o7777, 0o644);
}

#[test]
fn a_file_that_is_missing_in_the_tree_is_unpacked_again() {
    let place = Place::with(FILES);
    let tree = place.tree();
    fs::remove_file(tree.path_of(&tree.files()[0])).unwrap();
    assert_eq!(place.link("one", LinkMode::Copy).repaired, 1);
    assert_eq!(place.read("one/pkg/__init__.py"), b"answer = 42\n");
    // Without the pack it cannot.
    fs::remove_file(tree.path_of(&tree.files()[0])).unwrap();
    fs::remove_file(place.pack.path()).unwrap();
    let error = tree.link_into(&place.folder.path().join("two"), LinkMode::Auto).unwrap_err();
    assert!(matches!(error, StoreError::Gone { .. }), "{error}");
}

#[test]
fn times_are_the_same_after_the_tree_was_dropped() {
    let place = Place::with(FILES);
    let before = place.tree();
    place.store.drop_tree(&place.pack.id()).unwrap();
    assert!(!before.folder.exists());
    std::thread::park_timeout(std::time::Duration::from_millis(20));
    assert_eq!(place.tree().files(), before.files());
    assert!(before.files()[0].mtime_ns() > 1_700_000_000_000_000_000, "the archive says 1980");
}

#[cfg(target_os = "linux")]
#[test]
fn zeros_after_a_power_loss_are_found_in_a_tree() {
    let place = Place::with(FILES);
    let tree = place.tree();
    let file = &tree.files()[0];
    let path = tree.path_of(file);
    fs::write(&path, vec![0; file.size() as usize]).unwrap();
    set_mtime(&fs::File::options().write(true).open(&path).unwrap(), file.mtime_ns()).unwrap();
    let marker = fs::read_to_string(Marker::place(&tree.folder)).unwrap();
    let boot = place.store.shared.boot.as_deref().expect("this system tells its boot id");
    fs::write(Marker::place(&tree.folder), marker.replace(boot, "an earlier one")).unwrap();
    place.link("one", LinkMode::Auto);
    assert_eq!(place.read("one/pkg/__init__.py"), b"answer = 42\n");
}

#[test]
fn a_damaged_manifest_or_a_stray_folder_makes_a_new_tree() {
    let place = Place::with(FILES);
    let tree = place.tree();
    for text in ["", "{}", "\0"] {
        fs::write(tree.folder.join("manifest.json"), text).unwrap();
        assert_eq!(place.tree().files(), tree.files());
    }
    place.store.drop_tree(&place.pack.id()).unwrap();
    fs::create_dir_all(tree.folder.join("files/pkg")).unwrap();
    assert_eq!(place.tree().files(), tree.files());
    fs::write(first_of(&tree.folder), "").unwrap();
    assert!(place.store.drop_tree(&place.pack.id()).is_ok());
    assert_eq!(place.tree().files().len(), tree.files().len());
}

#[test]
fn who_unpacks_at_the_same_time_gets_a_tree_that_stays() {
    let place = Place::with(FILES);
    for _ in 0..100 {
        place.store.drop_tree(&place.pack.id()).unwrap();
        let start = std::sync::Barrier::new(4);
        let use_it = || {
            start.wait();
            let _hold = place.store.hold().unwrap();
            let tree = place.tree();
            assert!(tree.path_of(&tree.files()[0]).exists(), "what is held stays");
        };
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(use_it))));
    }
}

#[test]
fn a_record_that_is_wrong_is_named_and_the_wheel_unpacked() {
    let place = Place::with(FILES);
    let problems = |record: &str| {
        let pack = place.store.put("x.whl", "", &wheel(FILES, Some(record))).unwrap();
        place.store.tree(&pack).unwrap().problems().to_vec()
    };
    let wrong = format!("pkg/__init__.py,sha256={},12\npkg/data.bin,,\n", URL_SAFE_NO_PAD.encode([0; 32]));
    let path = |path: &str| path.to_owned();
    assert_eq!(
        problems(&wrong),
        [
            RecordProblem::Differs { path: path("pkg/__init__.py") },
            RecordProblem::Unchecked { path: path("pkg/data.bin") },
            RecordProblem::Unlisted { path: path("pkg/empty") },
        ]
    );
    assert!(matches!(problems("\"open").as_slice(), [RecordProblem::Unreadable { .. }]));
}

#[test]
fn what_is_no_wheel_is_refused() {
    let place = Place::with(FILES);
    for bytes in [b"not a zip".to_vec(), Vec::new()] {
        let pack = place.store.put("x.tar.gz", "", &bytes).unwrap();
        let error = place.store.tree(&pack).unwrap_err();
        assert_eq!(error.to_string(), "the archive `x.tar.gz` is refused");
    }
    assert!(!place.folder.path().join("store/trees").exists(), "nothing is left behind");
}

#[test]
fn one_file_is_linked_alone_and_overwrites_nothing() {
    let place = Place::with(FILES);
    let tree = place.tree();
    let file = tree.file("pkg/data.bin").unwrap();
    let destination = place.folder.path().join("data.bin");
    assert_eq!(tree.link_file(file, &destination, LinkMode::Copy).unwrap(), Linked::Copy);
    for mode in [LinkMode::Auto, LinkMode::Copy] {
        assert!(tree.link_file(file, &destination, mode).is_err());
    }
    assert_eq!(place.read("data.bin"), [0, 1, 2]);
    let nowhere = Path::new("/proc/nowhere");
    assert!(tree.link_file(file, nowhere, LinkMode::Auto).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn another_file_system_gets_copies() {
    use std::os::unix::fs::MetadataExt;
    let other = Path::new("/dev/shm");
    let place = Place::with(FILES);
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    if device(other).is_none() || device(other) == device(place.folder.path()) {
        crate::testing::skipped("links to another file system", "there is no other one");
        return;
    }
    let destination = tempfile::tempdir_in(other).unwrap();
    let report = place.tree().link_into(destination.path(), LinkMode::Auto).unwrap();
    assert_eq!((report.copied, report.hard_linked), (4, 0));
    assert_eq!(fs::read(destination.path().join("pkg/data.bin")).unwrap(), [0, 1, 2]);
}
