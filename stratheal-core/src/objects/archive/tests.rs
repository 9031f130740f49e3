//! Archives as hostile as they come.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

type Bytes = Cursor<Vec<u8>>;

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn open(bytes: Vec<u8>) -> Result<Archive<Bytes>, ArchiveError> {
    Archive::new(Cursor::new(bytes))
}

fn refusal(bytes: Vec<u8>) -> String {
    open(bytes).unwrap_err().to_string()
}

/// Replaces a name of the same length: `which` counts its occurrences, the local header first and the directory last.
fn renamed(mut bytes: Vec<u8>, from: &str, to: &str, which: &[usize]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let found: Vec<_> = bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from.as_bytes()).collect();
    let found: Vec<_> = found.into_iter().map(|(at, _)| at).collect();
    for which in which {
        bytes[found[*which]..found[*which] + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn one_file_is_read_without_the_others() {
    let mut archive = open(zip_of(&[("a/b.txt", b"one"), ("c", &vec![7; 100_000])])).unwrap();
    assert_eq!(archive.entries().iter().map(|entry| entry.path.as_str()).collect::<Vec<_>>(), ["a/b.txt", "c"]);
    assert_eq!(archive.read("c", 100_000).unwrap(), vec![7; 100_000]);
    assert_eq!(archive.read("a/b.txt", 10).unwrap(), b"one");
    assert!(matches!(archive.read("c", 99_999), Err(ArchiveError::TooLarge { size: 100_000, .. })));
    assert!(matches!(archive.read("d", 1), Err(ArchiveError::NoEntry { .. })));
}

#[test]
fn bad_names_are_refused() {
    for name in ["../a", "/a/b", "a\\bc", "a//b", "a\0bc", "./ab", "a/.."] {
        let good = "abcdefgh"[..name.len()].to_owned();
        let bytes = renamed(zip_of(&[(&good, b"x")]), &good, name, &[0, 1]);
        assert!(refusal(bytes).contains("name that is refused"), "{name:?}");
    }
}

#[test]
fn names_that_meet_are_refused() {
    assert!(matches!(open(zip_of(&[("a.py", b""), ("A.py", b"")])), Err(ArchiveError::Collision { .. })));
    assert!(matches!(open(zip_of(&[("a", b""), ("a/b", b"")])), Err(ArchiveError::Collision { .. })));
    let twice = renamed(zip_of(&[("name1", b"x"), ("name2", b"y")]), "name2", "name1", &[0, 1]);
    assert!(matches!(open(twice), Err(ArchiveError::Duplicate)));
}

#[test]
fn two_truths_are_refused() {
    let bytes = zip_of(&[("name1", b"x"), ("other", b"y")]);
    let error = open(renamed(bytes.clone(), "name1", "name9", &[0])).unwrap_err();
    assert!(matches!(&error, ArchiveError::Inconsistent { entry: Some(entry), .. } if entry == "name1"), "{error}");
    // Something in front, which readers that begin at the front see as an archive of its own.
    let two = [zip_of(&[("front", b"z")]), bytes.clone()].concat();
    assert!(open(two).is_err());
    // Something behind.
    assert!(open([&bytes[..], b"\0"].concat()).is_err());
    // A comment is fine, unless it looks like an end itself.
    for (comment, good) in [(&b"made by hand"[..], true), (&bytes[bytes.len() - 22..], false)] {
        let mut commented = [&bytes[..], comment].concat();
        let length = bytes.len() - 2;
        commented[length..length + 2].copy_from_slice(&(comment.len() as u16).to_le_bytes());
        assert_eq!(open(commented).is_ok(), good);
    }
}

/// The same archive as it would end if it were large: with both records for large numbers, and an end that says none of them.
fn large(bytes: &[u8]) -> Vec<u8> {
    let at = bytes.len() - 22;
    let number = |from: usize, to: usize| {
        bytes[at + from..at + to].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)).to_le_bytes()
    };
    let (count, size, place) = (number(10, 12), number(12, 16), number(16, 20));
    let record = [&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[45, 0, 45, 0], &[0; 8], &count, &count, &size, &place];
    let locator = [&b"PK\x06\x07"[..], &[0; 4], &(at as u64).to_le_bytes(), &1_u32.to_le_bytes()];
    let end = [&b"PK\x05\x06"[..], &[0; 4], &[0xff; 12], &[0; 2]];
    [&bytes[..at], &record.concat(), &locator.concat(), &end.concat()].concat()
}

