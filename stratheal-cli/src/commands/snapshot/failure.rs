//! What errors of snapshots exit with.

use stratheal_core::base::class::chain;
use stratheal_core::snapshot::SnapshotError;

use crate::failure::Failure;

/// The failure that fits an error.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(super) fn of(error: SnapshotError) -> Failure {
    Failure::caused(error.cause(), chain(&error))
}
