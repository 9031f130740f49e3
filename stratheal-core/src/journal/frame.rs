//! How a piece looks in the file: its length, a checksum, its bytes. Pure.

use sha2::{Digest, Sha256};

/// What stands before the bytes: their length (4) and the checksum (8).
pub(super) const HEAD: usize = 12;

/// The checksum of a piece. The generation is part of it, so that a piece of an older one is no piece.
fn checksum(generation: u64, bytes: &[u8]) -> [u8; 8] {
    let mut hasher = Sha256::new();
    hasher.update(generation.to_le_bytes());
    hasher.update((bytes.len() as u64).to_le_bytes());
    hasher.update(bytes);
    let digest = hasher.finalize();
    let mut short = [0; 8];
    short.copy_from_slice(&digest[..8]);
    short
}

/// Appends a piece.
pub(super) fn put(generation: u64, bytes: &[u8], into: &mut Vec<u8>) {
    into.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    into.extend_from_slice(&checksum(generation, bytes));
    into.extend_from_slice(bytes);
}

/// The piece at the beginning of `from`, and what lies behind it; `None` where there is none of this generation.
pub(super) fn take(generation: u64, from: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (bytes, rest) = rest.split_at_checked(length)?;
    (checksum(generation, bytes) == *sum).then_some((bytes, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_piece_of_another_generation_is_none() {
        let mut file = Vec::new();
        put(3, b"first", &mut file);
        put(3, b"", &mut file);
        let (first, rest) = take(3, &file).unwrap();
        assert_eq!((first, take(3, rest).unwrap()), (&b"first"[..], (&b""[..], &b""[..])));
        assert!(take(4, &file).is_none() && take(3, b"").is_none());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0_usize..64, generation: u64) {
            prop_assert!(take(generation, &bytes).is_none());
            let mut file = Vec::new();
            put(generation, &bytes, &mut file);
            prop_assert_eq!(take(generation, &file).unwrap().0, &bytes[..]);
            file.truncate(cut.min(file.len() - 1));
            prop_assert!(take(generation, &file).is_none());
        }

        #[test]
        fn a_flipped_bit_is_noticed(bytes in prop::collection::vec(any::<u8>(), 1..64), at: prop::sample::Index, bit in 0_u8..8) {
            let mut file = Vec::new();
            put(1, &bytes, &mut file);
            let at = at.index(file.len());
            file[at] ^= 1 << bit;
            prop_assert!(take(1, &file).is_none_or(|(read, _)| read != bytes));
        }
    }
}
