//! Processor time of control groups: quota, usage and throttling.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::locate::{Group, Version, locate};
use crate::sys::error::if_there;
use crate::sys::{Malformed, SysError, SysRoot, fields};

/// So much processor time in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CpuQuota {
    /// Processor time.
    pub quota: Duration,
    /// In each period of this length.
    pub period: Duration,
}

impl CpuQuota {
    /// How many processors that is worth.
    #[must_use]
    pub fn processors(&self) -> f64 {
        self.quota.as_nanos() as f64 / self.period.as_nanos() as f64
    }
}

/// How often a group had to wait because its quota was used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Throttling {
    /// Periods in which it ran at all.
    pub periods: u64,
    /// Periods in which it had to wait.
    pub throttled: u64,
    /// How long it waited in all.
    pub time: Duration,
}

/// Processor time of one control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuGroup {
    /// The group.
    pub name: String,
    /// Its quota; `None` when it has none of its own.
    pub quota: Option<CpuQuota>,
    /// Processor time used since it was made.
    pub usage: Option<Duration>,
    /// How often it was throttled.
    pub throttling: Option<Throttling>,
}

/// The processor time of the groups of this process: its own first, then each above it. Empty where there are no control groups.
///
/// # Errors
/// [`SysError`] when a file is there and cannot be read.
pub fn read(root: &SysRoot) -> Result<Vec<CpuGroup>, SysError> {
    let Some(hierarchy) = locate(root, "cpu")? else { return Ok(Vec::new()) };
    if hierarchy.version == Version::V2 {
        return hierarchy.groups.iter().map(|group| read_v2(root, group)).collect();
    }
    // Usage is counted by another controller, which is often mounted apart from this one.
    let accounting = locate(root, "cpuacct")?.filter(|found| found.version == Version::V1);
    let usage_of = |group: &Group| accounting.as_ref()?.groups.iter().find(|other| other.name == group.name);
    hierarchy.groups.iter().map(|group| read_v1(root, group, usage_of(group))).collect()
}

fn read_v2(root: &SysRoot, group: &Group) -> Result<CpuGroup, SysError> {
    let quota = if_there(root.parse(group.folder.join("cpu.max"), parse_max))?.flatten();
    let stat = if_there(root.parse(group.folder.join("cpu.stat"), |text| {
        let usage = fields::value(text, "usage_usec")?.map(Duration::from_micros);
        Ok((usage, parse_throttling(text)?))
    }))?;
    let (usage, throttling) = stat.unwrap_or_default();
    Ok(CpuGroup { name: group.name.clone(), quota, usage, throttling })
}

fn read_v1(root: &SysRoot, group: &Group, accounting: Option<&Group>) -> Result<CpuGroup, SysError> {
    let file = |name: &str| group.folder.join(name);
    let number = |name: &str| if_there(root.parse(file(name), |text| fields::number::<i64>(text, "microseconds")));
    let quota = match (number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?) {
        (Some(quota), Some(period)) => quota_of(quota, period),
        _ => None,
    };
    let throttling = if_there(root.parse(file("cpu.stat"), parse_throttling))?.flatten();
    let usage = match accounting {
        Some(group) => {
            let file = group.folder.join("cpuacct.usage");
            if_there(root.parse(file, |text| fields::number(text, "nanoseconds")))?.map(Duration::from_nanos)
        }
        None => None,
    };
    Ok(CpuGroup { name: group.name.clone(), quota, usage, throttling })
}

/// Reads `cpu.max`: `max 100000` or `50000 100000`, in microseconds.
fn parse_max(text: &str) -> Result<Option<CpuQuota>, Malformed> {
    let mut numbers = text.split_ascii_whitespace();
    let quota = numbers.next().ok_or_else(|| Malformed::missing("the quota"))?;
    if quota == "max" {
        return Ok(None);
    }
    let period = numbers.next().map_or(Ok(100_000), |text| fields::number(text, "the period"))?;
    Ok(quota_of(fields::number(quota, "the quota")?, period))
}

/// A quota in microseconds; version 1 writes -1 for none.
fn quota_of(quota: i64, period: i64) -> Option<CpuQuota> {
    let micros = |number: i64| u64::try_from(number).ok().filter(|number| *number > 0).map(Duration::from_micros);
    Some(CpuQuota { quota: micros(quota)?, period: micros(period)? })
}

/// Reads the throttling in `cpu.stat`: microseconds in version 2, nanoseconds in version 1.
fn parse_throttling(text: &str) -> Result<Option<Throttling>, Malformed> {
    let Some(periods) = fields::value(text, "nr_periods")? else { return Ok(None) };
    let throttled = fields::value(text, "nr_throttled")?.ok_or_else(|| Malformed::missing("nr_throttled"))?;
    let time = match fields::value(text, "throttled_usec")? {
        Some(micros) => Duration::from_micros(micros),
        None => Duration::from_nanos(fields::value(text, "throttled_time")?.unwrap_or(0)),
    };
    Ok(Some(Throttling { periods, throttled, time }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_quotas() {
        assert_eq!(parse_max("max 100000\n"), Ok(None));
        let quota = CpuQuota { quota: Duration::from_millis(150), period: Duration::from_millis(100) };
        assert_eq!(parse_max("150000 100000\n"), Ok(Some(quota)));
        assert!((quota.processors() - 1.5).abs() < 1e-9);
        assert_eq!(parse_max("50000").unwrap().unwrap().period, Duration::from_millis(100));
        assert_eq!((quota_of(-1, 100_000), quota_of(1000, 0)), (None, None));
        assert!(parse_max("").is_err() && parse_max("x 1").is_err());
    }

    #[test]
    fn reads_throttling_of_both_versions() {
        let v2 =
            parse_throttling("usage_usec 9\nnr_periods 10\nnr_throttled 3\nthrottled_usec 1500\n").unwrap().unwrap();
        let v1 = parse_throttling("nr_periods 10\nnr_throttled 3\nthrottled_time 1500000\n").unwrap().unwrap();
        assert_eq!(v2, v1);
        assert_eq!(v1.time, Duration::from_micros(1500));
        assert_eq!(parse_throttling("usage_usec 9\n"), Ok(None));
        assert!(parse_throttling("nr_periods 10\n").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(nr_periods |nr_throttled |throttled_usec |max|[0-9 \n-]){0,20}") {
            let _ = (parse_max(&text), parse_throttling(&text));
        }
    }
}
