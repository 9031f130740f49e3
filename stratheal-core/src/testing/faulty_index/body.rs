//! Bytes that can be read from anywhere without being held in memory: a gigabyte costs nothing until it is sent.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::objects::ContentId;

/// How much is made at once when all of it is read.
const STEP: usize = 64 * 1024;

/// A sequence of bytes. Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Body {
    parts: Arc<[Part]>,
    length: u64,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    /// These bytes.
    Literal(Bytes),
    /// So many bytes that no program can compress, always the same for the same seed.
    Seeded { seed: u64, length: u64 },
    /// These bytes over and over, so many bytes in all.
    Repeated { pattern: Bytes, length: u64 },
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Self::Literal(bytes) => bytes.len() as u64,
            Self::Seeded { length, .. } | Self::Repeated { length, .. } => *length,
        }
    }

    /// Adds the bytes from `from` on, `most` at most.
    fn read(&self, from: u64, most: usize, into: &mut Vec<u8>) {
        let count = usize::try_from(self.length() - from).unwrap_or(most).min(most);
        match self {
            Self::Literal(bytes) => into.extend_from_slice(&bytes[from as usize..from as usize + count]),
            Self::Seeded { seed, .. } => {
                let end = into.len() + count;
                let skip = (from % 8) as usize;
                into.extend(word(*seed, from / 8).into_iter().skip(skip).take(count));
                let mut next = from / 8 + 1;
                while into.len() < end {
                    let missing = end - into.len();
                    into.extend_from_slice(&word(*seed, next)[..missing.min(8)]);
                    next += 1;
                }
            }
            Self::Repeated { pattern, .. } => {
                let start = (from % pattern.len() as u64) as usize;
                let repeated = pattern.repeat((start + count).div_ceil(pattern.len()));
                into.extend_from_slice(&repeated[start..start + count]);
            }
        }
    }
}

/// Eight bytes of noise: `SplitMix64` of a position, so that any place can be read at once. Source: Steele, Lea and Flood, "Fast
/// splittable pseudorandom number generators", 2014.
fn word(seed: u64, position: u64) -> [u8; 8] {
    let mut value = seed.wrapping_add(position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (value ^ (value >> 31)).to_le_bytes()
}

impl Body {
    pub(super) fn of(parts: Vec<Part>) -> Self {
        let length = parts.iter().map(Part::length).sum();
        Self { parts: parts.into(), length }
    }

    /// Bytes of noise, always the same for the same seed.
    #[must_use]
    pub fn noise(seed: u64, length: u64) -> Self {
        Self::of(vec![Part::Seeded { seed, length }])
    }

    /// A pattern over and over.
    pub(super) fn repeated(pattern: &'static [u8], length: u64) -> Self {
        Self::of(vec![Part::Repeated { pattern: Bytes::from_static(pattern), length }])
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// The bytes from `from` on, `most` at most.
    #[must_use]
    pub fn read(&self, mut from: u64, most: usize) -> Bytes {
        let mut into = Vec::with_capacity(most.min(usize::try_from(self.length.saturating_sub(from)).unwrap_or(most)));
        for part in &*self.parts {
            if from < part.length() {
                part.read(from, most - into.len(), &mut into);
                from = 0;
            } else {
                from -= part.length();
            }
            if into.len() == most {
                break;
            }
        }
        into.into()
    }

    /// All bytes. Only for what fits into memory.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.read(0, usize::try_from(self.length).unwrap_or(usize::MAX))
    }

    /// Hands over all bytes, piece by piece.
    pub(super) fn each(&self, mut take: impl FnMut(&[u8])) {
        let mut from = 0;
        while from < self.length {
            let piece = self.read(from, STEP);
            from += piece.len() as u64;
            take(&piece);
        }
    }

    /// What it is made of.
    pub(super) fn parts(&self) -> Vec<Part> {
        self.parts.to_vec()
    }

    /// The SHA-256 of all bytes.
    #[must_use]
    pub fn id(&self) -> ContentId {
        let mut hasher = Sha256::new();
        self.each(|piece| hasher.update(piece));
        ContentId::new(hasher.finalize().into())
    }

    /// The CRC-32 of all bytes, as zip and gzip have it.
    pub(super) fn checksum(&self) -> u32 {
        let mut register = u32::MAX;
        self.each(|piece| {
            for byte in piece {
                register = CHECKSUMS[usize::from(register as u8 ^ byte)] ^ (register >> 8);
            }
        });
        !register
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::of(vec![Part::Literal(bytes.into())])
    }
}

/// The table of CRC-32. Source: RFC 1952, section 8.
const CHECKSUMS: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[byte] = value;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_place_reads_as_in_one_go() {
        let parts = vec![
            Part::Literal(Bytes::from_static(b"abc")),
            Part::Seeded { seed: 7, length: 29 },
            Part::Repeated { pattern: Bytes::from_static(b"xyz"), length: 10 },
        ];
        let body = Body::of(parts);
        let whole = body.to_bytes();
        assert_eq!((whole.len(), body.length()), (42, 42));
        assert!(whole.starts_with(b"abc") && whole.ends_with(b"zxyzx"));
        for from in 0..=42_usize {
            for most in 0..=42 {
                let end = (from + most).min(42);
                assert_eq!(body.read(from as u64, most), whole[from..end], "{from} {most}");
            }
        }
        assert!(body.read(50, 5).is_empty());
    }

    #[test]
    fn checksums_are_the_usual_ones() {
        assert_eq!(Body::from("123456789").checksum(), 0xcbf4_3926);
        assert_eq!(Body::from("abc").id(), ContentId::of(b"abc"));
    }
}
