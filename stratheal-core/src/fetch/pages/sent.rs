//! A page as a member sent it: what is kept on disk, because writing it again in another form would cost more than everything else.

use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::base::class::chain;
use crate::index::{LeftOut, PageContext, PageFormat, PageLimits, ProjectName, ProjectPage};

/// The answer of a member, unread. Clones share the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) body: Bytes,
    pub(super) content_type: Option<String>,
    /// What relative URLs in it mean.
    pub(super) base: Url,
    /// The serial that its headers gave.
    pub(super) serial: Option<u64>,
}

impl Sent {
    /// Reads it in whichever form it has, and says what had to be left out.
    ///
    /// # Errors
    /// What is wrong with it, for people. One that is cut off or empty is never a page.
    pub(super) fn read(&self, project: &ProjectName) -> Result<(Arc<ProjectPage>, LeftOut), String> {
        let limits = PageLimits::default();
        let context = PageContext { project: project.clone(), base: self.base.clone(), limits };
        let parsed = match PageFormat::of_answer(self.content_type.as_deref(), &self.body) {
            Some(PageFormat::Json) => ProjectPage::from_json(&self.body, &context),
            Some(PageFormat::Html | PageFormat::PlainHtml) => ProjectPage::from_html(&self.body, &context),
            None => {
                let content_type = self.content_type.as_deref().unwrap_or("no content type");
                return Err(format!("it is neither JSON nor HTML ({content_type})"));
            }
        };
        let parsed = parsed.map_err(|error| chain(&error))?;
        let mut page = parsed.page;
        page.meta.last_serial = page.meta.last_serial.or(self.serial);
        Ok((Arc::new(page), parsed.left_out))
    }
}
