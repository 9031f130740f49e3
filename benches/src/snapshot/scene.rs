//! An environment, and what is done with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Failure;
use crate::proc;

/// What a program took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Took {
    pub(super) time: Duration,
    /// The most memory of it or of one it started, in bytes.
    pub(super) peak: u64,
}

/// How often the memory of a program is looked at.
const EVERY: Duration = Duration::from_millis(4);

/// Runs a program that must end well.
pub(super) async fn run(mut command: Command, log: &Path) -> Result<Took, Failure> {
    let file = File::create(log)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let name = format!("{command:?}");
    let began = Instant::now();
    let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
    let id = child.id().unwrap_or_default();
    let mut peak = 0;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            () = tokio::time::sleep(EVERY) => peak = peak.max(proc::peak_of_tree(id)),
        }
    };
    let time = began.elapsed();
    if status.success() {
        return Ok(Took { time, peak });
    }
    let said = fs::read_to_string(log).unwrap_or_default();
    Err(Failure::new(format!("{}: {status}: {}", name.chars().take(200).collect::<String>(), said.trim())))
}

/// Files, and their bytes.
pub(super) fn size(folder: &Path) -> Result<(usize, u64), Failure> {
    let (mut files, mut bytes) = (0, 0);
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let found = entry.metadata()?;
            if found.is_dir() {
                waiting.push(entry.path());
            } else if found.is_file() {
                (files, bytes) = (files + 1, bytes + found.len());
            }
        }
    }
    Ok((files, bytes))
}

/// The files of one project of middle size, which are to change.
pub(super) fn one_project(environment: &Path) -> Result<Vec<PathBuf>, Failure> {
    let library = fs::read_dir(environment.join("lib"))?.flatten().find(|entry| entry.path().is_dir());
    let library = library.ok_or_else(|| Failure::new("the environment has no library"))?;
    let mut projects: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(library.path().join("site-packages"))?.flatten() {
        if entry.path().join("__init__.py").is_file() {
            projects.push((size(&entry.path())?.1, entry.path()));
        }
    }
    projects.sort();
    let (_, folder) = projects.get(projects.len() / 2).ok_or_else(|| Failure::new("there are no packages"))?;
    let mut files = Vec::new();
    let mut waiting = vec![folder.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}

/// Replaces files by others, as installers do it: never in place.
pub(super) fn change(files: &[PathBuf], word: &str) -> Result<(), Failure> {
    for file in files {
        let mut content = fs::read(file)?;
        content.extend_from_slice(word.as_bytes());
        fs::remove_file(file)?;
        fs::write(file, content)?;
    }
    Ok(())
}
