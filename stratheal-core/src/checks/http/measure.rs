//! A run of an `http` check.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::Full;
use hyper::{HeaderMap, Method, Request, StatusCode, Uri, header};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::options::{HttpOptions, Prepared, for_other_origin, target_of, uri_of};
use crate::base::clock::{Clock, SystemClock};
use crate::base::redact::safe_url;
use crate::checks::{Conditions, InvalidOption, Measure, Measurement, finding};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::quantity::show_seconds;
use crate::model::report::cut;
use crate::model::{Metric, Report, Unit};
use crate::net::{Answer, NetError, Progress, Redirect, Stream, Target, exchange, redirect};

/// Sends a request over a new connection and looks at the answer.
///
/// Metrics: `latency` (all of it), `dns`, `connect`, `tls`, `first_byte`, `size`, and `certificate_days` over TLS. Facts:
/// `status`, `body` (parsed where it is JSON, else text), `headers.<name>`, `redirects` and `url`.
#[derive(Debug)]
pub struct HttpMeasure {
    prepared: Prepared,
    wanted: Wanted,
}

/// Which costly facts somebody asks for.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    body: bool,
    headers: bool,
}

impl HttpMeasure {
    /// Validates the options. Nothing is connected to and no file is read.
    ///
    /// # Errors
    /// [`InvalidOption`], which names the option.
    pub fn new(options: HttpOptions) -> Result<Self, InvalidOption> {
        Ok(Self { prepared: Prepared::new(options)?, wanted: Wanted { body: true, headers: true } })
    }

    /// The URL as it may be shown.
    #[must_use]
    pub fn safe_url(&self) -> &str {
        &self.prepared.safe_url
    }

    fn keeps_body(&self) -> bool {
        self.wanted.body || self.prepared.body_contains.is_some() || self.prepared.body_regex.is_some()
    }
}

#[async_trait]
impl Measure for HttpMeasure {
    fn kind(&self) -> CheckKind {
        CheckKind::Network
    }

    fn prepare(&mut self, conditions: &Conditions) {
        self.wanted = Wanted { body: conditions.name("body"), headers: conditions.name("headers") };
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        if self.prepared.url.scheme() == "https" {
            self.prepared.tls.prepare(cx).await?;
        }
        let started = Instant::now();
        let deadline = finding::own_deadline(cx);
        let mut progress = Progress::new(started);
        let outcome = timeout_at(deadline, self.request(cx, &mut progress)).await;
        let total = started.elapsed();
        match outcome {
            Ok(Ok(Outcome::Answer(arrived))) => Ok(self.judge(*arrived, &progress, total)),
            Ok(Ok(Outcome::Refused(report))) => {
                Ok(finding::with_times(report, &progress, None, SystemClock.now()).into())
            }
            Ok(Err(error)) => {
                let report = finding::failed(error, &progress, cx)?;
                Ok(finding::with_times(report, &progress, None, SystemClock.now()).into())
            }
            Err(_) => {
                let report = finding::timed_out(&progress, cx);
                Ok(finding::with_times(report, &progress, None, SystemClock.now()).into())
            }
        }
    }
}

/// The answer at the end of all redirects.
struct Arrived {
    answer: Answer,
    redirects: usize,
    /// Where it came from, if a redirect led there.
    url: Option<Url>,
}

enum Outcome {
    Answer(Box<Arrived>),
    /// A chain of redirects that leads nowhere.
    Refused(Report),
}

/// The request after a redirect.
struct Step {
    url: Url,
    uri: Uri,
    target: Target,
    method: Method,
    headers: HeaderMap,
    with_body: bool,
    same_origin: bool,
}

