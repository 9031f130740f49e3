//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use serde::Deserialize;

use super::host;
use crate::engine::EngineHandle;
use crate::format::{Exposition, check_health_json, health_json, metrics};
use crate::model::view::{CheckView, Snapshot};
use crate::model::{Probe, Status};

/// What the endpoints show, and to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether `/health` shows what checks say and measured.
    pub details: bool,
    /// Names beside IP literals and `localhost` that a request may be addressed to.
    pub hosts: Vec<String>,
}

struct Shared {
    engine: EngineHandle,
    options: Options,
}

/// The routes, to be served or nested.
///
/// ```
/// # use stratheal_core::engine::Engine;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use stratheal_core::endpoints::{Options, router};
/// let engine = Engine::builder().build()?.start()?;
/// let application: axum::Router = axum::Router::new().nest("/monitor", router(engine, Options::default()));
/// # Ok(()) }
/// ```
pub fn router(engine: EngineHandle, options: Options) -> Router {
    let shared = Arc::new(Shared { engine, options });
    Router::new()
        .route("/livez", get(async |State(shared): State<Arc<Shared>>| probe(&shared, Probe::Liveness)))
        .route("/readyz", get(async |State(shared): State<Arc<Shared>>| probe(&shared, Probe::Readiness)))
        .route("/startupz", get(async |State(shared): State<Arc<Shared>>| probe(&shared, Probe::Startup)))
        .route("/", get(async || INDEX))
        .route("/health", get(health))
        .route("/health/{*id}", get(check_health))
        .route("/metrics", get(scrape))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

const INDEX: &str = "/health\n/health/ID\n/livez\n/readyz\n/startupz\n/metrics\n";

async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok()).or(request.uri().host());
    if named.is_some_and(|name| host::allowed(name, &shared.options.hosts)) {
        return next.run(request).await;
    }
    let text = "this host name is not served here: add it to `hosts` under `[endpoints]`\n";
    (StatusCode::FORBIDDEN, text).into_response()
}

fn probe(shared: &Shared, probe: Probe) -> Response {
    let passes = shared.engine.snapshot().probe(probe);
    let (status, text) = if passes { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "failing\n") };
    (status, [(CACHE_CONTROL, "no-store")], text).into_response()
}

#[derive(Deserialize)]
struct Narrow {
    tag: Option<String>,
}

impl Narrow {
    fn apply(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        match &self.tag {
            None => snapshot,
            Some(tag) => Arc::new(snapshot.filter(|view| view.spec.tags.contains(tag))),
        }
    }
}

async fn health(State(shared): State<Arc<Shared>>, Query(narrow): Query<Narrow>) -> Response {
    let snapshot = narrow.apply(shared.engine.snapshot());
    let fresh = fresh_for(snapshot.at, snapshot.checks.iter().map(AsRef::as_ref));
    answer(snapshot.status, fresh, &health_json(&snapshot, shared.options.details))
}

async fn check_health(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Response {
    let Some(view) = shared.engine.check(&id) else {
        return (StatusCode::NOT_FOUND, "there is no such check\n").into_response();
    };
    let fresh = fresh_for(shared.engine.snapshot().at, [view.as_ref()]);
    answer(view.impact(), fresh, &check_health_json(&view, shared.options.details))
}

/// For how many seconds nothing new is expected: until the next check runs.
fn fresh_for<'a>(now: Timestamp, views: impl IntoIterator<Item = &'a CheckView>) -> i64 {
    let next = views.into_iter().filter_map(|view| view.next).min();
    next.map_or(0, |next| next.duration_since(now).as_secs().max(0))
}

fn answer(status: Status, fresh: i64, document: &serde_json::Value) -> Response {
    // The draft wants 2xx or 3xx for `warn`, which Unknown is written as.
    let code = if status == Status::Critical { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let headers = [(CONTENT_TYPE, "application/health+json".to_owned()), (CACHE_CONTROL, format!("max-age={fresh}"))];
    (code, headers, document.to_string()).into_response()
}

async fn scrape(State(shared): State<Arc<Shared>>, Query(narrow): Query<Narrow>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = Exposition::from_accept(accept);
    let snapshot = narrow.apply(shared.engine.snapshot());
    let text = metrics(&snapshot, Some(&shared.engine.vitals()), format);
    ([(CONTENT_TYPE, format.content_type()), (CACHE_CONTROL, "no-store")], text).into_response()
}