#[test]
fn large_archives_have_one_truth_as_well() {
    let small = zip_of(&[("name1", b"x"), ("other", b"y")]);
    let bytes = large(&small);
    assert_eq!(open(bytes.clone()).unwrap().entries().len(), 2);
    let (record, locator, end) = (bytes.len() - 98, bytes.len() - 42, bytes.len() - 22);
    let with = |at: usize, new: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        bytes
    };
    // What fits into the end may stand there as well, if it is the same.
    let count = 2_u16.to_le_bytes();
    assert!(open(with(end + 8, &count)).is_ok() && open(with(end + 4, &[0xff; 4])).is_ok());
    let mut commented = [&bytes[..], b"by hand"].concat();
    commented[end + 20] = 7;
    assert!(open(commented).is_ok());
    for (what, at, new) in [
        ("another size of the record", record + 4, 45_u64.to_le_bytes().as_slice()),
        ("another disk", record + 16, &1_u32.to_le_bytes()),
        ("another disk of the directory", record + 20, &1_u32.to_le_bytes()),
        ("fewer entries", record + 24, &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
        ("fewer entries on this disk", record + 24, &1_u64.to_le_bytes()),
        ("another size of the directory", record + 40, &1_u64.to_le_bytes()),
        ("a size beyond all", record + 40, &u64::MAX.to_le_bytes()),
        ("another place of the directory", record + 48, &0_u64.to_le_bytes()),
        ("another disk of the record", locator + 4, &1_u32.to_le_bytes()),
        ("another place of the record", locator + 8, &0_u64.to_le_bytes()),
        ("more disks", locator + 16, &2_u32.to_le_bytes()),
        ("no record", record, b"PK\x06\x05"),
        ("no locator", locator, b"PK\x06\x05"),
        ("an end with other entries", end + 10, &1_u16.to_le_bytes()),
        ("an end with another size", end + 12, &1_u32.to_le_bytes()),
        ("an end with another place", end + 16, &0_u32.to_le_bytes()),
        ("an end on another disk", end + 4, &1_u16.to_le_bytes()),
        // Readers that look for the records whatever the end says see them, the others do not.
        ("an end that needs no record", end, &small[small.len() - 22..]),
    ] {
        assert!(open(with(at, new)).is_err(), "{what}");
    }
    // Something between the directory and the records, between them, in front, or behind.
    for at in [record, locator, end] {
        assert!(open([&bytes[..at], b"\0", &bytes[at..]].concat()).is_err(), "{at}");
    }
    assert!(open([&bytes[..], b"\0"].concat()).is_err());
    assert!(open([zip_of(&[("front", b"z")]), bytes.clone()].concat()).is_err());
    // A second, small archive whose end has the records of the first in front of it.
    assert!(open([&bytes[..end], &small[small.len() - 22..]].concat()).is_err());
    for error in [renamed(bytes.clone(), "name1", "name9", &[0]), renamed(bytes.clone(), "other", "name1", &[0, 1])] {
        assert!(matches!(open(error), Err(ArchiveError::Inconsistent { .. } | ArchiveError::Duplicate)));
    }
}

#[test]
fn more_entries_than_a_small_archive_has_room_for() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for number in 0..70_000 {
        writer.start_file(format!("package/{number}"), stored).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert!(bytes.windows(4).any(|window| window == b"PK\x06\x06"));
    let archive = open(bytes).unwrap();
    assert!(archive.entries().len() == 70_000 && archive.entry("package/69999").is_some());
}

#[test]
fn links_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    assert_eq!(refusal(bytes), "its entry `link` is a symbolic link, which is refused");
}

#[test]
fn bombs_are_refused_before_they_are_unpacked() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("zeros", SimpleFileOptions::default()).unwrap();
    for _ in 0..80 {
        writer.write_all(&vec![0; 1024 * 1024]).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    assert!(bytes.len() < 200_000);
    assert!(matches!(open(bytes), Err(ArchiveError::TooLarge { size: 83_886_080, .. })));
}

#[test]
fn a_size_that_lies_is_found() {
    let content = vec![b'x'; 5_000];
    let mut bytes = zip_of(&[("name1", &content)]);
    // The size stands in both headers; with the same lie in both only unpacking finds it.
    let (right, wrong) = (5_000_u32.to_le_bytes(), 4_000_u32.to_le_bytes());
    let places: Vec<_> = bytes.windows(4).enumerate().filter(|(_, w)| *w == right).map(|(at, _)| at).collect();
    assert!(places.len() >= 2);
    for at in places {
        bytes[at..at + 4].copy_from_slice(&wrong);
    }
    match open(bytes) {
        Ok(mut archive) => assert!(matches!(archive.read("name1", 10_000), Err(ArchiveError::Damaged { .. }))),
        Err(error) => assert!(matches!(error, ArchiveError::Inconsistent { .. }), "{error}"),
    }
}

#[test]
fn damaged_data_is_found() {
    let content: Vec<u8> = (0..5_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let mut bytes = zip_of(&[("name1", &content)]);
    bytes[10_000] ^= 1;
    assert!(matches!(open(bytes).unwrap().read("name1", 1 << 20), Err(ArchiveError::Damaged { .. })));
}

/// Reads all of an archive that is taken, and checks what must hold for it.
fn read_all(bytes: Vec<u8>) {
    let Ok(mut archive) = open(bytes) else { return };
    for entry in archive.entries().to_vec() {
        assert!(check_path(&entry.path).is_ok());
        if let Ok(content) = archive.read(&entry.path, 1 << 20) {
            assert_eq!(content.len() as u64, entry.size);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn never_panics(changes in proptest::collection::vec((0..10_000_usize, any::<u8>()), 1..8), cut in 0..10_000_usize) {
        let mut bytes = zip_of(&[("package/a.py", b"print()"), ("package/b.py", &[1; 300]), ("package-1.dist-info/RECORD", b"")]);
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        read_all(bytes[..bytes.len() - cut % 50 * usize::from(cut > 5_000)].to_vec());
    }

    #[test]
    fn never_panics_on_large_ones(changes in proptest::collection::vec((0..98_usize, any::<u8>()), 1..4), cut in 0..120_usize) {
        let mut bytes = large(&zip_of(&[("package/a.py", b"print()")]));
        let end = bytes.len();
        for (at, byte) in changes {
            bytes[end - 98 + at] = byte;
        }
        read_all(bytes.clone());
        read_all(bytes[cut..].to_vec());
    }

    #[test]
    fn never_panics_on_noise(bytes: Vec<u8>) {
        read_all(bytes);
    }
}
