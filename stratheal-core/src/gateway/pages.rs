//! Pages: which form, which URLs in them, and whether the client has them already.

use std::borrow::Cow;
use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};

use super::body::Body;
use super::files::{header, matches_tag};
use super::fitting::Fitting;
use super::problem::{self, Answer};
use super::rendered::{Form, Rendered};
use super::route;
use super::service::Service;
use super::tally::add;
use crate::fetch::{FetchError, Freshness, Page};
use crate::index::{IndexFile, MetadataRule, PageFormat, ProjectName};
use crate::objects::ContentId;

/// Pages with more files than this are rendered on a thread of their own.
const MANY_FILES: usize = 200;
/// Smaller pages are not worth compressing, in bytes.
const WORTH_COMPRESSING: usize = 4 * 1024;

/// The page of a project with the gateway's own URLs.
pub(super) async fn own(service: &Service, project: &ProjectName, headers: &HeaderMap) -> Answer {
    match get(service, project).await {
        Ok(page) => send(service, page, headers, false).await,
        Err(error) => problem::of(&error),
    }
}

/// A page as the fetcher has it, counted and remembered.
pub(super) async fn get(service: &Service, project: &ProjectName) -> Result<Page, FetchError> {
    add(&service.tally.pages, 1);
    let page = service.origin.page(project).await?;
    if matches!(page.freshness, Freshness::Stale { .. }) {
        service.tally.stale(project.as_str());
    }
    service.tally.refused(&page.refused);
    service.kept.remember(&page);
    Ok(page)
}

/// Sends a page. `canonical`: with the URLs of the index, and saying nothing the index did not say.
pub(super) async fn send(service: &Service, page: Page, headers: &HeaderMap, canonical: bool) -> Answer {
    let Some(format) = format(headers) else { return not_acceptable() };
    let gzip = service.compress && accepts_gzip(headers);
    let form = Form { format, gzip, canonical };
    let rendered = match rendered(service, page, form).await {
        Ok(rendered) => rendered,
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            return problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "this page cannot be written");
        }
    };
    let mut answer = Answer::new(Body::empty());
    let fields = answer.headers_mut();
    // pip trusts what a page says about its age, and uv guesses when it says nothing.
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=0, must-revalidate"));
    fields.insert(ETAG, header(&rendered.tag));
    fields.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if matches_tag(headers, &rendered.tag) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return answer;
    }
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    if rendered.compressed {
        fields.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *answer.body_mut() = rendered.bytes.into();
    answer
}

/// The page in this form, as it was rendered before if it was.
async fn rendered(service: &Service, page: Page, form: Form) -> io::Result<Rendered> {
    if let Some(rendered) = service.kept.get(&page, form) {
        add(&service.tally.pages_from_memory, 1);
        return Ok(rendered);
    }
    let fitting = service.fitting.clone().filter(|_| !form.canonical);
    let made = if page.page.files.len() > MANY_FILES || form.gzip {
        let page = page.clone();
        tokio::task::spawn_blocking(move || render(&page, form, fitting.as_ref())).await.map_err(io::Error::other)??
    } else {
        render(&page, form, fitting.as_ref())?
    };
    service.kept.put(page, form, made.clone());
    Ok(made)
}

fn render(page: &Page, form: Form, fitting: Option<&Fitting>) -> io::Result<Rendered> {
    let shown = fitting.map_or_else(|| Cow::Borrowed(&*page.page), |fitting| Cow::Owned(fitting.of(&page.page)));
    let rule = if form.canonical { MetadataRule::AsGiven } else { MetadataRule::EveryWheel };
    let url = |file: &IndexFile| {
        if form.canonical {
            file.url.as_str().to_owned()
        } else {
            // Relative, so that neither host nor port nor secret stands in a page.
            format!("../../{}", route::file_path(&page.source, &page.page.name, &file.name))
        }
    };
    let plain = match form.format {
        PageFormat::Json => shown.to_json(rule, url).map_err(io::Error::other)?,
        PageFormat::Html | PageFormat::PlainHtml => shown.to_html(rule, url).into_bytes(),
    };
    let compressed = form.gzip && plain.len() >= WORTH_COMPRESSING;
    let bytes = if compressed {
        let mut packed = GzEncoder::new(Vec::with_capacity(plain.len() / 5), Compression::fast());
        packed.write_all(&plain)?;
        packed.finish()?
    } else {
        plain
    };
    let tag = format!("\"{}\"", &ContentId::of(&bytes).to_string()[..32]);
    Ok(Rendered { bytes: Bytes::from(bytes), tag: tag.into(), compressed })
}

/// All projects. The list of a large index is tens of megabytes, so it is made for one client at a time and not kept.
pub(super) async fn projects(service: &Service, headers: &HeaderMap) -> Answer {
    let Some(format) = format(headers) else { return not_acceptable() };
    let _one_at_a_time = service.listing.lock().await;
    let list = match service.origin.projects().await {
        Ok(list) => list,
        Err(error) => return problem::of(&error),
    };
    let made = tokio::task::spawn_blocking(move || match format {
        PageFormat::Json => list.json_pieces().collect::<String>(),
        PageFormat::Html | PageFormat::PlainHtml => list.html_pieces().collect(),
    });
    let text = match made.await {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "the list of projects cannot be written");
            return problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "the list of projects cannot be written");
        }
    };
    let mut answer = Answer::new(text.into());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
    answer
}

fn format(headers: &HeaderMap) -> Option<PageFormat> {
    let accept: Vec<_> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    super::accept::page_format(&accept.join(","))
}

fn not_acceptable() -> Answer {
    let detail = "pages are application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html or text/html";
    problem::plain(StatusCode::NOT_ACCEPTABLE, detail)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|part| {
        let (name, rest) = part.split_once(';').unwrap_or((part, ""));
        let refused = rest.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        name.trim().eq_ignore_ascii_case("gzip") && !refused
    })
}
