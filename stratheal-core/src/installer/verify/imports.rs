//! Importing what is installed, each project in an interpreter of its own.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;

use super::{Finding, Problem, Project, Standing};
use crate::base::class::chain;
use crate::base::fs::read_text;
use crate::installer::python::Interpreter;
use crate::sys::command::{Command, Ending};

/// How long the modules of one project have.
const PATIENCE: Duration = Duration::from_mins(1);

/// Imports all modules that are named; the first that fails ends it.
const PROGRAM: &str = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)";

/// The most modules of one project.
const MOST_MODULES: usize = 200;

/// The largest `top_level.txt`, in bytes.
const LARGEST: u64 = 1 << 20;

/// Names at the top that are not meant to be imported.
const NOT_MEANT: &[&str] = &["test", "tests", "testing", "docs", "doc", "examples", "example", "benchmarks", "setup"];

/// The projects that cannot be imported.
///
/// Dropping the future kills the interpreters.
pub(super) async fn failing(root: &Path, projects: &[Project], interpreter: &Interpreter) -> Vec<Finding> {
    let at_once = std::thread::available_parallelism().map_or(2, usize::from);
    let projects = projects.iter().filter(|project| project.standing != Standing::Superseded);
    let all: Vec<_> = projects.map(|project| (project.name.clone(), modules(root, project))).collect();
    let each = all.into_iter().filter(|(_, modules)| !modules.is_empty()).map(|(name, modules)| async move {
        let reason = import(&interpreter.executable, &modules).await.err()?;
        Some(Finding::about(name.as_ref(), None, Problem::Import { reason }))
    });
    futures::stream::iter(each).buffer_unordered(at_once).filter_map(std::future::ready).collect().await
}

async fn import(program: &Path, modules: &BTreeSet<String>) -> Result<(), String> {
    // `-B`: looking leaves no bytecode behind.
    let arguments = ["-I", "-B", "-c", PROGRAM].into_iter().map(str::to_owned).chain(modules.iter().cloned());
    let mut command = Command::new(program, arguments);
    command.output_limit = 64 << 10;
    let finished = match command.spawn() {
        Ok(running) => running.finish(Instant::now() + PATIENCE).await,
        Err(error) => Err(error),
    };
    let finished = finished.map_err(|error| chain(&error))?;
    let said = finished.stderr.text();
    let last = said.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
    let last: String = last.chars().take(300).collect();
    match finished.ending {
        Ending::Exited(0) => Ok(()),
        Ending::Exited(_) => Err(last),
        Ending::Signalled(signal) => Err(format!("Python was killed by signal {signal}")),
        Ending::TimedOut { .. } => Err(format!("it takes longer than {} s", PATIENCE.as_secs())),
    }
}

/// The modules of a project: what it says itself, else what its RECORD has at the top.
fn modules(root: &Path, project: &Project) -> BTreeSet<String> {
    let text = read_text(&root.join(&project.folder).join("top_level.txt"), LARGEST).unwrap_or_default();
    let rows = project.rows.as_deref().unwrap_or_default();
    let listed = rows.iter().filter_map(|row| top(&row.path)).map(str::to_owned).collect::<BTreeSet<_>>();
    let said = text.lines().map(str::trim).filter(|name| is_meant(name)).map(str::to_owned).collect::<BTreeSet<_>>();
    // It may name what is not there, as folders of data.
    let both: BTreeSet<_> = said.intersection(&listed).cloned().collect();
    let modules = if both.is_empty() { listed } else { both };
    modules.into_iter().take(MOST_MODULES).collect()
}

/// The module at the top that a row belongs to: a module there, or a package with an `__init__.py`.
fn top(row: &str) -> Option<&str> {
    let name = match row.split_once('/') {
        Some((name, "__init__.py")) => name,
        Some(_) => return None,
        None => {
            let (name, ending) = row.split_once('.')?;
            let is_module = ending == "py" || Path::new(ending).extension().is_some_and(|last| last == "so");
            if !is_module && ending != "so" && ending != "pyd" {
                return None;
            }
            name
        }
    };
    is_meant(name).then_some(name)
}

fn is_meant(name: &str) -> bool {
    let is_identifier = name.chars().all(|character| character.is_alphanumeric() || character == '_');
    is_identifier
        && !name.starts_with(|first: char| first == '_' || first.is_ascii_digit())
        && !name.is_empty()
        && !NOT_MEANT.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_at_the_top() {
        for (row, expected) in [
            ("six.py", Some("six")),
            ("numpy/__init__.py", Some("numpy")),
            ("numpy/core/__init__.py", None),
            ("yaml.cpython-312-x86_64-linux-gnu.so", Some("yaml")),
            ("plain.so", Some("plain")),
            ("_private.py", None),
            ("tests/__init__.py", None),
            ("data.json", None),
            ("distutils-precedence.pth", None),
            ("../../../bin/run", None),
        ] {
            assert_eq!(top(row), expected, "{row}");
        }
    }
}
