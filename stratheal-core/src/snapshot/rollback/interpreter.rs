//! The interpreter behind an environment, which lies outside and does not go back with it.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::objects::hash_path;
use crate::snapshot::{Python, SnapshotError};
use crate::sys::command::{Command, Ending};

/// How long an interpreter may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the interpreter behind an environment is another one than it was.
pub(in crate::snapshot) fn changed_python(python: &Python) -> Option<String> {
    let program = python.program.display();
    match hash_path(&python.program) {
        Ok(now) if now == python.sha256 => None,
        Ok(_) => Some(format!(
            "{program} is another one than it was (Python {}): `stratheal verify` says whether it fits",
            python.version
        )),
        Err(error) => Some(format!(
            "the interpreter {program} is gone ({error}): `stratheal install --rebuild` makes the environment anew"
        )),
    }
}

/// Whether the interpreter of what was built starts. Only the interpreter itself is run: programs beside it name the place where the
/// environment will be.
pub(in crate::snapshot) async fn starts(root: &Path, stage: &Path) -> Result<(), SnapshotError> {
    let program = stage.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let failed = |why: String| SnapshotError::Environment {
        root: root.to_owned(),
        reason: format!(
            "as it was then, its interpreter does not start ({why}): bring it back, make the environment anew with `stratheal install --rebuild`, or go back all the same with --no-check"
        ),
    };
    if !program.exists() {
        let target = std::fs::read_link(&program).map(|target| format!(" to {}", target.display())).unwrap_or_default();
        return Err(failed(format!("{} is a link{target}, where nothing is", Path::new("bin/python").display())));
    }
    let words = ["-I", "-S", "-c", "pass"].map(OsString::from);
    let running = Command::new(&program, words).spawn().map_err(|error| failed(error.to_string()))?;
    let finished = running.finish(Instant::now() + PATIENCE).await.map_err(|error| failed(error.to_string()))?;
    match finished.ending {
        Ending::Exited(0) => Ok(()),
        ending => Err(failed(format!("{ending:?}"))),
    }
}
