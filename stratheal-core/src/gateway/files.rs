//! Files and their metadata.
//!
//! Up to 16 MiB are sent verified or not at all. Larger ones are sent while they arrive, so that no client's timer runs out, and what
//! sends them keeps the last bytes back until the hash is known to be right. Such an answer carries nothing by which a client could
//! continue it: pip keeps what it has of a broken transfer and asks for the rest by `If-Range`, and its beginning may have been bad.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};
use hyper::{Method, StatusCode};

use super::body::{Arriving, Body, StoredPart, at};
use super::origin::Opened;
use super::problem::{self, Answer};
use super::range::{Wanted, wanted};
use super::route::FilePath;
use super::service::Service;
use super::tally::add;
use crate::fetch::{Chunks, FetchError, FetchedFile, FileRequest};
use crate::index::{CoreMetadata, IndexFile, Source};
use crate::objects::ContentId;

/// Up to this size a file is sent verified only.
const VERIFIED_UP_TO: u64 = 16 << 20;
/// Up to this size a file is read at once.
const AT_ONCE: u64 = 1 << 20;
/// Transfers that ended early and are remembered.
const MOST_ABORTED: usize = 1024;

/// What never changes, so nobody needs to ask again. Not `public`: a shared cache does not know the secret.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

/// Finds a file by its path on the gateway.
pub(super) async fn find(service: &Service, path: &FilePath) -> Result<FileRequest, FetchError> {
    let of = |page: crate::fetch::Page| {
        let file = page.page.file(&path.file).filter(|_| *page.source == *path.source)?.clone();
        Some(FileRequest { source: page.source, project: path.project.clone(), file })
    };
    // The page that offered it may be the last one: what is asked for by hash does not get old.
    if let Some(found) = service.kept.last(&path.project).and_then(of) {
        return Ok(found);
    }
    let page = service.origin.page(&path.project).await?;
    service.kept.remember(&page);
    let reason = page.refused.iter().find(|(file, _)| *file == path.file).map(|(_, reason)| reason.clone());
    of(page).ok_or_else(|| FetchError::NoSuchFile {
        file: path.file.clone(),
        source_name: path.source.clone(),
        reason: reason.unwrap_or_else(|| "its page does not list it".to_owned()),
    })
}

fn is_wheel(name: &str) -> bool {
    name.strip_suffix(".whl").is_some()
}

/// Sends the metadata of a file.
pub(super) async fn metadata(service: &Service, request: &FileRequest, canonical: bool) -> Answer {
    // As the pages say it: the fetcher reads it out of the wheel where the index does not offer it.
    let advertised = request.file.core_metadata != CoreMetadata::Absent || (!canonical && is_wheel(&request.file.name));
    if !advertised {
        return problem::plain(StatusCode::NOT_FOUND, "the index does not offer the metadata of this file alone");
    }
    match service.origin.metadata(request).await {
        Ok(bytes) => {
            add(&service.tally.metadata, 1);
            let mut answer = Answer::new(Body::empty());
            let tag = format!("\"{}\"", ContentId::of(&bytes));
            set_headers(answer.headers_mut(), &tag, is_immutable(service, request));
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            *answer.body_mut() = bytes.into();
            answer
        }
        Err(error) => problem::of(&error),
    }
}

/// Sends a file.
pub(super) async fn file(service: &Service, request: &FileRequest, method: &Method, headers: &HeaderMap) -> Answer {
    if let Some(known) = request.file.hashes.sha256
        && matches_tag(headers, &format!("\"{known}\""))
    {
        let mut answer = Answer::new(Body::empty());
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        set_headers(answer.headers_mut(), &format!("\"{known}\""), is_immutable(service, request));
        return answer;
    }
    let small = request.file.size.is_some_and(|size| size <= VERIFIED_UP_TO);
    let opened = if small {
        service.origin.verified(request).await.map(|(file, chunks)| Opened::Stored(file, chunks))
    } else {
        service.origin.open(request).await
    };
    add(&service.tally.files, 1);
    match opened {
        Ok(Opened::Stored(stored, chunks)) => {
            match send_stored(service, request, stored, chunks, method, headers).await {
                Ok(answer) => answer,
                // Collected as garbage just now, or damaged and put aside: the fetcher has it again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => match service.origin.file(request).await {
                    Ok(stored) => match send_stored(service, request, stored, None, method, headers).await {
                        Ok(answer) => answer,
                        Err(error) => unreadable(&request.file, &error),
                    },
                    Err(error) => problem::of(&error),
                },
                Err(error) => unreadable(&request.file, &error),
            }
        }
        Ok(Opened::Arriving { size, chunks }) => {
            let mut answer = Answer::new(Body::empty());
            let headers = answer.headers_mut();
            if let Some(size) = size {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(size));
            }
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if *method != Method::HEAD {
                let aborted = Unfinished { of: Some(name_of(request)), kept_in: service.aborted.clone() };
                *answer.body_mut() = Body::Arriving(Arriving::new(chunks, size, aborted));
            }
            answer
        }
        Err(error) => problem::of(&error),
    }
}

