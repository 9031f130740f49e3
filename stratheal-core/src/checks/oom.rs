//! Processes the kernel killed because memory ran out, also when memory looks fine again by now.
//!
//! Metrics: `kills`, recently killed, and `total`, killed since counting began. A recent kill is Critical by itself.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::stored::{Sample, Store};
use super::{Measure, Measurement};
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::quantity::show_seconds;
use crate::model::{Metric, Report, Unit};
use crate::sys::{SysRoot, oom, uptime};

/// What makes a Warning unless told otherwise: nothing, because a kill is Critical by itself.
pub const DEFAULT_WARN: &[&str] = &[];
/// What makes a Critical unless told otherwise: nothing, because a kill is Critical by itself.
pub const DEFAULT_CRIT: &[&str] = &[];

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OomOptions {
    /// For how long a kill counts as recent. At least one run tells of each kill; several have to when results are confirmed before
    /// somebody is told.
    pub hold: Duration,
    /// Where one-shot runs leave their count for the next; without it they can only tell the total.
    pub sample_file: Option<PathBuf>,
}

impl Default for OomOptions {
    fn default() -> Self {
        Self { hold: Duration::from_mins(5), sample_file: None }
    }
}

/// Counts processes killed for lack of memory.
#[derive(Debug)]
pub struct Oom {
    hold: Duration,
    root: SysRoot,
    store: Store<Counted>,
}

/// What is compared with the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    total: u64,
    /// Of these, recent ones.
    recent: u64,
    /// When the last of them was noticed, since the machine was started.
    noticed: Duration,
}

impl Oom {
    /// A measuring of this machine, or of recorded files.
    #[must_use]
    pub fn new(options: OomOptions, root: SysRoot) -> Self {
        Self { hold: options.hold, root, store: Store::new(options.sample_file) }
    }
}

#[async_trait]
impl Measure for Oom {
    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        let kills = oom::read(&self.root)?;
        let now = uptime::since_boot(&self.root)?;
        let first = Counted { total: kills.count, recent: 0, noticed: Duration::ZERO };
        let mut sample = Sample::new(&format!("oom {}", kills.scope), uptime::boot_id(&self.root)?, now, first);
        if let Some(before) = self.store.before(cx, &sample).await {
            sample.counted = count(before.counted, kills.count, now, self.hold);
        }
        let counted = sample.counted;
        self.store.keep(cx, sample).await;
        Ok(report(counted, &kills.scope, now).datum("scope", kills.scope.as_str()).into())
    }
}

/// What the kills of the run before and of this one come to.
fn count(before: Counted, total: u64, now: Duration, hold: Duration) -> Counted {
    // A counter that fell began anew, with a group of the same name.
    let fresh = if total >= before.total { total - before.total } else { total };
    let still_recent = before.recent > 0 && now.saturating_sub(before.noticed) < hold;
    let earlier = if still_recent { before.recent } else { 0 };
    let noticed = if fresh > 0 { now } else { before.noticed };
    Counted { total, recent: earlier + fresh, noticed }
}

fn report(counted: Counted, scope: &str, now: Duration) -> Report {
    let Counted { total, recent, noticed } = counted;
    let report = if recent == 0 {
        Report::healthy(format!("no process was killed for lack of memory lately ({total} in all, counted by {scope})"))
    } else {
        let processes = if recent == 1 { "1 process was".to_owned() } else { format!("{recent} processes were") };
        let ago = now.saturating_sub(noticed);
        let when = if ago.is_zero() {
            "since the last look".to_owned()
        } else {
            format!("{} ago", show_seconds(ago.as_secs_f64()))
        };
        Report::critical(format!("{processes} killed for lack of memory {when} (counted by {scope})"))
            .code("oom-killed")
            .hint("look in the kernel's log for what was killed; give it more memory or make it use less")
    };
    report
        .metric(Metric::new("kills", recent as f64, Unit::Number).min(0.0))
        .metric(Metric::new("total", total as f64, Unit::Counter).min(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Status;

    #[test]
    fn kills_are_told_for_a_while() {
        let at = Duration::from_secs;
        let hold = at(300);
        let first = Counted { total: 5, recent: 0, noticed: at(0) };
        let quiet = count(first, 5, at(1000), hold);
        assert_eq!(report(quiet, "the host", at(1000)).status, Status::Healthy);
        let killed = count(quiet, 7, at(1010), hold);
        assert_eq!((killed.recent, report(killed, "the host", at(1010)).status), (2, Status::Critical));
        let later = count(killed, 7, at(1100), hold);
        assert!(
            report(later, "the host", at(1100))
                .summary
                .contains("2 processes were killed for lack of memory 90.0s ago")
        );
        assert_eq!(count(later, 8, at(1200), hold).recent, 3);
        assert_eq!(count(later, 7, at(1310), hold).recent, 0);
        assert_eq!(count(later, 1, at(1310), hold).recent, 1, "counted anew");
        assert_eq!(count(killed, 7, at(1010), Duration::ZERO).recent, 0);
    }
}
