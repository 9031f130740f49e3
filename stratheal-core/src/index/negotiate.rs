//! Which form of a page a client gets (RFC 9110 section 12.5.1, PEP 691 "Content-Types").

use super::PageFormat;

/// The most ranges of an `Accept` header that are looked at. pip and uv send three.
const MOST_RANGES: usize = 64;

/// A client takes none of the forms: answer 406.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("none of the accepted types is one of {}, {} and text/html", PageFormat::Json.content_type(), PageFormat::Html.content_type())]
pub struct NotAcceptable;

/// One range of an `Accept` header.
struct Range<'a> {
    media_type: &'a str,
    /// In thousandths.
    quality: u16,
}

impl PageFormat {
    /// Chooses by an `Accept` header; without one it is HTML, as clients from before PEP 691 expect.
    ///
    /// Among equals the client's own order does not count (RFC 9110); JSON does, unless only `*/*` fits: who asks for anything is
    /// a browser or a script, and gets HTML.
    ///
    /// ```
    /// use stratheal_core::index::PageFormat;
    /// assert_eq!(PageFormat::negotiate(Some("text/html;q=0.1, application/vnd.pypi.simple.v1+json")), Ok(PageFormat::Json));
    /// assert_eq!(PageFormat::negotiate(None), Ok(PageFormat::PlainHtml));
    /// assert!(PageFormat::negotiate(Some("image/png")).is_err());
    /// ```
    ///
    /// # Errors
    /// [`NotAcceptable`] when nothing fits.
    pub fn negotiate(accept: Option<&str>) -> Result<Self, NotAcceptable> {
        let Some(accept) = accept.map(str::trim).filter(|accept| !accept.is_empty()) else {
            return Ok(Self::PlainHtml);
        };
        let ranges: Vec<Range<'_>> = accept.split(',').take(MOST_RANGES).filter_map(range).collect();
        let best = [Self::PlainHtml, Self::Html, Self::Json].into_iter().filter_map(|format| {
            let (specificity, quality) = quality(format, &ranges)?;
            (quality > 0).then_some((format, quality, specificity))
        });
        // The last of the largest: JSON before HTML, except where only `*/*` fits.
        let rank = |format, specificity| match (format, specificity) {
            (Self::PlainHtml, 0) => 3,
            (Self::Json, _) => 2,
            (Self::Html, _) => 1,
            (Self::PlainHtml, _) => 0,
        };
        best.max_by_key(|&(format, quality, specificity)| (quality, specificity, rank(format, specificity)))
            .map(|(format, ..)| format)
            .ok_or(NotAcceptable)
    }
}

/// The quality of a format: that of the most specific range that fits it.
fn quality(format: PageFormat, ranges: &[Range<'_>]) -> Option<(u8, u16)> {
    let (kind, names): (&str, &[&str]) = match format {
        PageFormat::Json => {
            ("application/*", &["application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.latest+json"])
        }
        PageFormat::Html => {
            ("application/*", &["application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html"])
        }
        PageFormat::PlainHtml => ("text/*", &["text/html"]),
    };
    let fits = ranges.iter().filter_map(|range| {
        let is = |name: &str| range.media_type.eq_ignore_ascii_case(name);
        let specificity = if names.iter().any(|name| is(name)) {
            2
        } else if is(kind) {
            1
        } else if range.media_type == "*/*" {
            0
        } else {
            return None;
        };
        Some((specificity, range.quality))
    });
    fits.max()
}

/// Reads one range; one whose quality is none is passed over.
fn range(text: &str) -> Option<Range<'_>> {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().filter(|text| text.contains('/'))?;
    let quality = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let quality = match quality {
        None => 1000,
        Some(text) => {
            let quality: f64 = text.parse().ok()?;
            if !(0.0..=1.0).contains(&quality) {
                return None;
            }
            (quality * 1000.0).round() as u16
        }
    };
    Some(Range { media_type, quality })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers() {
        let (json, html) = ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html");
        for (accept, expected) in [
            ("", Some(PageFormat::PlainHtml)),
            ("*/*", Some(PageFormat::PlainHtml)),
            ("text/html", Some(PageFormat::PlainHtml)),
            ("text/*", Some(PageFormat::PlainHtml)),
            ("application/*", Some(PageFormat::Json)),
            (&format!("{json}, {html}; q=0.1, text/html; q=0.01"), Some(PageFormat::Json)),
            (&format!("{json};q=0.1, {html};Q=0.9"), Some(PageFormat::Html)),
            (&format!("{json};q=0, */*"), Some(PageFormat::PlainHtml)),
            (&format!("{json}, */*;q=0.1"), Some(PageFormat::Json)),
            (&format!("{json}, */*"), Some(PageFormat::Json)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Some(PageFormat::PlainHtml)),
            (&format!("{json};q=0.5, {html};q=0.5"), Some(PageFormat::Json)),
            ("Application/Vnd.Pypi.Simple.Latest+Json", Some(PageFormat::Json)),
            (&format!("{json};charset=utf-8;q=1"), Some(PageFormat::Json)),
            (&format!("{json};q=2, text/html;q=0.1"), Some(PageFormat::PlainHtml)),
            (&format!("{json};q=NaN"), None),
            ("application/vnd.pypi.simple.v2+json", None),
            ("text/html;q=0", None),
            ("*", None),
        ] {
            assert_eq!(PageFormat::negotiate(Some(accept)).ok(), expected, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,60}", near in "(application/vnd\\.pypi\\.simple\\.v1\\+json|text/html|\\*/\\*|;q=|0\\.5|1|,| ){0,20}") {
            let _ = (PageFormat::negotiate(Some(&text)), PageFormat::negotiate(Some(&near)));
        }
    }
}
