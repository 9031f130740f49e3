//! A moment that another process, or this machine after a restart, can compare with its own.
//!
//! While the machine runs, `CLOCK_BOOTTIME` is right whatever happens to the wall clock. Across a restart there is only the wall
//! clock, which may have been set meanwhile: a moment that seems to lie in the future counts as now.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment in the time since the machine was started, and on the wall clock.
///
/// ```
/// use std::time::Duration;
/// use stratheal_core::base::stamp::Stamp;
/// let then = Stamp { boot: 7, since_boot: Duration::from_secs(100), wall: "2026-01-01T00:00:00Z".parse().unwrap() };
/// // The wall clock was set back by an hour meanwhile; nobody cares.
/// let now = Stamp { since_boot: Duration::from_secs(130), wall: "2025-12-31T23:00:30Z".parse().unwrap(), ..then };
/// assert_eq!(then.age(&now), Duration::from_secs(30));
/// // After a restart there is only the wall clock, and nothing comes from the future.
/// let restarted = Stamp { boot: 8, ..now };
/// assert_eq!(then.age(&restarted), Duration::ZERO);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Which start of the machine; 0 where that is not known.
    pub boot: u64,
    /// Since that start, time asleep included.
    #[serde(with = "milliseconds")]
    pub since_boot: Duration,
    /// What the wall clock showed.
    pub wall: Timestamp,
}

impl Stamp {
    /// A moment of which only the wall time is known.
    #[must_use]
    pub const fn of_wall(wall: Timestamp) -> Self {
        Self { boot: 0, since_boot: Duration::ZERO, wall }
    }

    /// The moment now on this machine.
    #[must_use]
    pub fn of_machine(wall: Timestamp) -> Self {
        match (boot(), since_boot()) {
            (Some(boot), Some(since_boot)) => Self { boot, since_boot, wall },
            _ => Self::of_wall(wall),
        }
    }

    /// How long it is ago, seen from `now`.
    #[must_use]
    pub fn age(&self, now: &Self) -> Duration {
        if self.boot != 0 && self.boot == now.boot {
            return now.since_boot.saturating_sub(self.since_boot);
        }
        Duration::try_from(now.wall.duration_since(self.wall)).unwrap_or_default()
    }

    /// The moment that lies so much later.
    #[must_use]
    pub fn after(&self, time: Duration) -> Self {
        let wall = self.wall.checked_add(time).unwrap_or(Timestamp::MAX);
        Self { boot: self.boot, since_boot: self.since_boot.saturating_add(time), wall }
    }

    /// How long it is until this moment, seen from `now`; zero when it has passed.
    #[must_use]
    pub fn until(&self, now: &Self) -> Duration {
        if self.boot != 0 && self.boot == now.boot {
            return self.since_boot.saturating_sub(now.since_boot);
        }
        Duration::try_from(self.wall.duration_since(now.wall)).unwrap_or_default()
    }
}

/// A number for this start of the machine, the same in every version of this program: FNV-1a of what the kernel says.
fn boot() -> Option<u64> {
    use std::sync::OnceLock;
    static BOOT: OnceLock<Option<u64>> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = super::fs::read_text("/proc/sys/kernel/random/boot_id".as_ref(), 128).ok()?;
        Some(super::fnv::fnv1a(text.trim().as_bytes()).max(1))
    })
}

/// Time since the start of the machine, to a hundredth of a second: nothing here is decided by less.
fn since_boot() -> Option<Duration> {
    let text = super::fs::read_text("/proc/uptime".as_ref(), 128).ok()?;
    let seconds = text.split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.as_millis() as u64)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(Duration::from_millis(u64::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(boot: u64, since_boot: u64, wall: i64) -> Stamp {
        let wall = Timestamp::from_second(wall).unwrap();
        Stamp { boot, since_boot: Duration::from_secs(since_boot), wall }
    }

    #[test]
    fn the_wall_clock_counts_only_across_a_restart() {
        for (then, now, age, story) in [
            (stamp(1, 10, 1_000), stamp(1, 40, 1_030), 30, "nothing happened"),
            (stamp(1, 10, 1_000), stamp(1, 40, 9_000), 30, "the clock was set forward"),
            (stamp(1, 10, 1_000), stamp(1, 40, 5), 30, "the clock was set back"),
            (stamp(1, 10, 1_000), stamp(2, 5, 1_100), 100, "the machine was restarted"),
            (stamp(1, 10, 1_000), stamp(2, 5, 900), 0, "it was restarted with a clock that is behind"),
            (stamp(0, 0, 1_000), stamp(0, 0, 1_007), 7, "nothing else is known"),
        ] {
            assert_eq!(then.age(&now), Duration::from_secs(age), "{story}");
        }
        let later = stamp(1, 10, 1_000).after(Duration::from_secs(5));
        assert_eq!(later.until(&stamp(1, 12, 0)), Duration::from_secs(3));
        assert_eq!(later.until(&stamp(1, 20, 0)), Duration::ZERO);
        assert_eq!(later.until(&stamp(2, 0, 1_001)), Duration::from_secs(4));
    }

    #[test]
    fn this_machine_has_a_time() {
        let first = Stamp::of_machine(Timestamp::UNIX_EPOCH);
        let second = Stamp::of_machine(Timestamp::UNIX_EPOCH);
        assert!(first.age(&second) < Duration::from_secs(5));
        let text = serde_json::to_string(&second).unwrap();
        let read: Stamp = serde_json::from_str(&text).unwrap();
        assert_eq!(read.boot, second.boot);
    }
}
