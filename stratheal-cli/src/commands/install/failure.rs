//! What an installer's errors exit with.

use stratheal_core::base::class::chain;
use stratheal_core::installer::InstallError;

use crate::failure::Failure;

/// The failure that fits an error.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
pub(crate) fn of(error: InstallError) -> Failure {
    Failure::caused(error.cause(), chain(&error))
}
