//! One monitor under one load.
//!
//! The targets start, then the monitor. After it has warmed up, its processor time is read at the beginning and at the end of the
//! measured span, its memory once a second from its start on. Arrivals outside of the span do not count; bad results count from the
//! first run on. Then everything ends, the monitor first.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::arrivals::Arrivals;
use super::failures::Failures;
use super::lateness::{lateness, settled};
use super::monitor::{Launch, Monitor, Place, Task};
use super::scenario::{Kind, Scenario};
use super::{command_targets, http_targets};
use crate::child::Child;
use crate::failure::Failure;
use crate::quantile::quantile;
use crate::{monotonic, proc};

/// How long something may take to be ready.
const READY: Duration = Duration::from_secs(10);
/// How long a monitor may warm up at least; at least two intervals in any case.
const WARM_UP: Duration = Duration::from_secs(10);

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Runs of checks of healthy targets that arrived, in parts of those that should have.
    pub rate: f64,
    /// How late they were in milliseconds: the median and the 99th percentile; `None` when too few arrived to tell.
    pub lateness: Option<(f64, f64)>,
    /// Bad results of healthy targets.
    pub false_failures: u64,
    /// Hanging targets that were called bad.
    pub found: usize,
    /// Processor time in milliseconds for each run of a check that arrived, children included.
    pub cpu_per_check: Option<f64>,
    /// How much of a processor the monitor used, in parts of one.
    pub cpu: f64,
    /// The most memory it had, in bytes.
    pub memory: u64,
    /// How much of a processor the targets used, in parts of one.
    pub targets_cpu: f64,
}

/// Where a trial happens.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// The processors of targets and monitor, unless the system chooses.
    pub processors: Option<(usize, usize)>,
    /// How long it is measured.
    pub measured: Duration,
    /// A folder that is emptied before.
    pub folder: &'a Path,
}

/// The folder that holds all that was built, this program included.
///
/// # Errors
/// When it cannot be found.
pub fn build_folder() -> Result<PathBuf, Failure> {
    // <build folder>/release/deps/health-0123456789abcdef
    let program = std::env::current_exe()?;
    let folder = program.ancestors().nth(3).ok_or_else(|| Failure::new("this program is not in a build folder"))?;
    Ok(folder.to_path_buf())
}

/// Runs one monitor.
///
/// # Errors
/// When it cannot be started or ends by itself.
pub async fn run(monitor: Monitor, scenario: &Scenario, setting: Setting<'_>) -> Result<Measured, Failure> {
    let folder = setting.folder;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let (target_core, monitor_core) = setting.processors.unzip();
    let mut targets = start_targets(scenario, target_core, folder)?;
    let (_input, output) = targets.pipes().ok_or_else(|| Failure::new("the targets have no pipes"))?;
    let mut output = BufReader::new(output);
    let mut line = String::new();
    let read = tokio::time::timeout(READY, output.read_line(&mut line)).await;
    read.map_err(|_| Failure::new("the targets are not ready in time"))??;
    let place = Place::parse(&line, scenario.kind)?;

    let launch = monitor.prepare(Task { scenario, place: &place, folder })?;
    let mut running = Running::start(monitor, &launch, (target_core, monitor_core), folder).await?;
    let warm_up = WARM_UP.max(scenario.interval * 5 / 2);
    running.watch(warm_up).await?;
    let steps = setting.measured.as_nanos().div_ceil(scenario.interval.as_nanos()) as u32;
    let (from, cpu, targets_cpu) = (monotonic::now(), running.cpu()?, proc::cpu_time(targets.id())?);
    running.watch(scenario.interval * steps).await?;
    let until = monotonic::now();
    let cpu = running.cpu()?.saturating_sub(cpu);
    let targets_cpu = proc::cpu_time(targets.id())?.saturating_sub(targets_cpu);
    let memory = running.memory;
    running.stop().await?;
    let mut text = targets.stop(Some(output.into_inner())).await?;
    text.insert(0, '\n');
    let arrivals = Arrivals::parse(&text, scenario.checks);
    let span = Span { from, until, cpu, targets_cpu, memory };
    Ok(measure(scenario, &arrivals, &monitor.failures(scenario, folder).await?, &span))
}

