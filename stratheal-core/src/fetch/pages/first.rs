//! The simplest way to a page: each member in turn, again and again until the deadline.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::base::redact::safe_url;
use crate::fetch::failure::{Failure, FailureKind, Verdict};
use crate::fetch::member::{Purpose, choose};
use crate::fetch::shared::Shared;
use crate::fetch::transport::{Ask, Encoding};
use crate::fetch::{Attempt, FetchError, Freshness, Page};
use crate::index::{CoreMetadata, Hashes, IndexFile, PageMeta, ProjectName, ProjectPage, Source, Trust, Yanked};

/// The largest page, in bytes.
const MAX_PAGE: usize = 64 << 20;
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

pub(in crate::fetch) async fn page(shared: &Shared, project: &ProjectName) -> Result<Page, FetchError> {
    let mut asked = Vec::new();
    for source in shared.chain.sources.iter().filter(|source| source.is_asked_about(project)) {
        if let Some(page) = from_source(shared, source, project).await? {
            return Ok(Page {
                source: source.name.as_str().into(),
                page: Arc::new(page),
                freshness: Freshness::Fresh,
                refused: Arc::default(),
            });
        }
        asked.extend(source.members.iter().map(|member| safe_url(member.url.as_str())));
    }
    Err(FetchError::NoSuchProject { project: project.to_string(), asked })
}

async fn from_source(
    shared: &Shared,
    source: &Source,
    project: &ProjectName,
) -> Result<Option<ProjectPage>, FetchError> {
    let unavailable = |attempts| FetchError::Unavailable { wanted: project.to_string(), attempts, retry_after: None };
    let mut places = Vec::new();
    for member in source.members.iter().filter(|member| member.trust == Trust::Pages) {
        let Ok(url) = member.url.join(&format!("{project}/")) else { return Err(unavailable(Vec::new())) };
        places.push((shared.members.get(&member.url, &url, Purpose::Pages), url));
    }
    let until = Instant::now() + shared.deadline;
    let mut failures = 0;
    shared.begin_work();
    loop {
        let mut gone = 0;
        let mut attempts = Vec::new();
        let views: Vec<_> = places.iter().map(|(member, _)| member.view(Instant::now())).collect();
        for index in choose(&views, 0, Instant::now()) {
            let (member, url) = &places[index];
            let turn = member.enter().await;
            let failure = match fetch(shared, url, project).await {
                Ok((page, bytes)) => {
                    shared.answered(member, turn.begun().elapsed());
                    member.delivered(bytes, turn.begun().elapsed(), Instant::now());
                    return Ok(Some(page));
                }
                Err(failure) => failure,
            };
            shared.failed(member, project.as_str(), &failure, "the next member is asked");
            match failure.verdict() {
                Verdict::Gone => gone += 1,
                Verdict::Denied => {
                    let FailureKind::Status(status) = failure.kind else { continue };
                    let (member, wanted) = (member.name().to_owned(), project.to_string());
                    return Err(FetchError::Denied { member, wanted, status });
                }
                _ => {
                    let failure = failure.to_public();
                    attempts.push(Attempt { member: member.name().to_owned(), times: failures + 1, failure });
                }
            }
        }
        if gone == places.len() {
            return Ok(None);
        }
        let pause = shared.pause(failures);
        failures += 1;
        if Instant::now() + pause > until {
            return Err(unavailable(attempts));
        }
        tokio::time::sleep(pause).await;
    }
}

async fn fetch(shared: &Shared, url: &Url, project: &ProjectName) -> Result<(ProjectPage, u64), Failure> {
    let ask = Ask { accept: Some(ACCEPT), encoding: Encoding::Compressed, ..Ask::default() };
    let answer = shared.transport.get(url, &ask).await?;
    if answer.status != 200 {
        return Err(answer.status_failure(shared.now()));
    }
    let base = answer.final_url.clone();
    let body = answer.collect(MAX_PAGE, Duration::from_secs(15)).await?;
    let page = parse_page(&body, &base, project)
        .ok_or_else(|| Failure::new(FailureKind::Content, "sent a page that cannot be read"))?;
    Ok((page, body.len() as u64))
}

/// Reads as much of the JSON form as others need to go on.
fn parse_page(body: &[u8], base: &Url, project: &ProjectName) -> Option<ProjectPage> {
    let page: Value = serde_json::from_slice(body).ok()?;
    let files = page.get("files")?.as_array()?.iter().filter_map(|file| {
        let sha256 = file.pointer("/hashes/sha256").and_then(Value::as_str).and_then(|hash| hash.parse().ok());
        let core_metadata = match file.get("core-metadata") {
            Some(Value::Bool(true)) => CoreMetadata::Present(Hashes::default()),
            Some(Value::Object(hashes)) => {
                let sha256 = hashes.get("sha256").and_then(Value::as_str).and_then(|hash| hash.parse().ok());
                CoreMetadata::Present(Hashes { sha256, ..Hashes::default() })
            }
            _ => CoreMetadata::Absent,
        };
        Some(IndexFile {
            name: file.get("filename")?.as_str()?.to_owned(),
            url: base.join(file.get("url")?.as_str()?).ok()?,
            hashes: Hashes { sha256, ..Hashes::default() },
            size: file.get("size").and_then(Value::as_u64),
            upload_time: None,
            requires_python: file.get("requires-python").and_then(Value::as_str).map(str::to_owned),
            yanked: Yanked::No,
            core_metadata,
            gpg_sig: None,
            provenance: None,
            unknown: serde_json::Map::new(),
        })
    });
    let files = files.collect();
    let meta = PageMeta { api_version: (1, 0), last_serial: None, tracks: Vec::new(), unknown: serde_json::Map::new() };
    let (alternate_locations, unknown) = (Vec::new(), serde_json::Map::new());
    Some(ProjectPage { name: project.clone(), meta, files, versions: None, status: None, alternate_locations, unknown })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_panics(body in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse_page(&body, &"http://a.test/".parse().unwrap(), &"a".parse().unwrap());
        }
    }
}
