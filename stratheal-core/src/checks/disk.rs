//! How full disks are: space and inodes of each mount.
//!
//! Metrics for each mount: `used[/var]` in percent as df(1) shows it, `available[/var]` in bytes, and `inodes[/var]` in percent. A
//! condition on `used` covers all mounts. The fact `mounts` tells of each mount whether it is read-only, its type and its source.
//!
//! Every mount is asked on its own, under a key of its own: one that hangs is named, and the others are reported all the same.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::{Map, Value, json};

use super::patience::when_free;
use super::{Measure, Measurement};
use crate::base::class::chain;
use crate::contract::{CheckContext, CheckError, CheckKind};
use crate::model::quantity::show_bytes;
use crate::model::{Metric, Report, Status, Unit};
use crate::sys::SysRoot;
use crate::sys::filesystem::{FilesystemUsage, usage};
use crate::sys::mounts::{self, Mount};

/// What makes a Warning unless told otherwise.
pub const DEFAULT_WARN: &[&str] = &["used > 85% clear 83%", "inodes > 85% clear 83%"];
/// What makes a Critical unless told otherwise.
pub const DEFAULT_CRIT: &[&str] = &["used > 95% clear 93%", "inodes > 95% clear 93%"];

/// The most mounts one check looks at, so that its metrics fit a report.
const MAX_MOUNTS: usize = 80;

/// What to measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiskOptions {
    /// Mount points, or any other paths on them, of whatever kind. Empty means all disks of this machine.
    pub paths: Vec<PathBuf>,
    /// Whether "all" includes network mounts, which can hang.
    pub network: bool,
    /// Mount points that "all" leaves out.
    pub exclude: Vec<PathBuf>,
}

/// Measures disks.
#[derive(Debug)]
pub struct Disk {
    options: DiskOptions,
    root: SysRoot,
}

impl Disk {
    /// A measuring of the mounts of this machine, or of those that recorded files list.
    #[must_use]
    pub const fn new(options: DiskOptions, root: SysRoot) -> Self {
        Self { options, root }
    }

    /// The paths to ask, each with the mount it lies on.
    fn targets(&self) -> Result<Vec<Target>, CheckError> {
        let mounts = mounts::read(&self.root)?;
        if !self.options.paths.is_empty() {
            let on = |path: &PathBuf| Target { path: path.clone(), mount: mounts::containing(&mounts, path).cloned() };
            return Ok(self.options.paths.iter().map(on).collect());
        }
        let mut all = mounts::worth_watching(&mounts, self.options.network);
        all.retain(|mount| !self.options.exclude.contains(&mount.mount_point));
        if all.is_empty() {
            return Err(CheckError::Setup {
                what: "the list of disks".to_owned(),
                problem: "no disk of this machine is mounted here; name the paths to watch".to_owned(),
            });
        }
        Ok(all.into_iter().map(|mount| Target { path: mount.mount_point.clone(), mount: Some(mount) }).collect())
    }
}

#[derive(Debug, Clone)]
struct Target {
    path: PathBuf,
    mount: Option<Mount>,
}

#[async_trait]
impl Measure for Disk {
    fn kind(&self) -> CheckKind {
        CheckKind::Host
    }

    async fn measure(&self, cx: &CheckContext) -> Result<Measurement, CheckError> {
        let mut targets = self.targets()?;
        let left_out = targets.len().saturating_sub(MAX_MOUNTS);
        targets.truncate(MAX_MOUNTS);
        let answers = join_all(targets.iter().map(|target| ask(cx, &target.path))).await;
        let asked: Vec<_> = targets.into_iter().zip(answers).collect();
        let mut measurement = measurement(&asked);
        if left_out > 0 {
            measurement.report = measurement.report.datum("mounts_left_out", left_out);
        }
        Ok(measurement)
    }
}

async fn ask(cx: &CheckContext, path: &Path) -> Result<FilesystemUsage, CheckError> {
    let owned = path.to_owned();
    let answer = when_free(cx, &format!("mount {}", path.display()), move || usage(&owned)).await?;
    answer.map_err(|error| CheckError::read(path.display().to_string(), error))
}

