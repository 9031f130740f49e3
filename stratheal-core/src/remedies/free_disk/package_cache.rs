//! [`PackageCache`]: packages that nobody used for long.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::{Amount, Prunable};
use crate::base::clock::Clock;
use crate::objects::{Collected, GcPolicy, Store};

/// The cache of packages: what was not used for so long may go. What a snapshot needs stays. What goes has to be fetched again when an
/// environment is repaired or made anew.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use stratheal_core::base::clock::SystemClock;
/// use stratheal_core::remedies::free_disk::{FreeDiskRule, PackageCache};
/// let cache = PackageCache::new("/srv/app/cache", Duration::from_hours(30 * 24), Arc::new(SystemClock));
/// assert!(FreeDiskRule::cache("packages", Arc::new(cache)).check().is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct PackageCache {
    folder: PathBuf,
    unused_for: Duration,
    clock: Arc<dyn Clock>,
}

impl PackageCache {
    /// The cache in this folder, as `--cache-dir` names it.
    pub fn new(folder: impl Into<PathBuf>, unused_for: Duration, clock: Arc<dyn Clock>) -> Self {
        Self { folder: folder.into(), unused_for, clock }
    }

    /// `None` where nothing was ever kept: looking must not make the folder.
    fn store(&self) -> io::Result<Option<Store>> {
        let folder = self.folder.join("objects");
        if !folder.is_dir() {
            return Ok(None);
        }
        Store::open(&folder).map(Some).map_err(io::Error::other)
    }

    fn policy(&self) -> GcPolicy {
        // A span that no calendar has means never.
        GcPolicy { max_age: SignedDuration::try_from(self.unused_for).ok(), ..GcPolicy::default() }
    }
}

fn sum(objects: &[Collected]) -> Amount {
    Amount { count: objects.len() as u64, bytes: objects.iter().map(|object| object.bytes).sum() }
}

impl Prunable for PackageCache {
    fn root(&self) -> &Path {
        &self.folder
    }

    fn measure(&self) -> io::Result<Amount> {
        let Some(store) = self.store()? else { return Ok(Amount::default()) };
        let going = store.gc_plan(&self.policy(), &[], self.clock.now()).map_err(io::Error::other)?;
        Ok(sum(&going))
    }

    fn prune(&self, at_most: Amount) -> io::Result<Amount> {
        let Some(store) = self.store()? else { return Ok(Amount::default()) };
        if !self.measure()?.is_within(at_most) {
            // More has grown old since the plan: the next plan says so.
            return Ok(Amount::default());
        }
        let report = store.gc(&self.policy(), &[], self.clock.now()).map_err(io::Error::other)?;
        Ok(sum(&report.objects))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ManualClock;

    const MONTH: Duration = Duration::from_hours(30 * 24);

    #[test]
    fn what_nobody_used_for_so_long_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(jiff::Timestamp::now()));
        let cache = PackageCache::new(folder.path(), MONTH, clock.clone());
        assert_eq!(cache.measure().unwrap(), Amount::default());
        assert!(!folder.path().join("objects").exists());
        let store = Store::open(&folder.path().join("objects")).unwrap();
        store.put("six-1.0-py3-none-any.whl", "a test", b"a wheel").unwrap();
        assert_eq!(cache.measure().unwrap().count, 0, "it is new");
        clock.advance(MONTH * 2);
        let there = cache.measure().unwrap();
        assert_eq!(there.count, 1);
        assert_eq!(cache.prune(Amount::default()).unwrap().count, 0, "no more than the plan said");
        assert_eq!(cache.prune(there).unwrap(), there);
        assert_eq!(cache.measure().unwrap().count, 0);
    }
}
