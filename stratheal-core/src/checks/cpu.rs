//! How much of the processors this process may use is in use: those of the host, or the quota of its control groups.
//!
//! Metrics: `used`, `throttled` (share of periods in which the quota was used up), `iowait` and `steal`, all in percent, and
//! `processors`, how many there are to use.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::stored::{Sample, Store};
use super::{Measure, Measurement};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::{Metric, Report, Unit};
use crate::sys::cgroup::{self, CpuGroup, Throttling};
use crate::sys::cpu::{self, CpuMeter, CpuTimes};
use crate::sys::{SysError, SysRoot, uptime};

/// What makes a Warning unless told otherwise.
pub const DEFAULT_WARN: &[&str] = &["used > 85% clear 83%", "throttled > 10% clear 8%"];
/// What makes a Critical unless told otherwise.
pub const DEFAULT_CRIT: &[&str] = &["used > 95% clear 93%", "throttled > 30% clear 25%"];

/// A sample of the run before is good for this long; an older one would hide what happens now.
const MAX_AGE: Duration = Duration::from_mins(5);
/// Closer samples say more about chance than about load: processors are accounted in steps of 10 ms.
const MIN_AGE: Duration = Duration::from_millis(150);
/// How long to wait for a second sample when there is none from before.
const WAIT: Duration = Duration::from_millis(200);

/// What to measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuOptions {
    /// Where one-shot runs leave their sample for the next; without it each of them takes 200 ms for a second sample.
    pub sample_file: Option<PathBuf>,
}

/// Measures processor usage.
///
/// ```
/// use stratheal_core::checks::cpu::{Cpu, CpuOptions, DEFAULT_CRIT, DEFAULT_WARN};
/// use stratheal_core::checks::{Conditions, Judged};
/// use stratheal_core::model::CheckId;
/// use stratheal_core::sys::SysRoot;
/// let conditions = Conditions {
///     warn: DEFAULT_WARN.iter().map(|text| text.parse().unwrap()).collect(),
///     crit: DEFAULT_CRIT.iter().map(|text| text.parse().unwrap()).collect(),
/// };
/// let check = Judged::new(CheckId::new("cpu").unwrap(), Cpu::new(CpuOptions::default(), SysRoot::default()), conditions);
/// ```
#[derive(Debug)]
pub struct Cpu {
    root: SysRoot,
    store: Store<Counted>,
}

/// What is compared with the run before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counted {
    /// Of the processors this process may run on.
    host: CpuTimes,
    /// Of the groups that have a quota.
    groups: Vec<CountedGroup>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct CountedGroup {
    name: String,
    usage: Duration,
    throttling: Throttling,
}

/// How much there is to use, and who says so.
#[derive(Debug, Clone, PartialEq)]
struct Budget {
    processors: f64,
    /// The group with the tightest quota; `None` when the host itself is tighter.
    group: Option<String>,
}

/// What was used between two samples, in percent.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Usage {
    used: f64,
    throttled: f64,
    iowait: f64,
    steal: f64,
}

impl Cpu {
    /// A measuring of this machine, or of recorded files.
    #[must_use]
    pub fn new(options: CpuOptions, root: SysRoot) -> Self {
        Self { root, store: Store::new(options.sample_file) }
    }

    fn sample(&self) -> Result<(Budget, Sample<Counted>), SysError> {
        let stat = cpu::read(&self.root)?;
        let allowed = cpu::allowed(&self.root, &stat)?;
        // Where the kernel does not list processors one by one, the sum has to do.
        let host = if allowed.is_empty() { stat.all } else { stat.of(&allowed) };
        let groups = cgroup::read_cpu(&self.root)?;
        let budget = budget(allowed.len().max(1) as f64, &groups);
        let groups = groups.into_iter().filter(|group| group.quota.is_some()).map(|group| CountedGroup {
            name: group.name,
            usage: group.usage.unwrap_or_default(),
            throttling: group.throttling.unwrap_or_default(),
        });
        let counted = Counted { host, groups: groups.collect() };
        let scope = format!("cpu {}", budget.group.as_deref().unwrap_or_default());
        let taken = uptime::since_boot(&self.root)?;
        Ok((budget, Sample::new(&scope, uptime::boot_id(&self.root)?, taken, counted)))
    }
}

#[async_trait]
impl Measure for Cpu {
    fn kind(&self) -> CheckKind {
        CheckKind::Load
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        if self.root.lacks_proc() {
            let mut meter = CpuMeter::default();
            tokio::time::sleep(WAIT).await;
            let usage = Usage { used: meter.used_percent(), throttled: 0.0, iowait: 0.0, steal: 0.0 };
            let processors = cpu::count(&self.root)? as f64;
            return Ok(report(usage, &Budget { processors, group: None }));
        }
        let (mut budget, mut now) = self.sample()?;
        let good = |age: Duration| (MIN_AGE..MAX_AGE).contains(&age);
        let before = self.store.before(cx, &now).await.filter(|before| good(now.taken.saturating_sub(before.taken)));
        let before = if let Some(before) = before {
            before
        } else {
            let first = now;
            tokio::time::sleep(WAIT).await;
            (budget, now) = self.sample()?;
            first
        };
        let usage = usage(&budget, &before.counted, &now.counted, now.taken.saturating_sub(before.taken));
        self.store.keep(cx, now).await;
        let usage =
            usage.ok_or_else(|| CheckError::malformed("processor times", "no time passed between two samples"))?;
        Ok(report(usage, &budget).fact("limited_by", budget.group.as_deref().unwrap_or("host")))
    }
}

