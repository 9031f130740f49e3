//! Where there is no way to delete without being led astray, nothing is deleted.

use std::io;

use jiff::Timestamp;
use tokio::time::Instant;

use super::Amount;
use super::found::Bounds;
use super::outcome::{Look, Outcome};
use super::rule::{FreeDiskRule, Swept};

fn unsupported() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "files are deleted by rules on Linux only")
}

pub(super) fn look(rule: &FreeDiskRule, _now: Timestamp, _bounds: Bounds, _until: Instant) -> io::Result<Look> {
    match &rule.what {
        Swept::Cache(cache) => Ok(Look { amount: cache.measure()?, is_whole: true, ..Look::default() }),
        _ => Err(unsupported()),
    }
}

pub(super) fn carry_out(
    rule: &FreeDiskRule,
    at_most: Amount,
    _now: Timestamp,
    _bounds: Bounds,
    _until: Instant,
) -> io::Result<Outcome> {
    match &rule.what {
        Swept::Cache(cache) => Ok(Outcome { removed: cache.prune(at_most)?, ..Outcome::default() }),
        _ => Err(unsupported()),
    }
}
