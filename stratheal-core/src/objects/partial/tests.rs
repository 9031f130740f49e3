//! Part files that are left, taken over, damaged and finished.

use std::fs;

use proptest::prelude::*;

use super::*;

fn key() -> PartKey {
    PartKey::content(&ContentId::of(b"whole"))
}

fn open(folder: &Path) -> PartFile {
    PartFile::try_open(folder, &key()).unwrap().expect("nobody else has it")
}

fn left_in(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn what_was_recorded_is_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
    let validators =
        Validators { total: Some(9), etag: Some("\"x\"".into()), from: Some(one.clone()), last_modified: None };
    {
        let mut part = open(folder.path());
        part.identify(validators.clone()).unwrap();
        part.write(0, &[b"ab", b"cd"], &one).unwrap();
        part.record().unwrap();
        part.write(4, &[b"e"], &one).unwrap();
        part.write(7, &[b"hi"], &two).unwrap();
    }
    let part = open(folder.path());
    assert_eq!(part.present().iter().collect::<Vec<_>>(), [0..5, 7..9]);
    assert_eq!(part.sent(), [Sent { range: 0..5, from: one }, Sent { range: 7..9, from: two }]);
    assert_eq!(part.validators(), &validators);
    assert_eq!(part.read(0, 20).unwrap(), b"abcde\0\0hi");
}

#[test]
fn one_has_it_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    assert!(PartFile::try_open(folder.path(), &key()).unwrap().is_none());
    drop(first);
    assert!(PartFile::try_open(folder.path(), &key()).unwrap().is_some());
}

#[test]
fn nothing_arrived_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut part = open(folder.path());
    part.identify(Validators { total: Some(1), ..Validators::default() }).unwrap();
    drop(part);
    assert_eq!(left_in(folder.path()), 0);
}

#[test]
fn a_finished_file_leaves_nothing_and_cannot_be_taken_by_who_waited() {
    let folder = tempfile::tempdir().unwrap();
    let mut part = open(folder.path());
    part.write(0, &[b"whole"], &"one".into()).unwrap();
    part.record().unwrap();
    part.write(5, &[b" and more"], &"one".into()).unwrap();
    let store = folder.path().join("store");
    fs::rename(part.whole(5).unwrap(), &store).unwrap();
    part.moved().unwrap();
    assert_eq!(fs::read(&store).unwrap(), b"whole");
    assert_eq!(left_in(folder.path()), 1);
    assert!(open(folder.path()).present().is_empty());
}

#[test]
fn a_journal_without_its_part_file_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let mut part = open(folder.path());
    part.write(0, &[b"whole"], &"one".into()).unwrap();
    part.record().unwrap();
    fs::rename(part.path.clone(), folder.path().join("elsewhere")).unwrap();
    drop(part);
    assert!(open(folder.path()).present().is_empty());
}

#[test]
fn a_restart_is_one_for_the_next_process_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut part = open(folder.path());
    part.write(0, &[b"wrong one"], &"one".into()).unwrap();
    part.record().unwrap();
    part.restart().unwrap();
    part.write(0, &[b"who"], &"two".into()).unwrap();
    drop(part);
    let part = open(folder.path());
    assert_eq!(part.sent(), [Sent { range: 0..3, from: "two".into() }]);
    assert_eq!(part.read(0, 20).unwrap(), b"who");
}

#[test]
fn keys_do_not_show_secrets_and_do_not_collide() {
    let key = PartKey::place("private", "a.whl", "http://user:word@127.0.0.1/a.whl");
    assert!(!key.as_str().contains("word"));
    assert!(key.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    assert_ne!(PartKey::place("a", "bc", ""), PartKey::place("ab", "c", ""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever stands in the journal, a part file opens, and claims only bytes that exist.
    #[test]
    fn a_damaged_journal_never_panics(text in "\\PC{0,80}", cut: prop::sample::Index, length in 0u64..20) {
        let folder = tempfile::tempdir().unwrap();
        let mut part = open(folder.path());
        part.write(0, &[b"some"], &"one".into()).unwrap();
        part.record().unwrap();
        part.write(10, &[b"more"], &"one".into()).unwrap();
        let (path, journal) = (part.path.clone(), part.journal_path.clone());
        drop(part);
        let mut bytes = fs::read(&journal).unwrap();
        bytes.truncate(cut.index(bytes.len() + 1));
        bytes.extend_from_slice(text.as_bytes());
        fs::write(&journal, &bytes).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(length).unwrap();
        let mut part = open(folder.path());
        prop_assert!(part.present().end() <= length);
        // What is added now is found, whatever stood there.
        part.write(length, &[b"end"], &"two".into()).unwrap();
        drop(part);
        prop_assert!(open(folder.path()).present().gaps(&(length..length + 3)).next().is_none());
    }
}
