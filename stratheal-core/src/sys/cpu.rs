//! Processor time of the host. Source: proc(5), `stat`, and `Cpus_allowed_list` of `status`.

use serde::{Deserialize, Serialize};

use super::error::if_there;
use super::{Malformed, SysError, SysRoot, fields};

/// Time a processor, or all of them, spent since the machine was started, in ticks.
///
/// Time of guests is part of `user` and `nice`, so it does not appear again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CpuTimes {
    /// Running programs.
    pub user: u64,
    /// Running programs of low priority.
    pub nice: u64,
    /// In the kernel.
    pub system: u64,
    /// Doing nothing.
    pub idle: u64,
    /// Doing nothing while something waits for a disk.
    pub iowait: u64,
    /// Serving interrupts.
    pub irq: u64,
    /// Serving deferred interrupts.
    pub softirq: u64,
    /// Wanted to run, but the hypervisor ran another machine.
    pub steal: u64,
}

impl CpuTimes {
    /// All time.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.busy().saturating_add(self.idle).saturating_add(self.iowait)
    }

    /// Time nobody else could have used. Stolen time counts: the program could not have it.
    #[must_use]
    pub const fn busy(&self) -> u64 {
        self.user
            .saturating_add(self.nice)
            .saturating_add(self.system)
            .saturating_add(self.irq)
            .saturating_add(self.softirq)
            .saturating_add(self.steal)
    }

    /// What was added since an earlier reading. The kernel lets `iowait` run backwards at times; that counts as nothing.
    #[must_use]
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            nice: self.nice.saturating_sub(earlier.nice),
            system: self.system.saturating_sub(earlier.system),
            idle: self.idle.saturating_sub(earlier.idle),
            iowait: self.iowait.saturating_sub(earlier.iowait),
            irq: self.irq.saturating_sub(earlier.irq),
            softirq: self.softirq.saturating_sub(earlier.softirq),
            steal: self.steal.saturating_sub(earlier.steal),
        }
    }

    const fn plus(&self, other: &Self) -> Self {
        Self {
            user: self.user.saturating_add(other.user),
            nice: self.nice.saturating_add(other.nice),
            system: self.system.saturating_add(other.system),
            idle: self.idle.saturating_add(other.idle),
            iowait: self.iowait.saturating_add(other.iowait),
            irq: self.irq.saturating_add(other.irq),
            softirq: self.softirq.saturating_add(other.softirq),
            steal: self.steal.saturating_add(other.steal),
        }
    }
}

/// What `/proc/stat` says about processors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuStat {
    /// All processors together.
    pub all: CpuTimes,
    /// Each processor that is switched on, by number.
    pub each: Vec<(u32, CpuTimes)>,
}

impl CpuStat {
    /// The time of the processors in `allowed` together.
    #[must_use]
    pub fn of(&self, allowed: &[u32]) -> CpuTimes {
        let chosen = self.each.iter().filter(|(number, _)| allowed.contains(number));
        chosen.fold(CpuTimes::default(), |sum, (_, times)| sum.plus(times))
    }
}

/// Reads `/proc/stat`.
///
/// # Errors
/// [`Malformed`] when the line of all processors is missing or a number is none.
pub fn parse(text: &str) -> Result<CpuStat, Malformed> {
    let mut all = None;
    let mut each = Vec::new();
    // The lines of processors come first; behind them stands a very long line of interrupts.
    for line in text.lines().take_while(|line| line.starts_with("cpu")) {
        let mut numbers = line.split_ascii_whitespace();
        let name = numbers.next().unwrap_or_default();
        let times = parse_times(numbers)?;
        match name.strip_prefix("cpu").unwrap_or_default() {
            "" => all = Some(times),
            number => each.push((fields::number(number, "the number of a processor")?, times)),
        }
    }
    Ok(CpuStat { all: all.ok_or_else(|| Malformed::missing("the line `cpu`"))?, each })
}

fn parse_times<'a>(mut numbers: impl Iterator<Item = &'a str>) -> Result<CpuTimes, Malformed> {
    let mut required = |name| fields::next(&mut numbers, name);
    let (user, nice, system, idle) = (required("user")?, required("nice")?, required("system")?, required("idle")?);
    // Old kernels have fewer columns.
    let mut optional = |name| numbers.next().map_or(Ok(0), |text| fields::number(text, name));
    let (iowait, irq, softirq, steal) =
        (optional("iowait")?, optional("irq")?, optional("softirq")?, optional("steal")?);
    Ok(CpuTimes { user, nice, system, idle, iowait, irq, softirq, steal })
}

