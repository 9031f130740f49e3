//! What is answered, decided without sending anything. Sources: RFC 9110 sections 13 to 15, RFC 9112 section 6.

use std::time::Duration;

use bytes::Bytes;

use super::body::Body;
use super::bomb::gzip_bomb;
use super::content::{Content, Resource};
use super::fault::{Fault, RetryAfter};
use super::request::{OutOfRange, Request};
use super::{archive, page};
use crate::objects::ContentId;

/// An answer, and how it is to be sent.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    /// All of the content; the answer is a part of it.
    pub(super) body: Body,
    pub(super) from: u64,
    /// Bytes to send.
    pub(super) length: u64,
    pub(super) framing: Framing,
    /// Whether there is a body at all: there is none for HEAD and 304.
    pub(super) has_body: bool,
    pub(super) wait: Duration,
    pub(super) start: Start,
    pub(super) end: Option<(u64, End)>,
    /// From this byte on, so many bytes a second.
    pub(super) pace: Option<(u64, u64)>,
    /// Offsets in the content.
    pub(super) flipped: Vec<u64>,
    /// Bytes of useless headers.
    pub(super) flood: u64,
    pub(super) keeps_alive: bool,
}

/// How the length of an answer is told: exactly, or differing by so much, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Sized(i64),
    Chunked,
    UntilClose,
}

/// What happens instead of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Answer,
    Reset,
    Close,
    Silence,
    Garbage,
}

/// How an answer breaks off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Reset,
    Close,
    Silence,
}

