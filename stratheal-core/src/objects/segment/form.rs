//! How a segment looks on disk. Pure.
//!
//! ```text
//! "SHSEGM1\n"  objects ...  index  footer
//! index:   for each object: id (32), where it begins (8), bytes there (8), bytes unpacked (8), how it is packed (1)
//! footer:  where the index begins (8), SHA-256 of the index (32), "SHSEGEND"
//! ```
//! Numbers are little-endian. The first eight bytes say the version.

use crate::objects::ContentId;

pub(super) const MAGIC: &[u8; 8] = b"SHSEGM1\n";
const END: &[u8; 8] = b"SHSEGEND";

/// The bytes of a row of the index, and of the footer.
pub(super) const ROW: usize = 32 + 3 * 8 + 1;
pub(super) const FOOTER: usize = 8 + 32 + 8;

/// How an object is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Plain,
    Zstd,
}

/// Where an object lies in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: u64,
    /// The bytes that it takes there.
    pub(super) stored: u64,
    /// Its size in bytes.
    pub(super) size: u64,
    pub(super) coding: Coding,
}

/// The index, and the footer that ends the file.
pub(super) fn encode(rows: &[(ContentId, Place)], offset: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * ROW + FOOTER);
    for (id, place) in rows {
        bytes.extend_from_slice(id.as_bytes());
        for number in [place.offset, place.stored, place.size] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.push(u8::from(place.coding == Coding::Zstd));
    }
    let sum = ContentId::of(&bytes);
    bytes.extend_from_slice(&offset.to_le_bytes());
    bytes.extend_from_slice(sum.as_bytes());
    bytes.extend_from_slice(END);
    bytes
}

/// What a footer says: where the index begins, and its SHA-256. `None` when it is none.
pub(super) fn parse_footer(bytes: &[u8]) -> Option<(u64, ContentId)> {
    let (offset, rest) = bytes.strip_suffix(END)?.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*offset), ContentId::new(rest.try_into().ok()?)))
}

/// Reads an index; `None` when its hash is another one, or when an object would lie outside of the bytes before it.
pub(super) fn parse_index(bytes: &[u8], sum: ContentId, begins: u64) -> Option<Vec<(ContentId, Place)>> {
    if ContentId::of(bytes) != sum || !bytes.len().is_multiple_of(ROW) {
        return None;
    }
    let rows = bytes.chunks_exact(ROW).map(|row| {
        let (id, rest) = row.split_first_chunk::<32>()?;
        let number = |at: usize| Some(u64::from_le_bytes(*rest.get(at * 8..)?.first_chunk::<8>()?));
        let coding = match rest.last()? {
            0 => Coding::Plain,
            1 => Coding::Zstd,
            _ => return None,
        };
        let place = Place { offset: number(0)?, stored: number(1)?, size: number(2)?, coding };
        let is_inside = place.offset >= MAGIC.len() as u64 && place.offset.checked_add(place.stored)? <= begins;
        let is_plausible = place.coding != Coding::Plain || place.stored == place.size;
        (is_inside && is_plausible).then_some((ContentId::new(*id), place))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(count: u64) -> Vec<(ContentId, Place)> {
        let place = |number| Place { offset: 8 + number, stored: 1, size: 1, coding: Coding::Plain };
        (0..count).map(|number| (ContentId::of(&number.to_le_bytes()), place(number))).collect()
    }

    proptest! {
        #[test]
        fn comes_back_and_no_flipped_bit_does(count in 0..9_u64, at: usize, bit in 0..8_u8) {
            let rows = rows(count);
            let mut bytes = encode(&rows, 8 + count);
            let parse = |bytes: &[u8]| {
                let (index, footer) = bytes.split_at(bytes.len() - FOOTER);
                parse_footer(footer).and_then(|(begins, sum)| Some((begins, parse_index(index, sum, begins)?)))
            };
            prop_assert_eq!(parse(&bytes), Some((8 + count, rows)));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            // Where the index begins is compared with the size of the file by whoever reads it.
            let begins_elsewhere = (count as usize * ROW..count as usize * ROW + 8).contains(&at);
            prop_assert!(begins_elsewhere || parse(&bytes).is_none());
        }

        #[test]
        fn never_panics(bytes: Vec<u8>, offset: u64) {
            let _ = (parse_footer(&bytes), parse_footer(&[&bytes, END.as_slice()].concat()));
            let _ = parse_index(&bytes, ContentId::of(&bytes), offset);
            let row = [&[7; 32], offset.to_le_bytes().as_slice(), &offset.to_le_bytes(), &offset.to_le_bytes(), &[0]].concat();
            let _ = parse_index(&row, ContentId::of(&row), offset);
        }
    }
}
