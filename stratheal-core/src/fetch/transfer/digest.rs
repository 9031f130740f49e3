//! Whether a file has the digest that an index gives instead of a SHA-256.
//!
//! An MD5 does not show that nobody forged a file. It shows that it arrived as it left, and installers compare it: better here, where
//! another member can be asked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};

use md5::Md5;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha384, Sha512};

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// A digest that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OtherDigest {
    pub(super) algorithm: String,
    pub(super) expected: String,
    pub(super) got: String,
}

/// Compares a file with the strongest of these digests that can be computed. `None`: it is right, or there is none. Blocks.
///
/// # Errors
/// What the system says.
pub(super) fn check(digests: &BTreeMap<String, String>, mut file: &File) -> io::Result<Option<OtherDigest>> {
    let strongest = ["sha512", "sha384", "sha224", "md5"].into_iter().find_map(|name| digests.get_key_value(name));
    let Some((algorithm, expected)) = strongest else { return Ok(None) };
    let mut hasher: Box<dyn DynDigest> = match algorithm.as_str() {
        "sha512" => Box::<Sha512>::default(),
        "sha384" => Box::<Sha384>::default(),
        "sha224" => Box::<Sha224>::default(),
        _ => Box::<Md5>::default(),
    };
    file.rewind()?;
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => hasher.update(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let got = hasher.finalize().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let differs = !got.eq_ignore_ascii_case(expected);
    Ok(differs.then(|| OtherDigest { algorithm: algorithm.clone(), expected: expected.clone(), got }))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_strongest_one_counts() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"abc").unwrap();
        // RFC 1321, A.5, and FIPS 180-2, B.
        let md5 = ("md5", "900150983CD24FB0D6963F7D28E17F72");
        let sha224 = ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7");
        for (digests, expected) in [
            (&[][..], None),
            (&[md5], None),
            (&[("md5", "00")], Some("md5")),
            (&[("blake2b_256", "00"), md5], None),
            (&[sha224, ("md5", "00")], None),
            (&[md5, ("sha512", "00")], Some("sha512")),
            (&[md5, ("sha384", "00")], Some("sha384")),
        ] {
            let digests = digests.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect();
            let other = check(&digests, &file).unwrap();
            assert_eq!(other.as_ref().map(|other| other.algorithm.as_str()), expected, "{digests:?}");
        }
    }
}
