//! Pages from real sockets.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::fetch::test_index::{JSON, always, builder, demo_page, fetcher, index, member, page_of, path, source};
use crate::fetch::{Event, FetchError, Fetcher, FileRequest, Freshness};
use crate::index::{Member, ProjectName, Trust};
use crate::net::test_server::{Act, TestServer, answer};
use crate::objects::ContentId;

fn demo() -> ProjectName {
    "demo".parse().unwrap()
}

fn asked(server: &TestServer) -> usize {
    server.requests().len()
}

async fn silent() -> TestServer {
    TestServer::http(|_| vec![Act::Hang]).await
}

/// One that begins with what another has kept.
async fn after(first: &Fetcher, cache: &Path, servers: &[&TestServer]) -> Fetcher {
    first.settled().await;
    fetcher(cache, servers)
}

/// How the last page was had.
async fn how(fetcher: &Fetcher) -> &'static str {
    let mut events = fetcher.events();
    fetcher.page(&demo()).await.unwrap();
    loop {
        if let Event::Page { how, .. } = events.recv().await.unwrap() {
            return how;
        }
    }
}

#[tokio::test]
async fn fresh_pages_are_kept_and_old_ones_are_asked_about() {
    for (headers, expected) in [
        ("cache-control: max-age=600\r\n", ["fetched", "cache", "cache"]),
        ("cache-control: max-age=0\r\netag: \"same\"\r\n", ["fetched", "unchanged", "unchanged"]),
        ("cache-control: no-cache\r\n", ["fetched", "unchanged", "unchanged"]),
    ] {
        let ((server, _), cache) = (index(headers).await, tempfile::tempdir().unwrap());
        let first = fetcher(cache.path(), &[&server]);
        let found = [how(&first).await, how(&first).await, how(&after(&first, cache.path(), &[&server]).await).await];
        assert_eq!(found, expected, "{headers}");
        let conditional =
            server.requests().iter().filter(|request| request.contains("if-none-match: \"same\"")).count();
        assert_eq!(conditional, if headers.contains("etag") { 2 } else { 0 });
    }
}

#[tokio::test]
async fn many_who_want_the_same_ask_once() {
    let ((server, _), cache) = (index("cache-control: max-age=600\r\n").await, tempfile::tempdir().unwrap());
    let fetcher = fetcher(cache.path(), &[&server]);
    let project = demo();
    let pages = futures::future::join_all((0..20).map(|_| fetcher.page(&project))).await;
    assert!(pages.iter().all(Result::is_ok));
    assert_eq!(asked(&server), 1);
}

#[tokio::test]
async fn a_silent_mirror_costs_little_once() {
    let ((good, _), cache) = (index("").await, tempfile::tempdir().unwrap());
    for order in 0..2 {
        let dead = silent().await;
        let servers = if order == 0 { [&dead, &good] } else { [&good, &dead] };
        let fetcher = fetcher(&cache.path().join(order.to_string()), &servers);
        let begun = Instant::now();
        fetcher.page(&demo()).await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(600), "{:?}", begun.elapsed());
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let resting = fetcher.status().members.iter().filter(|member| !member.usable).count();
        assert_eq!(resting, 1, "{:?}", fetcher.status());
        let before = asked(&dead);
        for name in ["a", "b", "c"] {
            let begun = Instant::now();
            let missing = fetcher.page(&name.parse().unwrap()).await.unwrap_err();
            assert!(matches!(missing, FetchError::Unavailable { .. }), "the silent one might have it: {missing}");
            assert!(begun.elapsed() < Duration::from_millis(300), "{:?}", begun.elapsed());
        }
        assert_eq!(asked(&dead), before, "it is left alone");
    }
}

