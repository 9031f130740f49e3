//! How many tasks run or wait, on average, in all and for each processor.
//!
//! Metrics: `load1`, `load5`, `load15`, the same with `_per_core`, and `cores`. Load is counted for the whole host even inside a
//! container, so it is divided by the processors of the host. There are no thresholds unless somebody writes some: a long queue is no
//! fault as long as nobody waits too long, which is what the check of pressure tells.

use async_trait::async_trait;

use super::{Measure, Measurement};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::{Metric, Report, Unit};
use crate::sys::load::LoadAverage;
use crate::sys::{SysRoot, cpu, load};

/// What makes a Warning unless told otherwise: nothing.
pub const DEFAULT_WARN: &[&str] = &["load5_per_core > 2 clear 1.8"];
/// What makes a Critical unless told otherwise: nothing.
pub const DEFAULT_CRIT: &[&str] = &["load5_per_core > 5 clear 4.5"];

/// Measures the load.
#[derive(Debug)]
pub struct Load {
    root: SysRoot,
}

impl Load {
    /// A measuring of this machine, or of recorded files.
    #[must_use]
    pub const fn new(root: SysRoot) -> Self {
        Self { root }
    }
}

#[async_trait]
impl Measure for Load {
    fn kind(&self) -> CheckKind {
        CheckKind::Load
    }

    async fn measure(&self, _cx: &CheckContext) -> Result<Measurement, CheckError> {
        let cores = if self.root.lacks_proc() { cpu::count(&self.root)? } else { cpu::read(&self.root)?.each.len() };
        Ok(report(load::read(&self.root)?, cores.max(1)).into())
    }
}

fn report(load: LoadAverage, cores: usize) -> Report {
    let number = |name, value| Metric::new(name, value, Unit::Number).min(0.0);
    let each = |value: f64| value / cores as f64;
    let summary = format!("load {:.2} {:.2} {:.2} on {cores} cores", load.one, load.five, load.fifteen);
    Report::healthy(summary)
        .metric(number("load1", load.one))
        .metric(number("load5", load.five))
        .metric(number("load15", load.fifteen))
        .metric(number("load1_per_core", each(load.one)))
        .metric(number("load5_per_core", each(load.five)))
        .metric(number("load15_per_core", each(load.fifteen)))
        .metric(number("cores", cores as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_shared_by_the_cores() {
        let report = report(LoadAverage { one: 6.0, five: 3.0, fifteen: 1.5 }, 4);
        assert_eq!(report.value("load1_per_core"), Some(1.5));
        assert_eq!(report.summary, "load 6.00 3.00 1.50 on 4 cores");
    }
}
