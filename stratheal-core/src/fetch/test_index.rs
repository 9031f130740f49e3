//! A small index on a real socket, for tests of the fetcher.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Builder, Fetcher};
use crate::index::{Chain, Member, Source, Trust};
use crate::net::test_server::{Act, TestServer, answer};
use crate::objects::ContentId;

pub(super) const JSON: &str = "content-type: application/vnd.pypi.simple.v1+json\r\n";

/// A page of the project `demo` with one file of this content.
pub(super) fn page_of(name: &str, content: &[u8]) -> String {
    let (id, size) = (ContentId::of(content), content.len());
    format!(
        r#"{{"meta":{{"api-version":"1.1"}},"name":"demo","versions":["1"],"files":[{{"filename":"{name}",
        "url":"/files/{name}","hashes":{{"sha256":"{id}"}},"size":{size}}}]}}"#
    )
}

pub(super) fn demo_page() -> String {
    page_of("demo-1.tar.gz", b"hello")
}

/// The path of a request.
pub(super) fn path(request: &str) -> &str {
    request.split(' ').nth(1).unwrap_or_default()
}

/// An index with the project `demo`, which sends these headers with its page, and nothing at all any more once it is switched off.
pub(super) async fn index(headers: &'static str) -> (TestServer, Arc<AtomicBool>) {
    let is_on = Arc::new(AtomicBool::new(true));
    let switch = is_on.clone();
    let server = TestServer::http(move |request| match path(request) {
        _ if !switch.load(Ordering::SeqCst) => vec![Act::Reset],
        "/simple/demo/" if request.contains("if-none-match: \"same\"") => answer("304 Not Modified", headers, ""),
        "/simple/demo/" => answer("200 OK", &format!("{JSON}{headers}"), &demo_page()),
        "/files/demo-1.tar.gz" => answer("200 OK", "", "hello"),
        _ => answer("404 Not Found", "", ""),
    });
    (server.await, is_on)
}

/// A server that always answers like this.
pub(super) async fn always(status: &'static str, headers: &'static str, body: &'static str) -> TestServer {
    TestServer::http(move |_| answer(status, headers, body)).await
}

pub(super) fn member(server: &TestServer) -> Member {
    Member { url: server.url("/simple/").parse().unwrap(), trust: Trust::Pages }
}

pub(super) fn source(name: &str, members: Vec<Member>) -> Source {
    Source { name: name.to_owned(), members, only: Vec::new(), immutable: true }
}

pub(super) fn builder(cache: &Path, sources: Vec<Source>) -> Builder {
    Fetcher::builder(Chain { sources }, cache.to_owned())
}

/// A fetcher for one source with these members.
pub(super) fn fetcher(cache: &Path, servers: &[&TestServer]) -> Fetcher {
    let members = servers.iter().map(|server| member(server)).collect();
    builder(cache, vec![source("default", members)]).build().unwrap()
}
