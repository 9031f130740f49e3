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
    fn never_panics_on_noise(bytes: Vec<u8>) {
        read_all(bytes);
    }
}