/// The tightest of the host and all quotas.
fn budget(host: f64, groups: &[CpuGroup]) -> Budget {
    let quotas = groups.iter().filter_map(|group| Some((group.quota?.processors(), group.name.as_str())));
    match quotas.filter(|(processors, _)| *processors < host).min_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((processors, name)) => Budget { processors, group: Some(name.to_owned()) },
        None => Budget { processors: host, group: None },
    }
}

/// What was used between two samples; `None` when no time passed.
fn usage(budget: &Budget, before: &Counted, now: &Counted, elapsed: Duration) -> Option<Usage> {
    let host = now.host.since(&before.host);
    let share = |ticks: u64| if host.total() == 0 { 0.0 } else { ticks as f64 / host.total() as f64 * 100.0 };
    let earlier = |group: &CountedGroup| before.groups.iter().find(|other| other.name == group.name);
    let used = match &budget.group {
        None if host.total() == 0 => return None,
        None => share(host.busy()),
        Some(name) => {
            let group = now.groups.iter().find(|group| group.name == *name)?;
            let spent = group.usage.saturating_sub(earlier(group)?.usage);
            if elapsed.is_zero() {
                return None;
            }
            spent.as_secs_f64() / (elapsed.as_secs_f64() * budget.processors) * 100.0
        }
    };
    let throttled = now.groups.iter().filter_map(|group| {
        let before = earlier(group)?.throttling;
        let periods = group.throttling.periods.saturating_sub(before.periods);
        let throttled = group.throttling.throttled.saturating_sub(before.throttled);
        (periods > 0).then(|| throttled as f64 / periods as f64 * 100.0)
    });
    // A quota can be overdrawn a little within a period, but nobody uses more than everything.
    let bounded = |percent: f64| percent.clamp(0.0, 100.0);
    Some(Usage {
        used: bounded(used),
        throttled: bounded(throttled.fold(0.0, f64::max)),
        iowait: share(host.iowait),
        steal: share(host.steal),
    })
}

fn report(usage: Usage, budget: &Budget) -> Measurement {
    let of = match &budget.group {
        Some(group) => format!("the quota of {group}"),
        None => "this host".to_owned(),
    };
    let plural = if (budget.processors - 1.0).abs() < 1e-9 { "" } else { "s" };
    let processors = Metric::new("processors", budget.processors, Unit::Number);
    let percent = |name, value| Metric::new(name, value, Unit::Percent).min(0.0).max(100.0);
    let summary = format!("{:.1}% of {} processor{plural} in use ({of})", usage.used, processors.show_value());
    let report = Report::healthy(summary)
        .metric(percent("used", usage.used))
        .metric(percent("throttled", usage.throttled))
        .metric(percent("iowait", usage.iowait))
        .metric(percent("steal", usage.steal))
        .metric(processors)
        .datum("limited_by", budget.group.as_deref().unwrap_or("host"));
    Measurement::new(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::cgroup::CpuQuota;

    fn group(name: &str, milliseconds: Option<u64>) -> CpuGroup {
        let quota = milliseconds
            .map(|quota| CpuQuota { quota: Duration::from_millis(quota), period: Duration::from_millis(100) });
        CpuGroup { name: name.to_owned(), quota, usage: None, throttling: None }
    }

    fn counted(name: &str, seconds: f64, periods: u64, throttled: u64) -> CountedGroup {
        let throttling = Throttling { periods, throttled, time: Duration::ZERO };
        CountedGroup { name: name.to_owned(), usage: Duration::from_secs_f64(seconds), throttling }
    }

    #[test]
    fn the_tightest_quota_counts() {
        let groups = [group("/a/b", None), group("/a", Some(150)), group("/", Some(400))];
        assert_eq!(budget(8.0, &groups), Budget { processors: 1.5, group: Some("/a".to_owned()) });
        assert_eq!(budget(1.0, &groups), Budget { processors: 1.0, group: None });
        assert_eq!(budget(2.0, &[]).group, None);
    }

    #[test]
    fn usage_is_told_of_the_host_or_of_the_quota() {
        let times = |busy, idle, iowait| CpuTimes { user: busy, idle, iowait, ..CpuTimes::default() };
        let before = Counted { host: times(100, 100, 0), groups: vec![counted("/a", 10.0, 100, 10)] };
        let now = Counted { host: times(130, 160, 10), groups: vec![counted("/a", 11.0, 120, 15)] };
        let host = usage(&Budget { processors: 2.0, group: None }, &before, &now, Duration::from_secs(1)).unwrap();
        assert_eq!((host.used, host.iowait, host.throttled), (30.0, 10.0, 25.0));
        let budget = Budget { processors: 0.5, group: Some("/a".to_owned()) };
        let quota = usage(&budget, &before, &now, Duration::from_secs(4)).unwrap();
        assert!((quota.used - 50.0).abs() < 1e-9);
        assert_eq!(usage(&budget, &before, &now, Duration::ZERO), None);
        assert_eq!(usage(&Budget { processors: 2.0, group: None }, &now, &now, Duration::from_secs(1)), None);
    }
}
