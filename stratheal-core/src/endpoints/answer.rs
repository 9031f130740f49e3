//! What is answered, apart from how it is sent: for the router here, and for web frameworks of other languages.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;

use super::host;
use super::router::Options;
use crate::engine::EngineHandle;
use crate::format::{Exposition, check_health_json, health_json, metrics};
use crate::model::view::{CheckView, Snapshot};
use crate::model::{Probe, Status};

/// What is asked for, by a GET or a HEAD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Question<'a> {
    /// The path below which everything is served has been taken away: `/health`.
    pub path: &'a str,
    /// Only checks with this tag.
    pub tag: Option<&'a str>,
    /// The header `Accept`.
    pub accept: &'a str,
    /// The header `Host`; requests without one are refused.
    pub host: Option<&'a str>,
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status: 200, 403, 404 or 503.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The header `Cache-Control`.
    pub cache_control: Cow<'static, str>,
    /// The body.
    pub body: Cow<'static, str>,
}

const PLAIN: &str = "text/plain; charset=utf-8";
const NO_STORE: &str = "no-store";
const INDEX: &str = "/health\n/health/ID\n/livez\n/readyz\n/startupz\n/metrics\n";

impl Answer {
    fn plain(status: u16, body: &'static str) -> Self {
        Self { status, content_type: PLAIN, cache_control: NO_STORE.into(), body: body.into() }
    }
}

/// Answers from the engine's cells. Runs no check and waits for nothing.
///
/// ```
/// use stratheal_core::endpoints::{Options, Question, answer};
/// use stratheal_core::engine::Engine;
/// let engine = Engine::builder().build()?.start()?;
/// let found = answer(&engine, &Options::default(), Question { path: "/livez", host: Some("localhost"), ..Question::default() });
/// assert_eq!((found.status, found.body.as_ref()), (200, "ok\n"));
/// # Ok::<(), stratheal_core::engine::EngineError>(())
/// ```
#[must_use]
pub fn answer(engine: &EngineHandle, options: &Options, question: Question<'_>) -> Answer {
    if let Some(refusal) = guard(options, question.host) {
        return refusal;
    }
    match question.path.trim_end_matches('/') {
        "" => index(),
        "/livez" => probe(engine, Probe::Liveness),
        "/readyz" => probe(engine, Probe::Readiness),
        "/startupz" => probe(engine, Probe::Startup),
        "/health" => health(engine, options, question.tag),
        "/metrics" => scrape(engine, question.tag, question.accept),
        path => match path.strip_prefix("/health/") {
            Some(id) => check_health(engine, options, id),
            None => Answer::plain(404, "there is no such page\n"),
        },
    }
}

/// Refuses a request that is addressed to a name which is not served, or to none.
pub(super) fn guard(options: &Options, host: Option<&str>) -> Option<Answer> {
    let refused = !host.is_some_and(|name| host::allowed(name, &options.hosts));
    let text = "this host name is not served here: add it to `hosts` under `[endpoints]`\n";
    refused.then(|| Answer::plain(403, text))
}

pub(super) fn index() -> Answer {
    Answer::plain(200, INDEX)
}

pub(super) fn probe(engine: &EngineHandle, probe: Probe) -> Answer {
    // A state that nobody renews passes no probe.
    let passes = engine.is_running() && engine.snapshot().probe(probe);
    if passes { Answer::plain(200, "ok\n") } else { Answer::plain(503, "failing\n") }
}

pub(super) fn health(engine: &EngineHandle, options: &Options, tag: Option<&str>) -> Answer {
    let snapshot = narrowed(engine, tag);
    let fresh = fresh_for(snapshot.at, snapshot.checks.iter().map(AsRef::as_ref));
    document(snapshot.status, fresh, &health_json(&snapshot, options.details))
}

pub(super) fn check_health(engine: &EngineHandle, options: &Options, id: &str) -> Answer {
    let Some(view) = engine.check(id) else { return Answer::plain(404, "there is no such check\n") };
    let fresh = fresh_for(engine.snapshot().at, [view.as_ref()]);
    document(view.impact(), fresh, &check_health_json(&view, options.details))
}

pub(super) fn scrape(engine: &EngineHandle, tag: Option<&str>, accept: &str) -> Answer {
    let format = Exposition::from_accept(accept);
    let text = metrics(&narrowed(engine, tag), Some(&engine.vitals()), format);
    Answer { status: 200, content_type: format.content_type(), cache_control: NO_STORE.into(), body: text.into() }
}

fn narrowed(engine: &EngineHandle, tag: Option<&str>) -> Arc<Snapshot> {
    let snapshot = engine.snapshot();
    match tag {
        None => snapshot,
        Some(tag) => Arc::new(snapshot.filter(|view| view.spec.tags.iter().any(|known| known == tag))),
    }
}

/// For how many seconds nothing new is expected: until the next check runs.
fn fresh_for<'a>(now: Timestamp, views: impl IntoIterator<Item = &'a CheckView>) -> i64 {
    let next = views.into_iter().filter_map(|view| view.next).min();
    next.map_or(0, |next| next.duration_since(now).as_secs().max(0))
}

fn document(status: Status, fresh: i64, document: &serde_json::Value) -> Answer {
    // The draft wants 2xx or 3xx for `warn`, which Unknown is written as.
    let status = if status == Status::Critical { 503 } else { 200 };
    let (content_type, cache_control) = ("application/health+json", format!("max-age={fresh}").into());
    Answer { status, content_type, cache_control, body: document.to_string().into() }
}
