//! The two forms in which a page exists, and the content types that name them.

use serde::{Deserialize, Serialize};

/// The form of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageFormat {
    /// JSON (PEP 691).
    Json,
    /// HTML (PEP 503) under its own content type (PEP 691).
    Html,
    /// The same HTML as `text/html`, for clients from before PEP 691.
    PlainHtml,
}

impl PageFormat {
    /// What to ask an index for: JSON, else HTML. pip and uv ask the same.
    pub const ACCEPT: &'static str =
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

    /// The exact content type.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::Html => "application/vnd.pypi.simple.v1+html",
            Self::PlainHtml => "text/html; charset=utf-8",
        }
    }

    /// Which form an answer has. The content type decides where it is known; static mirrors often send an unknown one or none, and
    /// then the first character does.
    #[must_use]
    pub fn of_answer(content_type: Option<&str>, body: &[u8]) -> Option<Self> {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match media_type.to_ascii_lowercase().as_str() {
            "application/vnd.pypi.simple.v1+json" | "application/vnd.pypi.simple.latest+json" => Some(Self::Json),
            "application/vnd.pypi.simple.v1+html" | "application/vnd.pypi.simple.latest+html" => Some(Self::Html),
            "text/html" | "application/xhtml+xml" => Some(Self::PlainHtml),
            _ => match body.iter().find(|byte| !byte.is_ascii_whitespace() && !b"\xef\xbb\xbf".contains(byte))? {
                b'{' => Some(Self::Json),
                b'<' => Some(Self::PlainHtml),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_answers() {
        for (content_type, body, expected) in [
            (Some("application/vnd.pypi.simple.v1+json"), "", Some(PageFormat::Json)),
            (Some("Text/HTML; charset=UTF-8"), "{", Some(PageFormat::PlainHtml)),
            (Some("application/json"), " \n{}", Some(PageFormat::Json)),
            (Some("application/octet-stream"), "\u{feff}<html>", Some(PageFormat::PlainHtml)),
            (None, "<!DOCTYPE html>", Some(PageFormat::PlainHtml)),
            (None, "", None),
            (Some("image/png"), "\u{89}PNG", None),
        ] {
            assert_eq!(PageFormat::of_answer(content_type, body.as_bytes()), expected, "{content_type:?} {body:?}");
        }
    }
}
