//! Pages that come packed by gzip (RFC 1952), unpacked within limits while they arrive.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

use crate::fetch::failure::{Failure, FailureKind};

/// Up to this size anything may be packed as tightly as it likes: an empty page that says the same thousands of times is honest.
const UNSUSPICIOUS: usize = 4 << 20;
/// Beyond it, a page that unpacks to so many times its size is none: deflate gets to hundreds, pages with their hashes to ten or
/// twenty.
const RATIO: u64 = 100;

/// A body that arrives, packed or not.
pub(super) enum Unpacking {
    Plain(Whole),
    Packed(Box<MultiGzDecoder<Whole>>),
}

/// What is there of the page.
pub(super) struct Whole {
    bytes: Vec<u8>,
    limit: usize,
    /// Bytes that came by the network so far.
    arrived: u64,
    problem: Option<String>,
}

impl Unpacking {
    /// At most `limit` bytes, after unpacking.
    pub(super) fn new(is_packed: bool, limit: usize) -> Self {
        let whole = Whole { bytes: Vec::new(), limit, arrived: 0, problem: None };
        if is_packed { Self::Packed(Box::new(MultiGzDecoder::new(whole))) } else { Self::Plain(whole) }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`FailureKind::Malformed`] when it is too large or not packed as it is said to be.
    pub(super) fn push(&mut self, piece: &Bytes) -> Result<(), Failure> {
        let written = match self {
            Self::Plain(whole) => whole.come(piece).write_all(piece),
            Self::Packed(decoder) => {
                decoder.get_mut().come(piece);
                decoder.write_all(piece)
            }
        };
        written.map_err(|error| self.failure(&error))
    }

    /// All of it, after the last piece.
    ///
    /// # Errors
    /// [`FailureKind::Truncated`] when what was packed ends early.
    pub(super) fn finish(mut self) -> Result<Bytes, Failure> {
        if let Self::Packed(decoder) = &mut self
            && decoder.get_ref().arrived > 0
            && let Err(error) = decoder.try_finish()
        {
            // What the decoder still held may be too much as well.
            return Err(if decoder.get_ref().problem.is_some() {
                self.failure(&error)
            } else {
                Failure::new(FailureKind::Truncated, format!("ended within what it packed: {error}"))
            });
        }
        Ok(std::mem::take(&mut self.whole().bytes).into())
    }

    fn whole(&mut self) -> &mut Whole {
        match self {
            Self::Plain(whole) => whole,
            Self::Packed(decoder) => decoder.get_mut(),
        }
    }

    fn failure(&mut self, error: &io::Error) -> Failure {
        let problem = self.whole().problem.take().unwrap_or_else(|| format!("sent what cannot be unpacked: {error}"));
        Failure::new(FailureKind::Malformed, problem)
    }
}

impl Whole {
    fn come(&mut self, piece: &Bytes) -> &mut Self {
        self.arrived += piece.len() as u64;
        self
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len() + bytes.len();
        if length > self.limit {
            self.problem = Some(format!("sent more than {} bytes", self.limit));
        } else if length > UNSUSPICIOUS && length as u64 / RATIO > self.arrived {
            self.problem = Some(format!("sent {} bytes that unpack to more than {length}: no page does", self.arrived));
        }
        if self.problem.is_some() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn unpack(is_packed: bool, limit: usize, bytes: &[u8], piece: usize) -> Result<Bytes, Failure> {
        let mut unpacking = Unpacking::new(is_packed, limit);
        bytes.chunks(piece).try_for_each(|piece| unpacking.push(&Bytes::copy_from_slice(piece)))?;
        unpacking.finish()
    }

    #[test]
    fn a_bomb_is_refused_early_and_an_honest_page_is_not() {
        let bomb = packed(&vec![b' '; 60 << 20]);
        let mut unpacking = Unpacking::new(true, 100 << 20);
        let failure = bomb.chunks(1000).find_map(|piece| unpacking.push(&Bytes::copy_from_slice(piece)).err()).unwrap();
        assert!(failure.text.contains("no page does"), "{failure:?}");
        let Unpacking::Packed(decoder) = unpacking else { unreachable!() };
        assert!(decoder.get_ref().bytes.len() <= UNSUSPICIOUS);
        let row = |number: u32| {
            format!("<a href=\"{number}.whl#sha256={:064x}\">{number}.whl</a>\n", u64::from(number) << 20)
        };
        let page: String = (0..100_000).map(row).collect();
        assert_eq!(unpack(true, 100 << 20, &packed(page.as_bytes()), 4096).unwrap(), page);
    }

    #[test]
    fn an_empty_body_is_an_empty_page() {
        for is_packed in [false, true] {
            assert_eq!(unpack(is_packed, 10, b"", 1).unwrap(), "");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_packed_comes_back(bytes: Vec<u8>, more: Vec<u8>, piece in 1..200_usize) {
            // Several members one after the other are one body.
            let both = [packed(&bytes), packed(&more)].concat();
            prop_assert_eq!(unpack(true, 1000, &both, piece).unwrap(), [bytes, more].concat());
        }

        #[test]
        fn what_ends_early_is_an_error(bytes in prop::collection::vec(any::<u8>(), 1..200), cut: prop::sample::Index) {
            let whole = packed(&bytes);
            let cut = 1 + cut.index(whole.len() - 1);
            prop_assert_eq!(unpack(true, 1000, &whole[..cut], 64).unwrap_err().kind, FailureKind::Truncated);
        }

        #[test]
        fn never_panics_and_keeps_the_limit(bytes: Vec<u8>, is_packed: bool, limit in 0..300_usize, piece in 1..50_usize) {
            if let Ok(whole) = unpack(is_packed, limit, &bytes, piece) {
                prop_assert!(whole.len() <= limit);
            }
        }
    }
}
