//! The text of a requirements file: UTF-8, what a byte order mark says, or what a line as in PEP 263 says.

use std::path::Path;

use crate::installer::requirement::RequirementError;

/// The text of a file, without its byte order mark.
pub(super) fn decoded(bytes: &[u8], path: &Path) -> Result<String, RequirementError> {
    let encoding = |problem: String| RequirementError::Encoding { path: path.to_owned(), problem };
    // What a redirection in PowerShell writes.
    let units = |bytes: &[u8], of: fn([u8; 2]) -> u16| {
        let units = bytes.chunks(2).map(|pair| of([pair[0], pair.get(1).copied().unwrap_or_default()]));
        char::decode_utf16(units).collect::<Result<String, _>>().map_err(|_| encoding("is damaged UTF-16".to_owned()))
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => return utf8(rest).map_err(encoding),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(encoding("is in UTF-32".to_owned())),
        [0xff, 0xfe, rest @ ..] => return units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => return units(rest, u16::from_be_bytes),
        _ => {}
    }
    match declared(bytes).as_deref() {
        None | Some("utf-8" | "utf8" | "ascii" | "us-ascii") => utf8(bytes).map_err(encoding),
        Some("latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "iso-latin-1") => {
            Ok(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        Some(other) => Err(encoding(format!("says that it is in `{other}`, and only UTF-8 and Latin-1 are known"))),
    }
}

fn utf8(bytes: &[u8]) -> Result<String, String> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => Err(format!("is not UTF-8 from byte {} on", error.valid_up_to() + 1)),
    }
}

/// The encoding that a comment in one of the first two lines names.
fn declared(bytes: &[u8]) -> Option<String> {
    let comments = bytes.split(|byte| *byte == b'\n').take(2).filter(|line| line.starts_with(b"#"));
    let mut named = comments.filter_map(|line| {
        let line = String::from_utf8_lossy(line);
        let rest =
            line.match_indices("coding").find_map(|(at, word)| line[at + word.len()..].strip_prefix([':', '=']))?;
        let name = rest.trim_start();
        let is_part = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        let name = &name[..name.find(|character| !is_part(character)).unwrap_or(name.len())];
        (!name.is_empty()).then(|| name.to_ascii_lowercase().replace('_', "-"))
    });
    named.next()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encodings() {
        for (bytes, expected) in [
            (&b"a\n"[..], Ok("a\n")),
            (b"\xef\xbb\xbfa", Ok("a")),
            (b"\xff\xfea\0\n\0", Ok("a\n")),
            (b"\xfe\xff\0a", Ok("a")),
            (b"# -*- coding: latin-1 -*-\n\xe9", Ok("# -*- coding: latin-1 -*-\né")),
            (b"#!x\n# vim: set fileencoding=ISO_8859-1 :\n\xe9", Ok("#!x\n# vim: set fileencoding=ISO_8859-1 :\né")),
            (b"# coding: utf-8\n\xc3\xa9", Ok("# coding: utf-8\né")),
            (b"#\n#\n# coding: cp1252", Ok("#\n#\n# coding: cp1252")),
            (
                b"# coding: cp1252",
                Err("r.txt says that it is in `cp1252`, and only UTF-8 and Latin-1 are known: write it in UTF-8"),
            ),
            (b"a\xe9", Err("r.txt is not UTF-8 from byte 2 on: write it in UTF-8")),
            (b"\xff\xfe\0\0a\0\0\0", Err("r.txt is in UTF-32: write it in UTF-8")),
            (b"\xff\xfe\0\xd8", Err("r.txt is damaged UTF-16: write it in UTF-8")),
        ] {
            let found = decoded(bytes, Path::new("r.txt")).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics(mut bytes: Vec<u8>, start in "(#|coding|:|=| |latin-1|\n|\u{feff}){0,8}") {
            let _ = decoded(&bytes, Path::new("r.txt"));
            bytes.splice(0..0, start.bytes());
            let _ = decoded(&bytes, Path::new("r.txt"));
        }
    }
}
