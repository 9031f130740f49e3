//! Metadata that was had before, by the hash of its wheel: `metadata/SHA256` in the cache.
//!
//! It follows from the content of the wheel, so it never gets old.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::wheel::MAX_METADATA;
use crate::base::fs::{named, replace_unsynced};
use crate::fetch::shared::Shared;
use crate::objects::ContentId;

/// What stands before the metadata: its hash, so that a file that was cut off by a power cut is noticed.
const HASH: usize = 64;

fn path(shared: &Shared, wheel: &ContentId) -> PathBuf {
    shared.cache.join("metadata").join(wheel.to_string())
}

/// The metadata of a wheel, if it is kept and is what the index promises.
pub(super) async fn read(shared: &Arc<Shared>, wheel: &ContentId, promised: Option<ContentId>) -> Option<Bytes> {
    let path = path(shared, wheel);
    let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
    match read {
        Ok(Ok(found)) => {
            found.filter(|(id, _)| promised.is_none_or(|promised| promised == *id)).map(|(_, found)| found)
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, "kept metadata cannot be read");
            None
        }
        Err(error) => {
            tracing::warn!(%error, "kept metadata cannot be read");
            None
        }
    }
}

fn read_file(path: &Path) -> io::Result<Option<(ContentId, Bytes)>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(named(path, &error)),
    };
    let mut content = Vec::new();
    file.take(HASH as u64 + MAX_METADATA + 1).read_to_end(&mut content).map_err(|error| named(path, &error))?;
    let content = Bytes::from(content);
    Ok(judge(&content))
}

/// The hash and the metadata of a kept file, if it is whole.
fn judge(content: &Bytes) -> Option<(ContentId, Bytes)> {
    let id: ContentId = std::str::from_utf8(content.get(..HASH)?).ok()?.parse().ok()?;
    let found = content.slice(HASH..);
    (ContentId::of(&found) == id).then_some((id, found))
}

/// Keeps the metadata of a wheel. A disk that takes nothing costs the cache, not the metadata.
pub(super) async fn write(shared: &Arc<Shared>, wheel: &ContentId, found: Bytes) {
    let path = path(shared, wheel);
    let write = move || {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| named(folder, &error))?;
        }
        let content = [ContentId::of(&found).to_string().as_bytes(), &found].concat();
        replace_unsynced(&path, &content)
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "metadata cannot be kept"),
        Err(error) => tracing::warn!(%error, "metadata cannot be kept"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_is_as_good_as_none() {
        let found = Bytes::from_static(b"Name: demo");
        let whole = [ContentId::of(&found).to_string().as_bytes(), &found].concat();
        assert_eq!(judge(&Bytes::from(whole.clone())), Some((ContentId::of(&found), found)));
        for length in [0, 10, HASH, whole.len() - 1] {
            assert_eq!(judge(&Bytes::from(whole[..length].to_vec())), None, "{length}");
        }
    }
}
