//! An axum application that watches itself and shows its health beside its own pages.
//!
//! ```console
//! $ cargo run -p stratheal-examples --bin embed_in_axum -- 127.0.0.1:8080
//! $ curl http://127.0.0.1:8080/monitor/health
//! ```
#![expect(clippy::print_stdout, reason = "an example says where to look")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use stratheal_core::contract::FnCheck;
use stratheal_core::endpoints::{Options, router};
use stratheal_core::engine::{Engine, Registration};
use stratheal_core::model::{CheckId, CheckSpec, Metric, Probe, Report, Unit};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let served = Arc::new(AtomicU64::new(0));

    // The application's own knowledge of itself is the best check there is.
    let counter = served.clone();
    let pages = FnCheck::new(CheckId::new("pages")?, move || {
        let count = counter.load(Ordering::Relaxed);
        let metric = Metric::new("served", count as f64, Unit::Number);
        async move { Ok(Report::healthy(format!("{count} pages served")).metric(metric)) }
    });
    let mut spec = CheckSpec::every(Duration::from_secs(1));
    spec.probes = vec![Probe::Startup, Probe::Readiness];

    // The engine has threads of its own: a busy application does not hold it up, nor the other way round.
    let engine = Engine::builder().register(Registration::new(pages, spec)).build()?.start()?;

    let application = Router::new()
        .route(
            "/",
            get(async move || {
                served.fetch_add(1, Ordering::Relaxed);
                "hello\n"
            }),
        )
        // /monitor/livez, /monitor/readyz, /monitor/health, /monitor/metrics ...: no request ever runs a check.
        .nest("/monitor", router(engine.clone(), Options { details: true, ..Options::default() }));

    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/monitor/health", listener.local_addr()?);
    axum::serve(listener, application).with_graceful_shutdown(interrupted()).await?;
    engine.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

/// Completes at Ctrl-C, or never where signals cannot be had.
async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
