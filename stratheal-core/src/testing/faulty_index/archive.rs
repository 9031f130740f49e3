//! Archives that are the same byte for byte every time, and whose members need not be held in memory. Nothing in them is compressed.
//! Sources: APPNOTE.TXT of PKWARE 4.3 and 4.4, RFC 1951 section 3.2.4, RFC 1952.

use bytes::Bytes;

use super::body::{Body, Part};

/// 1980-01-01, the first day a zip archive can express.
const DATE: u16 = 0x21;
/// The largest stored block of a deflate stream.
const BLOCK: usize = 65_535;

/// A zip archive of stored members. Less than 4 GiB in all.
pub(super) fn zip(members: Vec<(String, Body)>) -> Body {
    let mut parts = Vec::new();
    let mut directory = Vec::new();
    let count = members.len() as u16;
    let mut offset = 0_u32;
    for (name, body) in members {
        let mut fields = Vec::new();
        fields.extend(0_u16.to_le_bytes()); // no flags
        fields.extend(0_u16.to_le_bytes()); // stored
        fields.extend(0_u16.to_le_bytes()); // midnight
        fields.extend(DATE.to_le_bytes());
        fields.extend(body.checksum().to_le_bytes());
        fields.extend((body.length() as u32).to_le_bytes());
        fields.extend((body.length() as u32).to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend(0_u16.to_le_bytes()); // no extra field

        let mut local = b"PK\x03\x04\x14\x00".to_vec();
        local.extend(&fields);
        local.extend(name.as_bytes());

        directory.extend(b"PK\x01\x02\x14\x03\x14\x00"); // made on Unix, so that the mode below counts
        directory.extend(&fields);
        directory.extend([0; 6]); // no comment, first disk, no internal attributes
        directory.extend((0o10_0644_u32 << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());

        offset += local.len() as u32 + body.length() as u32;
        parts.push(Part::Literal(local.into()));
        parts.extend(body.parts());
    }
    let size = directory.len() as u32;
    directory.extend(b"PK\x05\x06\x00\x00\x00\x00");
    directory.extend(count.to_le_bytes());
    directory.extend(count.to_le_bytes());
    directory.extend(size.to_le_bytes());
    directory.extend(offset.to_le_bytes());
    directory.extend(0_u16.to_le_bytes()); // no comment
    parts.push(Part::Literal(directory.into()));
    Body::of(parts)
}

/// A gzip stream of some bytes.
pub(super) fn gzip(content: &[u8]) -> Bytes {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = content.chunks(BLOCK).peekable();
    if blocks.peek().is_none() {
        out.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(Body::from(content.to_vec()).checksum().to_le_bytes());
    out.extend((content.len() as u32).to_le_bytes());
    out.into()
}

/// A tar archive of small files, in a gzip stream.
pub(super) fn tar_gz(members: &[(String, String)]) -> Bytes {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        let written = archive.append_data(&mut header, name, text.as_bytes());
        debug_assert!(written.is_ok(), "a vector takes everything, and the names are short");
    }
    gzip(&archive.into_inner().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn others_can_read_a_zip() {
        let members = vec![("a.txt".to_owned(), Body::from("hello")), ("b/c".to_owned(), Body::noise(1, 100_000))];
        let bytes = zip(members.clone()).to_bytes();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        for (name, body) in members {
            let mut member = archive.by_name(&name).unwrap();
            let mut read = Vec::new();
            // Reading to the end checks the CRC.
            member.read_to_end(&mut read).unwrap();
            assert_eq!(read, body.to_bytes());
        }
    }
}
