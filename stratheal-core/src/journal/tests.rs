//! Crashes at every byte, full halves, and folders that are taken away.

use proptest::prelude::*;

use super::*;

const SMALL: u64 = 4096;

fn open(path: &Path) -> (Journal, Recovered) {
    Journal::open(path, SMALL).unwrap()
}

#[test]
fn what_was_written_last_counts_over_many_generations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, _) = open(&path);
    for round in 0..20_u32 {
        journal.checkpoint(format!("state {round}").as_bytes()).unwrap();
        for change in 0..round % 4 {
            journal.append(&[format!("change {change}").as_bytes(), b"another"]).unwrap();
        }
        let (again, found) = open(&path);
        assert_eq!(found.state.unwrap(), format!("state {round}").as_bytes());
        assert_eq!(found.records.len(), 2 * (round % 4) as usize);
        journal = again;
    }
}

#[test]
fn a_full_half_refuses_and_a_checkpoint_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = open(&folder.path().join("journal"));
    let record = [7; 100];
    let mut count = 0;
    while journal.fits(&[&record]) {
        journal.append(&[&record]).unwrap();
        count += 1;
    }
    assert!(count > 30, "{count}");
    assert!(matches!(journal.append(&[&record]), Err(JournalError::TooLarge { .. })));
    journal.checkpoint(b"all of it").unwrap();
    assert!(journal.fits(&[&record]));
    assert!(matches!(journal.checkpoint(&[0; 3000]), Err(JournalError::TooLarge { .. })));
}

#[test]
fn no_more_room_is_taken_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, _) = open(&path);
    let before = std::fs::metadata(&path).unwrap().len();
    for _ in 0..50 {
        journal.checkpoint(&[1; 1000]).unwrap();
        journal.append(&[&[2; 1000]]).unwrap();
    }
    assert_eq!(std::fs::metadata(&path).unwrap().len(), before);
}

#[test]
fn a_crash_at_any_byte_of_a_write_leaves_the_old_or_the_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (mut journal, _) = open(&path);
    journal.checkpoint(b"old").unwrap();
    journal.append(&[b"one"]).unwrap();
    let before = std::fs::read(&path).unwrap();
    journal.append(&[b"two"]).unwrap();
    journal.checkpoint(b"new").unwrap();
    let after = std::fs::read(&path).unwrap();
    let changed: Vec<usize> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
    assert!(changed.len() > 20);
    // In the order of the file and against it: a disk may write as it likes between two syncs.
    for order in [changed.clone(), changed.iter().rev().copied().collect()] {
        let mut content = before.clone();
        for at in order {
            content[at] = after[at];
            let (.., found) = understood(&path, &content, SMALL).unwrap().unwrap();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let seen = (text(&found.state.unwrap()), found.records.iter().map(|r| text(r)).collect::<Vec<_>>());
            let allowed = [("old", vec!["one"]), ("old", vec!["one", "two"]), ("new", vec![])];
            assert!(allowed.iter().any(|(state, records)| seen.0 == *state && seen.1 == *records), "{seen:?} at {at}");
        }
    }
}

#[test]
fn what_is_no_journal_is_set_aside_and_a_newer_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    std::fs::write(&path, "something else").unwrap();
    let (_, found) = open(&path);
    let aside = found.set_aside.unwrap();
    assert_eq!(std::fs::read_to_string(aside).unwrap(), "something else");
    assert!(open(&path).1.set_aside.is_none());
    let mut content = std::fs::read(&path).unwrap();
    content[7] = 2;
    std::fs::write(&path, content).unwrap();
    let refused = Journal::open(&path, SMALL).unwrap_err();
    assert!(matches!(refused, JournalError::Newer { found: 2, .. }), "{refused}");
}

#[test]
fn a_folder_that_was_taken_away_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("journal");
    std::fs::create_dir(&inner).unwrap();
    let (journal, _) = open(&inner.join("file"));
    assert!(journal.is_in_place());
    std::fs::remove_dir_all(&inner).unwrap();
    assert!(!journal.is_in_place());
    std::fs::create_dir(&inner).unwrap();
    let (other, _) = open(&inner.join("file"));
    assert!(other.is_in_place() && !journal.is_in_place());
}

#[test]
fn a_reserve_is_given_back_and_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let reserve = crate::journal::Reserve::new(&folder.path().join("reserve"), 100_000);
    assert!(!reserve.is_there());
    reserve.take().unwrap();
    assert!(reserve.is_there());
    reserve.release().unwrap();
    reserve.release().unwrap();
    assert!(!reserve.is_there());
}

proptest! {
    #[test]
    fn never_panics(noise in prop::collection::vec((0_usize..12_288, any::<u8>()), 0..200), generation in 1_u64..4) {
        let mut content = vec![0; (FIRST + 2 * SMALL) as usize];
        content[..8].copy_from_slice(MAGIC);
        content[8..16].copy_from_slice(&SMALL.to_le_bytes());
        content[FIRST as usize..][..8].copy_from_slice(&generation.to_le_bytes());
        for (at, byte) in noise {
            content[at] = byte;
        }
        let _ = understood(Path::new("journal"), &content, SMALL);
        let _ = understood(Path::new("journal"), &content[..SMALL as usize], SMALL);
    }
}
