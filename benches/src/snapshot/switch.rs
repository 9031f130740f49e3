//! How long a rollback can be seen: what whoever opens files of the environment meanwhile finds.

use std::any::Any;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stratheal_core::installer::Moment as Switching;
use stratheal_core::objects::Store;
use stratheal_core::snapshot::{Moment, RollbackOptions, Selector, SnapshotEvent, Snapshots};

use super::peer::Site;
use super::scene::change;
use crate::failure::Failure;
use crate::monotonic;
use crate::quantile::quantile;
use crate::table::Table;

/// The longest that anybody may have to wait, in milliseconds.
const GOAL: f64 = 5.0;

/// What was seen of each rollback, in milliseconds.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// From before the folders change places until after.
    switch: Vec<f64>,
    /// The longest time between two times that both files could be opened.
    gap: Vec<f64>,
    /// The same after the rollback, for as long: what this machine does without one.
    idle: Vec<f64>,
    /// How often a file could not be opened.
    failed: u64,
    /// How often both were.
    opened: u64,
}

impl Seen {
    /// Damages files, goes back, and looks on.
    ///
    /// # Errors
    /// When it cannot go back.
    pub(super) async fn look_on(&mut self, site: &Site<'_>, files: &[PathBuf]) -> Result<(), Failure> {
        let Some(file) = files.first() else { return Ok(()) };
        change(files, "# seen\n")?;
        // In this process, because events say when it is switched.
        let cache = site.cache.and_then(|cache| Store::open(&cache.join("objects")).ok());
        let snapshots = Snapshots::open(&site.own.join("state"), &site.own.join("user-state"), cache);
        let (mut events, stop) = (snapshots.events(), Arc::new(AtomicBool::new(false)));
        let onlooker = std::thread::spawn({
            let paths = [site.environment.join("pyvenv.cfg"), file.clone()];
            let stop = Arc::clone(&stop);
            move || watch(&paths, &stop, &mut || events.try_recv().ok())
        });
        let began = monotonic::now();
        let options = RollbackOptions::default();
        let done = snapshots.rollback(&Selector::Number(1), site.environment, &options).await;
        let took = monotonic::now() - began;
        stop.store(true, Ordering::Relaxed);
        let watched = onlooker.join().map_err(died)?;
        done.map_err(|error| Failure::new(error.to_string()))?;
        self.switch.extend(watched.switch.map(milliseconds));
        self.gap.push(milliseconds(watched.longest));
        self.failed += watched.failed;
        self.opened += watched.opened;
        self.idle.push(milliseconds(idle(site.environment, file, took).await?));
        Ok(())
    }

    /// As a table; empty when nothing was seen.
    pub(super) fn table(&self, who: &str) -> String {
        let mut table = Table::new(&["visible switch", "who", "median", "longest", "goal"]);
        for (what, times, goal) in [
            ("the switch", &self.switch, Some(GOAL)),
            // All of a rollback, which keeps the processors busy: what that does to whoever runs beside it is no part of the switch.
            ("between two times that files could be opened", &self.gap, None),
            ("the same without a rollback", &self.idle, None),
        ] {
            let mut times = times.clone();
            let (Some(median), Some(longest)) = (quantile(&mut times, 0.5), times.last().copied()) else { continue };
            let goal =
                goal.map(|goal| format!("under {goal:.0} ms: {}", if longest < goal { "met" } else { "missed" }));
            let row = [what, who].map(str::to_owned).into_iter();
            let numbers = [format!("{median:.3} ms"), format!("{longest:.3} ms"), goal.unwrap_or_default()];
            table.row(row.chain(numbers).collect());
        }
        if table.is_empty() {
            return String::new();
        }
        format!("{table}\nfiles could not be opened {} times, and {} times they could\n", self.failed, self.opened)
    }
}

#[derive(Debug, Default)]
struct Watched {
    /// From the look before the folders change places to the look after.
    switch: Option<u64>,
    longest: u64,
    failed: u64,
    opened: u64,
}

/// Opens files again and again. Events are taken between two looks, so that the switch takes no longer than what is found.
fn watch(paths: &[PathBuf; 2], stop: &AtomicBool, next: &mut dyn FnMut() -> Option<SnapshotEvent>) -> Watched {
    let mut watched = Watched::default();
    let (mut last, mut look, mut began) = (monotonic::now(), monotonic::now(), None);
    while !stop.load(Ordering::Relaxed) {
        let is_open = paths.iter().all(|path| File::open(path).is_ok());
        let now = monotonic::now();
        while let Some(event) = next() {
            match event {
                SnapshotEvent::Moment { moment: Moment::Switch { moment: Switching::Switching } } => began = Some(look),
                SnapshotEvent::Moment { moment: Moment::Switch { moment: Switching::Comparing } } => {
                    watched.switch = began.map(|began| monotonic::now() - began);
                }
                _ => {}
            }
        }
        look = now;
        if is_open {
            watched.longest = watched.longest.max(now - last);
            watched.opened += 1;
            last = now;
        } else {
            watched.failed += 1;
        }
    }
    watched.longest = watched.longest.max(monotonic::now() - last);
    watched
}

/// The longest time between two times while nothing happens, for so many nanoseconds.
async fn idle(environment: &Path, file: &Path, time: u64) -> Result<u64, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let paths = [environment.join("pyvenv.cfg"), file.to_owned()];
    let onlooker = std::thread::spawn({
        let stop = Arc::clone(&stop);
        move || watch(&paths, &stop, &mut || None)
    });
    tokio::time::sleep(std::time::Duration::from_nanos(time)).await;
    stop.store(true, Ordering::Relaxed);
    let watched = onlooker.join().map_err(died)?;
    Ok(watched.longest)
}

fn died(_: Box<dyn Any + Send>) -> Failure {
    Failure::new("the thread that looked on died")
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_is_said() {
        let seen = Seen { switch: vec![0.1], gap: vec![7.0, 1.0], failed: 2, ..Seen::default() };
        let table = seen.table("us");
        assert!(table.contains("under 5 ms: met") && !table.contains("missed"), "{table}");
        let slow = Seen { switch: vec![0.1, 7.0], ..Seen::default() }.table("us");
        assert!(slow.contains("under 5 ms: missed"), "{slow}");
        assert!(table.contains("2 times") && !table.contains("without a rollback"), "{table}");
        assert_eq!(Seen::default().table("us"), "");
    }
}