impl Answer {
    /// Decides the answer to a request, on a connection that carried `carried` bytes of bodies before.
    pub(super) fn new(
        request: &Request,
        resource: Option<Resource<'_>>,
        content: &Content,
        faults: &[Fault],
        carried: u64,
    ) -> Self {
        let denied = content.wire.login.as_deref().is_some_and(|login| request.header("authorization") != Some(login));
        let mut answer = match resource {
            _ if denied => {
                let mut answer = Self::text(401, "log in");
                answer.headers.push(("WWW-Authenticate", "Basic realm=\"index\"".to_owned()));
                answer
            }
            None => Self::text(404, "there is no such thing"),
            Some(Resource::Root) => Self::page(request, content, None),
            Some(Resource::Page(project)) => Self::page(request, content, Some(project)),
            Some(Resource::File(file)) => Self::ranged(request, file.body.clone(), file.sha256, faults),
            Some(Resource::Metadata(file)) => {
                let bytes = file.metadata.clone().unwrap_or_default();
                let id = ContentId::of(&bytes);
                Self::ranged(request, bytes.into(), id, faults)
            }
        };
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            answer = Self::text(405, "only GET and HEAD");
        }
        for fault in faults {
            answer.bend(fault, request, carried);
        }
        answer.has_body &= request.method != "HEAD";
        answer
    }

    fn whole(status: u16, kind: &str, body: Body) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", kind.to_owned())],
            length: body.length(),
            body,
            from: 0,
            framing: Framing::Sized(0),
            has_body: true,
            wait: Duration::ZERO,
            start: Start::Answer,
            end: None,
            pace: None,
            flipped: Vec::new(),
            flood: 0,
            keeps_alive: true,
        }
    }

    fn text(status: u16, text: &'static str) -> Self {
        Self::whole(status, "text/plain", text.into())
    }

    fn not_modified(tag: String) -> Self {
        let mut answer = Self::text(304, "");
        answer.headers = vec![("ETag", tag)];
        answer.has_body = false;
        answer
    }

    fn page(request: &Request, content: &Content, project: Option<&str>) -> Self {
        let accept = request.header("accept").unwrap_or_default();
        let as_json = content.wire.json && accept.contains(page::JSON);
        let text = match project {
            None => page::root(content, as_json),
            Some(project) if as_json => page::project_json(content, project),
            Some(project) => page::project_html(content, project),
        };
        let tag = format!("\"{}\"", &ContentId::of(text.as_bytes()).to_string()[..16]);
        if request.header("if-none-match") == Some(&tag) {
            return Self::not_modified(tag);
        }
        let kind = if as_json {
            page::JSON
        } else if accept.contains(page::HTML) {
            page::HTML
        } else {
            "text/html"
        };
        let packed =
            content.wire.gzip && request.header("accept-encoding").is_some_and(|codings| codings.contains("gzip"));
        let bytes = if packed { archive::gzip(text.as_bytes()) } else { Bytes::from(text) };
        let mut answer = Self::whole(200, kind, bytes.into());
        if packed {
            answer.headers.push(("Content-Encoding", "gzip".to_owned()));
        }
        answer.headers.push(("ETag", tag));
        answer.headers.push(("Vary", "Accept, Accept-Encoding".to_owned()));
        answer.headers.push(("Cache-Control", format!("max-age={}", content.wire.max_age)));
        if let Some(serial) = content.wire.serial {
            answer.headers.push(("X-PyPI-Last-Serial", serial.to_string()));
        }
        answer
    }

    /// A file or a part of it.
    fn ranged(request: &Request, body: Body, id: ContentId, faults: &[Fault]) -> Self {
        let total = body.length();
        let tag = format!("\"{}\"", &id.to_string()[..32]);
        if request.header("if-none-match") == Some(&tag) {
            return Self::not_modified(tag);
        }
        let offers_ranges = !faults.contains(&Fault::NoRanges);
        let mut answer = Self::whole(200, "application/octet-stream", body);
        answer.headers.push(("ETag", tag.clone()));
        answer.headers.push(("Cache-Control", "max-age=31536000, immutable".to_owned()));
        if !offers_ranges {
            return answer;
        }
        answer.headers.push(("Accept-Ranges", "bytes".to_owned()));
        match request.range(total, &tag) {
            Ok(None) => {}
            Ok(Some((first, last))) => answer.narrow(first, last, total, faults),
            Err(OutOfRange) => {
                answer = Self::text(416, "there is no such range");
                answer.headers.push(("Content-Range", format!("bytes */{total}")));
            }
        }
        answer
    }

    /// Makes it a part, rightly or as the faults have it.
    fn narrow(&mut self, first: u64, last: u64, total: u64, faults: &[Fault]) {
        self.status = 206;
        self.from = first;
        self.length = last + 1 - first;
        let (mut told_first, mut told_total) = (first, total);
        for fault in faults {
            match *fault {
                Fault::WrongStart(by) => self.from = first.saturating_add_signed(by).min(total - self.length),
                Fault::OtherStart(by) => {
                    told_first = first.saturating_add_signed(by).min(last);
                    self.from = told_first;
                    self.length = last + 1 - told_first;
                }
                Fault::WrongTotal(by) => told_total = total.saturating_add_signed(by),
                Fault::PartialAsWhole => {
                    self.status = 200;
                    return;
                }
                _ => {}
            }
        }
        self.headers.push(("Content-Range", format!("bytes {told_first}-{last}/{told_total}")));
    }

    fn replace(&mut self, status: u16, kind: &str, body: Body) {
        let old = std::mem::replace(self, Self::whole(status, kind, body));
        (self.wait, self.pace, self.keeps_alive, self.flood) = (old.wait, old.pace, old.keeps_alive, old.flood);
    }

    /// What a fault makes of it.
    fn bend(&mut self, fault: &Fault, request: &Request, carried: u64) {
        match fault {
            Fault::ResetBefore => self.start = Start::Reset,
            Fault::CloseBefore => self.start = Start::Close,
            Fault::SilenceBefore => self.start = Start::Silence,
            Fault::Garbage => self.start = Start::Garbage,
            Fault::ResetWithin(after) => self.end_at(*after, End::Reset),
            Fault::ConnectionCut(after) => self.end_at(after.saturating_sub(carried), End::Reset),
            Fault::SilenceWithin(after) => self.end_at(*after, End::Silence),
            Fault::Truncated(after) => self.end_at(*after, End::Close),
            Fault::TruncatedUnsized(after) => {
                self.framing = Framing::UntilClose;
                self.end_at(*after, End::Close);
            }
            Fault::TruncatedChunked(after) => {
                self.framing = Framing::Chunked;
                self.end_at(*after, End::Close);
            }
            Fault::Shortened(to) => self.length = self.length.min(*to),
            Fault::Trickle { after, rate } => self.pace = Some((*after, (*rate).max(1))),
            Fault::Latency(by) => self.wait += *by,
            Fault::Status(status) => self.replace(*status, "text/plain", "out of order".into()),
            Fault::Busy(status, retry_after) => {
                self.replace(*status, "text/plain", "too busy".into());
                let value = match retry_after {
                    RetryAfter::Missing => return,
                    RetryAfter::Seconds(seconds) => seconds.to_string(),
                    RetryAfter::Date(ahead) => http_date(*ahead),
                    RetryAfter::Text(text) => (*text).to_owned(),
                };
                self.headers.push(("Retry-After", value));
            }
            Fault::Flipped(at) => self.flipped.push(*at),
            Fault::WrongLength(by) => self.framing = Framing::Sized(*by),
            Fault::Unsized => self.framing = Framing::UntilClose,
            Fault::Chunked => self.framing = Framing::Chunked,
            Fault::NoKeepAlive => self.keeps_alive = false,
            Fault::WholeAsPartial(length) if self.status == 200 => {
                let total = self.body.length();
                self.status = 206;
                self.length = self.length.min(*length);
                self.headers.push(("Content-Range", format!("bytes 0-{}/{total}", self.length.saturating_sub(1))));
            }
            Fault::RedirectLoop => self.redirect(format!("{}?again", request.path)),
            Fault::RedirectTo(base) => self.redirect(format!("{base}{}", request.path)),
            Fault::HeaderFlood(bytes) => self.flood = *bytes,
            Fault::Instead(kind, bytes) => self.replace(200, kind, bytes.clone().into()),
            Fault::GzipBomb(unpacked) => {
                self.replace(200, page::HTML, gzip_bomb(*unpacked));
                self.headers.push(("Content-Encoding", "gzip".to_owned()));
            }
            Fault::Huge(bytes) => self.replace(200, page::HTML, Body::repeated(b" ", *bytes)),
            // What concerns ranges was done when the part was chosen.
            Fault::WholeAsPartial(_)
            | Fault::NoRanges
            | Fault::WrongStart(_)
            | Fault::OtherStart(_)
            | Fault::WrongTotal(_)
            | Fault::PartialAsWhole => {}
        }
    }

    /// The earliest end counts.
    fn end_at(&mut self, after: u64, end: End) {
        if self.end.is_none_or(|(earlier, _)| after < earlier) {
            self.end = Some((after, end));
        }
    }

    fn redirect(&mut self, location: String) {
        self.replace(302, "text/plain", "elsewhere".into());
        self.headers.push(("Location", location));
    }

    /// The status the other side sees; 0 where it sees none.
    pub(super) const fn told_status(&self) -> u16 {
        if matches!(self.start, Start::Answer) { self.status } else { 0 }
    }

    /// The head as it is sent.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            head.extend([*name, ": ", value, "\r\n"]);
        }
        match self.framing {
            _ if self.status == 304 => {}
            Framing::Sized(by) => {
                let length = self.length.saturating_add_signed(by).to_string();
                head.extend(["Content-Length: ", &length, "\r\n"]);
            }
            Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            Framing::UntilClose => head.push_str("Connection: close\r\n"),
        }
        let line = format!("X-Flood: {}\r\n", "f".repeat(1000));
        let lines = self.flood.div_ceil(line.len() as u64) as usize;
        head.push_str(&line.repeat(lines));
        head.push_str("\r\n");
        head.into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        302 => "Found",
        304 => "Not Modified",
        404 => "Not Found",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}

fn http_date(ahead: Duration) -> String {
    use crate::base::clock::{Clock as _, SystemClock};
    let then = SystemClock.now().checked_add(ahead).unwrap_or(jiff::Timestamp::MAX);
    then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
