//! Whether a process runs, how many there are, and how they are.
//!
//! Metrics: `count`, `zombies`, `uninterruptible` (waiting for a device, state D), `rss` in bytes, summed up; `age` of the youngest and
//! `oldest`, in seconds; `cpu` in percent of one processor, summed up, once there are two samples; `open_files` and
//! `open_files_used` (percent of the limit) of the process with the most, where this process may know.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use super::patience::when_free;
use super::{Measure, Measurement};
use crate::base::class::ErrorClass;
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::quantity::show_seconds;
use crate::model::{Metric, Report, Status, Unit};
use crate::sys::process::{self, DescriptorUse, Process as Found, ProcessId, ProcessSelector, ProcessState};
use crate::sys::{SysError, SysRoot, uptime};

/// What makes a Warning unless told otherwise.
pub const DEFAULT_WARN: &[&str] = &["zombies > 0"];
/// What makes a Critical unless told otherwise: nothing, because too few or too many processes are Critical by themselves.
pub const DEFAULT_CRIT: &[&str] = &[];

/// How long to wait for a second sample of processor time.
const WAIT: Duration = Duration::from_millis(200);
/// The most processes whose open files are counted.
const MAX_COUNTED: usize = 64;

/// Which processes, and how many there have to be.
#[derive(Debug, Clone, Default)]
pub struct ProcessOptions {
    /// Which processes. May be empty when a pid file is given.
    pub selector: ProcessSelector,
    /// A file with the number of the process; it has to fit the selector too.
    pub pid_file: Option<PathBuf>,
    /// The least there have to be; 1 when unset.
    pub min: Option<u64>,
    /// The most there may be.
    pub max: Option<u64>,
    /// Whether to wait 200 ms for a second sample of processor time when there is none from before.
    pub cpu: bool,
}

/// Looks for processes.
#[derive(Debug)]
pub struct Process {
    options: ProcessOptions,
    root: SysRoot,
    before: Mutex<Option<Sample>>,
}

#[derive(Debug)]
struct Sample {
    taken: Duration,
    cpu: HashMap<ProcessId, Duration>,
}

impl Process {
    /// A look at the processes of this machine, or of recorded files.
    #[must_use]
    pub const fn new(options: ProcessOptions, root: SysRoot) -> Self {
        Self { options, root, before: Mutex::new(None) }
    }

    async fn look(&self, cx: &CheckContext) -> Result<(Vec<Found>, Option<Missing>), CheckError> {
        let (root, selector, pid_file) =
            (self.root.clone(), self.options.selector.clone(), self.options.pid_file.clone());
        // Reading the command line of a process that is stuck can get the reader stuck.
        let key = format!("processes {:?} {pid_file:?}", self.options.selector);
        when_free(cx, &key, move || match &pid_file {
            Some(file) => by_pid_file(&root, file, &selector),
            None => Ok((process::find(&root, &selector)?, None)),
        })
        .await?
    }

    async fn descriptors(&self, cx: &CheckContext, found: &[Found]) -> Result<Vec<DescriptorUse>, CheckError> {
        let pids: Vec<u32> = found.iter().take(MAX_COUNTED).map(|process| process.id.pid).collect();
        let root = self.root.clone();
        let key = format!("open files of {pids:?}");
        let count = move || pids.iter().filter_map(|pid| process::descriptors(&root, *pid).transpose()).collect();
        let counted: Result<Vec<_>, SysError> = when_free(cx, &key, count).await?;
        match counted {
            // The open files of others are not for everybody to know; whether they run is.
            Err(SysError::Unsupported { .. }) => Ok(Vec::new()),
            Err(error) if error.class() == ErrorClass::Denied => Ok(Vec::new()),
            other => Ok(other?),
        }
    }
}

/// Why a pid file leads to no process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    File,
    Process(u32),
    Other(u32),
}

fn by_pid_file(
    root: &SysRoot,
    file: &std::path::Path,
    selector: &ProcessSelector,
) -> Result<(Vec<Found>, Option<Missing>), CheckError> {
    let pid = match process::read_pid_file(file) {
        Ok(pid) => pid,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((Vec::new(), Some(Missing::File))),
        Err(error) => return Err(CheckError::read("a pid file", error)),
    };
    let Some(found) = process::read(root, pid)? else { return Ok((Vec::new(), Some(Missing::Process(pid)))) };
    if !selector.is_empty() && !process::fits(root, selector, &found) {
        return Ok((Vec::new(), Some(Missing::Other(pid))));
    }
    Ok((vec![found], None))
}