fn unreadable(file: &IndexFile, error: &io::Error) -> Answer {
    tracing::warn!(file = file.name, %error, "a stored file cannot be read");
    let detail = format!("{} cannot be read from the cache: {error}", file.name);
    problem::plain(StatusCode::INTERNAL_SERVER_ERROR, &detail)
}

async fn send_stored(
    service: &Service,
    request: &FileRequest,
    stored: FetchedFile,
    chunks: Option<Chunks>,
    method: &Method,
    headers: &HeaderMap,
) -> io::Result<Answer> {
    let tag = format!("\"{}\"", stored.id);
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let range = text(&RANGE).filter(|_| {
        // Without If-Range nobody knows what the client has already, and it may be what a broken transfer left.
        headers.contains_key(IF_RANGE) || !service.aborted.contains(&name_of(request))
    });
    let wanted = wanted(range, text(&IF_RANGE), &tag, stored.size);
    let mut answer = Answer::new(Body::empty());
    set_headers(answer.headers_mut(), &tag, is_immutable(service, request));
    answer.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (start, length) = match wanted {
        Wanted::Whole => (0, stored.size),
        Wanted::Part { start, length } => {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {start}-{}/{}", start + length - 1, stored.size);
            answer.headers_mut().insert(CONTENT_RANGE, header(&range));
            (start, length)
        }
        Wanted::OutOfRange => {
            *answer.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            answer.headers_mut().insert(CONTENT_RANGE, header(&format!("bytes */{}", stored.size)));
            (0, 0)
        }
    };
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    if *method == Method::HEAD || length == 0 {
        return Ok(answer);
    }
    if let Some(chunks) = chunks.filter(|_| length == stored.size) {
        let verified = Unfinished { of: None, kept_in: service.aborted.clone() };
        *answer.body_mut() = Body::Arriving(Arriving::new(chunks, Some(length), verified));
        return Ok(answer);
    }
    let read = tokio::task::spawn_blocking(move || {
        let file = at(File::open(&stored.path)?, start)?;
        if length > AT_ONCE {
            return Ok(Body::Stored(StoredPart::new(file, length)));
        }
        let mut bytes = Vec::with_capacity(length as usize);
        file.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 != length {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than it was"));
        }
        Ok(Body::from(Bytes::from(bytes)))
    });
    *answer.body_mut() = read.await.map_err(io::Error::other).flatten()?;
    Ok(answer)
}

fn is_immutable(service: &Service, request: &FileRequest) -> bool {
    let source: Option<&Source> = service.origin.chain().sources.iter().find(|source| *source.name == *request.source);
    source.is_none_or(|source| source.immutable)
}

fn set_headers(headers: &mut HeaderMap, tag: &str, immutable: bool) {
    headers.insert(ETAG, header(tag));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CACHE_CONTROL, if immutable { IMMUTABLE } else { ASK_AGAIN });
}

/// Digits, letters and a few signs are always a valid header.
pub(super) fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Whether what the client has is this (RFC 9110 section 13.1.2: the weak comparison).
pub(super) fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|value| {
        value.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    })
}

fn name_of(request: &FileRequest) -> String {
    format!("{}/{}", request.source, request.file.name)
}

/// Files of which a transfer ended early, the newest thousand.
#[derive(Debug, Default)]
pub(super) struct Aborted(Mutex<VecDeque<String>>);

impl Aborted {
    fn contains(&self, name: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|known| known == name)
    }

    fn add(&self, name: String) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(&name) {
            if names.len() == MOST_ABORTED {
                names.pop_front();
            }
            names.push_back(name);
        }
    }
}

/// Remembers a transfer as broken, unless it is finished before this is dropped.
#[derive(Debug)]
pub(super) struct Unfinished {
    of: Option<String>,
    kept_in: Arc<Aborted>,
}

impl Unfinished {
    /// All of it was handed on.
    pub(super) fn finish(&mut self) {
        self.of = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(name) = self.of.take() {
            self.kept_in.add(name);
        }
    }
}
