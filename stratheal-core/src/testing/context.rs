//! Contexts for running a check by hand.

use std::time::Duration;

use tokio::time::Instant;

use crate::base::blocking::BlockingPool;
use crate::contract::CheckContext;

/// A context as the engine makes it, for one run that may take this long.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use std::time::Duration;
/// use stratheal_core::testing::context;
/// assert!(context(Duration::from_secs(1)).remaining() <= Duration::from_secs(1));
/// # }
/// ```
#[must_use]
pub fn context(timeout: Duration) -> CheckContext {
    CheckContext::new(Instant::now() + timeout, None, false, BlockingPool::new(4))
}
