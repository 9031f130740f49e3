//! How full memory is: that of the host, or the limit of a control group, whichever is tighter.
//!
//! Metrics: `used` in percent of what limits, `working_set`, `limit` and `available` in bytes, `swap` in bytes and `swap_used` in
//! percent. Where groups above the limiting one have limits too, each has its own `used[group]`. What counts as used is the working
//! set; page cache that can be dropped at once does not.

use async_trait::async_trait;

use super::{Measure, Measurement};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::quantity::show_bytes;
use crate::model::{Metric, Report, Unit};
use crate::sys::SysRoot;
use crate::sys::cgroup::{self, MemoryGroup};
use crate::sys::memory::{self, HostMemory};

/// What makes a Warning unless told otherwise.
pub const DEFAULT_WARN: &[&str] = &["used > 85% clear 83%"];
/// What makes a Critical unless told otherwise.
pub const DEFAULT_CRIT: &[&str] = &["used > 95% clear 93%"];

/// Measures memory.
#[derive(Debug)]
pub struct Memory {
    root: SysRoot,
}

impl Memory {
    /// A measuring of this machine, or of recorded files.
    #[must_use]
    pub const fn new(root: SysRoot) -> Self {
        Self { root }
    }
}

#[async_trait]
impl Measure for Memory {
    fn kind(&self) -> CheckKind {
        CheckKind::Load
    }

    async fn measure(&self, _cx: &CheckContext) -> Result<Measurement, CheckError> {
        let host = memory::read(&self.root)?;
        let groups = if self.root.lacks_proc() { Vec::new() } else { cgroup::read_memory(&self.root)? };
        Ok(measurement(&budgets(&host, &groups)))
    }
}

/// Something that limits memory, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Budget {
    /// A control group; `None` for the host.
    group: Option<String>,
    limit: u64,
    used: u64,
    swap: u64,
    swap_limit: u64,
}

impl Budget {
    fn name(&self) -> &str {
        self.group.as_deref().unwrap_or("host")
    }

    fn percent(&self) -> f64 {
        // Nothing fits into nothing.
        if self.limit == 0 { 100.0 } else { self.used as f64 / self.limit as f64 * 100.0 }
    }
}

/// What limits memory, the tightest first: the host, or all groups that allow less than the host has.
fn budgets(host: &HostMemory, groups: &[MemoryGroup]) -> Vec<Budget> {
    let limited = groups.iter().filter_map(|group| {
        let limit = group.limit.filter(|limit| *limit < host.total)?;
        let swap_limit = group.swap_limit.map_or(host.swap_total, |limit| limit.min(host.swap_total));
        let (used, swap) = (group.working_set?, group.swap.unwrap_or(0));
        Some(Budget { group: Some(group.name.clone()), limit, used, swap, swap_limit })
    });
    let mut found: Vec<_> = limited.collect();
    // Stable, so that of equal limits the group nearest to the process is named.
    found.sort_by_key(|budget| budget.limit);
    if found.is_empty() {
        found.push(Budget {
            group: None,
            limit: host.total,
            used: host.used(),
            swap: host.swap_used(),
            swap_limit: host.swap_total,
        });
    }
    found
}

fn measurement(budgets: &[Budget]) -> Measurement {
    let Some((tightest, others)) = budgets.split_first() else {
        return Measurement::new(Report::unknown("nothing tells how much memory there is"));
    };
    let percent = |name: String, value: f64| Metric::new(name, value, Unit::Percent).min(0.0).max(100.0);
    let bytes = |name, value: u64| Metric::new(name, value as f64, Unit::Bytes).min(0.0);
    // What every limit leaves, for the one that leaves least stops the process.
    let available = budgets.iter().map(|budget| budget.limit.saturating_sub(budget.used)).min().unwrap_or(0);
    let swap_used =
        if tightest.swap_limit == 0 { 0.0 } else { tightest.swap as f64 / tightest.swap_limit as f64 * 100.0 };
    let summary = format!(
        "{:.1}% of {} in use, {} available, limited by {}",
        tightest.percent(),
        show_bytes(tightest.limit as f64),
        show_bytes(available as f64),
        tightest.group.as_ref().map_or_else(|| "the host".to_owned(), |group| format!("control group {group}")),
    );
    let mut report = Report::healthy(summary)
        .metric(percent("used".to_owned(), tightest.percent()))
        .metric(bytes("working_set", tightest.used).max(tightest.limit as f64))
        .metric(bytes("limit", tightest.limit))
        .metric(bytes("available", available))
        .metric(bytes("swap", tightest.swap))
        .metric(percent("swap_used".to_owned(), swap_used.min(100.0)))
        .datum("limited_by", tightest.name());
    for budget in others {
        report = report.metric(percent(format!("used[{}]", budget.name()), budget.percent()));
    }
    Measurement::new(report).fact("limited_by", tightest.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostMemory = HostMemory { total: 1000, available: 400, swap_total: 100, swap_free: 75 };

    fn group(name: &str, limit: Option<u64>, used: u64) -> MemoryGroup {
        MemoryGroup { name: name.to_owned(), limit, working_set: Some(used), swap: Some(5), swap_limit: Some(10) }
    }

    #[test]
    fn the_host_limits_when_no_group_does() {
        for groups in
            [vec![], vec![group("/a", None, 10)], vec![group("/a", Some(1000), 10), group("/", Some(5000), 9)]]
        {
            let measured = measurement(&budgets(&HOST, &groups));
            assert_eq!(measured.report.value("used"), Some(60.0));
            assert_eq!(measured.report.value("swap_used"), Some(25.0));
            assert_eq!(measured.facts["limited_by"], "host");
        }
    }

    #[test]
    fn the_tightest_group_limits_and_the_others_are_told() {
        let groups = [group("/a/b", Some(500), 100), group("/a", Some(200), 190), group("/", None, 900)];
        let report = measurement(&budgets(&HOST, &groups)).report;
        assert_eq!(report.value("used"), Some(95.0));
        assert_eq!(report.value("used[/a/b]"), Some(20.0));
        assert_eq!((report.value("limit"), report.value("available")), (Some(200.0), Some(10.0)));
        assert_eq!(report.value("swap_used"), Some(50.0));
        assert_eq!(report.summary, "95.0% of 200B in use, 10B available, limited by control group /a");
    }

    #[test]
    fn a_limit_of_nothing_is_full() {
        let report = measurement(&budgets(&HOST, &[group("/a", Some(0), 0)])).report;
        assert_eq!(report.value("used"), Some(100.0));
    }
}
