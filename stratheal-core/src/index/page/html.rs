//! Reads the HTML form of a project's page (PEP 503, 592, 629, 658, 708, 714, 740, 792).
//!
//! **When a page is whole.** Nothing in HTML says how long it is, and a page that is cut off looks like one that lists less. A
//! page that opens `<html>` or `<body>` must close one of them: the servers in use (index servers, static mirrors, the listings
//! of web servers) all do. One that opens neither is written by hand; it must not end inside a tag, a comment or an anchor, and
//! must hold an anchor at all. What is cut exactly between two of its lines cannot be told from a shorter page; the length of
//! the answer has to tell.
//!
//! **When an empty page is believed.** A page that lists nothing hides whatever other members list, so it has to look like one of
//! an index: it gives its version, has an anchor, or names the project. What only talks about something else (a captive portal, the
//! notice of a proxy) is no index page.
//!
//! **What an anchor is called.** By the last component of its URL, as pip does it. Where that is no name of a distribution and
//! the text of the anchor is one (`/download/123`), by the text. An anchor with neither is navigation.

use std::borrow::Cow;

use url::Url;

use super::json::api_version;
use super::left_out::{LeftOutReason, url_of, without_doubles};
use super::tokens::{self, Token};
use super::{IndexFile, LeftOut, PageContext, PageError, PageMeta, ParsedPage, ProjectPage, ProjectStatus};
use crate::index::file_name::is_distribution;
use crate::index::percent::decoded;

/// The most bytes of an anchor's text that are looked at.
const LONGEST_TEXT: usize = 1024;

impl ProjectPage {
    /// Reads the HTML form.
    ///
    /// # Errors
    /// [`PageError`] when the page cannot be believed as a whole.
    pub fn from_html(body: &[u8], context: &PageContext) -> Result<ParsedPage, PageError> {
        check_body(body, context.limits.bytes)?;
        let mut reader = Reader::new(context);
        tokens::read(&tokens::decoded(body), |token| reader.take(token));
        reader.finish()
    }
}

/// Refuses a body that is too large or has nothing in it.
pub(super) fn check_body(body: &[u8], most: usize) -> Result<(), PageError> {
    if body.len() > most {
        return Err(PageError::TooLarge(most));
    }
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(PageError::Empty);
    }
    Ok(())
}

/// How far the anchors of a document are.
#[derive(Default, PartialEq)]
enum Anchors {
    #[default]
    None,
    Open,
    Closed,
}

/// Watches whether a document is whole, and whether it is rather a web page for people.
#[derive(Default)]
pub(super) struct Document {
    is_opened: bool,
    is_closed: bool,
    is_cut_off: bool,
    anchors: Anchors,
    web_page: Option<&'static str>,
}

impl Document {
    pub(super) fn watch(&mut self, token: &Token<'_>) {
        match token {
            Token::Start { name: "html" | "body", .. } => self.is_opened = true,
            Token::End { name: "html" | "body" } => self.is_closed = true,
            Token::Start { name: "a", .. } => self.anchors = Anchors::Open,
            Token::End { name: "a" } => self.anchors = Anchors::Closed,
            Token::Start { name: "script", .. } => self.web_page = Some("it holds a script"),
            Token::Start { name: "iframe" | "frameset", .. } => self.web_page = Some("it holds a frame"),
            Token::Start { name: "input", attributes } if attributes.get("type") == Some("password") => {
                self.web_page = Some("it asks for a password");
            }
            Token::Start { name: "meta", attributes }
                if attributes.get("http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh")) =>
            {
                self.web_page = Some("it leads to another page");
            }
            Token::CutOff => self.is_cut_off = true,
            _ => {}
        }
    }

    /// The rule at the top of this file. `is_empty`: nothing that an index lists was found.
    pub(super) fn check(&self, is_empty: bool) -> Result<(), PageError> {
        let truncated = |what: &str| Err(PageError::Truncated(what.to_owned()));
        if !self.is_closed {
            if self.is_opened {
                return truncated("`<html>` is never closed");
            }
            if self.is_cut_off || self.anchors == Anchors::Open {
                return truncated("it ends inside a tag or an anchor");
            }
            if self.anchors == Anchors::None {
                return Err(PageError::NotAnIndex("it has neither `<html>` nor an anchor".to_owned()));
            }
        }
        match self.web_page {
            Some(what) if is_empty => Err(PageError::NotAnIndex(format!("it lists nothing, and {what}"))),
            _ => Ok(()),
        }
    }
}

mod anchor;

use anchor::Anchor;

struct Reader<'c> {
    context: &'c PageContext,
    document: Document,
    base: Option<Url>,
    anchor: Option<Anchor>,
    files: Vec<IndexFile>,
    left_out: LeftOut,
    count: usize,
    version: Option<String>,
    serial: Option<u64>,
    tracks: Vec<String>,
    alternate_locations: Vec<String>,
    status: Option<String>,
    status_reason: Option<String>,
    talks: Talks,
}

/// What a page says to people.
#[derive(Default, PartialEq)]
enum Talks {
    #[default]
    NotAtAll,
    OfSomethingElse,
    OfTheProject,
}