#[async_trait]
impl Measure for Process {
    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        if self.options.selector.is_empty() && self.options.pid_file.is_none() {
            return Err(CheckError::Setup {
                what: "the process to look for".to_owned(),
                problem: "give a name, a pattern, a program or a pid file".to_owned(),
            });
        }
        let mut now = uptime::since_boot(&self.root)?;
        let (mut found, mut missing) = self.look(cx).await?;
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner).take();
        if before.is_none() && self.options.cpu && !found.is_empty() {
            before = Some(sample(now, &found));
            tokio::time::sleep(WAIT).await;
            now = uptime::since_boot(&self.root)?;
            (found, missing) = self.look(cx).await?;
        }
        let files = self.descriptors(cx, &found).await?;
        let mut report = report(&self.options, &found, missing);
        if let Some(cpu) = before.as_ref().and_then(|before| cpu_percent(before, now, &found)) {
            report = report.metric(Metric::new("cpu", cpu, Unit::Percent).min(0.0));
        }
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = Some(sample(now, &found));
        let pids: Vec<u32> = found.iter().take(MAX_COUNTED).map(|process| process.id.pid).collect();
        Ok(Measurement::new(with_files(report, &files).datum("pids", pids.clone())).fact("pids", pids))
    }
}

fn sample(taken: Duration, found: &[Found]) -> Sample {
    Sample { taken, cpu: found.iter().map(|process| (process.id, process.cpu)).collect() }
}

/// Processor time since the sample before, in percent of one processor. A process that was not there before used all of its own since.
fn cpu_percent(before: &Sample, now: Duration, found: &[Found]) -> Option<f64> {
    let elapsed = now.checked_sub(before.taken).filter(|elapsed| !elapsed.is_zero())?;
    let spent = |process: &Found| process.cpu.saturating_sub(before.cpu.get(&process.id).copied().unwrap_or_default());
    let spent: Duration = found.iter().map(spent).sum();
    Some(spent.as_secs_f64() / elapsed.as_secs_f64() * 100.0)
}

fn report(options: &ProcessOptions, found: &[Found], missing: Option<Missing>) -> Report {
    let (ended, running): (Vec<&Found>, Vec<&Found>) = found.iter().partition(|process| process.state.has_ended());
    let waiting = running.iter().filter(|process| process.state == ProcessState::Uninterruptible).count();
    let count = running.len() as u64;
    let (min, max) = (options.min.unwrap_or(1), options.max.unwrap_or(u64::MAX));
    let plural = |count: u64| if count == 1 { "1 process runs".to_owned() } else { format!("{count} processes run") };
    let mut report = if count < min {
        let why = match missing {
            Some(Missing::File) => Some("there is no pid file".to_owned()),
            Some(Missing::Process(pid)) => Some(format!("there is no process {pid}, which the pid file names")),
            Some(Missing::Other(pid)) => Some(format!("process {pid}, which the pid file names, is another program")),
            None if !ended.is_empty() => Some(format!("{} ended, but nobody asked how (zombies)", ended.len())),
            None => None,
        };
        let text = if count == 0 {
            format!("no process runs{}", wanted(options))
        } else {
            format!("{} of at least {min}", plural(count))
        };
        let code = if count == 0 { "not-running" } else { "too-few" };
        let report = Report::critical(why.map_or_else(|| text.clone(), |why| format!("{text}: {why}"))).code(code);
        // `python app.py` is called `python`.
        if options.selector.name.is_some() && count == 0 {
            report.hint("start it; for a script, look for its name in the command line with `pattern`")
        } else {
            report
        }
    } else if count > max {
        Report::critical(format!("{}, at most {max} should", plural(count))).code("too-many")
    } else {
        let youngest = running.iter().filter_map(|process| process.age).min();
        let since = youngest.map(|age| format!(" for {}", show_seconds(age.as_secs_f64()))).unwrap_or_default();
        Report::new(Status::Healthy, format!("{}{since}", plural(count)))
    };
    let number = |name, value: u64| Metric::new(name, value as f64, Unit::Number).min(0.0);
    let resident = running.iter().filter_map(|process| process.resident).sum::<u64>();
    report = report
        .metric(number("count", count))
        .metric(number("zombies", ended.len() as u64))
        .metric(number("uninterruptible", waiting as u64))
        .metric(Metric::new("rss", resident as f64, Unit::Bytes).min(0.0));
    let ages = || running.iter().filter_map(|process| process.age);
    if let (Some(youngest), Some(oldest)) = (ages().min(), ages().max()) {
        report = report.metric(Metric::seconds("age", youngest)).metric(Metric::seconds("oldest", oldest));
    }
    report
}