/// The processor time of this host.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn read(root: &SysRoot) -> Result<CpuStat, SysError> {
    root.parse("proc/stat", parse)
}

/// The processors this process may run on, of those that are switched on.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn allowed(root: &SysRoot, stat: &CpuStat) -> Result<Vec<u32>, SysError> {
    let online = stat.each.iter().map(|(number, _)| *number);
    let listed = if_there(root.parse("proc/self/status", parse_allowed))?.flatten();
    Ok(match listed {
        Some(ranges) => online.filter(|cpu| ranges.iter().any(|(from, to)| (from..=to).contains(&cpu))).collect(),
        None => online.collect(),
    })
}

/// The number of processors this process may run on.
///
/// # Errors
/// [`SysError`] when it cannot be read.
pub fn count(root: &SysRoot) -> Result<usize, SysError> {
    if root.lacks_proc() {
        return Ok(super::elsewhere::processors());
    }
    Ok(allowed(root, &read(root)?)?.len().max(1))
}

/// Reads the ranges of `Cpus_allowed_list` such as `0-3,8`.
fn parse_allowed(status: &str) -> Result<Option<Vec<(u32, u32)>>, Malformed> {
    let Some(list) = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")) else { return Ok(None) };
    let name = "a processor in Cpus_allowed_list";
    let range = |part: &str| match part.split_once('-') {
        Some((from, to)) => Ok((fields::number(from, name)?, fields::number(to, name)?)),
        None => fields::number(part, name).map(|one| (one, one)),
    };
    list.trim().split(',').map(range).collect::<Result<_, _>>().map(Some)
}

/// A meter for systems without `/proc`: answers percent of all processors since it was asked before.
#[derive(Debug)]
pub struct CpuMeter(super::elsewhere::CpuMeter);

impl Default for CpuMeter {
    fn default() -> Self {
        Self(super::elsewhere::CpuMeter::start())
    }
}

impl CpuMeter {
    /// Percent of all processors in use since the meter was started or asked before; at least 200 ms should lie between.
    pub fn used_percent(&mut self) -> f64 {
        self.0.used_percent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &str =
        "cpu  30 1 9 220 8 1 2 5 7 0\ncpu0 10 1 4 110 8 1 1 5 0 0\ncpu3 20 0 5 110 0 0 1 0 0 0\nintr 1 2\n";

    #[test]
    fn reads_stat() {
        let stat = parse(STAT).unwrap();
        assert_eq!((stat.all.busy(), stat.all.total()), (48, 276));
        assert_eq!(stat.each.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(stat.of(&[3]).user, 20);
        assert_eq!(parse("cpu 1 2 3 4\n").unwrap().all.total(), 10);
        for bad in ["", "intr 1", "cpu 1 2 3", "cpu 1 2 3 x", "cpu 1 2 3 4\ncpux 1 2 3 4", "cpu0 1 2 3 4"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_never_runs_backwards() {
        let later = CpuTimes { user: 10, iowait: 3, ..CpuTimes::default() };
        let earlier = CpuTimes { user: 4, iowait: 5, ..CpuTimes::default() };
        assert_eq!(later.since(&earlier), CpuTimes { user: 6, ..CpuTimes::default() });
    }

    #[test]
    fn reads_allowed_processors() {
        assert_eq!(parse_allowed("Name:\tx\nCpus_allowed_list:\t0-3,8\n"), Ok(Some(vec![(0, 3), (8, 8)])));
        assert_eq!(parse_allowed("Name:\tx\n"), Ok(None));
        assert!(parse_allowed("Cpus_allowed_list:\ta-b").is_err());
    }

    #[test]
    fn this_host_has_processors() {
        assert!(count(&SysRoot::default()).unwrap() >= 1);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(cpu|[0-9a-z \n-]){0,40}") {
            let _ = parse(&text);
            let _ = parse_allowed(&format!("Cpus_allowed_list:{text}"));
        }
    }
}