#[tokio::test]
async fn an_old_page_is_better_than_none() {
    let ((server, is_on), cache) = (index("cache-control: max-age=0\r\n").await, tempfile::tempdir().unwrap());
    let fetcher = fetcher(cache.path(), &[&server]);
    fetcher.page(&demo()).await.unwrap();
    is_on.store(false, Ordering::SeqCst);
    let begun = Instant::now();
    let page = fetcher.page(&demo()).await.unwrap();
    let Freshness::Stale { why, .. } = page.freshness else { panic!("{page:?}") };
    assert!(why.contains("reset the connection"), "{why}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    is_on.store(true, Ordering::SeqCst);
    assert_eq!(fetcher.page(&demo()).await.unwrap().freshness, Freshness::Fresh);
}

#[tokio::test]
async fn offline_works_under_any_order_and_any_mirror() {
    let ((a, _), (b, _)) = (index("").await, index("").await);
    let cache = tempfile::tempdir().unwrap();
    let online = fetcher(cache.path(), &[&a, &b]);
    online.page(&demo()).await.unwrap();
    online.settled().await;
    let before = asked(&a) + asked(&b);
    for members in [vec![&a, &b], vec![&b, &a], vec![&b], vec![&a]] {
        let members = members.into_iter().map(member).collect();
        let offline = builder(cache.path(), vec![source("other-name", members)]).offline(true).build().unwrap();
        assert_eq!(offline.page(&demo()).await.unwrap().page.files.len(), 1);
        let missing = offline.page(&"other".parse().unwrap()).await.unwrap_err();
        assert!(matches!(missing, FetchError::Offline { .. }), "{missing}");
    }
    assert_eq!(asked(&a) + asked(&b), before, "no socket was opened");
}

#[tokio::test]
async fn not_here_needs_everybody() {
    let (none, also_none) = (always("404 Not Found", "", "").await, always("404 Not Found", "", "").await);
    let (broken, denied) = (always("500 Oops", "", "").await, always("403 Forbidden", "", "").await);
    let (public, _) = index("").await;
    for (first, expected) in [
        (vec![&none, &also_none], "page"),
        (vec![&none, &denied], "denied"),
        (vec![&denied], "denied"),
        (vec![&none, &broken], "unknown"),
        (vec![&broken], "unknown"),
    ] {
        let cache = tempfile::tempdir().unwrap();
        let private = source("private", first.into_iter().map(member).collect());
        let chain = vec![private, source("default", vec![member(&public)])];
        let before = asked(&public);
        let fetcher = builder(cache.path(), chain).deadline(Duration::from_secs(1)).build().unwrap();
        let found = match fetcher.page(&demo()).await {
            Ok(page) if &*page.source == "default" => "page",
            Err(FetchError::Denied { .. }) => "denied",
            Err(FetchError::Unavailable { .. } | FetchError::Deadline { .. }) => "unknown",
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected);
        assert_eq!(
            asked(&public) - before,
            usize::from(expected == "page"),
            "nobody else is asked about a private name"
        );
    }
}

#[tokio::test]
async fn a_name_that_was_private_never_becomes_public_in_an_outage() {
    // The private index has no `demo` when it is asked first, and cannot be asked later.
    let count = AtomicUsize::new(0);
    let private = TestServer::http(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => answer("404 Not Found", "", ""),
        _ => vec![Act::Reset],
    });
    let private = private.await;
    let (public, _) = index("cache-control: max-age=0\r\n").await;
    let cache = tempfile::tempdir().unwrap();
    let chain = || vec![source("private", vec![member(&private)]), source("default", vec![member(&public)])];
    let clock = std::sync::Arc::new(crate::testing::ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap()));
    let fetcher = builder(cache.path(), chain()).clock(clock.clone()).deadline(Duration::from_secs(1)).build().unwrap();
    fetcher.page(&demo()).await.unwrap();
    clock.advance(Duration::from_mins(2));
    let before = asked(&public);
    let page = fetcher.page(&demo()).await.unwrap();
    assert!(matches!(page.freshness, Freshness::Stale { .. }), "{page:?}");
    assert_eq!(asked(&public), before, "only what is kept is used");
}

#[tokio::test]
async fn what_is_no_page_is_never_kept() {
    let page = demo_page();
    let cut = page[..page.len() / 2].to_owned();
    let count = AtomicUsize::new(0);
    let server = TestServer::http(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => answer("200 OK", JSON, ""),
        1 => answer("200 OK", JSON, &cut),
        2 => answer("200 OK", "content-type: text/html\r\n", "<html><body>Please log in"),
        3 => vec![Act::send(format!("HTTP/1.1 200 OK\r\n{JSON}content-length: 5000\r\n\r\n{page}"))],
        4 => vec![Act::send(format!("HTTP/1.1 200 OK\r\n{JSON}\r\n{cut}"))],
        5 => answer("502 Bad Gateway", "retry-after: 0\r\n", "<html></html>"),
        _ => answer("200 OK", JSON, &page),
    });
    let (server, cache) = (server.await, tempfile::tempdir().unwrap());
    let page = fetcher(cache.path(), &[&server]).page(&demo()).await.unwrap();
    assert_eq!((page.page.files.len(), asked(&server)), (1, 7));
}

