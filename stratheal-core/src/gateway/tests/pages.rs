//! Pages, access, and errors.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::asking::{SECRET, ask, basic, get, raw, start};
use crate::fetch::{Attempt, FetchError, MemberFailure};
use crate::gateway::test_origin::TestOrigin;

const JSON: &str = "Accept: application/vnd.pypi.simple.v1+json\r\n";

fn six() -> Arc<TestOrigin> {
    Arc::new(TestOrigin::new().with("six", &[("six-1-py3-none-any.whl", b"wheel"), ("six-1.tar.gz", b"source")]))
}

#[tokio::test]
async fn a_page_in_both_forms_with_relative_urls() {
    let running = start(&six()).await;
    let page = get(&running, "/simple/six/", JSON).await;
    assert_eq!((page.status, page.header("content-type")), (200, "application/vnd.pypi.simple.v1+json"));
    assert_eq!(page.header("cache-control"), "max-age=0, must-revalidate");
    assert!(page.header("vary").contains("Accept"));
    let document: serde_json::Value = serde_json::from_slice(&page.body).unwrap();
    let files = document["files"].as_array().unwrap();
    assert_eq!(files[0]["url"], "../../files/default/six/six-1-py3-none-any.whl");
    assert_eq!((&files[0]["core-metadata"], &files[1]["core-metadata"]), (&true.into(), &false.into()));
    let page = get(&running, "/simple/six/", "Accept: text/html\r\n").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.text().contains("href=\"../../files/default/six/six-1.tar.gz#sha256="), "{}", page.text());
    assert!(page.text().ends_with("</html>\n"));
    assert_eq!(get(&running, "/simple/six/", "Accept: image/png\r\n").await.status, 406);
    let list = get(&running, "/simple/", JSON).await;
    assert_eq!(list.text(), r#"{"meta":{"api-version":"1.0"},"projects":[{"name":"six"}]}"#);
}

#[tokio::test]
async fn a_page_is_rendered_once_and_sent_once() {
    let origin = six();
    let running = start(&origin).await;
    let first = get(&running, "/simple/six/", JSON).await;
    let tag = first.header("etag").to_owned();
    let again = get(&running, "/simple/six/", &format!("{JSON}If-None-Match: \"x\", W/{tag}\r\n")).await;
    assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, tag.as_str()));
    let head = ask(&running, "HEAD", "/simple/six/", JSON).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), first.body.len().to_string());
    let report = running.report();
    assert_eq!((report.pages, report.pages_from_memory, report.not_modified), (3, 2, 1));
    assert_eq!(origin.asked.load(Relaxed), 3, "whether a page is still good is for the fetcher to say");
}

#[tokio::test]
async fn other_spellings_are_redirected() {
    let running = start(&six()).await;
    for (path, to) in [
        ("/simple/Six/", "/simple/six/"),
        ("/simple/six", "/simple/six/"),
        ("/simple", "/simple/"),
        ("/t/0123456789abcdef/simple/SIX", "/t/0123456789abcdef/simple/six/"),
    ] {
        let answer = get(&running, path, "").await;
        assert_eq!((answer.status, answer.header("location")), (301, to), "{path}");
    }
}

#[tokio::test]
async fn only_who_knows_the_secret() {
    let running = start(&six()).await;
    let address = running.address();
    let send = async |path: &str, headers: &str| {
        raw(address, &format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n")).await
    };
    let host = format!("Host: {address}\r\n");
    for path in ["/", "/status", "/metrics", "/simple/", "/simple/six/", "/files/default/six/six-1.tar.gz", "/nothing"]
    {
        let answer = send(path, &host).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(answer.header("www-authenticate").starts_with("Basic"));
        assert_eq!(send(path, &format!("{host}Authorization: {}\r\n", basic("0123456789abcdeg"))).await.status, 401);
        let foreign = format!("Host: evil.example:{}\r\nAuthorization: {}\r\n", address.port(), basic(SECRET));
        assert_eq!(send(path, &foreign).await.status, 421, "{path}");
    }
    assert_eq!(send("/t/0123456789abcdeg/simple/six/", &host).await.status, 404);
    assert_eq!(send(&format!("/t/{SECRET}/simple/six/"), &host).await.status, 200);
    // A client that has the gateway as its proxy asks for its index like this.
    let absolute = format!("http://{address}/simple/six/");
    assert_eq!(send(&absolute, &format!("{host}Authorization: {}\r\n", basic(SECRET))).await.status, 200);
    assert_eq!(send("http://other.example/", &host).await.status, 403);
    assert_eq!(ask(&running, "POST", "/simple/six/", "Content-Length: 0\r\n").await.status, 405);
    assert_eq!(running.report().refused_requests, 22);
    // Whom it asks has to be said once, and HTTP/1.0 does not say it.
    let login = format!("Authorization: {}\r\n", basic(SECRET));
    assert_eq!(send("/simple/six/", &login).await.status, 400);
    assert_eq!(send("/simple/six/", &format!("{host}{host}{login}")).await.status, 400);
    assert_eq!(raw(address, &format!("GET /simple/six/ HTTP/1.0\r\n{login}\r\n")).await.status, 200);
}

#[tokio::test]
async fn trouble_is_never_absence() {
    let attempts = vec![Attempt { member: "https://a.example/".into(), times: 2, failure: MemberFailure::Status(500) }];
    let unavailable = FetchError::Unavailable {
        wanted: "down".into(),
        attempts,
        retry_after: Some(std::time::Duration::from_secs(7)),
    };
    let running = start(&Arc::new(TestOrigin::new().failing("down", unavailable))).await;
    let answer = get(&running, "/simple/down/", JSON).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "7"));
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        ("application/problem+json", "no-store")
    );
    assert!(answer.text().contains("answered 500"), "{}", answer.text());
    assert_eq!(get(&running, "/files/default/down/down-1.tar.gz", "").await.status, 503);
    assert_eq!(get(&running, "/simple/absent/", JSON).await.status, 404);
    assert_eq!(running.report().server_errors, 2);
}

#[tokio::test]
async fn the_status_is_for_people_and_machines() {
    let running = start(&six()).await;
    get(&running, "/simple/six/", JSON).await;
    let page = get(&running, "/", "Accept: text/html,*/*\r\n").await;
    assert!(page.text().contains("https://index.example/simple/"), "{}", page.text());
    assert!(!page.text().contains(SECRET));
    let report: serde_json::Value =
        serde_json::from_slice(&get(&running, "/status", "Accept: application/json\r\n").await.body).unwrap();
    assert_eq!(report["pages"], 1);
    let metrics = get(&running, "/metrics", "").await;
    assert!(metrics.text().contains("stratheal_gateway_pages_total 1\n"), "{}", metrics.text());
}
