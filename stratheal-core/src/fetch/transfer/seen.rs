//! Which content a file had that no index has a hash for.

use std::path::PathBuf;
use std::sync::Arc;

use crate::base::fs::{read_text, write_atomic};
use crate::fetch::shared::Shared;
use crate::objects::{ContentId, PartKey};

fn path(shared: &Shared, key: &PartKey) -> PathBuf {
    shared.store.folder().join("seen").join(key.as_str())
}

/// What was seen, if anything was.
pub(super) async fn recall(shared: &Arc<Shared>, key: &PartKey) -> Option<ContentId> {
    let path = path(shared, key);
    let read = tokio::task::spawn_blocking(move || read_text(&path, 100)).await.ok()?;
    read.ok()?.trim().parse().ok()
}

/// Keeps what was seen. Without it the file is had again the next time, and no more.
pub(super) async fn remember(shared: &Arc<Shared>, key: &PartKey, id: &ContentId) {
    let (path, text) = (path(shared, key), format!("{id}\n"));
    let write = move || {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        write_atomic(&path, text.as_bytes())
    };
    match tokio::task::spawn_blocking(write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "cannot remember the content of a file"),
        Err(error) => tracing::debug!(%error, "cannot remember the content of a file"),
    }
}