impl HttpMeasure {
    async fn request(&self, cx: &CheckContext, progress: &mut Progress) -> Result<Outcome, NetError> {
        let prepared = &self.prepared;
        let mut visited: Vec<(Method, Url)> = Vec::new();
        let mut step: Option<Step> = None;
        loop {
            let answer = self.exchange(step.as_ref(), cx, progress).await?;
            let (method, url) =
                step.as_ref().map_or((&prepared.method, &prepared.url), |step| (&step.method, &step.url));
            let next = if prepared.max_redirects == 0 {
                Redirect::None
            } else {
                redirect(url, method, answer.status, answer.headers.get(header::LOCATION))
            };
            let (url, method, with_body, same_origin) = match next {
                Redirect::None => {
                    let url = step.map(|step| step.url);
                    return Ok(Outcome::Answer(Box::new(Arrived { answer, redirects: visited.len(), url })));
                }
                Redirect::Impossible(why) => {
                    let summary = format!("the redirect from {} cannot be followed: {why}", safe_url(url.as_str()));
                    return Ok(Outcome::Refused(refused("bad-redirect", summary)));
                }
                Redirect::To { url: next, method: next_method, with_body, same_origin } => {
                    visited.push((method.clone(), url.clone()));
                    (*next, next_method, with_body, same_origin)
                }
            };
            if visited.iter().any(|(before, place)| *before == method && *place == url) {
                let summary = format!("the redirects go round in a circle, back to {}", safe_url(url.as_str()));
                return Ok(Outcome::Refused(refused("redirect-loop", summary)));
            }
            if visited.len() > prepared.max_redirects {
                let summary = format!(
                    "more than {} redirects, the last one to {}",
                    prepared.max_redirects,
                    safe_url(url.as_str())
                );
                return Ok(Outcome::Refused(refused("too-many-redirects", summary)));
            }
            step = Some(match self.next_step(step.as_ref(), url, method, with_body, same_origin) {
                Ok(step) => step,
                Err(report) => return Ok(Outcome::Refused(report)),
            });
        }
    }

    /// Prepares the request to the target of a redirect.
    fn next_step(
        &self,
        before: Option<&Step>,
        url: Url,
        method: Method,
        with_body: bool,
        same_origin: bool,
    ) -> Result<Step, Report> {
        let prepared = &self.prepared;
        if prepared.unix.is_some() && !same_origin {
            let summary = format!("the redirect to {} leads away from the socket", safe_url(url.as_str()));
            return Err(refused("bad-redirect", summary));
        }
        // Once the body is gone, it does not come back.
        let with_body = with_body && before.is_none_or(|step| step.with_body);
        if with_body && !same_origin && !prepared.body.is_empty() {
            let summary = format!("the redirect to {} would send the body to another host", safe_url(url.as_str()));
            return Err(refused("bad-redirect", summary));
        }
        let headers = if same_origin {
            Some(before.map_or(&prepared.headers, |step| &step.headers).clone())
        } else {
            for_other_origin(&url)
        };
        let (Some(uri), Some(target), Some(mut headers)) = (uri_of(&url), target_of(&url), headers) else {
            let summary = format!("the redirect to {} cannot be followed", safe_url(url.as_str()));
            return Err(refused("bad-redirect", summary));
        };
        if !with_body {
            headers.remove(header::CONTENT_TYPE);
        }
        let same_origin = same_origin && before.is_none_or(|step| step.same_origin);
        Ok(Step { url, uri, target, method, headers, with_body, same_origin })
    }

    /// One request; without a step, the first.
    async fn exchange(
        &self,
        step: Option<&Step>,
        cx: &CheckContext,
        progress: &mut Progress,
    ) -> Result<Answer, NetError> {
        let prepared = &self.prepared;
        let (url, target) = step.map_or((&prepared.url, &prepared.target), |step| (&step.url, &step.target));
        let stream = match &prepared.unix {
            #[cfg(unix)]
            Some(path) => Stream::connect_unix(path, progress).await?,
            _ => {
                let stream = Stream::connect(target, cx, progress).await?;
                if url.scheme() == "https" {
                    let own_host = step.is_none_or(|step| step.same_origin);
                    prepared.tls.handshake(stream, &target.host(), own_host, cx, progress).await?
                } else {
                    Stream::Plain(stream)
                }
            }
        };
        let with_body = step.is_none_or(|step| step.with_body);
        let body = if with_body { prepared.body.clone() } else { hyper::body::Bytes::new() };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = step.map_or(&prepared.method, |step| &step.method).clone();
        *request.uri_mut() = step.map_or(&prepared.uri, |step| &step.uri).clone();
        *request.headers_mut() = step.map_or(&prepared.headers, |step| &step.headers).clone();
        progress.received = 0;
        exchange(stream, request, prepared.max_body, self.keeps_body(), progress).await
    }

