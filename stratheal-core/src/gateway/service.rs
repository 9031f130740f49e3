//! What a request gets.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::body::{Body as _, Incoming};
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, StatusCode, Version};

use super::access::{AccessToken, Names};
use super::body::Body;
use super::files::{self, Aborted};
use super::fitting::Fitting;
use super::origin::SharedOrigin;
use super::pages;
use super::problem::{self, Answer};
use super::proxy::Proxy;
use super::rendered::Kept;
use super::route::{self, Route};
use super::status;
use super::tally::{Tally, add};

/// Everything that all connections share.
#[derive(Debug)]
pub(super) struct Service {
    pub origin: SharedOrigin,
    pub tally: Arc<Tally>,
    pub kept: Kept,
    pub aborted: Arc<Aborted>,
    pub token: AccessToken,
    pub names: Names,
    pub offline: bool,
    /// Whether pages are worth compressing: over loopback that costs more than it saves.
    pub compress: bool,
    /// Which wheels are shown; all of them by default.
    pub fitting: Option<Fitting>,
    pub proxy: Option<Proxy>,
    /// Held while the list of all projects is made.
    pub listing: tokio::sync::Mutex<()>,
}

impl Service {
    /// Answers one request. Never fails: what is wrong is an answer as well.
    pub(super) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer, Infallible> {
        add(&self.tally.requests, 1);
        let method = request.method().clone();
        let answer = if self.is_for_the_proxy(&request) {
            match &self.proxy {
                Some(proxy) => proxy.answer(&self, request).await,
                None => problem::plain(StatusCode::FORBIDDEN, "this gateway is no proxy: it serves its own pages only"),
            }
        } else {
            self.own(&request).await
        };
        Ok(self.finish(&method, answer))
    }

    /// Counts an answer, and takes the body away where only its head was asked for.
    pub(super) fn finish(&self, method: &Method, mut answer: Answer) -> Answer {
        if *method == Method::HEAD {
            if answer.status() != StatusCode::NOT_MODIFIED
                && !answer.headers().contains_key(CONTENT_LENGTH)
                && let Some(length) = answer.body().size_hint().exact()
            {
                answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
            *answer.body_mut() = Body::empty();
        }
        self.tally.answered(answer.status());
        add(&self.tally.bytes_sent, answer.body().size_hint().exact().unwrap_or(0));
        answer
    }

    /// CONNECT, and whatever names another server in its first line. A client that has this server as its proxy names this very
    /// server there, too, when it asks for its index.
    fn is_for_the_proxy(&self, request: &Request<Incoming>) -> bool {
        *request.method() == Method::CONNECT
            || request.uri().authority().is_some_and(|authority| !self.names.include(authority.as_str()))
    }

    async fn own(&self, request: &Request<Incoming>) -> Answer {
        let headers = request.headers();
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        // RFC 9112 section 3.2. HTTP/1.0 knows no Host, and no browser speaks it.
        let is_missing = host.is_none() && request.version() != Version::HTTP_10;
        if is_missing || hosts.next().is_some() {
            add(&self.tally.refused_requests, 1);
            return problem::plain(StatusCode::BAD_REQUEST, "a request has one Host header, which says whom it asks");
        }
        if host.is_some_and(|host| !self.names.include(host)) {
            add(&self.tally.refused_requests, 1);
            let detail = "this is not the host you asked for: use the URL the gateway gave out";
            return problem::plain(StatusCode::MISDIRECTED_REQUEST, detail);
        }
        let (secret, path) = route::split_secret(request.uri().path());
        if let Some(refusal) = self.refuse(secret, headers) {
            add(&self.tally.refused_requests, 1);
            return refusal;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = problem::plain(StatusCode::METHOD_NOT_ALLOWED, "the gateway only reads: GET and HEAD");
            answer.headers_mut().insert("allow", HeaderValue::from_static("GET, HEAD"));
            // Whatever body comes is not read.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            return answer;
        }
        match route::parse(path) {
            Route::Status if wants_json(headers) => status::json(&self.tally.report()),
            Route::Status => status::html(&self.tally.report(), &self.chain(), self.offline),
            Route::Metrics => status::metrics(&self.tally.report()),
            Route::Projects => pages::projects(self, headers).await,
            Route::Project(project) => pages::own(self, &project, headers).await,
            Route::File(path) => match files::find(self, &path).await {
                Ok(found) => files::file(self, &found, request.method(), headers).await,
                Err(error) => problem::of(&error),
            },
            Route::Metadata(path) => match files::find(self, &path).await {
                Ok(found) => files::metadata(self, &found, false).await,
                Err(error) => problem::of(&error),
            },
            Route::Moved(to) => {
                let begin = secret.map_or_else(String::new, |secret| format!("/{}/{secret}", route::SECRET));
                moved(&format!("{begin}/{to}"))
            }
            Route::Nothing => problem::plain(StatusCode::NOT_FOUND, "nothing is served here: the index is at /simple/"),
        }
    }

    /// Why a request is not answered, if it is not.
    fn refuse(&self, secret: Option<&str>, headers: &HeaderMap) -> Option<Answer> {
        if let Some(secret) = secret {
            let wrong = || problem::plain(StatusCode::NOT_FOUND, "the secret in this path is not the gateway's");
            return (!self.token.is(secret.as_bytes())).then(wrong);
        }
        let given = headers.get(AUTHORIZATION);
        if given.is_some_and(|given| self.token.is_in(given.as_bytes())) {
            return None;
        }
        let detail = match given {
            Some(_) => "these credentials are not the gateway's: use the URL it gave out in this run",
            None => "the gateway's secret is missing: use the URL it gave out, with its user-info",
        };
        let mut answer = problem::plain(StatusCode::UNAUTHORIZED, detail);
        answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"stratheal gateway\""));
        Some(answer)
    }

    /// The sources with their members, safe to show.
    fn chain(&self) -> Vec<(String, Vec<String>)> {
        let shown = |url: &url::Url| crate::base::redact::safe_url(url.as_str());
        let sources = self.origin.chain().sources.iter();
        sources
            .map(|source| (source.name.clone(), source.members.iter().map(|member| shown(&member.url)).collect()))
            .collect()
    }
}

/// A permanent redirect.
pub(super) fn moved(to: &str) -> Answer {
    let mut answer = Answer::new(Body::empty());
    *answer.status_mut() = StatusCode::MOVED_PERMANENTLY;
    answer.headers_mut().insert(LOCATION, files::header(to));
    answer
}

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get("accept").and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    accept.contains("json") && !accept.contains("text/html")
}
