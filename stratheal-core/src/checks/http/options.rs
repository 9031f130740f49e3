//! What an `http` check asks for, and its validation.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Uri};
use regex::Regex;
use url::{Position, Url};

use super::StatusSet;
use crate::base::redact::{Secret, safe_url};
use crate::checks::InvalidOption;
use crate::net::{Target, Tls, TlsOptions};

/// The most redirects that can be asked for.
const MAX_REDIRECTS: usize = 20;
/// The largest body that can be asked for, in bytes.
const MAX_BODY: usize = 64 << 20;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("stratheal/", env!("CARGO_PKG_VERSION")));

/// Credentials of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpAuth {
    /// `Authorization: Basic`, RFC 7617.
    Basic {
        /// The user, without a colon.
        user: String,
        /// The password.
        password: Secret<String>,
    },
    /// `Authorization: Bearer`, RFC 6750.
    Bearer(Secret<String>),
}

/// What an `http` check asks for. The fields are named like the keys in the configuration.
///
/// ```
/// use stratheal_core::checks::http::{HttpMeasure, HttpOptions};
/// let options = HttpOptions { body_contains: Some("ready".into()), ..HttpOptions::new("http://127.0.0.1:8080/healthz") };
/// assert!(HttpMeasure::new(options).is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// `http` or `https`, without credentials.
    pub url: String,
    /// Default `GET`.
    pub method: String,
    /// Further headers. Those of a secret are not sent to another host after a redirect.
    pub headers: Vec<(String, Secret<String>)>,
    /// The body of the request.
    pub body: Option<Secret<String>>,
    /// Which statuses are as expected. Default 200 to 399.
    pub status: StatusSet,
    /// Whether redirects are followed. Default yes.
    pub follow_redirects: bool,
    /// How many redirects at most, up to 20. Default 5.
    pub max_redirects: usize,
    /// Credentials.
    pub auth: Option<HttpAuth>,
    /// Whom to trust.
    pub tls: TlsOptions,
    /// A text the body must contain.
    pub body_contains: Option<String>,
    /// A pattern that must match somewhere in the body.
    pub body_regex: Option<String>,
    /// How much of the body is read at most, in bytes, up to 64 MiB. Default 1 MiB.
    pub max_body: usize,
    /// A Unix socket to connect to instead of the URL's host.
    pub unix: Option<PathBuf>,
}

impl HttpOptions {
    /// The defaults for a URL.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: None,
            status: StatusSet::default(),
            follow_redirects: true,
            max_redirects: 5,
            auth: None,
            tls: TlsOptions::default(),
            body_contains: None,
            body_regex: None,
            max_body: 1 << 20,
            unix: None,
        }
    }
}

/// The options, validated and prepared, so that a run has little left to do.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) url: Url,
    pub(super) uri: Uri,
    pub(super) target: Target,
    pub(super) safe_url: String,
    pub(super) method: Method,
    /// As they are sent to the URL's own host.
    pub(super) headers: HeaderMap,
    pub(super) body: hyper::body::Bytes,
    pub(super) status: StatusSet,
    pub(super) max_redirects: usize,
    pub(super) tls: Tls,
    pub(super) body_contains: Option<String>,
    pub(super) body_regex: Option<Regex>,
    pub(super) max_body: usize,
    pub(super) unix: Option<PathBuf>,
}

impl Prepared {
    pub(super) fn new(options: HttpOptions) -> Result<Self, InvalidOption> {
        let url = check_url(&options.url)?;
        let method = Method::from_bytes(options.method.to_ascii_uppercase().as_bytes())
            .ok()
            .filter(|method| *method != Method::CONNECT)
            .ok_or_else(|| InvalidOption::new("method", "is no HTTP method: write for example GET, HEAD or POST"))?;
        if options.max_redirects > MAX_REDIRECTS {
            return Err(InvalidOption::new("max_redirects", format!("is more than {MAX_REDIRECTS}")));
        }
        if options.max_body > MAX_BODY {
            return Err(InvalidOption::new("max_body", format!("is more than {} MiB", MAX_BODY >> 20)));
        }
        if cfg!(not(unix)) && options.unix.is_some() {
            return Err(InvalidOption::new("unix", "needs Unix sockets, which this system does not have"));
        }
        if options.unix.is_some() && url.scheme() != "http" {
            return Err(InvalidOption::new("unix", "works with http:// only"));
        }
        let body_regex = match &options.body_regex {
            Some(pattern) => Some(pattern_option("body_regex", pattern)?),
            None => None,
        };
        let tls = Tls::new(options.tls.clone(), &["http/1.1"])
            .map_err(|error| InvalidOption::new("tls", error.to_string()))?;
        let headers = headers(&options, &url)?;
        Ok(Self {
            uri: uri_of(&url).ok_or_else(|| InvalidOption::new("url", "has a path that cannot be sent"))?,
            target: target_of(&url).ok_or_else(|| InvalidOption::new("url", "has no host"))?,
            safe_url: safe_url(url.as_str()),
            url,
            method,
            headers,
            body: options.body.map(|body| body.expose().clone().into()).unwrap_or_default(),
            status: options.status,
            max_redirects: if options.follow_redirects { options.max_redirects } else { 0 },
            tls,
            body_contains: options.body_contains,
            body_regex,
            max_body: options.max_body,
            unix: options.unix,
        })
    }
}

