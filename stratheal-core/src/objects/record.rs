//! RECORD: the list of a wheel's files with their hashes.
//!
//! Source: "Recording installed projects" of the packaging specifications: CSV as Python's default dialect reads it; path, hash as
//! `algorithm=urlsafe-base64` without padding, size.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ContentId;

/// The most rows that are read.
const MOST_ROWS: usize = 200_000;

/// A row of RECORD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordRow {
    /// The file, as written there.
    pub path: String,
    /// Its hash.
    pub hash: RecordHash,
    /// Its size in bytes.
    pub size: Option<u64>,
}

/// The hash in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordHash {
    /// None is given, as for RECORD itself.
    Absent,
    /// SHA-256.
    Sha256(ContentId),
    /// Another algorithm, by name.
    Other(String),
}

/// A text is no RECORD.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("RECORD cannot be read in row {row}: {reason}")]
pub struct InvalidRecord {
    /// The row, from 1.
    pub row: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Reads a RECORD.
///
/// # Errors
/// [`InvalidRecord`], with the row.
pub fn parse_record(text: &str) -> Result<Vec<RecordRow>, InvalidRecord> {
    let mut rows = Vec::new();
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut row = 0;
    while !rest.is_empty() {
        row += 1;
        let invalid = |reason| InvalidRecord { row, reason };
        let (fields, after) = fields(rest).map_err(invalid)?;
        rest = after;
        // An empty line.
        if let [only] = fields.as_slice()
            && only.is_empty()
        {
            continue;
        }
        if rows.len() == MOST_ROWS {
            return Err(invalid("there are too many"));
        }
        rows.push(parse_row(fields).map_err(invalid)?);
    }
    Ok(rows)
}

fn parse_row(fields: Vec<String>) -> Result<RecordRow, &'static str> {
    // Columns that a later version may add are left alone.
    let mut fields = fields.into_iter();
    let path = fields.next().filter(|path| !path.is_empty()).ok_or("it has no path")?;
    let hash = match fields.next().unwrap_or_default() {
        none if none.is_empty() => RecordHash::Absent,
        text => parse_hash(&text)?,
    };
    let size = match fields.next().unwrap_or_default() {
        none if none.is_empty() => None,
        text => Some(text.parse().map_err(|_| "its size is no number")?),
    };
    Ok(RecordRow { path, hash, size })
}

fn parse_hash(text: &str) -> Result<RecordHash, &'static str> {
    let (algorithm, digest) = text.split_once('=').ok_or("its hash names no algorithm")?;
    if algorithm != "sha256" {
        return Ok(RecordHash::Other(algorithm.chars().take(40).collect()));
    }
    let bytes = URL_SAFE_NO_PAD.decode(digest.trim_end_matches('='));
    let digest = bytes.ok().and_then(|bytes| bytes.try_into().ok()).ok_or("its SHA-256 is none")?;
    Ok(RecordHash::Sha256(ContentId::new(digest)))
}

/// The fields of the first line, and what follows it.
fn fields(text: &str) -> Result<(Vec<String>, &str), &'static str> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        let mut field = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            loop {
                let end = rest.find('"').ok_or("a quote is not closed")?;
                field.push_str(&rest[..end]);
                rest = &rest[end + 1..];
                let Some(doubled) = rest.strip_prefix('"') else { break };
                field.push('"');
                rest = doubled;
            }
        }
        let end = rest.find([',', '\n', '\r']).unwrap_or(rest.len());
        field.push_str(&rest[..end]);
        fields.push(field);
        rest = &rest[end..];
        if let Some(next) = rest.strip_prefix(',') {
            if fields.len() > 16 {
                return Err("it has too many fields");
            }
            rest = next;
            continue;
        }
        let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix(['\n', '\r'])).unwrap_or(rest);
        return Ok((fields, rest));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows() {
        let id = ContentId::of(b"x");
        let digest = URL_SAFE_NO_PAD.encode(id.as_bytes());
        let text = format!(
            "a.py,sha256={digest},1\r\n\"b, \"\"c\"\".py\",md5=x,\n\nd-1.dist-info/RECORD,,\nalone\n\"two\nlines\",sha256={digest}=,7"
        );
        let found = parse_record(&text).unwrap();
        let row = |path: &str, hash, size| RecordRow { path: path.to_owned(), hash, size };
        assert_eq!(
            found,
            [
                row("a.py", RecordHash::Sha256(id), Some(1)),
                row("b, \"c\".py", RecordHash::Other("md5".to_owned()), None),
                row("d-1.dist-info/RECORD", RecordHash::Absent, None),
                row("alone", RecordHash::Absent, None),
                row("two\nlines", RecordHash::Sha256(id), Some(7)),
            ]
        );
    }

    #[test]
    fn what_is_refused_names_its_row() {
        for (text, row) in [
            ("a,,\n,sha256=x,\n", 2),
            ("a,sha256=short,", 1),
            ("a,nothing,", 1),
            ("a,,\na,,\nb,,x", 3),
            ("\"open", 1),
            (",,,,,,,,,,,,,,,,,,,,", 1),
        ] {
            assert_eq!(parse_record(text).unwrap_err().row, row, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(noise in "\\PC{0,80}", near in "[a,\"\n\r=]{0,40}|(a,sha256=[a-zA-Z_-]{43},[0-9]{0,21}\n){0,3}") {
            let _ = (parse_record(&noise), parse_record(&near));
        }

        #[test]
        fn quoted_paths_come_back(paths in proptest::collection::vec("[a-c,\"\n ]{1,6}", 0..5)) {
            let quoted = |path: &String| ["\"", &path.replace('"', "\"\""), "\",,\n"].concat();
            let text: String = paths.iter().map(quoted).collect();
            let found = parse_record(&text).unwrap();
            prop_assert_eq!(found.into_iter().map(|row| row.path).collect::<Vec<_>>(), paths);
        }
    }
}
