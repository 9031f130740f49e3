//! The fetcher against real sockets.

use url::Url;

use super::*;
use crate::index::{Chain, Member, Source, Trust};
use crate::net::test_server::{Act, TestServer, answer};
use crate::objects::ContentId;

/// A page with one file of this content, at this path.
fn page_of(name: &str, content: &[u8]) -> String {
    let id = ContentId::of(content);
    format!(
        r#"{{"meta":{{"api-version":"1.1"}},"name":"demo","files":[{{"filename":"{name}","url":"/files/{name}",
        "hashes":{{"sha256":"{id}"}},"size":{}}}]}}"#,
        content.len()
    )
}

/// A server for a project with one file.
async fn index() -> TestServer {
    TestServer::http(|request| {
        let json = "content-type: application/vnd.pypi.simple.v1+json\r\n";
        if request.starts_with("GET /simple/demo/ ") {
            answer("200 OK", json, &page_of("demo-1.tar.gz", b"hello"))
        } else if request.starts_with("GET /files/demo-1.tar.gz ") {
            answer("200 OK", "", "hello")
        } else {
            answer("404 Not Found", "", "")
        }
    })
    .await
}

fn source(servers: &[&TestServer]) -> Source {
    let member = |server: &&TestServer| Member { url: server.url("/simple/").parse().unwrap(), trust: Trust::Pages };
    Source { name: "default".to_owned(), members: servers.iter().map(member).collect(), only: vec![], immutable: true }
}

#[tokio::test]
async fn a_page_and_a_file() {
    let (server, folder) = (index().await, tempfile::tempdir().unwrap());
    let chain = Chain { sources: vec![source(&[&server])] };
    let fetcher = Fetcher::builder(chain, folder.path().to_owned()).build().unwrap();
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
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = TestServer::http(move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => vec![Act::Reset],
        1 => answer("503 Service Unavailable", "", "busy"),
        2 => vec![Act::send("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")],
        _ => answer("200 OK", "", &page_of("demo-1.tar.gz", b"hello")),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let chain = Chain { sources: vec![source(&[&server])] };
    let fetcher = Fetcher::builder(chain, folder.path().to_owned()).build().unwrap();
    fetcher.page(&"demo".parse().unwrap()).await.unwrap();
    assert_eq!(server.requests().len(), 4);
}
