//! The ways in: a whole file, or a file that is read while it arrives.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::flight::{begun, in_store, key_of};
use super::seen;
use super::stream::{Chunks, FileStream, Reader};
use crate::fetch::places::Places;
use crate::fetch::shared::{Location, Shared};
use crate::fetch::{Event, FetchError, FetchedFile, FileOrigin, FileRequest};
use crate::objects::{ContentId, read_at};

/// Bytes of a stored file that are handed out at once.
const CHUNK: usize = 256 * 1024;

/// A file, whole and verified, in the store.
///
/// # Cancellation
/// Dropping the future stops the transfer, unless somebody else waits for it; what arrived is kept.
pub(in crate::fetch) async fn fetch_file(
    shared: &Arc<Shared>,
    request: &FileRequest,
) -> Result<FetchedFile, FetchError> {
    if let Some(found) = known(shared, request).await? {
        return Ok(found);
    }
    let locations = locations(shared, request).await?;
    shared.transfers.join(shared, request, locations).outcome().await
}

/// A file that can be read while it arrives.
///
/// # Cancellation
/// Dropping the future or the stream stops the transfer, unless somebody else waits for it; what arrived is kept.
pub(in crate::fetch) async fn stream_file(
    shared: &Arc<Shared>,
    request: &FileRequest,
) -> Result<FileStream, FetchError> {
    if let Some(found) = known(shared, request).await? {
        return stored(found);
    }
    let locations = locations(shared, request).await?;
    let flight = shared.transfers.join(shared, request, locations);
    let mut reader = Reader::new(request.file.name.clone(), flight);
    begun(reader.status()).await?;
    let size = reader.status().borrow().size;
    let origin = FileOrigin::Members(Vec::new());
    Ok(FileStream { size, id: request.file.hashes.sha256, origin, chunks: Box::pin(reader.into_stream()) })
}

/// A file, whole and verified, with its content where that is in memory.
///
/// # Cancellation
/// As for [`fetch_file`].
pub(in crate::fetch) async fn verified_file(
    shared: &Arc<Shared>,
    request: &FileRequest,
) -> Result<(FetchedFile, Option<Chunks>), FetchError> {
    if let Some(found) = known(shared, request).await? {
        return Ok((found, None));
    }
    let locations = locations(shared, request).await?;
    let flight = shared.transfers.join(shared, request, locations);
    let reader = Reader::new(request.file.name.clone(), flight);
    let file = reader.flight.outcome().await?;
    // What another process fetched was never in this one's memory.
    let is_here = reader.flight.arriving.file().is_some();
    Ok((file, is_here.then(|| -> Chunks { Box::pin(reader.into_stream()) })))
}

/// Which content it is: as the index says, or as it was seen.
pub(in crate::fetch) async fn known_id(shared: &Arc<Shared>, request: &FileRequest) -> Option<ContentId> {
    match request.file.hashes.sha256 {
        Some(id) => Some(id),
        // Without a hash, what was seen counts where files never change, and offline, where nobody can be asked.
        None if shared.offline || shared.source(&request.source).is_none_or(|source| source.immutable) => {
            seen::recall(shared, &key_of(request)).await
        }
        None => None,
    }
}

/// The file, if it is there already.
async fn known(shared: &Arc<Shared>, request: &FileRequest) -> Result<Option<FetchedFile>, FetchError> {
    let Some(id) = known_id(shared, request).await else { return Ok(None) };
    let found = in_store(shared, id).await?;
    if let Some(found) = &found {
        shared.tell(Event::FileDone {
            file: request.file.name.clone(),
            size: found.size,
            origin: found.origin.clone(),
            transferred: 0,
            took: Duration::ZERO,
        });
    }
    Ok(found)
}

async fn locations(shared: &Arc<Shared>, request: &FileRequest) -> Result<Vec<Location>, FetchError> {
    if shared.offline {
        return Err(FetchError::Offline { wanted: request.file.name.clone() });
    }
    let locations = Places::of(shared, request).now().await;
    if locations.is_empty() {
        return Err(FetchError::NoSuchFile {
            file: request.file.name.clone(),
            source_name: request.source.to_string(),
            reason: "no member of this source may serve it".to_owned(),
        });
    }
    Ok(locations)
}

fn stored(found: FetchedFile) -> Result<FileStream, FetchError> {
    let file = File::open(&found.path).map_err(|error| FetchError::Store(error.to_string()))?;
    let chunks = Box::pin(read_all(Arc::new(file), found.size));
    Ok(FileStream { size: Some(found.size), id: Some(found.id), origin: found.origin, chunks })
}

fn read_all(file: Arc<File>, size: u64) -> impl Stream<Item = Result<Bytes, FetchError>> + Send {
    futures::stream::unfold(0, move |at| {
        let file = file.clone();
        async move {
            if at >= size {
                return None;
            }
            let length = CHUNK.min(usize::try_from(size - at).unwrap_or(CHUNK));
            let read = tokio::task::spawn_blocking(move || read_at(&file, at, length)).await;
            let bytes = match read {
                Ok(Ok(bytes)) if !bytes.is_empty() => bytes,
                Ok(Ok(_)) => return Some((Err(FetchError::Store("a stored file became shorter".to_owned())), size)),
                Ok(Err(error)) => return Some((Err(FetchError::Store(error.to_string())), size)),
                Err(error) => return Some((Err(FetchError::Store(error.to_string())), size)),
            };
            let next = at + bytes.len() as u64;
            Some((Ok(bytes.into()), next))
        }
    })
}
