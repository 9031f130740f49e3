//! The command line tool, which changes the environment that this process runs from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use crate::convert::from_json;
use crate::errors::Raised;
use crate::listeners;
use crate::operation::{self, Operation};

/// The most that it may print.
const MOST: u64 = 64 << 20;

/// Runs the tool, with these variables beside those of this process, to change the environment in a folder; its result is the document that it
/// prints. Ended in the middle, it is asked to end, and waited for.
#[pyfunction]
pub(crate) fn run_tool(
    program: PathBuf,
    argv: Vec<String>,
    variables: BTreeMap<String, String>,
    root: PathBuf,
) -> Operation {
    let at_work: Arc<OnceLock<Mutex<Child>>> = Arc::default();
    let started = at_work.clone();
    let settled = async move {
        let Some(child) = at_work.get() else { return };
        let mut child = child.lock().await;
        // It has not been waited for, so its number is still its own.
        if let Some(pid) = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            // One that has ended needs no signal.
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = child.wait().await;
    };
    let work = async move {
        let refused =
            |error: std::io::Error| Raised::new("InstallError", format!("cannot run {}: {error}", program.display()));
        let mut command = Command::new(&program);
        // What it is told here counts, and nothing else that is said to it in this environment.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"STRATHEAL_")) {
            command.env_remove(name);
        }
        command.args(&argv).envs(&variables).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(refused)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let child = started.get_or_init(|| Mutex::new(child));
        let mut child = child.lock().await;
        let (document, said, status) = tokio::join!(all(stdout), all(stderr), child.wait());
        let judged = judge(&document, &said, status.map_err(refused)?.code())?;
        listeners::tell_changed(&root).await;
        Ok(judged)
    };
    operation::begin_telling(Arc::default(), work, settled, |py, document| from_json(py, &document).map(Bound::unbind))
}

/// All that it prints, as far as it is read.
async fn all(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before it broke is all there is.
        let _ = pipe.take(MOST).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What came of it: a document with what was said beside it, or the error that its exit code stands for.
fn judge(document: &str, said: &str, code: Option<i32>) -> Result<Value, Raised> {
    let notes: Vec<&str> = said.lines().map(|line| line.trim_start_matches("stratheal: ")).collect();
    if let Ok(Value::Object(mut map)) = serde_json::from_str(document) {
        let known = map.get("notes").and_then(Value::as_array).cloned().unwrap_or_default();
        let notes = known.into_iter().chain(notes.into_iter().map(Value::from));
        map.insert("notes".to_owned(), notes.collect());
        return Ok(Value::Object(map));
    }
    let class = match code {
        Some(65) => "IntegrityError",
        Some(66) => "NoSuchPackageError",
        Some(74) => "DiskFullError",
        Some(75) => "UnreachableError",
        Some(77) => "AccessDeniedError",
        _ => "InstallError",
    };
    Err(Raised::new(class, notes.join("\n")))
}
