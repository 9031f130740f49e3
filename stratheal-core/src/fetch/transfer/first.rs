//! The simplest way to a file: the whole of it, again and again until the deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::time::Instant;

use crate::fetch::failure::{Failure, FailureKind};
use crate::fetch::shared::{Location, Shared};
use crate::fetch::transport::Ask;
use crate::fetch::{Attempt, FetchError, FetchedFile, FileOrigin, FileRequest};
use crate::objects::ContentId;

const MAX_FILE: usize = 1 << 30;

pub(in crate::fetch) async fn fetch_file(
    shared: &Arc<Shared>,
    request: &FileRequest,
) -> Result<FetchedFile, FetchError> {
    let store = |error: crate::objects::StoreError| FetchError::Store(error.to_string());
    if let Some(id) = request.file.hashes.sha256
        && let Some(pack) = shared.store.pack(&id).map_err(store)?
    {
        let (path, size) = (pack.path().to_owned(), pack.size());
        return Ok(FetchedFile { path, id, size, origin: FileOrigin::Store });
    }
    if shared.offline {
        return Err(FetchError::Offline { wanted: request.file.name.clone() });
    }
    let until = Instant::now() + shared.deadline;
    let mut failures = 0;
    loop {
        let mut attempts = Vec::new();
        for location in shared.locations(request).await {
            match fetch(shared, &location).await {
                Ok(bytes) => {
                    let id = ContentId::of(&bytes);
                    if let Some(expected) = request.file.hashes.sha256.filter(|expected| *expected != id) {
                        let (file, member) = (request.file.name.clone(), location.member.name().to_owned());
                        return Err(FetchError::HashMismatch { file, expected, got: id, member });
                    }
                    let pack = shared.store.put(&request.file.name, location.member.name(), &bytes).map_err(store)?;
                    let host = location.url.host_str().unwrap_or_default().to_owned();
                    let origin = FileOrigin::Members(vec![host]);
                    return Ok(FetchedFile { path: pack.path().to_owned(), id, size: pack.size(), origin });
                }
                Err(failure) => {
                    shared.failed(&location.member, &request.file.name, &failure, "it is tried again");
                    let (member, failure) = (location.member.name().to_owned(), failure.to_public());
                    attempts.push(Attempt { member, times: failures + 1, failure });
                }
            }
        }
        let pause = shared.pause(failures);
        failures += 1;
        if Instant::now() + pause > until {
            return Err(FetchError::Unavailable { wanted: request.file.name.clone(), attempts, retry_after: None });
        }
        tokio::time::sleep(pause).await;
    }
}

async fn fetch(shared: &Shared, location: &Location) -> Result<Vec<u8>, Failure> {
    let turn = location.member.enter().await;
    let mut answer = shared.transport.get(&location.url, &Ask::default()).await?;
    if answer.status != 200 {
        return Err(answer.status_failure(shared.now()));
    }
    shared.answered(&location.member, turn.begun().elapsed());
    let mut whole = Vec::new();
    while let Some(piece) = answer.body.next_within(Duration::from_secs(15)).await? {
        if whole.len() + piece.len() > MAX_FILE {
            return Err(Failure::new(FailureKind::Malformed, "sent more than 1 GiB"));
        }
        whole.write_all(&piece).await.map_err(|error| Failure::new(FailureKind::Local, error.to_string()))?;
    }
    location.member.delivered(whole.len() as u64, turn.begun().elapsed(), Instant::now());
    Ok(whole)
}
