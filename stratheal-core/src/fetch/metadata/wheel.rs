//! The metadata inside a wheel, read without unpacking the rest.

use std::io::{Read, Seek};

use bytes::Bytes;
use zip::ZipArchive;

/// The largest metadata, in bytes. Some projects put their whole manual into it.
pub(super) const MAX_METADATA: u64 = 16 << 20;

/// Reads the metadata out of a wheel; the error says why there is none. Blocks, and unpacks.
pub(super) fn metadata_of(wheel: impl Read + Seek) -> Result<Bytes, String> {
    let mut archive = ZipArchive::new(wheel).map_err(|error| error.to_string())?;
    let names = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let path = metadata_path(names.iter().map(AsRef::as_ref))?.to_owned();
    drop(names);
    let entry = archive.by_name(&path).map_err(|error| error.to_string())?;
    let mut found = Vec::new();
    entry.take(MAX_METADATA + 1).read_to_end(&mut found).map_err(|error| error.to_string())?;
    if found.len() as u64 > MAX_METADATA {
        return Err(format!("its metadata is larger than {MAX_METADATA} bytes"));
    }
    Ok(found.into())
}

/// Which entry of a wheel is its metadata: `NAME-VERSION.dist-info/METADATA`, and there is exactly one.
fn metadata_path<'a>(paths: impl Iterator<Item = &'a str>) -> Result<&'a str, String> {
    let is_metadata = |path: &&str| {
        path.strip_suffix(".dist-info/METADATA").is_some_and(|folder| !folder.is_empty() && !folder.contains('/'))
    };
    let mut found = paths.filter(is_metadata);
    match (found.next(), found.next()) {
        (Some(path), None) => Ok(path),
        (None, _) => Err("it holds no metadata".to_owned()),
        (Some(_), Some(_)) => Err("it holds two metadata files".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn which_entry_it_is() {
        for (paths, expected) in [
            (&["a/__init__.py", "a-1.dist-info/METADATA", "a-1.dist-info/RECORD"][..], Some("a-1.dist-info/METADATA")),
            (&["a/b-1.dist-info/METADATA", "a-1.dist-info/METADATA"], Some("a-1.dist-info/METADATA")),
            (&["a-1.dist-info/METADATA", "b-1.dist-info/METADATA"], None),
            (&[".dist-info/METADATA", "METADATA"], None),
        ] {
            assert_eq!(metadata_path(paths.iter().copied()).ok(), expected, "{paths:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = metadata_of(Cursor::new(bytes));
        }
    }
}