/// Compiles a pattern within a limit of memory.
pub(in crate::checks) fn pattern_option(option: &'static str, pattern: &str) -> Result<Regex, InvalidOption> {
    regex::RegexBuilder::new(pattern).size_limit(1 << 20).build().map_err(|error| {
        let said = error.to_string();
        let reason = said.lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
        InvalidOption::new(option, format!("is no valid pattern: {reason}"))
    })
}

fn check_url(text: &str) -> Result<Url, InvalidOption> {
    let invalid = |problem: String| InvalidOption::new("url", problem);
    let mut url = Url::parse(text).map_err(|error| {
        invalid(format!("`{}` is no URL: {error}; write for example http://127.0.0.1:8080/healthz", safe_url(text)))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid(format!("has the scheme `{}`: it must be http or https", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("contains credentials: set them as auth, where they can refer to a secret".to_owned()));
    }
    url.set_fragment(None);
    Ok(url)
}

/// The request target: path and query.
pub(super) fn uri_of(url: &Url) -> Option<Uri> {
    url[Position::BeforePath..Position::AfterQuery].parse().ok()
}

pub(super) fn target_of(url: &Url) -> Option<Target> {
    Some(Target::new(url.host_str()?, url.port_or_known_default()?))
}

/// The `Host` header: without the port where it is the scheme's own, RFC 9110, 7.2.
fn host_header(url: &Url) -> Option<HeaderValue> {
    HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]).ok()
}

fn headers(options: &HttpOptions, url: &Url) -> Result<HeaderMap, InvalidOption> {
    let invalid = |problem: String| InvalidOption::new("headers", problem);
    let mut headers = base_headers(url, options.headers.len() + 5)
        .ok_or_else(|| InvalidOption::new("url", "has a host that cannot be sent"))?;
    let mut given = HeaderMap::new();
    for (name, value) in &options.headers {
        let shown: String = name.chars().take(64).collect();
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| invalid(format!("has `{shown}`, which is no header name")))?;
        if matches!(name, header::CONTENT_LENGTH | header::TRANSFER_ENCODING | header::CONNECTION | header::UPGRADE) {
            return Err(invalid(format!("has `{shown}`, which is set by the connection itself")));
        }
        let mut value = HeaderValue::from_str(value.expose())
            .map_err(|_| invalid(format!("has a value for `{shown}` with characters that cannot be sent")))?;
        value.set_sensitive(true);
        given.append(name, value);
    }
    if let Some(auth) = &options.auth {
        if given.contains_key(header::AUTHORIZATION) {
            return Err(InvalidOption::new("auth", "is set twice: there is an Authorization among the headers too"));
        }
        given.insert(header::AUTHORIZATION, authorization(auth)?);
    }
    for name in given.keys() {
        headers.remove(name);
    }
    headers.extend(given);
    Ok(headers)
}

fn authorization(auth: &HttpAuth) -> Result<HeaderValue, InvalidOption> {
    let text = match auth {
        HttpAuth::Basic { user, .. } if user.contains(':') => {
            return Err(InvalidOption::new("auth", "has a user name with a colon, which Basic cannot carry"));
        }
        HttpAuth::Basic { user, password } => {
            format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose())))
        }
        HttpAuth::Bearer(token) => format!("Bearer {}", token.expose().trim()),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| InvalidOption::new("auth", "has a token with characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What every request carries. There is one request for each connection; asking the server to close it first leaves no
/// socket waiting on this side.
fn base_headers(url: &Url, capacity: usize) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(capacity);
    headers.insert(header::HOST, host_header(url)?);
    headers.insert(header::USER_AGENT, USER_AGENT);
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Some(headers)
}

/// The headers for another host: nothing that was meant for the first one only.
pub(super) fn for_other_origin(url: &Url) -> Option<HeaderMap> {
    base_headers(url, 4)
}
