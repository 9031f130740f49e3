//! The fetcher as a whole, against real sockets.

use std::sync::atomic::{AtomicUsize, Ordering};

use url::Url;

use super::test_index::{JSON, demo_page, fetcher, index};
use super::*;
use crate::net::test_server::{Act, TestServer, answer};

#[tokio::test]
async fn a_page_and_a_file() {
    let ((server, _), folder) = (index("").await, tempfile::tempdir().unwrap());
    let fetcher = fetcher(folder.path(), &[&server]);
    let project = "demo".parse().unwrap();
    let page = fetcher.page(&project).await.unwrap();
    let file = page.page.file("demo-1.tar.gz").unwrap().clone();
    assert_eq!(file.url, server.url("/files/demo-1.tar.gz").parse::<Url>().unwrap());
    let request = FileRequest { source: page.source, project, file };
    let had = fetcher.file(&request).await.unwrap();
    assert_eq!(std::fs::read(&had.path).unwrap(), b"hello");
    assert_eq!(fetcher.file(&request).await.unwrap().origin, FileOrigin::Store);
    let missing = fetcher.page(&"other".parse().unwrap()).await.unwrap_err();
    assert!(matches!(missing, FetchError::NoSuchProject { .. }), "{missing}");
    assert!(server.requests().iter().all(|request| request.contains("user-agent: stratheal/")));
}

#[tokio::test]
async fn trouble_is_waited_out() {
    let count = AtomicUsize::new(0);
    let server = TestServer::http(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => vec![Act::Reset],
        1 => answer("503 Service Unavailable", "", "busy"),
        2 => vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")],
        3 => answer("429 Too Many Requests", "retry-after: 1\r\n", ""),
        _ => answer("200 OK", JSON, &demo_page()),
    });
    let (server, folder) = (server.await, tempfile::tempdir().unwrap());
    fetcher(folder.path(), &[&server]).page(&"demo".parse().unwrap()).await.unwrap();
    assert_eq!(server.requests().len(), 5);
}
