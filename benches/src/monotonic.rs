//! The monotonic clock as a number that processes of one machine can exchange.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment that is the same for all processes until the next boot.
#[must_use]
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}
