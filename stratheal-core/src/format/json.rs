//! The full state as JSON, with a version.

use serde::Serialize;

use crate::model::view::Snapshot;

/// The version of the layout. Fields may be added within a version; a change of meaning makes a new one.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    #[serde(flatten)]
    snapshot: &'a Snapshot,
}

/// The state of all checks as JSON, indented.
#[must_use]
pub fn json(snapshot: &Snapshot) -> String {
    // Every part of a snapshot has string keys and finite sizes; numbers that are not finite become null.
    serde_json::to_string_pretty(&Document { version: VERSION, snapshot }).unwrap_or_else(|error| {
        tracing::error!(%error, "cannot write a snapshot as JSON");
        "{}".to_owned()
    })
}
