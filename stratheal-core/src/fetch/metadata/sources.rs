//! The places where a wheel's metadata may be, one after the other.

use std::io::BufReader;
use std::sync::Arc;

use bytes::Bytes;

use super::wheel::metadata_of;
use super::{kept, ranges, sidecar};
use crate::base::class::chain;
use crate::fetch::shared::Shared;
use crate::fetch::{FetchError, FileRequest, transfer};
use crate::index::CoreMetadata;
use crate::objects::{ContentId, Store};

/// The metadata of a wheel.
pub(in crate::fetch) async fn metadata(shared: &Arc<Shared>, request: &FileRequest) -> Result<Bytes, FetchError> {
    let id = transfer::known_id(shared, request).await;
    if let Some(id) = id
        && let Some(kept) = kept::read(shared, &id, promised(request)).await
    {
        return Ok(kept);
    }
    let stored = match id {
        Some(id) => in_store(shared, request, id).await?,
        None => None,
    };
    let found = if let Some(found) = stored {
        found
    } else if shared.offline {
        return Err(FetchError::Offline { wanted: format!("the metadata of {}", request.file.name) });
    } else {
        from_network(shared, request).await?
    };
    if let Some(id) = id {
        kept::write(shared, &id, found.clone()).await;
    }
    Ok(found)
}

/// The hash that the index promises for the metadata.
fn promised(request: &FileRequest) -> Option<ContentId> {
    match &request.file.core_metadata {
        CoreMetadata::Present(hashes) => hashes.sha256,
        CoreMetadata::Absent => None,
    }
}

async fn from_network(shared: &Arc<Shared>, request: &FileRequest) -> Result<Bytes, FetchError> {
    if matches!(request.file.core_metadata, CoreMetadata::Present(_)) {
        match sidecar::fetch(shared, request, promised(request)).await {
            Ok(Some(found)) => return Ok(found),
            // Indexes are known to promise what they do not serve; the wheel holds it as well.
            Ok(None) => tracing::debug!(file = request.file.name, "the promised metadata is not there"),
            Err(error) => tracing::debug!(file = request.file.name, %error, "the promised metadata cannot be had"),
        }
    }
    if !is_wheel(request) {
        return Err(not_there(request, "only wheels hold their metadata"));
    }
    if let Some(found) = ranges::fetch(shared, request).await {
        return Ok(found);
    }
    // Not by the hash of the page, which may give none.
    let fetched = transfer::fetch_file(shared, request).await?;
    in_store(shared, request, fetched.id)
        .await?
        .ok_or_else(|| not_there(request, "the wheel went away while it was read"))
}

/// Out of the wheel, if it is in the store.
async fn in_store(shared: &Arc<Shared>, request: &FileRequest, id: ContentId) -> Result<Option<Bytes>, FetchError> {
    if !is_wheel(request) {
        return Ok(None);
    }
    let store = shared.store.clone();
    let read = tokio::task::spawn_blocking(move || out_of_pack(&store, &id));
    let read = read.await.map_err(|error| FetchError::Store(error.to_string()))?;
    read.map_err(|reason| not_there(request, &reason))
}

/// Blocks on files.
fn out_of_pack(store: &Store, id: &ContentId) -> Result<Option<Bytes>, String> {
    let Some(pack) = store.pack(id).map_err(|error| chain(&error))? else { return Ok(None) };
    let file = pack.open().map_err(|error| chain(&error))?;
    metadata_of(BufReader::new(file)).map(Some)
}

fn is_wheel(request: &FileRequest) -> bool {
    request.file.name.to_ascii_lowercase().ends_with(".whl")
}

fn not_there(request: &FileRequest, reason: &str) -> FetchError {
    FetchError::NoSuchFile {
        file: format!("the metadata of {}", request.file.name),
        source_name: request.source.to_string(),
        reason: reason.to_owned(),
    }
}
