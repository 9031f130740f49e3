//! What a reader of pages is told, and what it answers.

use url::Url;

use super::{LeftOut, ProjectPage};
use crate::index::ProjectName;

/// How much of a page is read before it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// The most bytes, after decompression.
    pub bytes: usize,
    /// The most files or projects.
    pub entries: usize,
    /// The most bytes of one text: a URL, a reason, a specifier. A file with a longer one is left out.
    pub text: usize,
    /// The most values of unknown keys that are kept to be passed on, all together.
    pub unknown_values: usize,
}

impl Default for PageLimits {
    /// The largest page in use has some 50,000 files and 30 MB.
    fn default() -> Self {
        Self { bytes: 64 << 20, entries: 200_000, text: 16 << 10, unknown_values: 400_000 }
    }
}

/// What a page cannot say itself.
#[derive(Debug, Clone)]
pub struct PageContext {
    /// The project that was asked for.
    pub project: ProjectName,
    /// Where the page was had in the end, after all redirects: what relative URLs are relative to.
    pub base: Url,
    /// The limits.
    pub limits: PageLimits,
}

/// A page, and what was left out of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParsedPage {
    /// The page.
    pub page: ProjectPage,
    /// What was left out.
    pub left_out: LeftOut,
}
