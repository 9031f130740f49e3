//! Writing RECORD ("Recording installed projects").

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::objects::ContentId;

/// A row of an installed project's RECORD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::installer) struct Row {
    /// The file, relative to the folder that holds the `.dist-info`; `/` between components.
    pub(in crate::installer) path: String,
    /// Its hash and size; `None` for RECORD itself and for bytecode.
    pub(in crate::installer) content: Option<(ContentId, u64)>,
}

/// Writes rows in the order of their paths, so that the same installation gives the same text.
pub(in crate::installer) fn write_record(mut rows: Vec<Row>) -> String {
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    let mut text = String::with_capacity(rows.len() * 100);
    for row in rows {
        if row.path.contains([',', '"', '\n', '\r']) {
            text.push('"');
            text.push_str(&row.path.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(&row.path);
        }
        match row.content {
            Some((id, size)) => {
                text.push_str(",sha256=");
                text.push_str(&URL_SAFE_NO_PAD.encode(id.as_bytes()));
                text.push(',');
                text.push_str(&size.to_string());
            }
            None => text.push_str(",,"),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::objects::{RecordHash, parse_record};

    proptest! {
        #[test]
        fn what_is_written_is_read(paths in proptest::collection::btree_set("[a-c,\"\n /]{1,8}", 0..6)) {
            let content = Some((ContentId::of(b"x"), 1));
            let rows = paths.iter().map(|path| Row { path: path.clone(), content }).collect();
            let read = parse_record(&write_record(rows)).unwrap();
            prop_assert!(read.iter().all(|row| row.hash == RecordHash::Sha256(ContentId::of(b"x")) && row.size == Some(1)));
            prop_assert_eq!(read.into_iter().map(|row| row.path).collect::<Vec<_>>(), paths.into_iter().collect::<Vec<_>>());
        }
    }
}
