//! Members that differ, and of which the mirror is the faster one: what is offered does not depend on that.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::fetch::test_index::{JSON, builder, fetcher, member, source};
use crate::index::ProjectName;
use crate::net::test_server::{Act, TestServer, answer};
use crate::objects::ContentId;

const SERIAL: &str = "x-pypi-last-serial: ";

fn demo() -> ProjectName {
    "demo".parse().unwrap()
}

/// A server with a page of this serial that comes after so many milliseconds, and lists these files with these contents.
async fn serve(after: u64, serial: Option<u64>, files: &[(&str, &str)]) -> TestServer {
    let files: Vec<_> = files
        .iter()
        .map(|(name, content)| {
            let id = ContentId::of(content.as_bytes());
            format!(r#"{{"filename":"{name}","url":"/files/{name}","hashes":{{"sha256":"{id}"}}}}"#)
        })
        .collect();
    let page = format!(r#"{{"meta":{{"api-version":"1.0"}},"name":"demo","files":[{}]}}"#, files.join(","));
    let serial = serial.map(|serial| format!("{SERIAL}{serial}\r\n")).unwrap_or_default();
    let headers = format!("{JSON}{serial}cache-control: max-age=0\r\n");
    let script =
        move |_: &str| [vec![Act::Wait(Duration::from_millis(after))], answer("200 OK", &headers, &page)].concat();
    TestServer::http(script).await
}

#[tokio::test]
async fn a_fast_mirror_does_not_decide_alone() {
    let (one, two, other) = (("demo-1.tar.gz", "1"), ("demo-2.tar.gz", "2"), ("demo-1.tar.gz", "x"));
    for (what, index, mirror, expected) in [
        ("another hash", (Some(5), &[one][..]), (Some(5), &[other][..]), &[][..]),
        ("more than the index has", (Some(5), &[one]), (Some(5), &[one, two]), &[one.0]),
        ("less than the index has", (Some(9), &[one, two]), (Some(5), &[one]), &[one.0, two.0]),
    ] {
        for after in [100, 300] {
            let primary = serve(after, index.0, index.1).await;
            let (mirror, cache) = (serve(0, mirror.0, mirror.1).await, tempfile::tempdir().unwrap());
            let fetcher = fetcher(cache.path(), &[&primary, &mirror]);
            let page = fetcher.page(&demo()).await.unwrap();
            let names: Vec<_> = page.page.files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(names, expected, "{what}, {after} ms later");
        }
    }
}

#[tokio::test]
async fn what_comes_too_late_counts_for_the_next_question() {
    let primary = serve(1200, None, &[("demo-1.tar.gz", "1")]).await;
    let (mirror, cache) = (serve(0, None, &[("demo-1.tar.gz", "x")]).await, tempfile::tempdir().unwrap());
    let chain = vec![source("default", vec![member(&primary), member(&mirror)])];
    let fetcher = builder(cache.path(), chain).build().unwrap();
    let begun = Instant::now();
    assert_eq!(fetcher.page(&demo()).await.unwrap().page.files.len(), 1);
    assert!(begun.elapsed() < Duration::from_millis(700), "{:?}", begun.elapsed());
    sleep(Duration::from_millis(1500)).await;
    let page = fetcher.page(&demo()).await.unwrap();
    assert!(page.page.files.is_empty(), "{page:?}");
    assert!(page.refused[0].1.contains("disagree"), "{:?}", page.refused);
}

#[tokio::test]
async fn urls_are_those_of_the_primary_member() {
    let file = ("demo-1.tar.gz", "1");
    let primary = serve(300, Some(5), &[file]).await;
    let (mirror, cache) = (serve(0, Some(9), &[file]).await, tempfile::tempdir().unwrap());
    let expected = primary.url("/files/demo-1.tar.gz");
    let first = fetcher(cache.path(), &[&primary, &mirror]);
    assert_eq!(first.page(&demo()).await.unwrap().page.files[0].url.as_str(), expected);
    first.settled().await;
    // It is down, and its page is known from before.
    let second = fetcher(cache.path(), &[&primary, &mirror]);
    drop(primary);
    assert_eq!(second.page(&demo()).await.unwrap().page.files[0].url.as_str(), expected);
}
