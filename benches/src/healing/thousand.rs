//! A thousand children that sleep: what it costs to have them looked after.
//!
//! Of ours, each is a service, whose check looks at it every five seconds (that is not configurable). supervisord has no checks.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::leftovers::Leftovers;
use super::supervisor::Supervisor;
use super::{ours, supervisord};
use crate::child::Child;
use crate::failure::Failure;
use crate::fetch::place::Place;
use crate::proc;
use crate::table::Table;

/// How many.
const CHILDREN: usize = 1000;
/// How long it may take until all are there.
const UP: Duration = Duration::from_mins(3);
/// How long nothing is measured after that.
const CALM: Duration = Duration::from_secs(30);
/// What ours may use, in parts of a processor.
const GOAL: f64 = 0.05;
/// How often it is looked whether all are there.
const LOOK: Duration = Duration::from_millis(200);

/// What it costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cost {
    /// Seconds until all were there.
    pub(super) up: f64,
    /// How much of a processor is used, in parts of one.
    pub(super) cpu: f64,
    /// Resident memory in bytes: of the program itself, and of our keeper.
    pub(super) memory: u64,
    pub(super) keeper: Option<u64>,
}

/// The table.
pub(super) fn table() -> Table {
    Table::new(&["1,000 sleeping children", "all there after", "CPU", "goal", "memory", "keeper", "together"])
}

impl Cost {
    /// A row of it.
    pub(super) fn cells(self, supervisor: Supervisor) -> Vec<String> {
        let verdict = if self.cpu < GOAL { "met" } else { "missed" };
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        vec![
            supervisor.name().to_owned(),
            format!("{:.1} s", self.up),
            format!("{:.1} %", self.cpu * 100.0),
            if supervisor == Supervisor::Stratheal { format!("under 5 %: {verdict}") } else { String::new() },
            megabytes(self.memory),
            self.keeper.map(megabytes).unwrap_or_default(),
            megabytes(self.memory + self.keeper.unwrap_or_default()),
        ]
    }
}

/// Measures one supervisor for so long.
pub(super) async fn measure(supervisor: Supervisor, measured: Duration, place: &Place) -> Result<Cost, Failure> {
    let folder = place.fresh()?;
    // Under a path of our own, so that nobody else's are counted.
    let program = folder.join("sleep");
    symlink("/bin/sleep", &program)?;
    let argv = prepare(supervisor, &folder, &program)?;
    let began = Instant::now();
    let child = Child::start(supervisor.name(), None, &argv[0], &argv[1..], &folder.join("log"), false)?;
    let _leftovers = Leftovers(folder.clone());
    while proc::naming(&program).len() < CHILDREN {
        if began.elapsed() > UP {
            let there = proc::naming(&program).len();
            return Err(Failure::new(format!("only {there} of {CHILDREN} are there after {} s", UP.as_secs())));
        }
        sleep(LOOK).await;
    }
    let up = began.elapsed().as_secs_f64();
    let keeper = proc::naming(&ours::state(&folder).join("services")).first().copied();
    sleep(CALM).await;
    let used =
        || [Some(child.id()), keeper].into_iter().flatten().map(proc::cpu_time).sum::<std::io::Result<Duration>>();
    let (before, from) = (used()?, Instant::now());
    sleep(measured).await;
    let cpu = used()?.saturating_sub(before).as_secs_f64() / from.elapsed().as_secs_f64();
    let memory = proc::resident(child.id())?;
    let keeper = keeper.map(proc::resident).transpose()?;
    child.stop(None).await?;
    Ok(Cost { up, cpu, memory, keeper })
}

fn prepare(supervisor: Supervisor, folder: &Path, program: &Path) -> Result<Vec<OsString>, Failure> {
    match supervisor {
        Supervisor::Stratheal => {
            let program = program.display().to_string();
            let mut text = "[endpoints]\nenabled = false\n".to_owned();
            for number in 0..CHILDREN {
                // Writing into a String cannot fail.
                let _ = writeln!(text, "[services.sleep-{number:04}]\nrun = [{program:?}, \"100000\"]");
            }
            fs::write(folder.join("stratheal.toml"), text)?;
            Ok(ours::argv(&ours::command(folder, &["up"])?))
        }
        Supervisor::Supervisord => {
            let command = program.display();
            let section = format!(
                "[program:sleep]\ncommand={command} 100000\nnumprocs={CHILDREN}\n\
                 process_name=%(program_name)s-%(process_num)04d\n"
            );
            supervisord::configure(folder, &section)
        }
        Supervisor::Monit => Err(Failure::new("it starts programs that go into the background, and no children")),
    }
}