    /// Turns an answer into a measurement.
    fn judge(&self, arrived: Arrived, progress: &Progress, total: Duration) -> Measurement {
        let Arrived { answer, redirects, url } = arrived;
        let text = if self.keeps_body() { String::from_utf8_lossy(&answer.body) } else { Cow::Borrowed("") };
        let report = if self.prepared.status.contains(answer.status.as_u16()) {
            self.judge_body(&text, answer.truncated).unwrap_or_else(|| {
                Report::healthy(format!("{} in {}", show_status(answer.status), show_seconds(total.as_secs_f64())))
            })
        } else {
            self.unexpected_status(&answer)
        };
        let size = Metric::new("size", progress.received as f64, Unit::Bytes).min(0.0);
        let report = finding::with_times(report, progress, Some(total), SystemClock.now()).metric(size);

        let mut facts = Map::new();
        facts.insert("status".to_owned(), answer.status.as_u16().into());
        facts.insert("redirects".to_owned(), redirects.into());
        let url = url.map_or_else(|| self.prepared.safe_url.clone(), |url| safe_url(url.as_str()));
        facts.insert("url".to_owned(), url.into());
        if self.wanted.headers {
            facts.insert("headers".to_owned(), headers_fact(&answer.headers));
        }
        if self.wanted.body {
            let parsed = serde_json::from_slice(&answer.body).ok();
            facts.insert("body".to_owned(), parsed.unwrap_or_else(|| text.into_owned().into()));
        }
        Measurement { report, facts }
    }

    /// A body without what it must have, if it is so.
    fn judge_body(&self, text: &str, truncated: bool) -> Option<Report> {
        let prepared = &self.prepared;
        let missing = match (&prepared.body_contains, &prepared.body_regex) {
            (Some(wanted), _) if !text.contains(wanted) => format!("does not contain {:?}", cut(wanted, 64)),
            (_, Some(pattern)) if !pattern.is_match(text) => {
                format!("does not match the pattern {}", cut(pattern.as_str(), 64))
            }
            _ => return None,
        };
        let part = if truncated {
            format!("the first {} bytes of the body", prepared.max_body)
        } else {
            "the body".to_owned()
        };
        Some(refused("body-mismatch", format!("{part} {missing}")).hint("look at what the service answers instead"))
    }

    fn unexpected_status(&self, answer: &Answer) -> Report {
        let status = answer.status;
        let mut summary = format!("answered {}, expected {}", show_status(status), self.prepared.status);
        if matches!(status.as_u16(), 429 | 503)
            && let Some(wait) = answer.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok())
        {
            let (join, unit) = if wait.trim().parse::<u32>().is_ok() { ("in", " s") } else { ("after", "") };
            // Writing into a String cannot fail.
            let _ = write!(summary, "; it asks to come back {join} {}{unit}", cut(wait.trim(), 40));
        }
        Report::critical(summary).code("unexpected-status").hint(match status.as_u16() {
            401 | 403 | 407 => "check the credentials of this check",
            404 | 410 => "check the path of the url, and which version of the service runs",
            405 => "check the method of this check",
            429 => "ask less often, or let the service exempt this check",
            300..400 => "check the url, or let the check follow redirects",
            400..500 => "check what this check sends",
            _ => "look at the service's log",
        })
    }
}

fn refused(code: &'static str, summary: String) -> Report {
    let report = Report::critical(summary).code(code);
    if code == "body-mismatch" { report } else { report.hint("check where the service redirects to, and why") }
}

fn show_status(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

/// Header names are lower case already; several values of one name are joined as RFC 9110, 5.3, allows.
fn headers_fact(headers: &HeaderMap) -> Value {
    let mut facts = Map::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        match facts.get_mut(name.as_str()) {
            Some(Value::String(before)) => {
                before.push_str(", ");
                before.push_str(&value);
            }
            _ => {
                facts.insert(name.as_str().to_owned(), value.into_owned().into());
            }
        }
    }
    Value::Object(facts)
}
