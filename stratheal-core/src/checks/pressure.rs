//! How long tasks wait for processors, memory and disks.
//!
//! Metrics, in percent of the time: `cpu_some_avg10`, `cpu_some_avg60`, and the same for `memory_full` and `io_full`. For processors
//! "some" counts (one task waits), for memory and disks "full" (all do): there one waiting task is everyday life.

use async_trait::async_trait;

use super::{Measure, Measurement};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::{Metric, Report, Unit};
use crate::sys::cgroup::{self, Version};
use crate::sys::pressure::{self, Pressure as Reading, Resource, Stall};
use crate::sys::{SysError, SysRoot};

/// What makes a Warning unless told otherwise.
pub const DEFAULT_WARN: &[&str] = &["memory_full_avg60 > 5% clear 3%"];
/// What makes a Critical unless told otherwise. Others began lower and went up after false alarms.
pub const DEFAULT_CRIT: &[&str] = &["memory_full_avg60 > 20% clear 15%"];

/// Whose pressure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PressureScope {
    /// That of the control group inside a container, else that of the host.
    #[default]
    Automatic,
    /// That of the whole host, also from inside a container.
    Host,
    /// That of the control group of this process; needs version 2.
    Group,
}

/// What to measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PressureOptions {
    /// Whose pressure.
    pub scope: PressureScope,
}

/// Measures pressure.
#[derive(Debug)]
pub struct Pressure {
    options: PressureOptions,
    root: SysRoot,
}

impl Pressure {
    /// A measuring of this machine, or of recorded files.
    #[must_use]
    pub const fn new(options: PressureOptions, root: SysRoot) -> Self {
        Self { options, root }
    }

    /// The group to look at; `None` for the host.
    fn group(&self) -> Result<Option<cgroup::Group>, SysError> {
        if self.options.scope == PressureScope::Host {
            return Ok(None);
        }
        let hierarchy = cgroup::locate(&self.root, "memory")?.filter(|found| found.version == Version::V2);
        match (hierarchy, self.options.scope) {
            (Some(found), PressureScope::Group) => Ok(found.groups.into_iter().next()),
            // In a container everything visible belongs to it, so the topmost group is the container.
            (Some(found), _) if !found.whole => Ok(found.groups.into_iter().next_back()),
            (None, PressureScope::Group) => Err(SysError::Unsupported {
                what: "the pressure of a control group",
                why: "only control groups of version 2 have it",
            }),
            _ => Ok(None),
        }
    }
}

#[async_trait]
impl Measure for Pressure {
    fn kind(&self) -> CheckKind {
        CheckKind::Load
    }

    async fn measure(&self, _cx: &CheckContext) -> Result<Measurement, CheckError> {
        let group = self.group()?;
        let read = |resource| match &group {
            Some(group) => pressure::read_group(&self.root, &group.folder, resource),
            None => pressure::read(&self.root, resource),
        };
        let (cpu, memory, io) = (read(Resource::Cpu)?, read(Resource::Memory)?, read(Resource::Io)?);
        let of = group.map_or_else(|| "host".to_owned(), |group| group.name);
        Ok(Measurement::new(report(&cpu, &memory, &io).datum("of", of.as_str())).fact("of", of))
    }
}

fn report(cpu: &Reading, memory: &Reading, io: &Reading) -> Report {
    const NONE: Stall = Stall { avg10: 0.0, avg60: 0.0, avg300: 0.0, total: std::time::Duration::ZERO };
    let (cpu, memory, io) = (cpu.some, memory.full.unwrap_or(NONE), io.full.unwrap_or(NONE));
    let summary = format!(
        "in the last minute tasks waited {:.1}% of the time for processors, all of them {:.1}% for memory and {:.1}% for disks",
        cpu.avg60, memory.avg60, io.avg60
    );
    let percent = |name, value| Metric::new(name, value, Unit::Percent).min(0.0).max(100.0);
    Report::healthy(summary)
        .metric(percent("cpu_some_avg10", cpu.avg10))
        .metric(percent("cpu_some_avg60", cpu.avg60))
        .metric(percent("memory_full_avg10", memory.avg10))
        .metric(percent("memory_full_avg60", memory.avg60))
        .metric(percent("io_full_avg10", io.avg10))
        .metric(percent("io_full_avg60", io.avg60))
}