fn start_targets(scenario: &Scenario, processor: Option<usize>, folder: &Path) -> Result<Child, Failure> {
    let name = scenario.name.to_owned();
    let log = folder.join("targets.log");
    match scenario.kind {
        Kind::Http { .. } => Child::start_role(http_targets::ROLE, processor, &[name], &log),
        Kind::Command => {
            let commands = folder.join("commands").display().to_string();
            Child::start_role(command_targets::ROLE, processor, &[name, commands], &log)
        }
    }
}

/// What was read at the ends of the measured span.
struct Span {
    from: u64,
    until: u64,
    cpu: Duration,
    targets_cpu: Duration,
    memory: u64,
}

fn measure(scenario: &Scenario, arrivals: &Arrivals, failures: &Failures, span: &Span) -> Measured {
    let within = |target: u32| arrivals.at(target).iter().filter(|at| (span.from..span.until).contains(at)).count();
    let interval = scenario.interval.as_nanos() as u64;
    let seconds = (span.until - span.from) as f64 / 1e9;
    let wanted = scenario.healthy().count() as f64 * seconds / scenario.interval.as_secs_f64();
    let arrived: usize = scenario.healthy().map(within).sum();
    let all: usize = (0..scenario.checks).map(within).sum();
    let mut late: Vec<f64> = scenario
        .healthy()
        .map(|target| settled(arrivals.at(target), span.from, span.until))
        // A single arrival fits any grid.
        .filter(|arrivals| arrivals.len() > 1)
        .flat_map(|arrivals| lateness(&arrivals, interval))
        .map(|nanoseconds| nanoseconds as f64 / 1e6)
        .collect();
    Measured {
        rate: arrived as f64 / wanted,
        lateness: quantile(&mut late, 0.5).zip(quantile(&mut late, 0.99)),
        false_failures: failures.false_ones(scenario),
        found: failures.found(scenario),
        cpu_per_check: (all > 0).then(|| span.cpu.as_secs_f64() * 1e3 / all as f64),
        cpu: span.cpu.as_secs_f64() / seconds,
        memory: span.memory,
        targets_cpu: span.targets_cpu.as_secs_f64() / seconds,
    }
}

/// A monitor at work.
struct Running {
    monitor: Child,
    scraper: Option<Child>,
    memory: u64,
}

impl Running {
    async fn start(
        monitor: Monitor,
        launch: &Launch,
        (target_core, monitor_core): (Option<usize>, Option<usize>),
        folder: &Path,
    ) -> Result<Self, Failure> {
        let (program, arguments) = launch.argv.split_first().ok_or_else(|| Failure::new("no command"))?;
        let log = folder.join("monitor.log");
        let child = Child::start(monitor.name(), monitor_core, program, arguments, &log, false)?;
        let mut running = Self { monitor: child, scraper: None, memory: 0 };
        if let Some((address, arguments)) = &launch.scraper
            && let Some((role, arguments)) = arguments.split_first()
        {
            running.await_listening(*address).await?;
            running.scraper = Some(Child::start_role(role, target_core, arguments, &folder.join("scraper.log"))?);
        }
        Ok(running)
    }

    async fn await_listening(&mut self, address: SocketAddr) -> Result<(), Failure> {
        let end = Instant::now() + READY;
        while TcpStream::connect(address).await.is_err() {
            self.monitor.still_runs()?;
            if Instant::now() > end {
                return Err(Failure::new(format!("nothing listens at {address} after {} s", READY.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Lets it run, and looks at its memory now and then.
    async fn watch(&mut self, span: Duration) -> Result<(), Failure> {
        let end = Instant::now() + span;
        let mut look = Instant::now();
        while Instant::now() < end {
            self.memory = self.memory.max(proc::memory_of_tree(self.monitor.id()));
            look += Duration::from_secs(1);
            tokio::time::sleep_until(look.min(end)).await;
            self.monitor.still_runs()?;
            if let Some(scraper) = &mut self.scraper {
                scraper.still_runs()?;
            }
        }
        Ok(())
    }

    fn cpu(&self) -> Result<Duration, Failure> {
        Ok(proc::cpu_time(self.monitor.id())?)
    }

    async fn stop(mut self) -> Result<(), Failure> {
        if let Some(mut scraper) = self.scraper.take() {
            let output = scraper.pipes().map(|(_, output)| output);
            scraper.stop(output).await?;
        }
        self.monitor.stop(None).await.map(drop)
    }
}