#[tokio::test]
async fn plain_old_html_does() {
    let body = "<!DOCTYPE html><html><body><a href=\"../../files/demo-1.tar.gz\">demo-1.tar.gz</a></body></html>";
    let (server, cache) = (always("200 OK", "content-type: text/html\r\n", body).await, tempfile::tempdir().unwrap());
    let page = fetcher(cache.path(), &[&server]).page(&demo()).await.unwrap();
    assert_eq!(page.page.files[0].url.as_str(), server.url("/files/demo-1.tar.gz"));
    assert_eq!(page.page.files[0].hashes.sha256, None);
}

#[tokio::test]
async fn a_no_is_kept_for_a_while() {
    let (server, cache) = (always("404 Not Found", "", "").await, tempfile::tempdir().unwrap());
    let fetcher = fetcher(cache.path(), &[&server]);
    for _ in 0..5 {
        assert!(matches!(fetcher.page(&demo()).await, Err(FetchError::NoSuchProject { .. })));
    }
    assert_eq!(asked(&server), 1);
}

#[tokio::test]
async fn a_member_for_files_says_nothing_about_which_there_are() {
    let lying = TestServer::http(|request| match path(request) {
        "/simple/demo/" => answer("200 OK", JSON, &demo_page().replace("demo-1", "demo-9")),
        _ => answer("404 Not Found", "", ""),
    });
    let ((good, _), lying, cache) = (index("").await, lying.await, tempfile::tempdir().unwrap());
    let files = Member { trust: Trust::Files, ..member(&lying) };
    let fetcher = builder(cache.path(), vec![source("default", vec![files, member(&good)])]).build().unwrap();
    let page = fetcher.page(&demo()).await.unwrap();
    assert_eq!(page.page.files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["demo-1.tar.gz"]);
    assert!(matches!(fetcher.page(&"other".parse().unwrap()).await, Err(FetchError::NoSuchProject { .. })));
}

#[tokio::test]
async fn a_changed_file_is_refused_until_it_is_accepted() {
    let changed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = changed.clone();
    let server = TestServer::http(move |request| match path(request) {
        "/simple/demo/" => {
            let content: &[u8] = if switch.load(Ordering::SeqCst) { b"evil!" } else { b"hello" };
            answer("200 OK", &format!("{JSON}cache-control: no-cache\r\n"), &page_of("demo-1.tar.gz", content))
        }
        _ => answer("200 OK", "", "evil!"),
    });
    let (server, cache) = (server.await, tempfile::tempdir().unwrap());
    let first = fetcher(cache.path(), &[&server]);
    first.page(&demo()).await.unwrap();
    changed.store(true, Ordering::SeqCst);
    // Another process notices as well.
    let fetcher = after(&first, cache.path(), &[&server]).await;
    let page = fetcher.page(&demo()).await.unwrap();
    assert!(page.page.files.is_empty(), "{page:?}");
    let (now, before) = (ContentId::of(b"evil!"), ContentId::of(b"hello"));
    let reason = &page.refused[0].1;
    assert!(reason.contains(&now.to_string()) && reason.contains(&before.to_string()), "{reason}");
    let other = fetcher.page(&demo()).await.unwrap();
    assert!(other.page.files.is_empty(), "it stays refused");

    fetcher.accept("default", &demo(), "demo-1.tar.gz", before).await.unwrap();
    assert!(fetcher.page(&demo()).await.unwrap().page.files.is_empty(), "another hash was accepted");
    fetcher.accept("default", &demo(), "demo-1.tar.gz", now).await.unwrap();
    let page = fetcher.page(&demo()).await.unwrap();
    assert_eq!(page.page.files[0].hashes.sha256, Some(now));
    let request = FileRequest { source: page.source, project: demo(), file: page.page.files[0].clone() };
    fetcher.file(&request).await.unwrap();
    changed.store(false, Ordering::SeqCst);
    let back = fetcher.page(&demo()).await.unwrap();
    assert!(back.page.files.is_empty(), "the new one is the known one now");
    let mut request = request;
    request.file.hashes.sha256 = Some(before);
    assert!(matches!(fetcher.file(&request).await, Err(FetchError::Changed(_))));
    assert!(matches!(fetcher.accept("x", &demo(), "y", now).await, Err(FetchError::Settings(_))));
}
