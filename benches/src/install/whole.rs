//! How long it takes to verify an environment and to repair one file of it, beside a program that only hashes all files.

use std::fs;
use std::path::Path;
use std::process::Command;

use stratheal_core::testing::tools;

use super::candidate::{Candidate, Programs};
use super::scene::Stage;
use crate::failure::Failure;
use crate::quantile::quantile;
use crate::table::Table;

/// Measures `verify` with nothing remembered and with everything, and `repair`.
///
/// # Errors
/// When something cannot be run.
pub(super) async fn measure(stage: &Stage<'_>, name: &str, rounds: usize, table: &mut Table) -> Result<(), Failure> {
    let (home, environment) = stage.environment().await?;
    let cache = stage.cache(Candidate::Ours);
    let ours = |command: &[&str]| Programs::ours(command, &environment, &cache, &home);
    let sums = || {
        let mut sums = Command::new("sh");
        tools::clean(&mut sums, &home);
        sums.args(["-c", "find . -type f -print0 | xargs -0 -n 500 -P 2 sha256sum"]).current_dir(&environment);
        sums
    };
    let module = module(&environment)?;
    let content = fs::read(&module)?;
    let mut times = [const { Vec::new() }; 4];
    for round in 0..=rounds {
        let hashed = stage.done(sums(), &home).await?;
        let empty = stage.done(ours(&["verify", "--full"])?, &home).await?;
        let full = stage.done(ours(&["verify"])?, &home).await?;
        fs::remove_file(&module)?;
        fs::write(&module, "damaged")?;
        let repaired = stage.done(ours(&["repair"])?, &home).await?;
        if fs::read(&module)? != content {
            return Err(Failure::new("repair did not put the file back"));
        }
        if round > 0 {
            for (times, took) in times.iter_mut().zip([hashed, empty, full, repaired]) {
                times.push(took.as_secs_f64());
            }
        }
    }
    let rows = ["sha256sum, 2 at once", "verify --full", "verify again", "repair of one file"];
    for (row, mut times) in rows.into_iter().zip(times) {
        let median = quantile(&mut times, 0.5).unwrap_or_default();
        let range = times.first().zip(times.last()).map(|(low, high)| format!("{low:.3} to {high:.3} s"));
        table.row(vec![name.to_owned(), row.to_owned(), format!("{median:.3} s"), range.unwrap_or_default()]);
    }
    Ok(())
}

/// A module of some package.
fn module(environment: &Path) -> Result<std::path::PathBuf, Failure> {
    let library = fs::read_dir(environment.join("lib"))?.flatten().next();
    let library = library.ok_or_else(|| Failure::new("the environment has no library"))?;
    let packages = fs::read_dir(library.path().join("site-packages"))?.flatten();
    let modules = packages.map(|entry| entry.path().join("__init__.py"));
    modules.into_iter().find(|path| path.is_file()).ok_or_else(|| Failure::new("no package has a module"))
}