fn with_files(report: Report, files: &[DescriptorUse]) -> Report {
    let share = |files: &DescriptorUse| match files.limit {
        Some(limit) if limit > 0 => files.used as f64 / limit as f64 * 100.0,
        _ => 0.0,
    };
    let Some(most) = files.iter().max_by(|a, b| share(a).total_cmp(&share(b)).then(a.used.cmp(&b.used))) else {
        return report;
    };
    report
        .metric(Metric::new("open_files", most.used as f64, Unit::Number).min(0.0))
        .metric(Metric::new("open_files_used", share(most), Unit::Percent).min(0.0).max(100.0))
}

/// Which process was looked for, in words.
fn wanted(options: &ProcessOptions) -> String {
    let selector = &options.selector;
    let mut parts = Vec::new();
    parts.extend(selector.name.as_ref().map(|name| format!("is called `{name}`")));
    parts.extend(selector.executable.as_ref().map(|path| format!("runs {}", path.display())));
    parts.extend(selector.pattern.as_ref().map(|pattern| format!("has `{pattern}` in its command line")));
    if parts.is_empty() { String::new() } else { format!(" that {}", parts.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pid: u32, state: ProcessState, cpu: u64) -> Found {
        Found {
            id: ProcessId { pid, started: 1 },
            parent: 1,
            name: "api".to_owned(),
            command: Vec::new(),
            state,
            cpu: Duration::from_millis(cpu),
            age: Some(Duration::from_secs(u64::from(pid))),
            resident: Some(1000),
        }
    }

    fn options(min: Option<u64>, max: Option<u64>) -> ProcessOptions {
        ProcessOptions { min, max, ..ProcessOptions::default() }
    }

    #[test]
    fn counts_decide() {
        let two = [found(10, ProcessState::Running, 0), found(20, ProcessState::Sleeping, 0)];
        for (min, max, many, status, code) in [
            (None, None, 2, Status::Healthy, "ok"),
            (None, None, 0, Status::Critical, "not-running"),
            (Some(0), None, 0, Status::Healthy, "ok"),
            (Some(3), None, 2, Status::Critical, "too-few"),
            (None, Some(1), 2, Status::Critical, "too-many"),
            (Some(0), Some(0), 1, Status::Critical, "too-many"),
        ] {
            let report = report(&options(min, max), &two[..many], None);
            assert_eq!((report.status, report.code.as_ref()), (status, code), "{min:?} {max:?} {many}");
        }
        let healthy = report(&options(None, None), &two, None);
        assert_eq!(healthy.summary, "2 processes run for 10.0s");
        assert_eq!((healthy.value("rss"), healthy.value("oldest")), (Some(2000.0), Some(20.0)));
    }

    #[test]
    fn a_zombie_does_not_run() {
        let dead = report(&options(None, None), &[found(10, ProcessState::Zombie, 0)], None);
        assert_eq!((dead.status, dead.value("zombies"), dead.value("count")), (Status::Critical, Some(1.0), Some(0.0)));
        assert_eq!(dead.summary, "no process runs: 1 ended, but nobody asked how (zombies)");
        let stuck = report(&options(None, None), &[found(10, ProcessState::Uninterruptible, 0)], None);
        assert_eq!(stuck.value("uninterruptible"), Some(1.0));
    }

    #[test]
    fn new_processes_used_their_time_since() {
        let at = Duration::from_secs;
        let before = sample(at(10), &[found(1, ProcessState::Running, 1000)]);
        let now = [found(1, ProcessState::Running, 2000), found(2, ProcessState::Running, 500)];
        assert_eq!(cpu_percent(&before, at(12), &now), Some(75.0));
        assert_eq!(cpu_percent(&before, at(10), &now), None);
    }
}