impl<'c> Reader<'c> {
    fn new(context: &'c PageContext) -> Self {
        Self {
            context,
            document: Document::default(),
            base: None,
            anchor: None,
            files: Vec::new(),
            left_out: LeftOut::default(),
            count: 0,
            version: None,
            serial: None,
            tracks: Vec::new(),
            alternate_locations: Vec::new(),
            status: None,
            status_reason: None,
            talks: Talks::default(),
        }
    }

    fn take(&mut self, token: Token<'_>) {
        self.document.watch(&token);
        match token {
            Token::Start { name: "a", attributes } => {
                self.close_anchor();
                let limit = self.context.limits.text;
                self.anchor = attributes.get("href").map(|href| Anchor::new(href, attributes, limit));
            }
            Token::End { name: "a" } => self.close_anchor(),
            Token::Start { name: "base", attributes } if self.base.is_none() => {
                let base = attributes.get("href").and_then(|href| self.context.base.join(href.trim()).ok());
                self.base = base.filter(|base| matches!(base.scheme(), "http" | "https"));
            }
            Token::Start { name: "meta", attributes } => {
                if let Some((name, content)) = attributes.get("name").zip(attributes.get("content")) {
                    self.meta(name, content);
                }
            }
            Token::Text(text) => {
                self.listen(text);
                if let Some(anchor) = &mut self.anchor
                    && anchor.text.len() + text.len() <= LONGEST_TEXT
                {
                    anchor.text.push_str(text);
                }
            }
            Token::Comment(text) => {
                let serial = text.trim().strip_prefix("SERIAL ").and_then(|number| number.trim().parse().ok());
                self.serial = self.serial.or(serial);
            }
            _ => {}
        }
    }

    /// Notes whether this text is about the project.
    fn listen(&mut self, text: &str) {
        if self.talks == Talks::OfTheProject || text.trim().is_empty() {
            return;
        }
        let normalised = text.to_ascii_lowercase().replace(['_', '.'], "-");
        let names_it = normalised.contains(self.context.project.as_str());
        self.talks = if names_it { Talks::OfTheProject } else { Talks::OfSomethingElse };
    }

    fn meta(&mut self, name: &str, content: &str) {
        if content.len() > self.context.limits.text {
            return;
        }
        let locations = match name.to_ascii_lowercase().as_str() {
            "pypi:repository-version" => return self.version = Some(content.to_owned()),
            "pypi:project-status" => return self.status = Some(content.to_owned()),
            "pypi:project-status-reason" => return self.status_reason = Some(content.to_owned()),
            "pypi:tracks" => &mut self.tracks,
            "pypi:alternate-locations" => &mut self.alternate_locations,
            _ => return,
        };
        if locations.len() < 1000 {
            locations.push(content.to_owned());
        }
    }

    fn close_anchor(&mut self) {
        let Some(anchor) = self.anchor.take() else { return };
        if self.count >= self.context.limits.entries {
            self.count += 1;
            return;
        }
        let text = anchor.text.trim().to_owned();
        let base = self.base.as_ref().unwrap_or(&self.context.base);
        let (url, fragment) = match url_of(&anchor.href, base, self.context.limits.text) {
            Ok(found) => found,
            Err(reason) if is_distribution(&text) => return self.leave_out(&text, reason),
            // `mailto:` and the like.
            Err(_) => return,
        };
        let last = url.path_segments().and_then(|mut parts| parts.next_back()).map(decoded).unwrap_or_default();
        let name = if is_distribution(&last) || !is_distribution(&text) { last } else { Cow::Owned(text) };
        if !is_distribution(&name) {
            return;
        }
        let shown = name.to_string();
        match anchor.file(name.into_owned(), url, fragment.as_deref()) {
            Ok(file) => {
                self.count += 1;
                self.files.push(file);
            }
            Err(reason) => self.leave_out(&shown, reason),
        }
    }

    fn leave_out(&mut self, name: &str, reason: LeftOutReason) {
        self.count += 1;
        self.left_out.add(name, reason);
    }

    fn finish(mut self) -> Result<ParsedPage, PageError> {
        self.close_anchor();
        self.document.check(self.count == 0)?;
        let says_nothing = self.count == 0 && self.version.is_none() && self.document.anchors == Anchors::None;
        if says_nothing && self.talks == Talks::OfSomethingElse {
            return Err(PageError::NotAnIndex("it lists nothing, and does not name the project".to_owned()));
        }
        if self.count > self.context.limits.entries {
            return Err(PageError::TooMany(self.context.limits.entries));
        }
        let files = without_doubles(self.files, self.context, &mut self.left_out);
        let meta = PageMeta {
            api_version: api_version(self.version.as_deref())?,
            last_serial: self.serial,
            tracks: self.tracks,
            unknown: serde_json::Map::new(),
        };
        let reason = self.status_reason;
        let page = ProjectPage {
            name: self.context.project.clone(),
            meta,
            files,
            versions: None,
            status: self.status.map(|status| ProjectStatus { status, reason }),
            alternate_locations: self.alternate_locations,
            unknown: serde_json::Map::new(),
        };
        Ok(ParsedPage { page, left_out: self.left_out })
    }
}

#[cfg(test)]
mod tests;
