//! Files: whole, in part, still arriving, and broken.

use std::sync::Arc;

use super::asking::{ask, get, start};
use crate::gateway::test_origin::TestOrigin;
use crate::objects::ContentId;

const SMALL: &str = "/files/default/six/six-1-py3-none-any.whl";

fn large() -> Vec<u8> {
    (0..(17_u32 << 20)).map(|number| (number % 251) as u8).collect()
}

fn six() -> Arc<TestOrigin> {
    let large = large();
    Arc::new(
        TestOrigin::new()
            .with("six", &[("six-1-py3-none-any.whl", b"0123456789"), ("six-1.tar.gz", b"source")])
            .with("big", &[("big-1-py3-none-any.whl", &large)]),
    )
}

#[tokio::test]
async fn whole_and_in_part() {
    let running = start(&six()).await;
    let tag = format!("\"{}\"", ContentId::of(b"0123456789"));
    let whole = get(&running, SMALL, "").await;
    assert_eq!((whole.status, whole.text(), whole.header("etag")), (200, "0123456789", tag.as_str()));
    assert_eq!((whole.header("accept-ranges"), whole.header("content-length")), ("bytes", "10"));
    assert_eq!(whole.header("cache-control"), "max-age=31536000, immutable");
    for (headers, status, body, range) in [
        ("Range: bytes=3-5\r\n".to_owned(), 206, "345", "bytes 3-5/10"),
        ("Range: bytes=8-\r\n".to_owned(), 206, "89", "bytes 8-9/10"),
        ("Range: bytes=-2\r\n".to_owned(), 206, "89", "bytes 8-9/10"),
        ("Range: bytes=10-\r\n".to_owned(), 416, "", "bytes */10"),
        (format!("Range: bytes=8-\r\nIf-Range: {tag}\r\n"), 206, "89", "bytes 8-9/10"),
        ("Range: bytes=8-\r\nIf-Range: \"other\"\r\n".to_owned(), 200, "0123456789", ""),
        (format!("If-None-Match: {tag}\r\n"), 304, "", ""),
    ] {
        let part = get(&running, SMALL, &headers).await;
        assert_eq!((part.status, part.text(), part.header("content-range")), (status, body, range), "{headers}");
        let head = ask(&running, "HEAD", SMALL, &headers).await;
        assert_eq!((head.status, head.body.len()), (status, 0), "{headers}");
        assert_eq!(head.header("content-length"), part.header("content-length"), "{headers}");
    }
    assert_eq!(get(&running, "/files/default/six/six-2.tar.gz", "").await.status, 404);
    assert_eq!(get(&running, "/files/other/six/six-1.tar.gz", "").await.status, 404);
}

#[tokio::test]
async fn metadata_of_wheels_only() {
    let running = start(&six()).await;
    let metadata = get(&running, &format!("{SMALL}.metadata"), "").await;
    assert_eq!((metadata.status, metadata.text()), (200, "Metadata-Version: 2.1\nName: six\n"));
    assert_eq!(get(&running, "/files/default/six/six-1.tar.gz.metadata", "").await.status, 404);
}

#[tokio::test]
async fn a_large_file_that_is_stored() {
    let running = start(&six()).await;
    let path = "/files/default/big/big-1-py3-none-any.whl";
    let whole = get(&running, path, "").await;
    assert!(whole.status == 200 && whole.body == large());
    let part = get(&running, path, "Range: bytes=1000000-9999999\r\n").await;
    assert!(part.status == 206 && part.body == large()[1_000_000..10_000_000]);
}

#[tokio::test]
async fn what_arrives_cannot_be_continued_and_what_broke_is_sent_whole() {
    let origin = six();
    let (path, file) = ("/files/default/big/big-1-py3-none-any.whl", "big-1-py3-none-any.whl");
    let content = large();
    let running = start(&origin).await;
    origin.arrives(file, Some(&content));
    let whole = get(&running, path, "Range: bytes=5-\r\n").await;
    assert!(whole.status == 200 && whole.body == content);
    for name in ["etag", "accept-ranges", "last-modified", "content-range"] {
        assert_eq!(whole.header(name), "", "{name}");
    }
    // It broke: the client sees that by the length, and whatever it does, it gets all of it.
    origin.arrives(file, Some(&content[..1_000_000]));
    let broken = get(&running, path, "").await;
    assert!(broken.status == 0 || broken.header("content-length") == content.len().to_string());
    assert!(broken.body.len() <= 1_000_000);
    origin.arrives(file, None);
    let again = get(&running, path, "Range: bytes=1000000-\r\n").await;
    assert!(again.status == 200 && again.body == content);
    let tag = again.header("etag").to_owned();
    let part = get(&running, path, &format!("Range: bytes=1000000-\r\nIf-Range: {tag}\r\n")).await;
    assert!(part.status == 206 && part.body == content[1_000_000..], "what it verified itself it may continue");
}
