//! A package's file that is damaged: how long until it is whole again, put back alone or with everything else.

use std::fs;
use std::time::Duration;

use stratheal_core::base::clock::{Clock, SystemClock};
use tokio::time::{Instant, sleep};

use super::incidents::{seconds, until};
use super::leftovers::Leftovers;
use super::ours;
use super::project::Project;
use crate::child::Child;
use crate::failure::Failure;

/// The pause between two looks at the file.
const LOOK: Duration = Duration::from_millis(1);
/// How long it may stay damaged.
const LIMIT: Duration = Duration::from_mins(1);
/// How long a monitor runs before something is damaged.
const CALM: Duration = Duration::from_secs(4);

/// How long it took, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mended {
    /// From when it was known until the file was as before, byte by byte.
    pub(super) whole: f64,
    /// From when it was known until the check had passed as often as is asked for.
    pub(super) verified: f64,
    /// From when the remedy began until all its steps were done.
    pub(super) steps: f64,
}

/// Damages the file of a module so many times, and has a remedy see to it.
pub(super) async fn measure(project: &Project, remedy: &str, rounds: usize) -> Result<Vec<Mended>, Failure> {
    project.configure(remedy)?;
    let state = ours::state(&project.folder);
    let argv = ours::argv(&project.command(&["up"])?);
    let log = project.folder.join("monitor.log");
    let child = Child::start("stratheal", None, &argv[0], &argv[1..], &log, false)?;
    let _leftovers = Leftovers(state.clone());
    sleep(CALM).await;
    let mut all = Vec::new();
    for _ in 0..rounds {
        let module = project.module()?;
        let before = fs::read(&module)?;
        let since = SystemClock.now();
        // The file in the cache may be the same one, so it is not written into.
        fs::remove_file(&module)?;
        fs::write(&module, "value = 1 +\n")?;
        let damaged = Instant::now();
        while fs::read(&module).ok().as_ref() != Some(&before) {
            if damaged.elapsed() > LIMIT {
                return Err(Failure::new(format!("{remedy} did not put the file back")));
            }
            sleep(LOOK).await;
        }
        let whole = SystemClock.now();
        // The first time it is opened, and reopened from then on.
        let known = until(&state, &["opened", "open"], since).await?;
        let begun = until(&state, &["healing"], since).await?;
        let done = until(&state, &["done"], since).await?;
        let verified = until(&state, &["probation"], since).await?;
        until(&state, &["resolved"], since).await?;
        all.push(Mended {
            whole: seconds(known, whole),
            verified: seconds(known, verified),
            steps: seconds(begun, done),
        });
    }
    child.stop(None).await?;
    Ok(all)
}
