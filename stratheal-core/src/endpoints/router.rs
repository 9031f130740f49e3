//! The routes.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::answer::{self, Answer};
use crate::engine::EngineHandle;
use crate::model::Probe;

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
        .route("/livez", get(async |State(shared): State<Arc<Shared>>| answer::probe(&shared.engine, Probe::Liveness)))
        .route(
            "/readyz",
            get(async |State(shared): State<Arc<Shared>>| answer::probe(&shared.engine, Probe::Readiness)),
        )
        .route(
            "/startupz",
            get(async |State(shared): State<Arc<Shared>>| answer::probe(&shared.engine, Probe::Startup)),
        )
        .route("/", get(async || answer::index()))
        .route("/health", get(health))
        .route("/health/{*id}", get(check_health))
        .route("/metrics", get(scrape))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let named = request.headers().get(HOST).and_then(|host| host.to_str().ok()).or(request.uri().host());
    match answer::guard(&shared.options, named) {
        None => next.run(request).await,
        Some(refusal) => refusal.into_response(),
    }
}

#[derive(Deserialize)]
struct Narrow {
    tag: Option<String>,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = [(CONTENT_TYPE, self.content_type.to_owned()), (CACHE_CONTROL, self.cache_control.into_owned())];
        (status, headers, self.body.into_owned()).into_response()
    }
}

async fn health(State(shared): State<Arc<Shared>>, Query(narrow): Query<Narrow>) -> Answer {
    answer::health(&shared.engine, &shared.options, narrow.tag.as_deref())
}

async fn check_health(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Answer {
    answer::check_health(&shared.engine, &shared.options, &id)
}

async fn scrape(State(shared): State<Arc<Shared>>, Query(narrow): Query<Narrow>, headers: HeaderMap) -> Answer {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    answer::scrape(&shared.engine, narrow.tag.as_deref(), accept)
}
