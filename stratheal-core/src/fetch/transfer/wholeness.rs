//! Whether a file is whole, where no index says its hash.
//!
//! The end of a zip file is its directory and the end of a gzip stream its checksum, so that a truncated file is found out. A file
//! whose content was replaced is not: without a hash nothing can do that.

use std::fs::File;
use std::io::{BufReader, Read, Seek};

use flate2::bufread::MultiGzDecoder;

/// The most bytes that are unpacked to check a stream. More than any sdist holds, and an end for a bomb.
const MOST_UNPACKED: u64 = 8 << 30;

/// Reads as much of a file as it takes to see that it is whole; `Err` says what is missing. Blocks.
///
/// Kinds that cannot be checked pass: their length is all there is.
pub(super) fn check(name: &str, file: &File) -> Result<(), String> {
    let name = name.to_ascii_lowercase();
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    reader.rewind().map_err(|error| format!("cannot be read again: {error}"))?;
    if [".whl", ".zip", ".egg"].iter().any(|ending| name.ends_with(ending)) {
        zip::ZipArchive::new(reader).map(drop).map_err(|error| format!("is no whole zip file: {error}"))
    } else if [".tar.gz", ".tgz"].iter().any(|ending| name.ends_with(ending)) {
        let mut unpacked = MultiGzDecoder::new(reader).take(MOST_UNPACKED);
        let length = std::io::copy(&mut unpacked, &mut std::io::sink());
        match length {
            Ok(MOST_UNPACKED) => Err(format!("unpacks to more than {MOST_UNPACKED} bytes")),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("is no whole gzip stream: {error}")),
        }
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn wheel() -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for number in 0..3 {
            zip.start_file(format!("file {number}"), zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(&[number; 999]).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    fn sdist() -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&[7; 9999]).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn whole_files_pass_and_cut_ones_do_not() {
        for (name, bytes) in [("a-1-py3-none-any.whl", wheel()), ("a-1.ZIP", wheel()), ("a-1.tar.gz", sdist())] {
            assert_eq!(check(name, &file(&bytes)), Ok(()), "{name}");
            for cut in [0, 1, bytes.len() / 2, bytes.len() - 30, bytes.len() - 1] {
                let problem = check(name, &file(&bytes[..cut])).unwrap_err();
                assert!(problem.contains("no whole"), "{name} cut at {cut}: {problem}");
            }
        }
        assert_eq!(check("a-1.tar.bz2", &file(b"anything")), Ok(()));
    }

    #[test]
    fn a_flipped_byte_in_a_stream_is_found() {
        let mut bytes = sdist();
        let last = bytes.len() - 6;
        bytes[last] ^= 1;
        assert!(check("a-1.tar.gz", &file(&bytes)).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(mut bytes: Vec<u8>, place: prop::sample::Index, real: bool) {
            if real {
                let mut wheel = wheel();
                let place = place.index(wheel.len());
                wheel.splice(place..place, bytes);
                bytes = wheel;
            }
            let _ = (check("a.whl", &file(&bytes)), check("a.tar.gz", &file(&bytes)));
        }
    }
}
