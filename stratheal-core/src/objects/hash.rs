//! Hashing what is read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::ContentId;
use super::stamp::Stamp;

/// Large enough that the system calls cost nothing beside the hashing.
const PIECE: usize = 128 * 1024;

/// A file that was hashed.
#[derive(Debug)]
pub(super) struct Hashed {
    pub(super) id: ContentId,
    /// How the file looked before the first byte was read: a write meanwhile gives it another stamp.
    pub(super) stamp: Stamp,
}

pub(super) fn hash_file(path: &Path) -> io::Result<Hashed> {
    let mut file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let id = hash_reader(&mut file)?;
    Ok(Hashed { id, stamp })
}

/// The SHA-256 of what a reader gives.
pub(crate) fn hash_reader(reader: &mut dyn Read) -> io::Result<ContentId> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(ContentId::new(hasher.finalize().into())),
            Ok(count) => hasher.update(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The SHA-256 of a file.
#[cfg(feature = "snapshot")]
pub(crate) fn hash_path(path: &Path) -> io::Result<ContentId> {
    hash_file(path).map(|hashed| hashed.id)
}
