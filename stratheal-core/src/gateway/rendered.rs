//! Pages in the form in which they are sent, kept in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::fetch::Page;
use crate::index::{PageFormat, ProjectName};

/// How many bytes of pages are kept.
const MOST_BYTES: usize = 64 << 20;
/// How many projects the gateway remembers the pages of, for the files in them.
const MOST_PAGES: usize = 4096;

/// In which form a page was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Form {
    /// JSON or HTML.
    pub format: PageFormat,
    /// Compressed, where that is worth it.
    pub gzip: bool,
    /// With the index's own URLs, or with those of the gateway.
    pub canonical: bool,
}

/// A page as it is sent.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    /// The body.
    pub bytes: Bytes,
    /// Its entity tag, with quotes.
    pub tag: Arc<str>,
    /// Whether the body is compressed.
    pub compressed: bool,
}

/// What is kept, least recently used first to go.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    forms: HashMap<(ProjectName, Form), Entry>,
    pages: HashMap<ProjectName, (Page, u64)>,
    bytes: usize,
    tick: u64,
}

#[derive(Debug)]
struct Entry {
    page: Page,
    rendered: Rendered,
    used: u64,
}

impl Kept {
    /// The page in this form, if it is of this very page.
    pub(super) fn get(&self, page: &Page, form: Form) -> Option<Rendered> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.tick += 1;
        let tick = inner.tick;
        let entry = inner.forms.get_mut(&(page.page.name.clone(), form))?;
        // The entry holds the page, so its address is not used again for another one.
        if !Arc::ptr_eq(&entry.page.page, &page.page) {
            return None;
        }
        entry.used = tick;
        Some(entry.rendered.clone())
    }

    /// Keeps a page in a form, in place of an older one.
    pub(super) fn put(&self, page: Page, form: Form, rendered: Rendered) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.tick += 1;
        let used = inner.tick;
        let size = rendered.bytes.len();
        if size > MOST_BYTES / 2 {
            return;
        }
        let key = (page.page.name.clone(), form);
        if let Some(before) = inner.forms.insert(key, Entry { page, rendered, used }) {
            inner.bytes -= before.rendered.bytes.len();
        }
        inner.bytes += size;
        while inner.bytes > MOST_BYTES {
            let oldest = inner.forms.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(removed) = oldest.and_then(|key| inner.forms.remove(&key)) else { break };
            inner.bytes -= removed.rendered.bytes.len();
        }
    }

    /// Remembers the last page of a project.
    pub(super) fn remember(&self, page: &Page) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.tick += 1;
        let tick = inner.tick;
        if let Some((known, used)) = inner.pages.get_mut(&page.page.name) {
            *used = tick;
            if !Arc::ptr_eq(&known.page, &page.page) {
                *known = page.clone();
            }
            return;
        }
        if inner.pages.len() >= MOST_PAGES {
            let oldest = inner.pages.iter().min_by_key(|(_, (_, used))| *used).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                inner.pages.remove(&oldest);
            }
        }
        inner.pages.insert(page.page.name.clone(), (page.clone(), tick));
    }

    /// The last page of a project, however old: a file that was offered is still the one with that hash.
    pub(super) fn last(&self, project: &ProjectName) -> Option<Page> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.pages.get(project).map(|(page, _)| page.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_origin::page;
    use super::*;

    const FORM: Form = Form { format: PageFormat::Json, gzip: false, canonical: false };

    fn rendered(size: usize) -> Rendered {
        Rendered { bytes: vec![0; size].into(), tag: "\"t\"".into(), compressed: false }
    }

    #[test]
    fn of_this_very_page_only() {
        let kept = Kept::default();
        let (first, second) = (page("six", &[]), page("six", &[]));
        kept.put(first.clone(), FORM, rendered(1));
        assert!(kept.get(&first, FORM).is_some());
        assert!(kept.get(&first, Form { gzip: true, ..FORM }).is_none());
        assert!(kept.get(&second, FORM).is_none());
        kept.put(second.clone(), FORM, rendered(1));
        assert!(kept.get(&second, FORM).is_some() && kept.get(&first, FORM).is_none());
        assert_eq!(kept.0.lock().unwrap().bytes, 1);
    }

    #[test]
    fn is_bounded() {
        let kept = Kept::default();
        let pages: Vec<_> = (0..5).map(|number| page(&format!("p{number}"), &[])).collect();
        for page in &pages {
            kept.put(page.clone(), FORM, rendered(MOST_BYTES / 3));
            kept.get(&pages[0], FORM);
        }
        assert!(kept.get(&pages[0], FORM).is_some() && kept.get(&pages[4], FORM).is_some());
        assert!(kept.get(&pages[1], FORM).is_none());
        kept.put(pages[1].clone(), FORM, rendered(MOST_BYTES));
        assert!(kept.get(&pages[1], FORM).is_none());
        assert!(kept.0.lock().unwrap().bytes <= MOST_BYTES);
    }
}
