//! Wall time as an argument.
//!
//! Monotonic time is [`tokio::time::Instant`], which tests can pause. Wall time, which may jump, is asked from a
//! [`Clock`] and only for what people read: stamps in reports, history and maintenance windows.

use std::fmt::Debug;

use jiff::Timestamp;

use super::stamp::Stamp;

/// Answers what the wall clock shows.
///
/// ```
/// use stratheal_core::base::clock::{Clock, SystemClock};
/// assert!(SystemClock.now() > jiff::Timestamp::UNIX_EPOCH);
/// ```
pub trait Clock: Debug + Send + Sync + 'static {
    /// The current wall time. A later call may answer an earlier time: the wall clock can be set.
    fn now(&self) -> Timestamp;

    /// The moment now, as others can compare it with theirs. A clock that knows nothing but wall time says so.
    fn stamp(&self) -> Stamp {
        Stamp::of_wall(self.now())
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn stamp(&self) -> Stamp {
        Stamp::of_machine(self.now())
    }
}
