//! Metadata from real sockets.

use std::io::{Cursor, Write};
use std::sync::Arc;

use zip::write::SimpleFileOptions;

use crate::fetch::test_index::{JSON, fetcher, path};
use crate::fetch::{FetchError, Fetcher, FileRequest};
use crate::net::test_server::{Act, TestServer, answer};
use crate::objects::ContentId;

const METADATA: &str = "Metadata-Version: 2.1\nName: demo\nVersion: 1\n";

/// A wheel with so many bytes of code, whose metadata stands behind its code or in front of it.
fn wheel(code: usize, metadata_first: bool) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let code = vec![7; code];
    let metadata = ("demo-1.dist-info/METADATA", METADATA.as_bytes());
    let entries = if metadata_first { [metadata, ("demo.py", &code)] } else { [("demo.py", &code[..]), metadata] };
    for (name, content) in entries {
        archive.start_file(name, stored).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// What the index has and does.
#[derive(Clone, Copy)]
struct Index {
    promise: &'static str,
    sidecar: Option<&'static str>,
    has_ranges: bool,
    metadata_first: bool,
    code: usize,
    has_hash: bool,
}

const RANGES: Index =
    Index { promise: "false", sidecar: None, has_ranges: true, metadata_first: false, code: 600_000, has_hash: true };

async fn serve(index: Index) -> TestServer {
    let wheel = Arc::new(wheel(index.code, index.metadata_first));
    TestServer::http(move |request| match path(request) {
        "/simple/demo/" => {
            let size = wheel.len();
            let sha256 = || format!(r#""sha256":"{}""#, ContentId::of(&wheel));
            let hashes = index.has_hash.then(sha256).unwrap_or_default();
            let file = format!(
                r#"{{"filename":"demo-1-py3-none-any.whl","url":"/f/demo-1-py3-none-any.whl","size":{size},
                "hashes":{{{hashes}}},"core-metadata":{}}}"#,
                index.promise
            );
            answer("200 OK", JSON, &format!(r#"{{"meta":{{"api-version":"1.0"}},"name":"demo","files":[{file}]}}"#))
        }
        "/f/demo-1-py3-none-any.whl.metadata" => match index.sidecar {
            Some(text) => answer("200 OK", "", text),
            None => answer("404 Not Found", "", ""),
        },
        "/f/demo-1-py3-none-any.whl" => range(request, &wheel, index.has_ranges),
        _ => answer("404 Not Found", "", ""),
    })
    .await
}

fn range(request: &str, wheel: &[u8], has_ranges: bool) -> Vec<Act> {
    let wanted = request.lines().find_map(|line| line.strip_prefix("range: bytes=")).filter(|_| has_ranges);
    let size = wheel.len();
    let (head, body) = match wanted.and_then(|wanted| wanted.split_once('-')) {
        None => ("HTTP/1.1 200 OK\r\n".to_owned(), wheel),
        Some((first, last)) => {
            let last: usize = last.parse().unwrap();
            let (first, last) = if first.is_empty() { (size - last, size - 1) } else { (first.parse().unwrap(), last) };
            (
                format!("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {first}-{last}/{size}\r\n"),
                &wheel[first..=last],
            )
        }
    };
    vec![Act::Send([format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat())]
}

async fn request(fetcher: &Fetcher) -> FileRequest {
    let project = "demo".parse().unwrap();
    let page = fetcher.page(&project).await.unwrap();
    FileRequest { source: page.source, project, file: page.page.files[0].clone() }
}

#[tokio::test]
async fn from_where_it_costs_least() {
    let hash = Box::leak(format!(r#"{{"sha256":"{}"}}"#, ContentId::of(METADATA.as_bytes())).into_boxed_str());
    for (what, index, most) in [
        ("beside the wheel", Index { promise: hash, sidecar: Some(METADATA), ..RANGES }, 1000),
        ("beside the wheel, without a hash", Index { promise: "true", sidecar: Some(METADATA), ..RANGES }, 1000),
        ("promised, and not there", Index { promise: "true", ..RANGES }, 70_000),
        ("promised, and something else", Index { promise: hash, sidecar: Some("Name: evil"), ..RANGES }, 70_000),
        ("by ranges", RANGES, 70_000),
        ("by ranges, in front", Index { metadata_first: true, ..RANGES }, 140_000),
        ("out of the whole wheel", Index { has_ranges: false, ..RANGES }, 700_000),
        ("out of a wheel without a hash", Index { has_ranges: false, has_hash: false, ..RANGES }, 700_000),
        ("out of a small wheel without a hash", Index { code: 1000, has_hash: false, ..RANGES }, 2000),
    ] {
        let (server, cache) = (serve(index).await, tempfile::tempdir().unwrap());
        let fetcher = fetcher(cache.path(), &[&server]);
        let request = request(&fetcher).await;
        let before = fetcher.status().totals.network_bytes;
        assert_eq!(fetcher.metadata(&request).await.unwrap(), METADATA, "{what}");
        let bytes = fetcher.status().totals.network_bytes - before;
        assert!(bytes < most, "{what}: {bytes}");
        let asked = server.requests().len();
        assert_eq!(fetcher.metadata(&request).await.unwrap(), METADATA, "{what}");
        assert_eq!(server.requests().len(), asked, "{what}: it is kept");
    }
}

#[tokio::test]
async fn offline_it_is_what_is_kept_or_in_the_wheel() {
    let (server, cache) = (serve(RANGES).await, tempfile::tempdir().unwrap());
    let online = fetcher(cache.path(), &[&server]);
    let request = request(&online).await;
    let offline = || {
        let chain = online.chain().clone();
        Fetcher::builder(chain, cache.path().to_owned()).offline(true).build().unwrap()
    };
    assert!(matches!(offline().metadata(&request).await, Err(FetchError::Offline { .. })));
    online.file(&request).await.unwrap();
    assert_eq!(offline().metadata(&request).await.unwrap(), METADATA);
}
