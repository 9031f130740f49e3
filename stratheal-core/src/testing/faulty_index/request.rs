//! Requests as they arrive. Source: RFC 9112 sections 3 and 5, RFC 9110 section 14.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest head of a request.
const LONGEST_HEAD: usize = 64 * 1024;

/// A request without a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query.
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: Vec<(String, String)>,
}

impl Request {
    /// Reads the next one from a connection; none when that ends first.
    pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), kept: &mut Vec<u8>) -> Option<Self> {
        loop {
            if let Some(end) = kept.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = kept.drain(..end + 4).collect();
                return Self::parse(&head);
            }
            if kept.len() > LONGEST_HEAD {
                return None;
            }
            // A peer that resets the connection is one that ended it.
            if stream.read_buf(kept).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// Reads a head. Without method, path or an unreadable header there is none.
    fn parse(head: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        let mut words = lines.next()?.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        // A proxy is asked with a whole URL.
        let target = target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
        let path = target.split('?').next()?.to_owned();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self { method, path, headers: headers.collect::<Option<_>>()? })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// The range that is wanted of something so long, as its first and its last byte; none for all of it.
    ///
    /// # Errors
    /// When it lies outside.
    pub(super) fn range(&self, length: u64, tag: &str) -> Result<Option<(u64, u64)>, OutOfRange> {
        let valid = self.header("if-range").is_none_or(|known| known == tag);
        match self.header("range").filter(|_| valid && self.method == "GET") {
            Some(range) => parse_range(range, length),
            None => Ok(None),
        }
    }
}

/// A range begins behind the end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OutOfRange;

/// Reads one byte range. What cannot be read, and more than one, is no range: all is wanted then.
fn parse_range(text: &str, length: u64) -> Result<Option<(u64, u64)>, OutOfRange> {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let number = |digits: &str| digits.trim().parse::<u64>().ok();
    match (number(first), number(last)) {
        (Some(first), _) if first >= length => Err(OutOfRange),
        (Some(first), Some(last)) if last < first => Ok(None),
        (Some(first), Some(last)) => Ok(Some((first, last.min(length - 1)))),
        (Some(first), None) if last.is_empty() => Ok(Some((first, length - 1))),
        (None, Some(0)) if first.is_empty() => Err(OutOfRange),
        (None, Some(count)) if first.is_empty() && length > 0 => Ok(Some((length.saturating_sub(count), length - 1))),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges() {
        for (text, expected) in [
            ("bytes=0-4", Ok(Some((0, 4)))),
            ("bytes=5-", Ok(Some((5, 9)))),
            ("bytes=-3", Ok(Some((7, 9)))),
            ("bytes=-30", Ok(Some((0, 9)))),
            ("bytes=5-99", Ok(Some((5, 9)))),
            ("bytes=10-", Err(OutOfRange)),
            ("bytes=-0", Err(OutOfRange)),
            ("bytes=4-2", Ok(None)),
            ("bytes=0-1,3-4", Ok(None)),
            ("lines=0-1", Ok(None)),
        ] {
            assert_eq!(parse_range(text, 10), expected, "{text}");
        }
    }

    #[test]
    fn heads() {
        let request =
            Request::parse(b"GET http://host:1/a/b?c=d HTTP/1.1\r\nHost: x\r\nRANGE:  bytes=0-1 \r\n\r\n").unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/a/b"));
        assert_eq!(request.header("range"), Some("bytes=0-1"));
        assert_eq!(Request::parse(b"GET\r\n\r\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(head: Vec<u8>, range in "(bytes)?[=0-9, -]{0,24}", length: u64) {
            let _ = Request::parse(&head);
            if let Ok(Some((first, last))) = parse_range(&range, length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