fn measurement(asked: &[(Target, Result<FilesystemUsage, CheckError>)]) -> Measurement {
    let mut metrics = Vec::new();
    let mut facts = Map::new();
    let mut silent = Vec::new();
    let mut fullest: Option<(&Path, f64, u64)> = None;
    for (target, answer) in asked {
        let path = target.path.as_path();
        let name = path.display();
        let mount = target.mount.as_ref();
        facts.insert(name.to_string(), fact(path, mount, answer.is_ok()));
        let usage = match answer {
            Ok(usage) => usage,
            Err(error) => {
                silent.push(format!("{name}: {}", chain(error)));
                continue;
            }
        };
        let percent =
            |what: &str, value: f64| Metric::new(format!("{what}[{name}]"), value, Unit::Percent).min(0.0).max(100.0);
        // A file system without any space, or that makes inodes as needed, cannot run out of them.
        let used = usage.used_percent().unwrap_or(0.0);
        metrics.push(percent("used", used));
        let available = Metric::new(format!("available[{name}]"), usage.available as f64, Unit::Bytes);
        metrics.push(available.min(0.0).max(usage.total as f64));
        metrics.push(percent("inodes", usage.inodes_used_percent().unwrap_or(0.0)));
        if fullest.is_none_or(|(_, most, _)| used > most) {
            fullest = Some((path, used, usage.available));
        }
    }
    let summary = fullest.map(|(path, used, available)| {
        let of = if asked.len() > 1 { format!(", fullest of {}", asked.len()) } else { String::new() };
        format!("{} is {used:.1}% full, {} available{of}", path.display(), show_bytes(available as f64))
    });
    let mut report = if silent.is_empty() {
        Report::healthy(summary.unwrap_or_default())
    } else {
        let parts: Vec<String> = silent.into_iter().chain(summary).collect();
        Report::new(Status::Unknown, parts.join("; "))
            .code("mount-silent")
            .hint("look whether the mount and the machine that serves it still answer")
    };
    report.metrics = metrics;
    Measurement::new(report.datum("mounts", facts.clone())).fact("mounts", facts)
}

fn fact(path: &Path, mount: Option<&Mount>, answered: bool) -> Value {
    json!({
        "read_only": mount.is_some_and(Mount::read_only),
        "mounted": mount.is_some_and(|mount| mount.mount_point == path),
        "type": mount.map(|mount| mount.fs_type.as_str()),
        "source": mount.map(|mount| mount.source.as_str()),
        "answers": answered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::blocking::BlockingError;
    use crate::checks::{Active, Conditions, judge};

    fn target(path: &str, options: &str) -> Target {
        let mount = mounts::parse_mounts(&format!("/dev/vda {path} ext4 {options} 0 0")).unwrap().pop();
        Target { path: path.into(), mount }
    }

    const ALMOST: FilesystemUsage =
        FilesystemUsage { total: 1000, free: 100, available: 100, inodes: 100, inodes_free: 60 };

    #[test]
    fn each_mount_has_its_metrics() {
        let roomy = FilesystemUsage { free: 900, available: 900, inodes: 0, ..ALMOST };
        let measured = measurement(&[(target("/", "rw"), Ok(roomy)), (target("/var", "ro"), Ok(ALMOST))]);
        assert_eq!(measured.report.value("used[/var]"), Some(90.0));
        assert_eq!(measured.report.value("inodes[/]"), Some(0.0));
        assert_eq!(measured.report.value("available[/var]"), Some(100.0));
        assert_eq!(measured.report.summary, "/var is 90.0% full, 100B available, fullest of 2");
        assert_eq!(measured.facts["mounts"]["/var"]["read_only"], true);
        let conditions = Conditions::default().warn("used > 85%".parse().unwrap());
        let (report, _) = judge(&conditions, &measured, &Active::default());
        assert_eq!(report.status, Status::Warning);
        assert!(report.summary.contains("used[/var]"), "{}", report.summary);
    }

    #[test]
    fn a_silent_mount_is_named_and_hides_nothing() {
        let stuck = CheckError::from(BlockingError::TimedOut { key: "mount /net".into() });
        let measured = measurement(&[(target("/net", "rw"), Err(stuck)), (target("/", "rw"), Ok(ALMOST))]);
        assert_eq!((measured.report.status, measured.report.value("used[/]")), (Status::Unknown, Some(90.0)));
        assert!(
            measured.report.summary.starts_with("/net: `mount /net` did not return"),
            "{}",
            measured.report.summary
        );
        let conditions = Conditions::default().crit("used > 85%".parse().unwrap());
        let (report, _) = judge(&conditions, &measured, &Active::default());
        assert_eq!(report.status, Status::Critical);
    }
}
