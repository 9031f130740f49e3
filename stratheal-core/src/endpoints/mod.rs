//! The HTTP endpoints: an axum router that a host application nests, and a small server for `stratheal up`.
//!
//! Everything is answered from the engine's cells. No request runs a check or waits for one, so a flood of probes costs no more
//! than the sockets.
//!
//! | path | answers |
//! |---|---|
//! | `/livez`, `/readyz`, `/startupz` | 200 or 503, as the probes of that kind say |
//! | `/health`, `/health/{id}` | `application/health+json`; 503 when Critical |
//! | `/metrics` | Prometheus text 0.0.4, or OpenMetrics by `Accept` |
//!
//! `?tag=NAME` narrows `/health` and `/metrics` to checks with that tag. What checks say, measured and suggest is shown on
//! `/health` only when [`Options::details`] is set: such texts tend to name hosts and paths. `/metrics` holds ids and numbers.

mod answer;
mod host;
mod router;
mod server;

pub use answer::{Answer, Question, answer};
pub use router::{Options, router};
pub use server::serve;
