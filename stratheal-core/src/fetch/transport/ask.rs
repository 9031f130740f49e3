//! What is asked of a member.

use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE,
};

/// Whether the body may be compressed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    /// No: the bytes are counted, hashed and had in ranges.
    #[default]
    Identity,
    /// Yes, by gzip; what arrives is unpacked.
    Compressed,
}

/// A GET request.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// The media types that are wanted.
    pub(crate) accept: Option<&'static str>,
    /// The first byte and the last one, inclusive; without a last one, all to the end.
    pub(crate) range: Option<(u64, Option<u64>)>,
    /// The last bytes, this many. Not together with `range`.
    pub(crate) suffix: Option<u64>,
    /// The range is only meant for this version of the file: a strong entity tag or a date, as the member gave it.
    pub(crate) if_range: Option<String>,
    /// Answer 304 if it is still this version.
    pub(crate) etag: Option<String>,
    /// Answer 304 if it has not changed since.
    pub(crate) last_modified: Option<String>,
    /// How long connecting and the head of the answer may take, redirects included.
    pub(crate) head_within: Duration,
    /// Whether the body may be compressed.
    pub(crate) encoding: Encoding,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            accept: None,
            range: None,
            suffix: None,
            if_range: None,
            etag: None,
            last_modified: None,
            head_within: Duration::from_secs(30),
            encoding: Encoding::Identity,
        }
    }
}

impl Ask {
    /// The headers of the request. Validators that cannot stand in a header are left out: without them the answer is whole.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let value = |text: &Option<String>| HeaderValue::from_str(text.as_deref()?).ok();
        headers.insert(ACCEPT, HeaderValue::from_static(self.accept.unwrap_or("*/*")));
        let encoding = match self.encoding {
            Encoding::Identity => "identity",
            Encoding::Compressed => "gzip",
        };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
        let range = match (self.range, self.suffix) {
            (Some((first, Some(last))), _) => Some(format!("bytes={first}-{last}")),
            (Some((first, None)), _) => Some(format!("bytes={first}-")),
            (None, Some(last)) => Some(format!("bytes=-{last}")),
            (None, None) => None,
        };
        let mut insert = |name, value: Option<HeaderValue>| {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        };
        // A weak tag must not stand in If-Range (RFC 9110, 13.1.5), and a range without it would be of no known version.
        let if_range = value(&self.if_range).filter(|value| !value.as_bytes().starts_with(b"W/"));
        if range.is_some() {
            insert(IF_RANGE, if_range);
        }
        insert(RANGE, value(&range));
        insert(IF_NONE_MATCH, value(&self.etag));
        insert(IF_MODIFIED_SINCE, value(&self.last_modified));
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(ask: &Ask, name: impl reqwest::header::AsHeaderName) -> Option<String> {
        ask.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn ranges() {
        for (range, suffix, expected) in [
            (Some((0, Some(9))), None, Some("bytes=0-9")),
            (Some((5, None)), None, Some("bytes=5-")),
            (None, Some(64), Some("bytes=-64")),
            (None, None, None),
        ] {
            let ask = Ask { range, suffix, ..Ask::default() };
            assert_eq!(header(&ask, RANGE).as_deref(), expected);
        }
    }

    #[test]
    fn validators() {
        let ask = Ask { range: Some((5, None)), if_range: Some("\"tag\"".to_owned()), ..Ask::default() };
        assert_eq!(header(&ask, IF_RANGE).as_deref(), Some("\"tag\""));
        let weak = Ask { if_range: Some("W/\"tag\"".to_owned()), ..ask.clone() };
        assert_eq!(header(&weak, IF_RANGE), None);
        let whole = Ask { range: None, etag: Some("bad\nvalue".to_owned()), ..ask };
        assert_eq!((header(&whole, IF_RANGE), header(&whole, IF_NONE_MATCH)), (None, None));
    }
}
